use super::*;

const QUANTUM: usize = QUANTUM_FRAMES;
const FRAMES: u64 = 41_000;
/// At the lowest rate, 8 kHz: what lanes hold too.
const OPENING: u64 = 16_384;
const FADE: f32 = 40.0;

fn rate() -> SampleRate {
    SampleRate::new(SampleRate::MIN_HERTZ).expect("a rate")
}

/// Samples that tell their place.
fn sample(frame: u64) -> Stereo {
    [(frame + 1) as f32, -((frame + 1) as f32)]
}

struct Counting;

struct Place(u64);

impl Medium for Counting {
    fn open(&self) -> Result<Box<dyn Reading>, String> {
        Ok(Box::new(Place(0)))
    }
}

impl Reading for Place {
    fn seek(&mut self, frame: u64) -> Result<(), String> {
        self.0 = frame;
        Ok(())
    }

    fn read(&mut self, frames: usize, into: &mut Vec<Stereo>) -> Result<(), String> {
        into.extend((self.0..self.0 + frames as u64).map(sample));
        self.0 += frames as u64;
        Ok(())
    }
}

fn tape() -> Arc<Tape> {
    let opening = (0..OPENING).map(sample).collect();
    Tape::new(opening, FRAMES, 0, Arc::new(Counting)).expect("it is long")
}

fn reel() -> (Reel, Box<Feeding>) {
    let mut reel = Reel::new(&tape(), rate());
    let feeding = reel.take_feeding().expect("once");
    assert!(reel.take_feeding().is_none());
    (reel, feeding)
}

fn fill(feeding: &mut Feeding) {
    while feeding.pass().expect("it can be read") {}
}

/// A playing that loops: plays whole quanta, from the frame that it is at.
struct Playing {
    lane: usize,
    at: u64,
    frame: Frame,
}

impl Playing {
    fn quantum(&mut self, reel: &mut Reel) -> Vec<Stereo> {
        let [mut left, mut right] = [[9.0; QUANTUM]; 2];
        reel.tick();
        reel.judge(self.lane, self.at, u64::MAX, self.frame);
        let first = QUANTUM.min((FRAMES - self.at) as usize);
        reel.read(self.lane, self.at, &mut left[..first], &mut right[..first]);
        self.at += first as u64;
        if self.at == FRAMES {
            self.at = (QUANTUM - first) as u64;
            reel.read(self.lane, 0, &mut left[first..], &mut right[first..]);
        }
        self.frame += QUANTUM as u64;
        left.into_iter().zip(right).map(|(l, r)| [l, r]).collect()
    }
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes, and the others show the same to Miri")]
fn what_is_fetched_in_time_is_the_sound_round_after_round() {
    let (mut reel, mut feeding) = reel();
    let mut playing = Playing { lane: reel.start(0), at: 0, frame: 0 };
    for quantum in 0..3 * FRAMES / QUANTUM as u64 {
        if quantum % 100 == 0 {
            fill(&mut feeding);
        }
        let heard = playing.quantum(&mut reel);
        let first = quantum * QUANTUM as u64;
        assert!(
            heard.iter().zip(first..).all(|(heard, frame)| *heard == sample(frame % FRAMES)),
            "{quantum}"
        );
        assert_eq!(reel.take_dry(), 0);
    }
    assert_eq!((feeding.count().underruns(), feeding.count().lost_frames()), (0, 0));
}

#[test]
fn nothing_is_fetched_for_which_there_is_no_room() {
    let (mut reel, mut feeding) = reel();
    fill(&mut feeding);
    assert!(!feeding.pass().expect("it can be read"), "it is full");
    assert_eq!(feeding.memory_bytes(), 8 * (OPENING + LANES as u64 * OPENING));
    // A second playing, while the first goes on: its lane is filled when it is asked for.
    let mut first = Playing { lane: reel.start(0), at: 0, frame: 0 };
    (0..600).for_each(|_| drop(first.quantum(&mut reel)));
    let mut second = Playing { lane: reel.start(1 << first.lane), at: 0, frame: 0 };
    assert_ne!(first.lane, second.lane);
    for quantum in 0..1_000_u64 {
        fill(&mut feeding);
        let heard = second.quantum(&mut reel);
        let from = quantum * QUANTUM as u64;
        assert!(heard.iter().zip(from..).all(|(heard, frame)| *heard == sample(frame)), "{quantum}");
    }
}

#[test]
fn an_epoch_after_another_begins_where_it_should() {
    let (mut reel, mut feeding) = reel();
    for launch in 0..if cfg!(miri) { 2 } else { 6 } {
        let mut playing = Playing { lane: reel.start(0), at: 0, frame: 0 };
        assert_eq!(playing.lane, 0);
        // Broken off at another place each time; fetched now more, now less often.
        for quantum in 0..540 + 27 * launch {
            if quantum % (1 + 20 * launch) == 0 {
                fill(&mut feeding);
            }
            let heard = playing.quantum(&mut reel);
            let from = quantum * QUANTUM as u64;
            assert!(
                heard.iter().zip(from..).all(|(heard, frame)| *heard == sample(frame)),
                "{launch} {quantum}"
            );
        }
    }
    assert_eq!(feeding.count().underruns(), 0);
}

/// Plays with a disk that gives nothing in some quanta; gives what was heard, as parts of what should
/// have been, and which quanta were dry.
fn with_gaps(gives: impl Fn(u64) -> bool, script: Option<&[u8]>) -> (Vec<f32>, Vec<u8>, [u64; 2]) {
    let (mut reel, mut feeding) = reel();
    let mut playing = Playing { lane: reel.start(0), at: 0, frame: 0 };
    let (mut levels, mut dry) = (Vec::new(), Vec::new());
    for quantum in 0..2 * FRAMES / QUANTUM as u64 {
        if gives(quantum) {
            fill(&mut feeding);
        }
        if let Some(script) = script {
            reel.script(script[quantum as usize]);
        }
        let from = playing.at;
        let heard = playing.quantum(&mut reel);
        dry.push(reel.take_dry());
        for (heard, frame) in heard.iter().zip(from..) {
            let should = sample(frame % FRAMES);
            levels.push(heard[0] / should[0]);
            assert_eq!(heard[0], -heard[1]);
        }
    }
    (levels, dry, [feeding.count().underruns(), feeding.count().lost_frames()])
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes, and the others show the same to Miri")]
fn what_is_late_fades_and_comes_back_in_its_place() {
    // For more than what all that is fetched lasts; then for ever, but for a round in memory.
    let gives = |quantum: u64| quantum < 500 || (1_150..1_200).contains(&quantum);
    let (levels, dry, [underruns, lost]) = with_gaps(gives, None);
    assert!(underruns >= 1 && dry.contains(&1));
    assert_eq!(lost, QUANTUM as u64 * dry.iter().filter(|dry| **dry > 0).count() as u64);
    // 3t² - 2t³ over 5 ms; what a float does to a product is far below it.
    let steepest = levels.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest <= 1.5 / FADE + 1.0e-5, "{steepest}");
    // All that is heard is what belongs there, and where nothing is late, all of it.
    assert!(levels.iter().all(|level| (0.0..=1.0).contains(level)));
    let first = dry.iter().position(|dry| *dry > 0).expect("it was late");
    assert!(first as u64 * QUANTUM as u64 > OPENING, "not while it plays from memory");
    assert!(levels[..first * QUANTUM].iter().all(|level| *level == 1.0));
    assert!(levels[(first + 2) * QUANTUM..(first + 3) * QUANTUM].iter().all(|level| *level == 0.0));
    let back = first + dry[first..].iter().position(|dry| *dry == 0).expect("it is back");
    assert!(levels[(back + 2) * QUANTUM..(back + 3) * QUANTUM].iter().all(|level| *level == 1.0));
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes, and the others show the same to Miri")]
fn what_a_log_says_of_it_is_played_again_to_the_bit() {
    let gives = |quantum: u64| quantum < 500 || quantum == 1_100 || quantum > 2_300;
    let (levels, dry, counts) = with_gaps(gives, None);
    assert_eq!(counts[0], 2);
    let (again, same, counted) = with_gaps(|_| true, Some(&dry));
    assert!(levels == again && dry == same && counts == counted, "{counts:?} {counted:?}");
}

#[test]
fn an_injection_makes_the_disk_late_from_the_next_quantum_on() {
    let (mut reel, mut feeding) = reel();
    let mut playing = Playing { lane: reel.start(0), at: 0, frame: 0 };
    let mut dry = Vec::new();
    for quantum in 0..700 {
        fill(&mut feeding);
        if quantum == 600 {
            reel.hold(playing.frame + 10 * QUANTUM as u64);
        }
        playing.quantum(&mut reel);
        dry.push(reel.take_dry());
    }
    let expected = (0..700).map(|quantum| u8::from((600..610).contains(&quantum)));
    assert!(expected.eq(dry));
}

/// A disk that fails at each second try.
struct Failing(std::sync::atomic::AtomicU64);

impl Medium for Failing {
    fn open(&self) -> Result<Box<dyn Reading>, String> {
        if self.0.fetch_add(1, Relaxed).is_multiple_of(2) {
            Err("it is away".to_owned())
        } else {
            Ok(Box::new(Place(0)))
        }
    }
}

#[test]
fn what_cannot_be_read_is_tried_again_from_the_same_frame() {
    let opening = (0..OPENING).map(sample).collect();
    let medium = Arc::new(Failing(AtomicU64::new(0)));
    let tape = Tape::new(opening, FRAMES, 0, medium).expect("it is long");
    let mut reel = Reel::new(&tape, rate());
    let mut feeding = reel.take_feeding().expect("once");
    let mut playing = Playing { lane: reel.start(0), at: 0, frame: 0 };
    assert_eq!(feeding.pass(), Err("it is away".to_owned()));
    for quantum in 0..1_000_u64 {
        fill(&mut feeding);
        let from = quantum * QUANTUM as u64;
        let heard = playing.quantum(&mut reel);
        assert!(heard.iter().zip(from..).all(|(heard, frame)| *heard == sample(frame)));
    }
    assert!(!feeding.is_abandoned());
    drop(reel);
    assert!(feeding.is_abandoned());
}
