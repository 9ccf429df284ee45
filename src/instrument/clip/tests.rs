use super::*;
use crate::midi::{Event, Message};
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
