//! What verifying sound takes, check after check and at the same time. On two processors it is at least
//! 1.6 times as fast where it computes, and at least 3 times where it waits.

use std::hint::black_box;
use std::time::{Duration, Instant};

use antiphon::generate::verify::pool::{Job, run};
use antiphon::generate::verify::{Decoded, verify};
use antiphon::generate::{Length, Request};
use antiphon::unit::{Random, SampleRate};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const SECONDS: f64 = 20.0;
/// Jobs that wait, and for how long.
const WAITING: usize = 8;
const WAIT: Duration = Duration::from_millis(10);
/// As many threads as wait.
const THREADS: usize = 8;
const ROUNDS: usize = 20;

/// A clip with a beat, at another rate than is wanted.
fn clip() -> Decoded {
    let (rate_hertz, mut random) = (44_100, Random::new(1));
    let mut channel = || -> Vec<f32> {
        let frames = (SECONDS * f64::from(rate_hertz)) as usize;
        (0..frames)
            .map(|i| (random.unit() as f32 - 0.5) * libm::expf(-((i % 22_050) as f32) / 2_000.0))
            .collect()
    };
    Decoded { rate_hertz, channels: vec![channel(), channel()], warnings: Vec::new() }
}

fn wait(threads: usize) {
    let jobs: Vec<Job<'_, ()>> =
        (0..WAITING).map(|_| Job::new("wait", || std::thread::sleep(WAIT))).collect();
    black_box(run(&jobs, threads));
}

/// How many times as fast many threads are as one, each at its best of a few, with what `prepare` gives, whose
/// making does not count.
fn ratio<T>(threads: usize, prepare: impl Fn() -> T, job: impl Fn(T, usize)) -> f64 {
    let time = |threads: usize| {
        let given = prepare();
        let begun = Instant::now();
        job(given, threads);
        begun.elapsed().as_secs_f64()
    };
    let (mut one, mut many) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        one = one.min(time(1));
        many = many.min(time(threads));
    }
    one / many
}

fn checks(c: &mut Criterion) {
    let clip = clip();
    let request = Request {
        length: Length::Seconds(SECONDS),
        tempo: Some(120.0),
        ..Request::new("a bench", SampleRate::DEFAULT)
    };
    let verified = |clip, threads| {
        black_box(verify(clip, &request, threads).expect("it can be used"));
    };
    let mut group = c.benchmark_group("verify");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    // As verification itself does.
    let processors =
        std::thread::available_parallelism().map_or(1, |processors| processors.get().min(THREADS));
    for threads in [1, processors] {
        group.bench_function(format!("20-s/{threads}-threads"), |b| {
            b.iter_batched(|| clip.clone(), |clip| verified(clip, threads), BatchSize::PerIteration);
        });
    }
    for threads in [1, THREADS] {
        group.bench_function(format!("waiting/{threads}-threads"), |b| b.iter(|| wait(threads)));
    }
    group.finish();
    // What each check takes by itself, as the log says it.
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).without_time().finish();
    tracing::subscriber::with_default(log, || verified(clip.clone(), 1));
    println!(
        "at the same time it is {:.2} times as fast where it computes",
        ratio(processors, || clip.clone(), verified)
    );
    println!(
        "at the same time it is {:.2} times as fast where it waits",
        ratio(THREADS, || (), |(), threads| wait(threads))
    );
}

criterion_group!(benches, checks);
criterion_main!(benches);
