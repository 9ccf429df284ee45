//! What the stages and the plucked string cost: time per frame (criterion's
//! elements are frames; for the strings, frames times voices).

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::hint::black_box;
use std::time::{Duration, Instant};

use antiphon::midi::{Event, Message};
use antiphon::stage::Kinds;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use harness::{Rack, build, noise, rate};

const FRAMES: usize = 4_800;

/// A name, the kind, its keys.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, f64)]);

fn stages(criterion: &mut Criterion) {
    let mut kinds = Kinds::empty();
    antiphon::stage::register(&mut kinds);
    let input = noise(FRAMES, 1);
    let mut group = criterion.benchmark_group("stage");
    group.throughput(Throughput::Elements(FRAMES as u64));
    let cases: [Case; 8] = [
        ("gain", "gain", &[("pan", 0.3)]),
        ("mixer", "mixer", &[("pan", 0.3), ("width", 0.6)]),
        ("delay", "delay", &[]),
        ("reverb", "reverb", &[]),
        ("reverb, undamped", "reverb", &[("damping", 0.0)]),
        ("reverb, largest", "reverb", &[("size", 1.0), ("t60_seconds", 8.0)]),
        ("limiter at rest", "limiter", &[]),
        ("limiter at work", "limiter", &[("ceiling_decibels", -12.0)]),
    ];
    for (name, kind, given) in cases {
        let mut rack = Rack::new(build(&kinds, kind, given, rate(48_000)), rate(48_000), 32);
        let input = input.clone().map(|c| c.iter().map(|s| s * 0.9).collect::<Vec<_>>());
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(rack.run(black_box(&input), None, &[])));
        });
    }
    group.finish();
}

fn strings(criterion: &mut Criterion) {
    let mut kinds = Kinds::empty();
    antiphon::instrument::register(&mut kinds);
    let mut group = criterion.benchmark_group("pluck, per voice");
    for (voices, low, high) in [(1, 60, 60), (64, 36, 99), (64, 100, 108)] {
        group.throughput(Throughput::Elements((FRAMES * voices) as u64));
        let given = [("decay_seconds", 30.0), ("voices", 64.0)];
        let mut rack = Rack::new(build(&kinds, "pluck", &given, rate(48_000)), rate(48_000), 32);
        let events: Vec<Event> = (0..voices)
            .map(|i| {
                let key = (low + i % (high - low + 1)) as u8;
                Event::midi(0, 0, Message::NoteOn { channel: 0, key, velocity: 100 })
            })
            .collect();
        group.bench_function(format!("{voices} voices, keys {low} to {high}"), |bencher| {
            // Strings die away: each measurement plucks them anew, untimed.
            bencher.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    rack.processor.reset();
                    rack.frame = 0;
                    rack.play(FRAMES, &events);
                    let begun = Instant::now();
                    black_box(rack.play(FRAMES, &[]));
                    spent += begun.elapsed();
                    assert_eq!(rack.processor.voices() as usize, voices);
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = stages, strings
}
criterion_main!(benches);
