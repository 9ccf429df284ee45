//! The control cell: what stays of an actor while its incarnations come and go.

use std::any::{Any, TypeId};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::bell::Bell;
use super::edge::EdgeCount;
use super::family::Family;
use super::fault::{Fault, FaultKind, StopReason};
use super::histogram::Histogram;
use super::identity::ActorId;
use super::mailbox::{Envelope, Mailbox};
use super::panic::catch;
use super::supervision::Options;
use super::sync::{Mutex, lock};
use super::system::{DeadReason, Shared};

/// Where an actor is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Phase {
    /// Being built; `started` runs.
    Starting,
    /// Taking messages.
    Running,
    /// Failed; its supervisor decides.
    Failed,
    /// Its incarnation ended; the next is to come. Messages wait.
    Halted,
    /// `stopping` or `stopped` runs.
    Stopping,
    /// Ended for good.
    Stopped,
}

impl Phase {
    const ALL: [Phase; 6] =
        [Phase::Starting, Phase::Running, Phase::Failed, Phase::Halted, Phase::Stopping, Phase::Stopped];

    /// The word used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Running => "running",
            Phase::Failed => "failed",
            Phase::Halted => "halted",
            Phase::Stopping => "stopping",
            Phase::Stopped => "stopped",
        }
    }
}

/// What overtakes every message.
pub(super) enum Signal {
    /// End for good.
    Stop(StopReason),
    /// Handle what waits, then end for good.
    Drain,
    /// End this incarnation and wait for `Start` or `Stop`; the mailbox is kept.
    Halt { reason: StopReason, done: Option<oneshot::Sender<()>> },
    /// A verdict: go on.
    Resume,
    /// Begin the next incarnation, at once.
    Start { done: Option<oneshot::Sender<Result<(), Fault>>>, build: Option<Box<dyn Any + Send>> },
    /// Fail, as if by a fault of its own.
    Fail(Fault),
    /// Answer.
    Ping(oneshot::Sender<()>),
    /// Somebody watched is no more.
    Down { id: ActorId, path: Arc<str>, reason: StopReason },
}

/// Why the run loop must drop what it polls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    None = 0,
    /// The reason is in [`Rare::interrupt`].
    Fault = 1,
    Abort = 2,
}

/// The part of a cell that does not know the messages' type.
pub(super) struct Core {
    pub(super) id: ActorId,
    pub(super) path: Arc<str>,
    pub(super) system: Arc<Shared>,
    pub(super) options: Options,
    pub(super) labels: &'static [&'static str],
    /// Which `Actor` it is.
    pub(super) actor_type: TypeId,
    /// Signals, or urgent messages, are there: look before the next message.
    pub(super) attention: AtomicBool,
    interrupt: AtomicU8,
    phase: AtomicU8,
    pub(super) busy: AtomicBool,
    pub(super) label: AtomicU32,
    pub(super) restarts: AtomicU32,
    pub(super) handled: AtomicU64,
    /// Taken out of the mailbox, and not begun.
    pub(super) in_hand: AtomicUsize,
    pub(super) refused: AtomicU64,
    signals: Mutex<VecDeque<Signal>>,
    bell: Bell,
    pub(super) family: OnceLock<Arc<Family>>,
    rare: Mutex<Option<Box<Rare>>>,
    /// Changes under the lock of `rare` only.
    has_ended: AtomicBool,
}

/// What most actors never need, or seldom.
#[derive(Default)]
pub(super) struct Rare {
    pub(super) watchers: Vec<(ActorId, Weak<dyn AnyCell>)>,
    pub(super) links: Vec<(ActorId, Weak<dyn AnyCell>)>,
    /// Actors that end with this one.
    pub(super) owned: Vec<Weak<dyn AnyCell>>,
    pub(super) edges: Vec<Weak<EdgeCount>>,
    pub(super) next_edge: u32,
    pub(super) last_fault: Option<Fault>,
    pub(super) interrupt: Option<Fault>,
    /// Since when its last hooks run before it starts anew.
    pub(super) ending: Option<Instant>,
    pub(super) handling: Histogram,
    /// What the watchdog saw last: messages handled, since when, and whether it said so.
    pub(super) seen: Option<(u64, Instant, bool)>,
    pub(super) slow_alerts: u64,
    pub(super) faults: u64,
    pub(super) ended: Option<StopReason>,
    pub(super) awaiting_end: Vec<oneshot::Sender<()>>,
}

impl Core {
    pub(super) fn new(
        path: Arc<str>,
        system: Arc<Shared>,
        options: Options,
        labels: &'static [&'static str],
        actor_type: TypeId,
    ) -> Core {
        Core {
            id: ActorId::fresh(),
            path,
            system,
            options,
            labels,
            actor_type,
            attention: AtomicBool::new(false),
            interrupt: AtomicU8::new(Interrupt::None as u8),
            phase: AtomicU8::new(Phase::Starting as u8),
            busy: AtomicBool::new(false),
            label: AtomicU32::new(0),
            restarts: AtomicU32::new(0),
            handled: AtomicU64::new(0),
            in_hand: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            signals: Mutex::new(VecDeque::new()),
            bell: Bell::new(),
            family: OnceLock::new(),
            rare: Mutex::new(None),
            has_ended: AtomicBool::new(false),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Ordering::Acquire)).min(Phase::ALL.len() - 1)]
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
        tracing::debug!(actor = &*self.path, state = phase.name(), "actor");
        self.system.trace_phase(self.id, &self.path, phase);
    }

    /// Something for the run loop, before any message.
    pub(super) fn signal(&self, signal: Signal) {
        if self.phase() == Phase::Stopped {
            return;
        }
        {
            let mut signals = lock(&self.signals);
            if signals.capacity() == 0 {
                // Most actors get one in their life.
                signals.reserve_exact(1);
            }
            signals.push_back(signal);
        }
        self.attend();
        if self.phase() == Phase::Stopped {
            // It ended meanwhile, and nobody looks there any more.
            self.forget_signals();
        }
    }

    pub(super) fn next_signal(&self) -> Option<Signal> {
        lock(&self.signals).pop_front()
    }

    /// What was not looked at any more: dropped, and with it what it would answer.
    pub(super) fn forget_signals(&self) {
        let rest = std::mem::take(&mut *lock(&self.signals));
        drop(rest);
    }

    pub(super) fn attend(&self) {
        self.attention.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn wake(&self) {
        self.bell.ring();
    }

    /// To be called when the task is polled first: its waker never changes.
    pub(super) fn first_poll(&self, waker: &Waker) {
        self.bell.hang(waker);
    }

    /// Cuts off whatever the actor awaits, as a fault of its own.
    pub(super) fn interrupt(&self, fault: Fault) {
        self.with_rare(|rare| rare.interrupt = Some(fault));
        // Who is to be cut off for good stays so.
        let (none, fault) = (Interrupt::None as u8, Interrupt::Fault as u8);
        let _ = self.interrupt.compare_exchange(none, fault, Ordering::AcqRel, Ordering::Relaxed);
        self.attend();
    }

    /// Cuts off whatever the actor awaits; its incarnation ends.
    pub(super) fn abort(&self) {
        self.interrupt.store(Interrupt::Abort as u8, Ordering::Release);
        self.attend();
    }

    #[inline]
    pub(super) fn interrupted(&self) -> Interrupt {
        match self.interrupt.load(Ordering::Acquire) {
            0 => Interrupt::None,
            1 => Interrupt::Fault,
            _ => Interrupt::Abort,
        }
    }

    /// Takes note of an interrupt; another that came meanwhile stays.
    pub(super) fn clear_interrupt(&self, seen: Interrupt) -> Option<Fault> {
        let none = Interrupt::None as u8;
        let _ = self.interrupt.compare_exchange(seen as u8, none, Ordering::AcqRel, Ordering::Relaxed);
        self.with_rare(|rare| rare.interrupt.take())
    }

    /// Whether it has ended for good, by itself or because it was given up.
    pub(super) fn has_ended(&self) -> bool {
        self.if_rare(|rare| rare.ended.is_some()).unwrap_or(false)
    }

    pub(super) fn with_rare<R>(&self, work: impl FnOnce(&mut Rare) -> R) -> R {
        work(lock(&self.rare).get_or_insert_default())
    }

    /// As [`with_rare`](Self::with_rare), but leaves alone what was never needed.
    pub(super) fn if_rare<R>(&self, work: impl FnOnce(&mut Rare) -> R) -> Option<R> {
        lock(&self.rare).as_mut().map(|rare| work(rare))
    }
}

/// A cell, whatever its messages are.
pub(super) trait AnyCell: Send + Sync {
    fn core(&self) -> &Core;
    /// Messages that wait: (ordinary, urgent), and how many may.
    fn depth(&self) -> (usize, usize, usize);
    fn message_type(&self) -> &'static str;
    /// Refuses all that comes: for one that hung, whose own end will not come.
    fn close(&self);
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// The control cell of one logical actor.
pub(super) struct Cell<M> {
    pub(super) core: Core,
    pub(super) mailbox: Mailbox<M>,
}

impl<M: Send + 'static> Cell<M> {
    /// Messages that wait, with the one being handled.
    pub(super) fn load(&self) -> usize {
        let (ordinary, urgent, _) = self.depth();
        ordinary + urgent + usize::from(self.core.busy.load(Ordering::Relaxed))
    }
}

impl<M: Send + 'static> AnyCell for Cell<M> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn depth(&self) -> (usize, usize, usize) {
        let (ordinary, urgent) = self.mailbox.depth();
        (ordinary + self.core.in_hand.load(Ordering::Relaxed), urgent, self.mailbox.capacity())
    }

    fn message_type(&self) -> &'static str {
        std::any::type_name::<M>()
    }

    fn close(&self) {
        self.mailbox.close();
        self.bury(self.mailbox.rest());
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl<M: Send + 'static> Cell<M> {
    /// Messages that nobody will handle any more.
    pub(super) fn bury(&self, rest: VecDeque<Envelope<M>>) {
        for Envelope { stamp, message, .. } in rest {
            self.core.system.bury(&self.core.path, stamp, std::any::type_name::<M>(), DeadReason::Left);
            // Its drop may be anything.
            let _ = catch(|| drop(message));
        }
    }
}

/// Every how many messages one is timed: each reading of a clock costs more than
/// handing a message over.
pub(super) const TIMED_EVERY: u64 = 16;

impl Core {
    pub(super) fn note_handling(&self, elapsed: Duration) {
        self.with_rare(|rare| rare.handling.record(elapsed));
    }
}

impl Core {
    /// Why it ended; `None` while it has not.
    pub(super) fn unless_ended(&self, work: impl FnOnce(&mut Rare)) -> Option<StopReason> {
        let mut rare = lock(&self.rare);
        if self.has_ended.load(Ordering::Relaxed) {
            return Some(rare.as_ref().and_then(|rare| rare.ended.clone()).unwrap_or(StopReason::Normal));
        }
        work(rare.get_or_insert_default());
        None
    }

    /// Keeps a fault for reports, and lets linked actors fail with it.
    pub(super) fn note_fault(&self, fault: &Fault) {
        tracing::warn!(actor = &*self.path, %fault, "an actor failed");
        self.system.trace_fault(&self.path, fault);
        let links = self.with_rare(|rare| {
            rare.last_fault = Some(fault.clone());
            rare.faults += 1;
            rare.links.clone()
        });
        if fault.kind == FaultKind::LINKED || fault.kind == FaultKind::DONE {
            return;
        }
        for link in links.iter().filter_map(|(_, link)| link.upgrade()) {
            let message = format!("`{}` failed: {fault}", self.path);
            link.core().signal(Signal::Fail(Fault::new(FaultKind::LINKED, message)));
        }
    }

    /// The end of the logical actor: tells who watches and who waits.
    pub(super) fn conclude(&self, reason: StopReason) {
        let (watchers, owned, awaiting) = {
            let mut rare = lock(&self.rare);
            if self.has_ended.swap(true, Ordering::Relaxed) {
                return;
            }
            if rare.is_none() && reason == StopReason::Normal {
                // Nobody watched, and there is nothing to remember.
                Default::default()
            } else {
                let rare = rare.get_or_insert_default();
                rare.ended = Some(reason.clone());
                rare.links.clear();
                (
                    std::mem::take(&mut rare.watchers),
                    std::mem::take(&mut rare.owned),
                    std::mem::take(&mut rare.awaiting_end),
                )
            }
        };
        for watcher in watchers.iter().filter_map(|(_, watcher)| watcher.upgrade()) {
            let path = Arc::clone(&self.path);
            watcher.core().signal(Signal::Down { id: self.id, path, reason: reason.clone() });
        }
        for orphan in owned.iter().filter_map(Weak::upgrade) {
            orphan.core().signal(Signal::Stop(StopReason::Shutdown));
        }
        for waiting in awaiting {
            let _ = waiting.send(());
        }
        self.forget_signals();
    }
}
