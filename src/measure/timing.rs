//! Timing what takes nanoseconds, on a machine that does other things too.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::Run;
use super::own_time::own_time;
use super::reference::{Clock, Samples};

/// Rounds of one figure. Each is a sample; what comes to a machine now and then
/// falls on few of them.
const ROUNDS: usize = 25;
const ROUND: Duration = Duration::from_millis(8);

/// Nanoseconds for an item, a sample a round: `work` does about so many items as
/// it is asked for, and gives how many they were. Ends early with what there is.
/// By the clock, for what other threads have a part in.
pub(super) fn nanos_per_item(run: &Run, work: impl FnMut(u64) -> u64) -> Samples {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    rounds(run, Clock::Wall, || BEGIN.elapsed(), work)
}

/// The same by this thread's own time, for what it does alone.
pub(super) fn own_nanos_per_item(run: &Run, work: impl FnMut(u64) -> u64) -> Samples {
    rounds(run, Clock::Own, own_time, work)
}

fn rounds(run: &Run, clock: Clock, now: impl Fn() -> Duration, mut work: impl FnMut(u64) -> u64) -> Samples {
    let mut time = |items: u64| {
        let begin = now();
        let done = work(items);
        (now().saturating_sub(begin), done.max(1))
    };
    // Doubled until a round is long enough for the clock.
    let mut items = 64;
    while time(items).0 < ROUND && items < 1 << 40 {
        items *= 2;
    }
    let mut samples = Vec::with_capacity(ROUNDS);
    let mut before = run.pace();
    while samples.len() < ROUNDS && (samples.is_empty() || !run.is_stopped()) {
        let (elapsed, done) = time(items);
        let after = run.pace();
        samples.push((elapsed.as_nanos() as f64 / done as f64, before.between(after)));
        before = after;
    }
    Samples::paced(clock, samples)
}
