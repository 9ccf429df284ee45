use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::address::{Address, AnyAddress};
use super::behave::Actor;
use super::cell::Phase;
use super::deadline::{Deadline, Sleeps};
use super::error::SpawnError;
use super::family::Family;
use super::fault::Fault;
use super::identity::{ActorId, Stamp};
use super::snapshot::{ActorReport, report_all};
use super::supervision::{Options, Supervision};
use super::sync::{Mutex, lock};
use super::trace::{Trace, TraceEntry, TraceKind};
use super::watchdog;

/// How many dead letters are remembered; of more the oldest are forgotten, and counted.
const DEAD_LETTERS: usize = 1_000;

/// What a system is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the actors at the root are supervised.
    pub supervision: Supervision,
    /// A message that takes longer is told of.
    pub slow_after: Duration,
    /// Seeds the jitter of delays, and the order of delivery where that is permuted.
    pub seed: u64,
    /// Permutes, by the seed, in which order actors get to run; and keeps a trace.
    /// For tests: the same seed gives the same order.
    pub permuted: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            supervision: Supervision::default(),
            slow_after: Duration::from_secs(1),
            seed: 0,
            permuted: false,
        }
    }
}

/// A message that reached nobody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    /// To whom it was sent.
    pub to: Arc<str>,
    /// Who sent it, and what it belonged to.
    pub stamp: Stamp,
    /// The messages' type.
    pub message_type: &'static str,
    /// Why nobody took it.
    pub reason: DeadReason,
}

/// Why a message reached nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeadReason {
    /// The actor had ended; the sender was told, and has the message.
    Stopped,
    /// It waited when the actor ended.
    Left,
}

/// What all actors of a system share.
pub(super) struct Shared {
    handle: Handle,
    settings: Settings,
    begun: Instant,
    dead: Mutex<VecDeque<DeadLetter>>,
    dead_count: AtomicU64,
    hung: Mutex<Vec<Arc<str>>>,
    trace: Option<Trace>,
    escalated: OnceLock<Fault>,
    alarm: Notify,
    sleeps: Sleeps,
}

impl Shared {
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn seed(&self) -> u64 {
        self.settings.seed
    }

    pub(super) fn slow_after(&self) -> Duration {
        self.settings.slow_after
    }

    pub(super) fn nanos(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn sleeps(&self) -> &Sleeps {
        &self.sleeps
    }

    pub(super) fn deadline(self: &Arc<Self>, within: Duration) -> Deadline {
        Deadline::new(self, within)
    }

    pub(super) fn bury(&self, to: &Arc<str>, stamp: Stamp, message_type: &'static str, reason: DeadReason) {
        self.dead_count.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(to = &**to, message_type, ?reason, "a dead letter");
        let mut dead = lock(&self.dead);
        if dead.len() == DEAD_LETTERS {
            dead.pop_front();
        }
        dead.push_back(DeadLetter { to: Arc::clone(to), stamp, message_type, reason });
    }

    pub(super) fn note_hung(&self, path: &Arc<str>) {
        lock(&self.hung).push(Arc::clone(path));
    }

    pub(super) fn escalated(&self, fault: Fault) {
        tracing::error!(%fault, "the actors at the root failed too often");
        let _ = self.escalated.set(fault);
        self.alarm.notify_waiters();
    }

    #[inline]
    pub(super) fn traces(&self) -> bool {
        self.trace.is_some()
    }

    pub(super) fn trace_delivery(&self, path: &Arc<str>, stamp: Stamp) {
        if let Some(trace) = &self.trace {
            trace.deliver(self.begun.elapsed(), path, stamp);
        }
    }

    pub(super) fn trace_fault(&self, path: &Arc<str>, fault: &Fault) {
        if let Some(trace) = &self.trace {
            trace.push(self.begun.elapsed(), path, TraceKind::Failed(fault.kind));
        }
    }

    pub(super) fn trace_phase(&self, id: ActorId, path: &Arc<str>, phase: Phase) {
        if let Some(trace) = &self.trace {
            trace.introduce(id, path);
            trace.push(self.begun.elapsed(), path, TraceKind::Phase(phase));
        }
    }

    /// Lets others run first, as often as the seed says.
    #[inline]
    pub(super) async fn permute(&self) {
        if let Some(trace) = &self.trace {
            for _ in 0..trace.draw(4) {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// A tree of actors, and all that they have in common. Dropping it leaves them
/// running: end it by [`stop`](System::stop).
pub struct System {
    shared: Arc<Shared>,
    root: Arc<Family>,
    watchdog: JoinHandle<()>,
}

impl Drop for System {
    fn drop(&mut self) {
        self.watchdog.abort();
    }
}

/// How a system ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shutdown {
    /// Actors that did not stop, could not be cut off, and were left behind.
    pub hung: Vec<Arc<str>>,
}

impl System {
    /// An empty system on the runtime that this is called in.
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    pub fn new(settings: Settings) -> System {
        super::panic::install_hook();
        let handle = Handle::current();
        let shared = Arc::new(Shared {
            trace: settings.permuted.then(|| Trace::new(settings.seed)),
            handle: handle.clone(),
            begun: Instant::now(),
            dead: Mutex::new(VecDeque::new()),
            dead_count: AtomicU64::new(0),
            hung: Mutex::new(Vec::new()),
            escalated: OnceLock::new(),
            alarm: Notify::new(),
            sleeps: Sleeps::default(),
            settings,
        });
        let root = Family::new(None, Arc::from(""), Arc::clone(&shared));
        root.renew(shared.settings.supervision.clone());
        let watchdog = handle.spawn(watchdog::run(Arc::downgrade(&shared), Arc::downgrade(&root)));
        System { shared, root, watchdog }
    }

    /// Starts an actor at the root and goes on; see
    /// [`Context::spawn`](super::Context::spawn).
    ///
    /// # Errors
    /// [`SpawnError`] for a name that is taken or none, or after [`stop`](Self::stop).
    pub fn spawn<A: Actor>(
        &self,
        name: &str,
        options: Options,
        build: impl FnMut() -> A + Send + 'static,
    ) -> Result<Address<A::Message>, SpawnError> {
        self.root.spawn(name, options, build, None)
    }

    /// Starts an actor at the root, and waits until its `started` is done, at most
    /// its `shutdown` time.
    ///
    /// # Errors
    /// [`SpawnError`], also where it fails to start; it is gone then.
    pub async fn spawn_started<A: Actor>(
        &self,
        name: &str,
        options: Options,
        build: impl FnMut() -> A + Send + 'static,
    ) -> Result<Address<A::Message>, SpawnError> {
        let (done, started) = tokio::sync::oneshot::channel();
        let limit = options.shutdown;
        let address = self.root.spawn(name, options, build, Some(done))?;
        self.root.await_start(address, started, limit).await
    }

    /// The actor at a path such as `/engine/instrument/bass`.
    pub fn find(&self, path: &str) -> Option<AnyAddress> {
        let mut names = path.strip_prefix('/')?.split('/');
        let mut found = self.root.child(names.next()?)?;
        for name in names {
            let family = Arc::clone(found.cell().core().family.get()?);
            found = family.child(name)?;
        }
        Some(found)
    }

    /// The actor at a path, if it takes messages `M`.
    pub fn find_typed<M: Send + 'static>(&self, path: &str) -> Option<Address<M>> {
        self.find(path)?.typed()
    }

    /// The whole tree as it is now, in the order of start.
    pub fn snapshot(&self) -> Vec<ActorReport> {
        report_all(&self.root)
    }

    /// How many messages reached nobody so far.
    pub fn dead_letter_count(&self) -> u64 {
        self.shared.dead_count.load(Ordering::Relaxed)
    }

    /// The last thousand messages that reached nobody.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        lock(&self.shared.dead).iter().cloned().collect()
    }

    /// The fault by which the root escalated, when there is one: nobody is left to
    /// decide, and the system is to be stopped.
    pub async fn escalated(&self) -> Fault {
        loop {
            let alarm = self.shared.alarm.notified();
            if let Some(fault) = self.shared.escalated.get() {
                return fault.clone();
            }
            alarm.await;
        }
    }

    /// What happened so far, where it was asked for by [`Settings::permuted`].
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.shared.trace.as_ref().map(Trace::entries).unwrap_or_default()
    }

    /// Ends all actors, the last started first. Each has its
    /// [`shutdown`](Options::shutdown) time, is cut off after that, and left behind
    /// where even that does not end it.
    pub async fn stop(self) -> Shutdown {
        self.root.stop_all(false).await;
        Shutdown { hung: std::mem::take(&mut *lock(&self.shared.hung)) }
    }
}
