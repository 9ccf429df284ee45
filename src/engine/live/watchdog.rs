//! Sees a callback that does not come back: from a hang in the audio thread no
//! other thread can rescue it, so whoever asked is told, and ends the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::super::doors::Sights;
use crate::device::audio::CallbackStats;
use crate::device::audio::scheduling::{self, Scheduling, ThreadId};
use crate::unit::{Frame, HostTime};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(10);
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
    /// The actor that was being played, where it was one.
    pub actor: Option<String>,
    /// The first frame of the piece that was being played.
    pub frame: Frame,
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
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    on_hang: Mutex<Option<OnHang>>,
}

impl Watchdog {
    /// Looks at the callbacks counted in `stats` from now on. Where the system
    /// starts no thread, nobody looks.
    pub(super) fn start(stats: Arc<CallbackStats>, sights: Sights) -> Watchdog {
        let shared = Arc::new(Shared::default());
        let told = Arc::clone(&shared);
        let spawned = std::thread::Builder::new()
            .name("antiphon-watchdog".to_owned())
            .spawn(move || watch(&stats, &sights, &told));
        if let Err(error) = &spawned {
            tracing::warn!(%error, "no watchdog looks after the audio thread");
        }
        Watchdog { shared, thread: spawned.ok() }
    }

    /// Has this called when a callback hangs.
    pub(super) fn on_hang(&self, on_hang: OnHang) {
        *self.shared.on_hang.lock().unwrap_or_else(PoisonError::into_inner) = Some(on_hang);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It looks at the flag after each look.
            let _ = thread.join();
        }
    }
}

/// Looks until it is told to stop.
fn watch(stats: &CallbackStats, sights: &Sights, shared: &Shared) {
    let (overseers, pulse, names) = sights;
    let mut suspicion = Suspicion::default();
    let mut promoted = false;
    let mut looked = HostTime::now();
    while !shared.stopping.load(Ordering::Relaxed) {
        std::thread::park_timeout(LOOK);
        // What hangs may be realtime, on every processor there is: who is to see
        // that must go before it. A look takes microseconds.
        if let Some(priority) = stats.scheduling().priority().filter(|_| !promoted) {
            promoted = true;
            scheduling::promote_this_thread_to(priority.saturating_add(1));
        }
        let now = HostTime::now();
        overseers.look(Duration::from_nanos(now.since(looked).min(LOOK_AT_MOST_NANOS)));
        looked = now;
        let inside = stats.inside_since();
        let starved = inside.and_then(|_| stats.thread()).map_or(0, ThreadId::starved_nanos);
        let lasted = suspicion.look(now, inside, starved);
        if lasted < HANG_NANOS.max(HANG_PERIODS * stats.budget_nanos()) {
            continue;
        }
        let on_hang = shared.on_hang.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(on_hang) = on_hang {
            let (frame, node) = pulse.place();
            let hang = Hang {
                actor: node.and_then(|node| names.get(node)),
                frame,
                lasted: Duration::from_millis(lasted / 1_000_000),
                callbacks: stats.callbacks(),
                scheduling: stats.scheduling(),
                thread: stats.thread(),
            };
            tracing::error!(?hang, "the audio thread hangs");
            on_hang(hang);
        }
    }
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

    use super::super::super::names::Names;
    use super::super::super::workers::Workers;
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
        let (renderer, handle, _clock) = renderer(settings);
        let baton = Arc::new(Baton::new(renderer));
        let mut callback = Callback::new(Arc::clone(&baton), Arc::clone(&stats));
        let (tell, told) = mpsc::channel();
        let sights = (Workers::none().overseers(), handle.pulse, Names::default());
        let watchdog = Watchdog::start(Arc::clone(&stats), sights);
        watchdog.on_hang(Box::new(move |hang| {
            let _ = tell.send(hang);
        }));
        callback.run(64, &mut Silence { output_channels: 2 });
        let (release, stuck) = mpsc::channel::<()>();
        let audio = std::thread::spawn(move || callback.run(64, &mut Stuck(stuck)));
        let hang = told.recv_timeout(Duration::from_secs(60)).expect("it is seen");
        assert!(hang.lasted >= Duration::from_millis(250), "{hang:?}");
        assert_eq!((hang.callbacks, hang.frame, hang.actor), (1, 64, None));
        drop(release);
        audio.join().expect("it goes on");
        drop(watchdog);
        assert_eq!(stats.callbacks(), 2);
    }
}
