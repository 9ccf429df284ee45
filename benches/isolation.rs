//! What it costs to have a stage played by a worker, beside playing it inline: a
//! callback of 64 frames, which is two quanta, and so two ways there and back.
//!
//! `idle` does nothing, so that the difference is the hand-over; `reverb` is a stage
//! that is worth it. Needs two processors, and is worth reading only where the
//! worker gets one: as a user who may have realtime threads, on a quiet machine.

use std::time::{Duration, Instant};

use antiphon::device::audio::scheduling::promote_this_thread;
use antiphon::engine::Conductor;
use antiphon::render::{Renderer, RendererSettings, Silence};
use antiphon::rt::guard;
use antiphon::unit::{HostTime, SampleRate};
use criterion::{Criterion, criterion_group, criterion_main};

const RATE: SampleRate = SampleRate::DEFAULT;
const BLOCK: usize = 64;
/// A callback's time is measured over so many, called one after the other.
const WARM_UP: usize = 2_000;

fn playing(kind: &str, isolate: bool) -> (Box<Renderer>, Conductor) {
    let text = format!(
        "[stage.one]\nkind = \"{kind}\"\nisolate = {isolate}\n[[cable]]\nfrom = \"one\"\nto = \"out\"\n"
    );
    let rig = antiphon::rig::parse(&text, &antiphon::engine::kinds()).expect("the rig is valid");
    let settings = RendererSettings { rate: RATE, midi_latency_frames: 0 };
    let (mut renderer, conductor) =
        Conductor::with_workers(rig, settings, 1, |_, _| {}).expect("it can be built");
    renderer.measure_stages(HostTime::now);
    (renderer, conductor)
}

fn callback(renderer: &mut Renderer) {
    let _fence = guard::enter();
    renderer.render(BLOCK, &mut Silence { output_channels: 2 }, Some(HostTime::now()));
}

fn isolation(criterion: &mut Criterion) {
    promote_this_thread();
    let mut group = criterion.benchmark_group("isolation");
    for (name, kind) in [("idle", "gain"), ("reverb", "reverb")] {
        for (place, isolate) in [("inline", false), ("isolated", true)] {
            group.bench_function(format!("{name}/{place}"), |bencher| {
                bencher.iter_custom(|iterations| {
                    let (mut renderer, mut conductor) = playing(kind, isolate);
                    (0..WARM_UP).for_each(|_| callback(&mut renderer));
                    let mut spent = Duration::ZERO;
                    for _ in 0..iterations {
                        let begin = Instant::now();
                        callback(&mut renderer);
                        spent += begin.elapsed();
                    }
                    let missed: u64 = conductor.summary().isolated.iter().map(|record| record.missed).sum();
                    if missed > 0 {
                        println!("{missed} blocks were missed: the machine is too busy to measure");
                    }
                    spent
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, isolation);
criterion_main!(benches);
