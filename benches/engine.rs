//! What a callback costs: each kind, the Renderer around them, events, and swaps.
//!
//! `kind/*` reads as time per frame and voice (a stage counts as one voice); the
//! others as time per callback of 64 frames. At 48 kHz that lasts 1,333 µs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use antiphon::midi::Event;
use antiphon::render::{
    Feed, Origin, Renderer, RendererHandle, RendererSettings, Score, Silence, log, renderer,
};
use antiphon::rig::{Deployment, parse};
use antiphon::rt::guard;
use antiphon::stage::{Block, Context, Input, Kind, Kinds, Processor, Role, Settings, StreamFormat};
use antiphon::unit::{QUANTUM_FRAMES, SampleRate};
use criterion::{Criterion, criterion_group, criterion_main};

const RATE: SampleRate = SampleRate::DEFAULT;
const BLOCK: usize = 64;

fn kinds() -> Kinds {
    let mut kinds = Kinds::empty();
    antiphon::instrument::register(&mut kinds);
    antiphon::stage::register(&mut kinds);
    kinds
}

/// A Renderer that plays a rig, with events that come again every `repeat` frames.
struct Playing {
    renderer: Box<Renderer>,
    handle: RendererHandle,
    deployment: Deployment,
}

impl Playing {
    fn new(rig: &str, events: Vec<Event>, repeat: u64) -> Playing {
        let rig = parse(rig, &kinds()).expect("the rig is valid");
        let (mut deployment, mut swap) = Deployment::first(rig, RATE, 1).expect("it can be built");
        deployment.settle();
        if !events.is_empty() {
            let port = deployment.port_of("keys").expect("the rig has keys");
            let score = Score::new(events.into(), Box::default()).repeating(repeat);
            swap.sources.push((0, Some(Box::new(Feed { port, origin: Origin::Score(score) }))));
        }
        let (renderer, mut handle, _clock) =
            renderer(RendererSettings { rate: RATE, midi_latency_frames: 0 });
        assert!(handle.swaps.lend(Box::new(swap)).is_ok());
        let mut playing = Playing { renderer, handle, deployment };
        playing.callback(BLOCK);
        playing
    }

    fn callback(&mut self, frames: usize) {
        let _fence = guard::enter();
        self.renderer.render(frames, &mut Silence { output_channels: 2 }, None);
    }
}

/// Time per frame and voice of one processor, by what really sounded.
fn per_voice(kind: &dyn Kind, iterations: u64) -> Duration {
    const VOICES: u8 = 16;
    let format = StreamFormat { rate: RATE, seed: 1 };
    let mut processor = kind.prepare(&Settings::new(), format).expect("defaults are valid");
    let noise = noise();
    let mut spent = Duration::ZERO;
    let (mut done, mut frame) = (0, 0_u64);
    while done < iterations {
        // Every second the notes are let go and struck again, lest all die away.
        let mut events = Vec::new();
        if kind.role() == Role::Instrument && frame.is_multiple_of(u64::from(RATE.hertz())) {
            for index in 0..VOICES {
                events.push(Event::from_bytes(frame, 0, &[0x80, 40 + 2 * index, 0]));
                events.push(Event::from_bytes(frame, 0, &[0x90, 40 + 2 * index, 100]));
            }
        }
        let start = Instant::now();
        quantum(&mut *processor, frame, &events, &noise);
        spent += start.elapsed();
        frame += QUANTUM_FRAMES as u64;
        // What does not sound costs as one: a metronome is silent while nothing rolls.
        let voices = if kind.role() == Role::Stage { 1 } else { u64::from(processor.voices().max(1)) };
        done += voices * QUANTUM_FRAMES as u64;
    }
    spent.mul_f64(iterations as f64 / done as f64)
}

fn quantum(processor: &mut dyn Processor, frame: u64, events: &[Event], noise: &[f32; QUANTUM_FRAMES]) {
    let _fence = guard::enter();
    let (mut left, mut right) = ([0.0; QUANTUM_FRAMES], [0.0; QUANTUM_FRAMES]);
    let context = Context::at_rest(frame, RATE, events);
    let input = Input { main: [noise, noise], late: None };
    processor.process(&context, input, &mut Block { left: &mut left, right: &mut right });
    black_box((left, right));
}

fn noise() -> [f32; QUANTUM_FRAMES] {
    let mut state = 1_u32;
    std::array::from_fn(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state as i32 >> 8) as f32 / (1 << 25) as f32
    })
}

fn each_kind(criterion: &mut Criterion) {
    for kind in kinds().iter() {
        criterion.bench_function(&format!("kind/{}", kind.name()), |bench| {
            bench.iter_custom(|iterations| per_voice(&**kind, iterations));
        });
    }
}

fn plans(criterion: &mut Criterion) {
    let mut empty = Playing::new("name = \"Empty\"", Vec::new(), 0);
    criterion.bench_function("callback/empty plan", |bench| bench.iter(|| empty.callback(BLOCK)));

    let rig = r#"
        midi.keys.in = "*"
        instrument.lead = { kind = "synth", preset = "strings", voices = 64 }
        stage.echo = { kind = "delay" }
        stage.room = { kind = "reverb" }
        stage.guard = { kind = "limiter" }
        cable = [
            { from = "keys", to = "lead" }, { from = "lead", to = "echo" }, { from = "echo", to = "room" },
            { from = "room", to = "guard" }, { from = "guard", to = "out" },
        ]
    "#;
    let chord = (0..64).map(|index| Event::from_bytes(0, 0, &[0x90, 30 + index, 80])).collect();
    let mut full = Playing::new(rig, chord, u64::MAX / 2);
    assert_eq!(full.handle.latest.read().voices, 64);
    criterion.bench_function("callback/64 voices, delay, reverb, limiter", |bench| {
        bench.iter(|| full.callback(BLOCK));
    });
    assert_eq!(full.handle.latest.read().voices, 64, "they sounded all the time");
}

const SPLIT: &str = r#"
    midi.keys.in = "*"
    instrument.a = { kind = "synth" }
    instrument.b = { kind = "synth" }
    cable = [
        { from = "keys", to = "a", keys = "A0..B3" }, { from = "keys", to = "b", keys = "C4..C8" },
        { from = "a", to = "out" }, { from = "b", to = "out" },
    ]
"#;

fn events(criterion: &mut Criterion) {
    for count in [0, 1, 16, 128, 1_024] {
        // A wheel that turns: routed by both cables, heard by both instruments.
        let bends = (0..count)
            .map(|index| Event::from_bytes(index * BLOCK as u64 / count, 0, &[0xe0, 0, 64]))
            .collect();
        let mut playing = Playing::new(SPLIT, bends, BLOCK as u64);
        criterion.bench_function(&format!("callback/{count} events"), |bench| {
            bench.iter(|| playing.callback(BLOCK));
        });
        assert_eq!(playing.handle.latest.read().deferred_events, 0);
        let (log, mut logged) = log(1 << 20, false);
        playing.renderer.keep_log(Box::new(log));
        let mut place = vec![0; 1 << 16];
        criterion.bench_function(&format!("callback/{count} events, logged"), |bench| {
            bench.iter(|| {
                playing.callback(BLOCK);
                logged.read(&mut place)
            });
        });
        assert_eq!(logged.lost(), 0);
    }
}

/// A rig of so many stages, with a cable whose gain differs between the two.
fn wide_rig(stages: usize, gain: f32) -> String {
    let mut rig = String::from("name = \"Wide\"\n");
    for stage in 0..stages {
        rig.push_str(&format!(
            "[stage.s{stage}]\nkind = \"gain\"\n[[cable]]\nfrom = \"s{stage}\"\nto = \"out\"\n"
        ));
        rig.push_str(&format!("gain = {gain:.1}\n"));
    }
    rig
}

fn swaps(criterion: &mut Criterion) {
    for stages in [1, 32, 128] {
        let rigs = [-6.0, -9.0].map(|gain| parse(&wide_rig(stages, gain), &kinds()).expect("valid"));
        let mut playing = Playing::new(&wide_rig(stages, -9.0), Vec::new(), 0);
        let mut turn = 0;
        let mut swap_once = |is_swap: bool| {
            if is_swap {
                turn += 1;
                let change = playing.deployment.change(rigs[turn % 2].clone()).expect("it can be built");
                assert!(change.swap.plan.is_some());
                assert!(playing.handle.swaps.lend(Box::new(change.swap)).is_ok());
            }
            let start = Instant::now();
            playing.callback(BLOCK);
            let spent = start.elapsed();
            // Until the fades are over, and what came back is dropped.
            playing.callback(1_024);
            while let Some(swap) = playing.deployment.settle() {
                assert!(playing.handle.swaps.lend(Box::new(swap)).is_ok());
                playing.callback(1_024);
            }
            while playing.handle.swaps.collect().is_some() {}
            spent
        };
        for (name, is_swap) in [("plain", false), ("with a plan swap", true)] {
            criterion.bench_function(&format!("callback/{stages} stages {name}"), |bench| {
                bench.iter_custom(|iterations| (0..iterations).map(|_| swap_once(is_swap)).sum());
            });
        }
    }
}

fn brief() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
}

criterion_group! { name = engine; config = brief(); targets = each_kind, plans, events, swaps }
criterion_main!(engine);
