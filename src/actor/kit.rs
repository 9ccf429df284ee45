//! The test kit: a system in virtual time, whose order of delivery is drawn from a
//! seed, and probes that say what arrived.
//!
//! ```
//! use std::time::Duration;
//! use antiphon::actor::kit::Kit;
//!
//! Kit::run(7, async |kit| {
//!     let probe = kit.probe::<u32>("probe");
//!     probe.address().tell(3).await.unwrap();
//!     assert_eq!(probe.next(Duration::from_secs(1)).await, Some(3));
//! });
//! ```

use std::time::Duration;

use tokio::sync::{Mutex, mpsc};

use super::identity::{self, ActorId, Speaker};
use super::{Actor, Address, Context, Fault, FaultKind, Options, Outcome, Settings, System, TraceEntry};

/// Messages that a probe keeps until they are asked for.
const KEPT: usize = 100_000;

/// A system for one test.
pub struct Kit {
    /// The system itself.
    pub system: System,
}

impl Kit {
    /// Runs a test on this thread: time stands still while anybody has something to
    /// do, and jumps to the next deadline where nobody has. Ends what the test left.
    pub fn run<T>(seed: u64, test: impl AsyncFnOnce(&Kit) -> T) -> T {
        Kit::run_with(Settings { seed, permuted: true, ..Settings::default() }, test)
    }

    /// As [`run`](Self::run), with other settings.
    ///
    /// # Panics
    /// Where the system gives no runtime.
    pub fn run_with<T>(settings: Settings, test: impl AsyncFnOnce(&Kit) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        // PANIC: a runtime of one thread needs nothing that could be missing.
        let runtime = runtime.expect("a runtime");
        // Counts from 1 in each run, so that traces are the same.
        let before = identity::speak_as(Speaker::new(ActorId::fresh()));
        let result = runtime.block_on(async {
            let kit = Kit { system: System::new(settings) };
            let result = test(&kit).await;
            kit.system.stop().await;
            result
        });
        identity::speak_as(before);
        result
    }

    /// An actor at the root that shows what it gets.
    ///
    /// # Panics
    /// Where the name is taken.
    pub fn probe<M: Send + 'static>(&self, name: &str) -> Probe<M> {
        let (sender, receiver) = mpsc::channel(KEPT);
        let address = self.system.spawn(name, Options::new(), move || Listener { heard: sender.clone() });
        // PANIC: said above; a test that names two probes alike is wrong.
        Probe { address: address.expect("a name of its own"), heard: Mutex::new(receiver) }
    }

    /// Lets so much virtual time pass.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Lets everybody do what can be done now.
    pub async fn settle(&self) {
        // Time stands still while somebody has something to do; so when it has moved, all had nothing.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// What happened so far.
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.system.trace()
    }
}

/// Shows what an actor got.
pub struct Probe<M> {
    address: Address<M>,
    heard: Mutex<mpsc::Receiver<M>>,
}

impl<M: Send + 'static> Probe<M> {
    /// Where to send to.
    pub fn address(&self) -> &Address<M> {
        &self.address
    }

    /// The next message, if one comes within a time.
    pub async fn next(&self, within: Duration) -> Option<M> {
        tokio::time::timeout(within, async { self.heard.lock().await.recv().await }).await.ok().flatten()
    }

    /// Whether nothing comes for a time.
    pub async fn hears_nothing(&self, during: Duration) -> bool {
        self.next(during).await.is_none()
    }

    /// All that has come by now.
    pub async fn heard(&self) -> Vec<M> {
        let mut receiver = self.heard.lock().await;
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }
}

struct Listener<M> {
    heard: mpsc::Sender<M>,
}

impl<M: Send + 'static> Actor for Listener<M> {
    type Message = M;

    async fn handle(&mut self, message: M, _: &mut Context<Listener<M>>) -> Outcome {
        self.heard
            .try_send(message)
            .map_err(|_| Fault::new(FaultKind::FAILED, "nobody takes what the probe heard"))
    }
}
