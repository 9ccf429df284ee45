//! Threads that do a part of the callback's work beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel;

use super::nap::nap;
use super::scheduling::{self, Scheduling, ThreadId};
use crate::rt::guard;
use crate::rt::handover::{Work, Worker};
use crate::rt::pulse::Pulse;
use crate::unit::HostTime;

/// Below the callback's own priority, which must not wait for a worker's turn.
const PRIORITY: u8 = 69;
/// A worker is awake so long before a callback is due.
const AHEAD_NANOS: u64 = 100_000;
/// How long it sleeps while a callback may begin at any moment.
const SHORT_NAP_NANOS: u64 = 50_000;
/// How long it sleeps inside a callback where there are more workers than
/// processors for them: who only looked would keep off who has work, since the
/// system moves no thread to where one of the same priority runs.
const CROWDED_NAP_NANOS: u64 = 20_000;
/// How long it sleeps while none comes.
const LONG_NAP_NANOS: u64 = 2_000_000;
/// The longest sleep between two looks at whether it is still needed.
const LONGEST_NAP_NANOS: u64 = 10_000_000;
/// A callback this many periods late is not waited for, nor is one inside for so long.
const PATIENCE_PERIODS: u64 = 4;
/// How long a new worker is waited for.
const READY: Duration = Duration::from_secs(1);
/// Looks between two glances at the clock.
const SPINS: u32 = 256;

/// A thread that does a unit's work whenever it is sent. It ends with the
/// unit's caller, or when that gives it up. Real-time: no.
pub struct WorkerThread {
    shared: Arc<Shared>,
    handle: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    number: AtomicU32,
    is_relaxed: AtomicBool,
}

impl WorkerThread {
    /// Starts a worker for callbacks that come by `pulse`.
    ///
    /// # Errors
    /// The system's, where it allows no more threads.
    pub fn start<T: Work>(worker: Worker<T>, pulse: Arc<Pulse>) -> std::io::Result<WorkerThread> {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let (ready, is_ready) = channel::bounded(1);
        let body = move || {
            scheduling::promote_this_thread_to(PRIORITY);
            own.number.store(ThreadId::current().map_or(0, |id| id.0), Ordering::Release);
            guard::rehearse();
            // Whoever started it may have lost patience.
            let _ = ready.send(());
            pulse.join();
            serve(worker, &pulse, &own.is_relaxed);
            pulse.leave();
        };
        let handle = std::thread::Builder::new().name("antiphon-worker".to_owned()).spawn(body)?;
        // On a busy machine a thread that is not realtime yet may wait long for its
        // first turn, and then miss its first block.
        let _ = is_ready.recv_timeout(READY);
        Ok(WorkerThread { shared, handle })
    }

    /// Its number, once it runs, where the system numbers threads.
    pub fn id(&self) -> Option<ThreadId> {
        Some(ThreadId(self.shared.number.load(Ordering::Acquire))).filter(|id| id.0 != 0)
    }

    /// Takes it off realtime scheduling until it has done what it is at: what keeps
    /// it must not keep other workers from the processor.
    pub fn relax(&self) {
        if let Some(id) = self.id() {
            id.demote(false);
            self.shared.is_relaxed.store(true, Ordering::Release);
        }
    }

    /// Takes it off for good; gives how it is scheduled then.
    pub fn demote(&self) -> Option<Scheduling> {
        self.id().map(|id| id.demote(true))
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

fn serve<T: Work>(mut worker: Worker<T>, pulse: &Pulse, is_relaxed: &AtomicBool) {
    // One is the callback's.
    let processors = std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1);
    let mut looks = 0;
    while !worker.is_over() {
        if is_relaxed.load(Ordering::Acquire) {
            is_relaxed.store(false, Ordering::Relaxed);
            scheduling::promote_this_thread_to(PRIORITY);
        }
        if let Some(mut unit) = worker.take() {
            let fence = guard::enter();
            unit.work();
            worker.give_back(unit);
            drop(fence);
            looks = 0;
        } else if pulse.is_inside() && looks < SPINS {
            looks += 1;
            std::hint::spin_loop();
        } else {
            looks = 0;
            match rest_nanos(pulse, HostTime::now()) {
                0 if pulse.workers() > processors => nap(CROWDED_NAP_NANOS),
                0 => std::hint::spin_loop(),
                nanos => nap(nanos),
            }
        }
    }
}

/// How long there is nothing to do for, at most: 0 while a callback is inside, or due.
fn rest_nanos(pulse: &Pulse, now: HostTime) -> u64 {
    let period = pulse.period_nanos();
    let since = now.since(pulse.entry());
    if period == 0 || since > PATIENCE_PERIODS * period {
        // No callback yet, one that hangs, or a device that stopped to ask.
        return LONG_NAP_NANOS;
    }
    // One that is about to begin is awaited awake: a short sleep may be long.
    if pulse.is_inside() || period.abs_diff(since) < AHEAD_NANOS {
        return 0;
    }
    period.saturating_sub(since + AHEAD_NANOS).clamp(SHORT_NAP_NANOS, LONGEST_NAP_NANOS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::handover::handover;

    #[test]
    fn it_is_awake_when_a_callback_is_due_and_sleeps_when_none_comes() {
        let pulse = Pulse::new();
        let rest = |micros: u64| rest_nanos(&pulse, HostTime(micros * 1_000));
        assert_eq!(rest(5), LONG_NAP_NANOS, "before the first");
        pulse.begin(HostTime(1_000_000), 4_000_000);
        assert_eq!(rest(1_500), 0);
        pulse.end();
        assert_eq!(rest(2_000), 2_900_000, "to just before the next");
        assert_eq!(rest(4_890), SHORT_NAP_NANOS);
        assert_eq!((rest(4_901), rest(5_099)), (0, 0), "it is due");
        assert_eq!(rest(9_000), SHORT_NAP_NANOS, "it is late");
        assert_eq!(rest(17_001), LONG_NAP_NANOS, "it does not come");
        pulse.begin(HostTime(20_000_000), 4_000_000);
        assert_eq!(rest(36_001), LONG_NAP_NANOS, "it hangs");
    }

    struct Sum(u64);

    impl Work for Sum {
        fn work(&mut self) {
            assert!(guard::is_audio_thread());
            self.0 += 1;
        }
    }

    #[test]
    fn it_serves_until_its_caller_is_gone() {
        let (mut caller, worker, _overseer) = handover::<Sum>();
        let pulse = Arc::new(Pulse::new());
        let thread = WorkerThread::start(worker, Arc::clone(&pulse)).expect("a thread");
        let mut unit = Box::new(Sum(0));
        for _ in 0..100 {
            pulse.begin(HostTime::now(), 1_000_000);
            caller.send(unit);
            unit = loop {
                match caller.take_back() {
                    Some(unit) => break unit,
                    None => std::thread::yield_now(),
                }
            };
            pulse.end();
        }
        assert_eq!(unit.0, 100);
        assert!(!thread.is_finished());
        drop(caller);
        while !thread.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
