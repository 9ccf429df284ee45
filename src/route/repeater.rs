use super::motion::Repeats;
use super::{Held, Strike, Struck};
use crate::transport::Grid;
use crate::unit::{Frame, SampleRate};

/// Repeats under way along one cable, sounding or still to come.
const TAPS: usize = 256;
const NEVER: Frame = Frame::MAX;

/// One repeat of one note.
#[derive(Clone, Copy, Debug)]
struct Tap {
    /// The note that is repeated.
    origin: u32,
    /// When that was struck, and released if it was.
    began: Frame,
    ended: Frame,
    /// What is struck, and when.
    struck: Struck,
    level: f32,
    at: Frame,
    /// Repeats after this one.
    left: u8,
    /// Its own note, 0 before it is struck.
    note: u32,
}

impl Tap {
    /// When something happens to it next, and whether that is its strike.
    fn due(&self) -> Option<(Frame, bool)> {
        if self.note == 0 {
            return Some((self.at, true));
        }
        // As long as the first one was.
        (self.ended != NEVER).then(|| (self.ended + (self.at - self.began), false))
    }
}

/// What a delay remembers: the repeats under way, each as long as its note. They
/// keep the tempo of the moment in which they were set off. Real-time: yes, but for `new`.
#[derive(Debug)]
pub struct Repeater {
    taps: Vec<Tap>,
    /// The next to strike, and the next to release, with its place.
    strike: Option<(Frame, usize)>,
    release: Option<(Frame, usize)>,
}

impl Repeater {
    /// Nothing is repeated. Real-time: no (allocates).
    #[allow(clippy::new_without_default)]
    pub fn new() -> Repeater {
        Repeater { taps: Vec::with_capacity(TAPS), strike: None, release: None }
    }

    /// A note was struck; `false` where there is no room for its repeats. Real-time: yes.
    pub fn begin(
        &mut self,
        held: &Held,
        velocity: u8,
        time: Frame,
        settings: &Repeats,
        grid: &Grid,
        rate: SampleRate,
    ) -> bool {
        let strike = held.strike.generated();
        let struck = Struck { strike, channel: held.channel, key: held.key, velocity };
        let first = Tap {
            origin: held.note,
            began: time,
            ended: NEVER,
            struck,
            level: f32::from(velocity),
            at: time,
            left: settings.repeats,
            note: 0,
        };
        self.follow(first, settings, grid, rate)
    }

    /// Sets off the repeat after `tap`; `false` where it cannot be.
    fn follow(&mut self, tap: Tap, settings: &Repeats, grid: &Grid, rate: SampleRate) -> bool {
        let level = tap.level * settings.decay;
        if tap.left == 0 || level < 0.5 {
            return true;
        }
        let key = i16::from(tap.struck.key) + i16::from(settings.transpose);
        let Some(key) = u8::try_from(key).ok().filter(|key| *key <= 127) else { return false };
        if self.taps.len() == self.taps.capacity() {
            return false;
        }
        let velocity = libm::roundf(level).clamp(1.0, 127.0) as u8;
        let struck = Struck { key, velocity, ..tap.struck };
        let at = tap.at + settings.time.frames(grid, rate);
        self.taps.push(Tap { struck, level, at, left: tap.left - 1, note: 0, ..tap });
        self.look();
        true
    }

    /// A note has ended: so will its repeats. Real-time: yes.
    pub fn end(&mut self, note: u32, time: Frame) {
        let mut any = false;
        for tap in self.taps.iter_mut().filter(|tap| tap.origin == note && tap.ended == NEVER) {
            tap.ended = time;
            any = true;
        }
        if any {
            self.look();
        }
    }

    /// When the next repeat ends. Real-time: yes.
    pub fn next_release(&self) -> Option<Frame> {
        self.release.map(|(time, _)| time)
    }

    /// When the next repeat is struck. Real-time: yes.
    pub fn next_strike(&self) -> Option<Frame> {
        self.strike.map(|(time, _)| time)
    }

    /// Forgets the repeat that ends first and gives it back. Real-time: yes.
    pub fn take_release(&mut self) -> Option<(Strike, u32)> {
        let (_, place) = self.release?;
        let tap = self.taps.remove(place);
        self.look();
        Some((tap.struck.strike, tap.note))
    }

    /// The next repeat to strike. Real-time: yes.
    pub fn peek_strike(&self) -> Option<Struck> {
        self.strike.map(|(_, place)| self.taps[place].struck)
    }

    /// It was struck, as this note where it sounds. Gives `false` where the repeat
    /// after it cannot be. Real-time: yes.
    pub fn struck(&mut self, note: Option<u32>, settings: &Repeats, grid: &Grid, rate: SampleRate) -> bool {
        let Some((_, place)) = self.strike else { return true };
        let tap = self.taps[place];
        match note {
            Some(note) => self.taps[place].note = note,
            None => drop(self.taps.remove(place)),
        }
        self.look();
        self.follow(tap, settings, grid, rate)
    }

    /// Any repeat that sounds, to be ended now; call until `None`. Real-time: yes.
    pub fn take_any(&mut self) -> Option<(Strike, u32)> {
        while let Some(tap) = self.taps.pop() {
            if tap.note != 0 {
                return Some((tap.struck.strike, tap.note));
            }
        }
        self.look();
        None
    }

    /// Forgets the repeats of a source that is gone. Real-time: yes.
    pub fn end_source(&mut self, source: u16) {
        self.taps.retain(|tap| tap.struck.strike.source != source);
        self.look();
    }

    /// Forgets everything. Real-time: yes.
    pub fn clear(&mut self) {
        self.taps.clear();
        self.look();
    }

    /// Finds what is next; of those at one frame what was set off first.
    fn look(&mut self) {
        (self.strike, self.release) = (None, None);
        for (place, tap) in self.taps.iter().enumerate() {
            let Some((time, is_strike)) = tap.due() else { continue };
            let next = if is_strike { &mut self.strike } else { &mut self.release };
            if next.is_none_or(|(soonest, _)| time < soonest) {
                *next = Some((time, place));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::motion::{Interval, NoteLength};
    use super::*;
    use crate::transport::Tempo;

    fn held(note: u32) -> Held {
        let strike = Strike { source: 2, channel: 0, key: 60 };
        Held { strike, cable: 1, destination: 0, channel: 3, key: 62, note }
    }

    fn settings(repeats: u8, decay: f32, transpose: i8) -> Repeats {
        let time = Interval::Notes(NoteLength::parse("1/8").expect("a length"));
        Repeats { time, repeats, decay, transpose }
    }

    #[test]
    fn a_note_comes_again_softer_higher_and_as_long() {
        let (grid, rate) = (Grid::new(Tempo::DEFAULT, SampleRate::DEFAULT), SampleRate::DEFAULT);
        let (settings, mut repeater) = (settings(3, 0.5, 12), Repeater::new());
        assert!(repeater.begin(&held(7), 100, 1_000, &settings, &grid, rate));
        repeater.end(7, 1_500);
        let mut heard = Vec::new();
        while let Some(time) = repeater.next_strike() {
            let struck = repeater.peek_strike().expect("a repeat");
            heard.push((time, struck.key, struck.velocity));
            assert!(repeater.struck(Some(time as u32), &settings, &grid, rate));
            assert_eq!(repeater.next_release(), Some(time + 500));
            assert_eq!(repeater.take_release().map(|(_, note)| note), Some(time as u32));
        }
        assert_eq!(heard, [(13_000, 74, 50), (25_000, 86, 25), (37_000, 98, 13)]);
        assert_eq!((repeater.next_release(), repeater.take_any()), (None, None));
    }

    #[test]
    fn a_faster_tempo_never_ends_a_repeat_before_it_began() {
        let rate = SampleRate::DEFAULT;
        let mut grid = Grid::new(Tempo::DEFAULT, rate);
        let (settings, mut repeater) = (settings(2, 1.0, 0), Repeater::new());
        repeater.begin(&held(7), 100, 0, &settings, &grid, rate);
        grid.set_tempo(10, Tempo::new(400.0).expect("a tempo"), rate);
        repeater.end(7, 20);
        assert_eq!((repeater.next_strike(), repeater.next_release()), (Some(12_000), None));
        assert!(repeater.struck(Some(1), &settings, &grid, rate));
        assert_eq!((repeater.next_strike(), repeater.next_release()), (Some(15_600), Some(12_020)));
    }

    #[test]
    fn what_finds_no_room_or_no_key_is_refused() {
        let (grid, rate) = (Grid::new(Tempo::DEFAULT, SampleRate::DEFAULT), SampleRate::DEFAULT);
        let (up, mut repeater) = (settings(3, 1.0, 100), Repeater::new());
        assert!(!repeater.begin(&held(1), 100, 0, &up, &grid, rate), "162 is no key");
        let plain = settings(3, 1.0, 0);
        for note in 1..=TAPS as u32 {
            assert!(repeater.begin(&held(note), 100, 0, &plain, &grid, rate));
        }
        assert!(!repeater.begin(&held(999), 100, 0, &plain, &grid, rate));
        repeater.end_source(2);
        assert_eq!(repeater.next_strike(), None);
    }
}
