//! What plays by itself: clips, generators, continuations.

use std::hint::black_box;
use std::sync::Arc;

use antiphon::instrument::clip::{ClipKind, Samples};
use antiphon::midi::{Event, Message};
use antiphon::render::{Continuing, Performer, PerformerCount, SEGMENTS, Segment, SegmentEvent, Swap};
use antiphon::route::{Continuation, ContinuationSettings};
use antiphon::stage::{Kind, Settings, StreamFormat, Value};
use antiphon::transport::{Beats, Grid, State, Time};

use super::{BLOCK, BLOCKS, RATE, Scenario, WARM_UP_BLOCKS, noise, processor, scenario, with_gear};

/// Events in each callback of a generator.
const PLAYED: u64 = 8;
/// Notes that a continuation learns, and messages of its answer.
const LEARNED: u64 = 512;
const ANSWERED: u64 = 256;

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario("clip, from memory", "block", BLOCKS, || clip(0.0)),
        scenario("clip, from memory while it fades", "block", BLOCKS, || clip(10.0)),
        scenario("generator, lent material played", "event", PLAYED * BLOCKS, generator),
        scenario("continuation, a note learned", "note", LEARNED, learning),
        scenario("continuation, an answer played", "event", ANSWERED, answering),
    ]
}

/// A second of stereo that goes round; it fades all the time where the fades are longer than itself.
fn clip(fade_seconds: f64) -> impl FnMut() {
    let side = |seed| noise(seed).take(RATE.hertz() as usize).collect();
    let samples = Samples::new(vec![side(1), side(2)]).expect("samples");
    let kind = ClipKind::new(samples);
    let mut settings = Settings::new();
    let mut set = |name: &str, value| {
        let index = kind.parameters().iter().position(|parameter| parameter.name == name);
        settings.set(index.expect("a parameter of clips"), value);
    };
    set("play", Value::Switch(true));
    set("loop", Value::Switch(true));
    set("fade_seconds", Value::Number(fade_seconds));
    processor(kind.prepare(&settings, StreamFormat { rate: RATE, seed: 1 }).expect("a clip"))
}

/// A generator whose material is there, along a cable to gear.
fn generator() -> impl FnMut() {
    let text = "[transport]\nstart = true\n[midi.gear]\nout = '*'\n\
                [generator.band]\nkind = 'local'\nbars = 1\n[[cable]]\nfrom = 'band'\nto = 'gear'\n";
    let (mut playing, gear) = with_gear(text, |_, _| {});
    let number = playing.deployment.generators().next().expect("a generator of the rig").0;
    let count = Arc::clone(playing.deployment.generators().next().expect("the same").2);
    let segments = (0..SEGMENTS as u64).map(|index| (number, Some(Box::new(segment(index)))));
    playing.lend(Swap { segments: segments.collect(), ..Swap::default() });
    playing.callbacks(WARM_UP_BLOCKS);
    let before = count.events();
    assert!(before >= PLAYED * (WARM_UP_BLOCKS - 1), "{before} events");
    move || {
        playing.callbacks(BLOCKS);
        assert_eq!(count.events() - before, PLAYED * BLOCKS);
        black_box(&gear);
    }
}

/// A bar of strikes and releases, evenly in every block.
fn segment(index: u64) -> Segment {
    let grid = Grid::new(Default::default(), RATE);
    let length = Beats(4 << 32);
    let event = |number: u64| {
        let key = 36 + (number / 2 % 48) as u8;
        let message = match number % 2 {
            0 => Message::NoteOn { channel: 0, key, velocity: 80 },
            _ => Message::NoteOff { channel: 0, key, velocity: 64 },
        };
        SegmentEvent { at: grid.beat_at(number * BLOCK as u64 / PLAYED), message }
    };
    Segment::new(index, length, (0..).map(event).take_while(|event| event.at < length))
}

/// A rolling transport.
fn time() -> Time {
    Time { state: State::Rolling, ..Time::at_rest(RATE) }
}

/// A continuation and the bars that it listens to, with the frame that a melody has come to.
struct Listener {
    performer: Continuing,
    frame: u64,
}

impl Listener {
    /// Frames from note to note: an eighth at 120 beats a minute.
    const EACH: u64 = 12_000;

    fn new(bars: u32) -> Listener {
        let settings = ContinuationSettings { bars, pause: None, order: 3 };
        let count = Arc::new(PerformerCount::default());
        let performer = Continuing::new(Continuation::new(settings, RATE, 1), RATE, count);
        Listener { performer, frame: 0 }
    }

    /// Plays it so many notes of few keys, each asked after as the Renderer does.
    fn hear(&mut self, notes: u64) {
        for _ in 0..notes {
            let number = self.frame / Self::EACH;
            let key = 48 + (number * number % 12) as u8;
            let strike = Message::NoteOn { channel: 0, key, velocity: 80 };
            let release = Message::NoteOff { channel: 0, key, velocity: 64 };
            for (frame, message) in [(self.frame, strike), (self.frame + Self::EACH / 2, release)] {
                self.performer.follow(frame, frame + 1, &time());
                self.performer.hear(&Event::midi(frame, 0, message));
                black_box(self.performer.next());
            }
            self.frame += Self::EACH;
        }
    }

    /// Has it play so many messages.
    fn answer(&mut self, messages: u64) {
        let mut played = 0;
        while played < messages {
            let frame = self.performer.next().expect("its answer goes on");
            self.performer.follow(frame, frame + 1, &time());
            played += u64::from(black_box(self.performer.take(frame)).is_some());
        }
    }
}

/// Within a call that goes on.
fn learning() -> impl FnMut() {
    let mut listener = Listener::new(4 * LEARNED as u32);
    listener.hear(LEARNED);
    move || listener.hear(LEARNED)
}

/// To a call of as many notes.
fn answering() -> impl FnMut() {
    // Eight notes to a bar.
    let bars = (2 * ANSWERED / 8) as u32;
    let mut listener = Listener::new(bars);
    listener.hear(u64::from(bars) * 8);
    listener.answer(16);
    move || listener.answer(ANSWERED)
}
