use super::*;
use crate::midi::{Event, Message};
use crate::rt::reel::{Medium, Reading, Tape};
use crate::stage::{Block, Context, Input, Kind, Processor, Settings, StreamFormat, Value};
use crate::transport::{State, Time};
use crate::unit::SampleRate;

const RATE: SampleRate = SampleRate::DEFAULT;

/// A clip whose samples count from 1, so that each tells its place.
fn counting(frames: usize, settings: &[(usize, Value)]) -> Box<dyn Processor> {
    let samples = Samples::new(vec![(1..=frames).map(|n| n as f32).collect()]).expect("samples");
    let mut given = Settings::new();
    given.set(kind::FADE, Value::Number(0.0));
    settings.iter().for_each(|(index, value)| given.set(*index, *value));
    ClipKind::new(samples).prepare(&given, StreamFormat { rate: RATE, seed: 0 }).expect("a clip")
}

/// What comes out over some frames, in pieces of `piece` that never cross a quantum.
fn heard(
    clip: &mut dyn Processor,
    frames: u64,
    piece: u64,
    time: impl Fn(u64) -> Time,
    events: &[Event],
) -> Vec<f32> {
    let mut out = vec![9.0; frames as usize];
    let mut frame = 0;
    while frame < frames {
        let end = (frame + piece).min((frame / 32 + 1) * 32).min(frames);
        let here: Vec<Event> =
            events.iter().filter(|event| (frame..end).contains(&event.time)).copied().collect();
        let context = Context { frame, rate: RATE, time: time(frame), events: &here };
        let silence = vec![0.0; (end - frame) as usize];
        let mut right = silence.clone();
        let mut block = Block { left: &mut out[frame as usize..end as usize], right: &mut right };
        clip.process(&context, Input { main: [&silence, &silence], late: None }, &mut block);
        assert_eq!(block.left, block.right, "mono is heard on both sides");
        frame = end;
    }
    out
}

fn rolling(_: u64) -> Time {
    Time { state: State::Rolling, ..Time::at_rest(RATE) }
}

fn note(time: u64) -> Event {
    Event::midi(time, 0, Message::NoteOn { channel: 0, key: 60, velocity: 1 })
}

#[test]
fn a_launch_lies_on_the_frame_of_its_beat_however_the_time_is_cut() {
    // 120 beats a minute at 48 kHz: 24,000 frames a beat.
    for (sync, due) in [(0, 1_003), (1, 24_000), (2, 96_000), (3, 192_000)] {
        for piece in [1, 7, 32] {
            let mut clip = counting(100, &[(kind::SYNC, Value::Choice(sync))]);
            let out = heard(&mut *clip, due + 300, piece, rolling, &[note(1_003)]);
            let first = out.iter().position(|sample| *sample != 0.0);
            assert_eq!(first, Some(due as usize), "sync {sync}, pieces of {piece}");
            let at = due as usize;
            assert!((0..100).all(|n| out[at + n] == (n + 1) as f32) && out[at + 100] == 0.0);
        }
    }
}

#[test]
fn while_the_transport_stands_nothing_is_waited_for() {
    let mut clip = counting(10, &[(kind::SYNC, Value::Choice(5))]);
    let out = heard(&mut *clip, 100, 32, |_| Time::at_rest(RATE), &[note(41)]);
    assert_eq!(out.iter().position(|sample| *sample != 0.0), Some(41));
}

#[test]
fn a_loop_joins_its_end_to_its_beginning() {
    let mut clip = counting(50, &[(kind::LOOP, Value::Switch(true)), (kind::PLAY, Value::Switch(true))]);
    let out = heard(&mut *clip, 500, 11, |_| Time::at_rest(RATE), &[]);
    assert!(out.iter().enumerate().all(|(n, sample)| *sample == (n % 50 + 1) as f32), "{out:?}");
}

#[test]
fn fades_take_every_click() {
    let samples = Samples::new(vec![vec![1.0; 4_000]]).expect("samples");
    let mut given = Settings::new();
    given.set(kind::FADE, Value::Number(0.01));
    given.set(kind::LOOP, Value::Switch(true));
    let clip = ClipKind::new(samples);
    let mut clip = clip.prepare(&given, StreamFormat { rate: RATE, seed: 0 }).expect("a clip");
    let stop = Event::parameter(9_000, kind::PLAY as u16, 0.0);
    // Launched, launched again in the middle, looped, and stopped.
    let out = heard(&mut *clip, 12_000, 32, |_| Time::at_rest(RATE), &[note(100), note(2_100), stop]);
    let steepest = out.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    // 3t² - 2t³ over 480 frames rises by 1.5 / 480 a frame at most, and two fades may meet.
    assert!(steepest < 2.0 * 1.5 / 480.0 + 1e-6, "{steepest}");
    assert!(out[9_480..].iter().all(|sample| *sample == 0.0), "it has stopped");
}

#[test]
fn gate_and_toggle_do_as_they_say() {
    let off = |time| Event::midi(time, 0, Message::NoteOff { channel: 0, key: 60, velocity: 0 });
    let mut gate = counting(1_000, &[(kind::MODE, Value::Choice(1))]);
    let out = heard(&mut *gate, 1_000, 32, |_| Time::at_rest(RATE), &[note(10), off(200)]);
    assert!(out[199] > 0.0 && out[200..].iter().all(|sample| *sample == 0.0));
    let mut toggle = counting(1_000, &[(kind::MODE, Value::Choice(2))]);
    let out =
        heard(&mut *toggle, 1_000, 32, |_| Time::at_rest(RATE), &[note(10), off(20), note(200), note(300)]);
    assert!(out[199] > 0.0 && out[200..300].iter().all(|sample| *sample == 0.0) && out[300] == 1.0);
}

#[test]
fn autoplay_goes_with_the_transport() {
    let mut clip =
        counting(100_000, &[(kind::AUTOPLAY, Value::Switch(true)), (kind::SYNC, Value::Choice(0))]);
    let time = |frame| {
        let state = if (640..1_280).contains(&frame) { State::Rolling } else { State::Stopped };
        Time { state, ..Time::at_rest(RATE) }
    };
    let out = heard(&mut *clip, 2_000, 32, time, &[]);
    assert!(out[..640].iter().chain(&out[1_280..]).all(|sample| *sample == 0.0));
    assert!(out[640..1_280].iter().enumerate().all(|(n, sample)| *sample == (n + 1) as f32));
}

/// A sound on a disk, of noise that differs from side to side.
struct Noise(u64);

fn noise(frame: u64) -> [f32; 2] {
    let scrambled = (frame + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [
        (scrambled >> 40) as f32 / (1 << 24) as f32 - 0.5,
        (scrambled >> 20 & 0xfff_fff) as f32 / (1 << 25) as f32,
    ]
}

impl Medium for Noise {
    fn open(&self) -> Result<Box<dyn Reading>, String> {
        Ok(Box::new(Noise(0)))
    }
}

impl Reading for Noise {
    fn seek(&mut self, frame: u64) -> Result<(), String> {
        self.0 = frame;
        Ok(())
    }

    fn read(&mut self, frames: usize, into: &mut Vec<[f32; 2]>) -> Result<(), String> {
        into.extend((self.0..self.0 + frames as u64).map(noise));
        self.0 += frames as u64;
        Ok(())
    }
}

/// Both sides of what comes out, in pieces of `piece`; what is on the disk is fetched every 3,000 frames.
fn both_sides(
    clip: &mut dyn Processor,
    rate: SampleRate,
    frames: u64,
    piece: u64,
    events: &[Event],
) -> Vec<u32> {
    let mut feeding = clip.reel().and_then(|reel| reel.take_feeding());
    let mut out = Vec::new();
    let mut frame = 0;
    let mut fetch_at = 0;
    while frame < frames {
        if let Some(feeding) = feeding.as_mut().filter(|_| frame >= fetch_at) {
            while feeding.pass().expect("it can be read") {}
            fetch_at = frame + 3_000;
        }
        let end = (frame + piece).min((frame / 32 + 1) * 32).min(frames);
        let here: Vec<Event> =
            events.iter().filter(|event| (frame..end).contains(&event.time)).copied().collect();
        let context = Context { frame, rate, time: Time::at_rest(rate), events: &here };
        let silence = vec![0.0; (end - frame) as usize];
        let (mut left, mut right) = (silence.clone(), silence.clone());
        let mut block = Block { left: &mut left, right: &mut right };
        clip.process(&context, Input { main: [&silence, &silence], late: None }, &mut block);
        out.extend(left.iter().chain(&right).map(|sample| sample.to_bits()));
        frame = end;
    }
    if let Some(feeding) = feeding {
        assert_eq!((feeding.count().underruns(), feeding.count().lost_frames()), (0, 0));
    }
    out
}

#[test]
fn from_the_disk_it_is_what_it_is_from_memory_whatever_is_done_to_it() {
    let rate = SampleRate::new(8_000).expect("a rate");
    let (opening, frames) = (Tape::opening_frames(rate), 45_000);
    let whole = (0..frames).map(noise);
    let samples =
        Samples::new(vec![whole.clone().map(|[l, _]| l).collect(), whole.map(|[_, r]| r).collect()]);
    let in_memory = ClipKind::new(samples.expect("samples"));
    let tape = Tape::new((0..opening).map(noise).collect(), frames, 0, std::sync::Arc::new(Noise(0)));
    let on_disk = ClipKind::streaming(tape.expect("it is long"));
    let turn = |time, value| Event::parameter(time, kind::PLAY as u16, value);
    // Launched again in what comes from the disk, twice within one ending, and as often as endings and
    // more find room; stopped; launched in its ending; gone on for two rounds; stopped at an edge.
    let mut events =
        vec![note(10), note(20_000), note(20_030), turn(50_011, 0.0), note(50_500), note(69_999)];
    events.extend((0..9).map(|n| note(90_000 + 13 * n)));
    events.extend([turn(200_001, 0.0), note(230_000), turn(274_900, 0.0), turn(280_000, 1.0)]);
    for (fade, loops, piece) in
        [(0.0, true, 32), (0.002, false, 7), (0.7, true, 32), (3.0, false, 32), (0.01, true, 1)]
    {
        let mut given = Settings::new();
        given.set(kind::FADE, Value::Number(fade));
        given.set(kind::LOOP, Value::Switch(loops));
        let format = StreamFormat { rate, seed: 0 };
        let mut clips = [&in_memory, &on_disk].map(|kind| kind.prepare(&given, format).expect("a clip"));
        assert!(clips[0].reel().is_none() && clips[1].reel().is_some());
        let [memory, disk] =
            clips.each_mut().map(|clip| both_sides(&mut **clip, rate, 300_000, piece, &events));
        let differs = memory.iter().zip(&disk).position(|(a, b)| a != b);
        assert!(memory == disk, "fade {fade}, pieces of {piece}: {differs:?}");
        assert!(memory.iter().filter(|bits| **bits != 0).count() > 100_000);
    }
}
