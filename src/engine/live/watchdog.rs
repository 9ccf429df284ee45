//! Sees a callback that does not come back: from a hang in the audio thread no
//! other thread can rescue it, so whoever asked is told, and ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::device::audio::CallbackStats;
use crate::device::audio::scheduling::{self, Scheduling, ThreadId};
use crate::unit::HostTime;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(25);
/// A look that comes later than this was itself held up (a stopped process, a
/// sleeping laptop): what is more tells nothing of the callback.
const LOOK_AT_MOST_NANOS: u64 = 50_000_000;
/// A callback inside for so long hangs …
const HANG_NANOS: u64 = 250_000_000;
/// … or for so many of its periods, where those are longer.
const HANG_PERIODS: u64 = 2;

/// What is known of a callback that hangs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hang {
    /// How long it has been inside, in the time in which it could run.
    pub lasted: Duration,
    /// Callbacks that ended before it.
    pub callbacks: u64,
    /// How its thread is scheduled.
    pub scheduling: Scheduling,
    /// Its thread's number.
    pub thread: Option<ThreadId>,
}

/// What is done about a hang, on the watchdog's thread, once: nothing of the
/// engine's can be relied on any more, the control thread included.
pub type OnHang = Box<dyn FnOnce(Hang) + Send>;

/// The thread that looks; it ends with this. Real-time: no.
pub(super) struct Watchdog {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Looks at the callbacks counted in `stats` from now on. Where the system
    /// starts no thread, nobody looks.
    pub(super) fn start(stats: Arc<CallbackStats>, on_hang: OnHang) -> Watchdog {
        let stopping = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stopping);
        let body = move || {
            if let Some(hang) = watch(&stats, &told) {
                tracing::error!(?hang, "the audio thread hangs");
                on_hang(hang);
            }
        };
        let spawned = std::thread::Builder::new().name("antiphon-watchdog".to_owned()).spawn(body);
        if let Err(error) = &spawned {
            tracing::warn!(%error, "no watchdog looks after the audio thread");
        }
        Watchdog { stopping, thread: spawned.ok() }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It looks at the flag after each look.
            let _ = thread.join();
        }
    }
}

/// Looks until there is a hang; `None` where it was told to stop.
fn watch(stats: &CallbackStats, stopping: &AtomicBool) -> Option<Hang> {
    let mut suspicion = Suspicion::default();
    let mut promoted = false;
    while !stopping.load(Ordering::Relaxed) {
        std::thread::park_timeout(LOOK);
        // What hangs may be realtime, on every processor there is: who is to see
        // that must go before it. A look takes microseconds.
        if let Some(priority) = stats.scheduling().priority().filter(|_| !promoted) {
            promoted = true;
            scheduling::promote_this_thread_to(priority.saturating_add(1));
        }
        let starved =
            |inside: Option<HostTime>| inside.and_then(|_| stats.thread()).map_or(0, ThreadId::starved_nanos);
        let inside = stats.inside_since();
        let lasted = suspicion.look(HostTime::now(), inside, starved(inside));
        if lasted >= HANG_NANOS.max(HANG_PERIODS * stats.budget_nanos()) {
            return Some(Hang {
                lasted: Duration::from_millis(lasted / 1_000_000),
                callbacks: stats.callbacks(),
                scheduling: stats.scheduling(),
                thread: stats.thread(),
            });
        }
    }
    None
}

/// How long one callback has been inside, of the time in which it could run: one
/// that waits for a processor does not hang.
#[derive(Default)]
struct Suspicion {
    inside: Option<HostTime>,
    looked: HostTime,
    starved_nanos: u64,
    nanos: u64,
}

impl Suspicion {
    /// Looks again; gives how long the callback that is inside could have run.
    fn look(&mut self, now: HostTime, inside: Option<HostTime>, starved_nanos: u64) -> u64 {
        if inside.is_some() && inside == self.inside {
            let since = now.since(self.looked).min(LOOK_AT_MOST_NANOS);
            self.nanos += since.saturating_sub(starved_nanos.saturating_sub(self.starved_nanos));
        } else {
            self.nanos = 0;
        }
        (self.inside, self.looked, self.starved_nanos) = (inside, now, starved_nanos);
        self.nanos
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::device::audio::Callback;
    use crate::render::{AudioPorts, RendererSettings, Silence, renderer};
    use crate::rt::baton::Baton;
    use crate::unit::SampleRate;

    const MILLI: u64 = 1_000_000;

    fn lasted(looks: &[(u64, Option<u64>, u64)]) -> u64 {
        let mut suspicion = Suspicion::default();
        let mut lasted = 0;
        for (now, inside, starved) in looks {
            let inside = inside.map(|at| HostTime(at * MILLI));
            lasted = suspicion.look(HostTime(now * MILLI), inside, starved * MILLI) / MILLI;
        }
        lasted
    }

    #[test]
    fn only_the_same_callback_makes_it_suspicious() {
        let inside: Vec<_> = (0..11).map(|i| (25 * i, Some(1), 0)).collect();
        assert_eq!(lasted(&inside), 250);
        let different: Vec<_> = (0..40).map(|i| (25 * i, Some(i), 0)).collect();
        assert_eq!(lasted(&different), 0);
        let quiet: Vec<_> = (0..40).map(|i| (25 * i, None, 0)).collect();
        assert_eq!(lasted(&quiet), 0, "a device that does not call");
    }

    #[test]
    fn a_stopped_process_and_a_starved_thread_do_not_hang() {
        assert_eq!(lasted(&[(0, Some(1), 0), (3_600_000, Some(1), 0)]), 50, "SIGSTOP, or a closed lid");
        let starved: Vec<_> = (0..100).map(|i| (25 * i, Some(1), 25 * i)).collect();
        assert_eq!(lasted(&starved), 0, "it never got a processor");
        let half: Vec<_> = (0..21).map(|i| (25 * i, Some(1), 25 * i / 2)).collect();
        assert!((240..=260).contains(&lasted(&half)), "it spins, and gets half of one");
    }

    /// A device whose buffer never takes a sample.
    struct Stuck(mpsc::Receiver<()>);

    impl AudioPorts for Stuck {
        fn read(&mut self, _channel: usize, _start: usize, into: &mut [f32]) {
            into.fill(0.0);
        }

        fn write(&mut self, _channel: usize, _start: usize, _from: &[f32]) {
            let _ = self.0.recv();
        }

        fn output_channels(&self) -> usize {
            1
        }
    }

    #[test]
    fn a_callback_that_stays_inside_is_told_once() {
        let settings = RendererSettings { rate: SampleRate::DEFAULT, midi_latency_frames: 0 };
        let stats = Arc::new(CallbackStats::new(SampleRate::DEFAULT));
        let baton = Arc::new(Baton::new(renderer(settings).0));
        let mut callback = Callback::new(Arc::clone(&baton), Arc::clone(&stats));
        let (tell, told) = mpsc::channel();
        let watchdog = Watchdog::start(
            Arc::clone(&stats),
            Box::new(move |hang| {
                let _ = tell.send(hang);
            }),
        );
        callback.run(64, &mut Silence { output_channels: 2 });
        let (release, stuck) = mpsc::channel::<()>();
        let audio = std::thread::spawn(move || callback.run(64, &mut Stuck(stuck)));
        let hang = told.recv_timeout(Duration::from_secs(60)).expect("it is seen");
        assert!(hang.lasted >= Duration::from_millis(250), "{hang:?}");
        assert_eq!(hang.callbacks, 1);
        drop(release);
        audio.join().expect("it goes on");
        drop(watchdog);
        assert_eq!(stats.callbacks(), 2);
    }
}
