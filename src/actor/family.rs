//! The children of one actor, and what becomes of them when one fails.
//!
//! Nothing runs here while all is well: a child that fails puts a report down and
//! starts the task that decides, unless it runs already. So decisions of one family
//! are taken one after the other, whatever its parent is busy with.

use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::oneshot;

use super::address::{Address, AnyAddress};
use super::behave::Actor;
use super::cell::{AnyCell, Cell, Core, Phase, Signal};
use super::error::SpawnError;
use super::fault::{Fault, FaultKind, StopReason};
use super::identity::ActorId;
use super::mailbox::Mailbox;
use super::run::{self, Build, Done};
use super::supervision::{Directive, Lifetime, Options, Strategy, Supervision};
use super::sync::{Mutex, lock};
use super::system::Shared;
use super::window::Failures;

/// How long one that is cut off may take to be gone; then it holds its thread.
const ABORT_GRACE: Duration = Duration::from_millis(250);

pub(super) struct Family {
    /// Whose children they are; `None` at the root.
    parent: Option<Weak<dyn AnyCell>>,
    path: Arc<str>,
    system: Arc<Shared>,
    state: Mutex<State>,
}

struct State {
    supervision: Supervision,
    /// By path; [`Child::place`] is the order of their start.
    children: HashMap<Arc<str>, Child, BuildHasherDefault<Fnv>>,
    next: u64,
    failures: Failures,
    /// One for each child that waits for a verdict.
    reports: VecDeque<Report>,
    deciding: bool,
    closed: bool,
}

impl State {
    fn in_order(&self) -> Vec<(u64, Arc<dyn AnyCell>)> {
        let mut children: Vec<_> =
            self.children.values().map(|child| (child.place, Arc::clone(&child.cell))).collect();
        children.sort_by_key(|(place, _)| *place);
        children
    }
}

struct Child {
    cell: Arc<dyn AnyCell>,
    place: u64,
    /// Counts orders: a restart that was put off holds only while it is the last.
    order: u32,
    /// Restarts in a row, and when the last was.
    attempts: u32,
    last_nanos: u64,
    /// Somebody waits for its first start: a failure ends it.
    awaited: bool,
    /// From the parent's incarnation before; to be adopted or ended.
    dormant: bool,
    /// It waits for what becomes of its parent; whether it can go on as it is.
    escalated: Option<bool>,
}

struct Report {
    path: Arc<str>,
    id: ActorId,
    fault: Fault,
    /// Of which incarnation it is; one that has been replaced meanwhile needs no verdict.
    restarts: u32,
    has_started: bool,
}

impl Family {
    pub(super) fn new(parent: Option<Weak<dyn AnyCell>>, path: Arc<str>, system: Arc<Shared>) -> Arc<Family> {
        let state = State {
            supervision: Supervision::default(),
            children: HashMap::default(),
            next: 0,
            failures: Failures::default(),
            reports: VecDeque::new(),
            deciding: false,
            closed: false,
        };
        Arc::new(Family { parent, path, system, state: Mutex::new(state) })
    }

    pub(super) fn renew(&self, supervision: Supervision) {
        lock(&self.state).supervision = supervision;
    }

    /// A new incarnation of the parent begins.
    pub(super) fn open(&self) {
        let mut state = lock(&self.state);
        state.closed = false;
        state.supervision = Supervision::default();
        state.failures.forget();
        for child in state.children.values_mut() {
            child.dormant = true;
            child.escalated = None;
        }
    }

    /// The parent goes on after a failure: so do those children that waited for it.
    pub(super) fn resume(self: &Arc<Self>) {
        let mut halted = Vec::new();
        for child in lock(&self.state).children.values_mut() {
            match child.escalated.take() {
                Some(true) => child.cell.core().signal(Signal::Resume),
                Some(false) => {
                    child.order += 1;
                    halted.push((child.place, Arc::clone(&child.cell), child.order));
                }
                None => {}
            }
        }
        if !halted.is_empty() {
            halted.sort_by_key(|(place, ..)| *place);
            let halted = halted.into_iter().map(|(_, cell, order)| (cell, order)).collect();
            self.start_all(halted, Duration::ZERO);
        }
    }

    /// Nobody waits for its first start any more: from now on it is started anew.
    pub(super) fn has_started(&self, path: &str) {
        self.with_child(path, |child| child.awaited = false);
    }

    pub(super) fn spawn<C: Actor>(
        self: &Arc<Self>,
        name: &str,
        options: Options,
        build: impl FnMut() -> C + Send + 'static,
        done: Option<Done>,
    ) -> Result<Address<C::Message>, SpawnError> {
        if name.is_empty() || name.contains('/') {
            return Err(SpawnError::BadName { name: name.to_owned() });
        }
        let path: Arc<str> = [&*self.path, "/", name].concat().into();
        let awaited = done.is_some();
        let build: Build<C> = Box::new(build);
        let mut state = lock(&self.state);
        if state.closed {
            return Err(SpawnError::Closed { path });
        }
        let place = state.next;
        state.next += 1;
        if let Some(there) = state.children.get(&path) {
            if !there.dormant {
                return Err(SpawnError::NameTaken { path });
            }
            if let Some(mut child) = state.children.remove(&path) {
                let same = child.cell.core().actor_type == TypeId::of::<C>();
                let typed = Arc::clone(&child.cell).into_any().downcast::<Cell<C::Message>>();
                if let Ok(cell) = typed
                    && same
                    && child.cell.core().phase() != Phase::Stopped
                {
                    child.dormant = false;
                    child.awaited = awaited;
                    child.order += 1;
                    child.place = place;
                    state.children.insert(path, child);
                    drop(state);
                    let build = Some(Box::new(build) as Box<dyn Any + Send>);
                    cell.core.signal(Signal::Start { done, build });
                    return Ok(Address::new(cell));
                }
                child.cell.core().signal(Signal::Stop(StopReason::Shutdown));
            }
        }
        let core =
            Core::new(Arc::clone(&path), Arc::clone(&self.system), options, C::LABELS, TypeId::of::<C>());
        let mailbox = Mailbox::new(core.options.capacity);
        let cell = Arc::new(Cell { core, mailbox });
        let erased = Arc::clone(&cell) as Arc<dyn AnyCell>;
        let child = Child {
            cell: erased,
            place,
            order: 0,
            attempts: 0,
            last_nanos: 0,
            awaited,
            dormant: false,
            escalated: None,
        };
        state.children.insert(path, child);
        drop(state);
        let task = run::run(Arc::clone(&cell), build, Arc::clone(self), done);
        self.system.handle().spawn(task);
        Ok(Address::new(cell))
    }

    /// Waits for a child's first start.
    pub(super) async fn await_start<M: Send + 'static>(
        &self,
        address: Address<M>,
        started: oneshot::Receiver<Result<(), Fault>>,
        limit: Duration,
    ) -> Result<Address<M>, SpawnError> {
        let fault = match tokio::time::timeout(limit, started).await {
            Ok(Ok(Ok(()))) => return Ok(address),
            Ok(Ok(Err(fault))) => fault,
            Ok(Err(_)) => Fault::new(FaultKind::START, "it was stopped before it had started"),
            Err(_) => {
                address.cell().core.abort();
                Fault::new(FaultKind::START, format!("it had not started within {limit:?}"))
            }
        };
        let gone = address.erased();
        if gone.stop_and_wait(limit).await.is_err() {
            self.give_up(gone.cell());
        }
        Err(SpawnError::Start { path: address.path().into(), fault })
    }

    fn with_child<R>(&self, path: &str, work: impl FnOnce(&mut Child) -> R) -> Option<R> {
        lock(&self.state).children.get_mut(path).map(work)
    }

    pub(super) fn child(&self, name: &str) -> Option<AnyAddress> {
        let path = [&*self.path, "/", name].concat();
        self.with_child(&path, |child| AnyAddress::new(Arc::clone(&child.cell)))
    }

    pub(super) fn children(&self) -> Vec<AnyAddress> {
        lock(&self.state).in_order().into_iter().map(|(_, cell)| AnyAddress::new(cell)).collect()
    }

    /// A child has ended for good.
    pub(super) fn remove(&self, path: &str, id: ActorId) {
        let mut state = lock(&self.state);
        if state.children.get(path).is_some_and(|child| child.cell.core().id == id) {
            let gone = state.children.remove(path);
            drop(state);
            drop(gone);
        }
    }

    /// Ends what the parent's new incarnation did not adopt.
    pub(super) fn retire_dormant(&self) {
        let state = lock(&self.state);
        for child in state.children.values().filter(|child| child.dormant) {
            child.cell.core().signal(Signal::Stop(StopReason::Shutdown));
        }
    }

    /// A child has failed and waits for a verdict.
    pub(super) fn failed(self: &Arc<Self>, core: &Core, fault: Fault, has_started: bool) {
        let restarts = core.restarts.load(Ordering::Relaxed);
        let mut state = lock(&self.state);
        let path = Arc::clone(&core.path);
        state.reports.push_back(Report { path, id: core.id, fault, restarts, has_started });
        if !std::mem::replace(&mut state.deciding, true) {
            drop(state);
            let family = Arc::clone(self);
            self.system.handle().spawn(async move { family.decide_all().await });
        }
    }

    async fn decide_all(self: Arc<Self>) {
        loop {
            let report = {
                let mut state = lock(&self.state);
                let report = state.reports.pop_front();
                state.deciding = report.is_some();
                report
            };
            let Some(report) = report else { return };
            self.decide(report).await;
        }
    }

    async fn decide(self: &Arc<Self>, report: Report) {
        let Report { path, id, fault, restarts, has_started } = report;
        let now = self.system.nanos();
        let decided = {
            let mut state = lock(&self.state);
            let State { supervision, children, failures, closed, .. } = &mut *state;
            let child = children.get_mut(&path);
            let Some(child) = child.filter(|child| child.cell.core().id == id) else { return };
            let cell = Arc::clone(&child.cell);
            if cell.core().phase() != Phase::Failed
                || cell.core().restarts.load(Ordering::Relaxed) != restarts
            {
                // It was halted or started anew with a sibling that failed before it.
                return;
            }
            let mut directive = verdict(supervision, fault.kind, has_started);
            if child.awaited
                || directive == Directive::Restart && cell.core().options.lifetime == Lifetime::Temporary
            {
                directive = Directive::Stop;
            }
            if *closed {
                // The parent is ending: its own order to this child is on its way.
                return;
            }
            if directive == Directive::Restart {
                let window = nanos(supervision.window.within);
                if failures.note(now, window, supervision.window.restarts) {
                    if now.saturating_sub(child.last_nanos) > window {
                        child.attempts = 0;
                    }
                    let seed = self.system.seed() ^ hash(&path);
                    let delay = supervision.backoff.delay(child.attempts, seed);
                    child.attempts = child.attempts.saturating_add(1);
                    child.last_nanos = now;
                    Decided::Restart { place: child.place, delay, strategy: supervision.strategy }
                } else {
                    let times = supervision.window.restarts.saturating_add(1);
                    let within = supervision.window.within;
                    let message =
                        format!("`{path}` and its siblings failed {times} times within {within:?}: {fault}");
                    give_to_parent(children.values_mut(), id, has_started);
                    Decided::Escalate(Fault::new(FaultKind::ESCALATED, message))
                }
            } else {
                match directive {
                    Directive::Resume => Decided::Tell(cell, Signal::Resume),
                    Directive::Stop => Decided::Tell(cell, Signal::Stop(StopReason::Fault(fault))),
                    Directive::Escalate | Directive::Restart => {
                        let message = format!("`{path}`: {fault}");
                        give_to_parent(children.values_mut(), id, has_started);
                        Decided::Escalate(Fault::new(FaultKind::ESCALATED, message))
                    }
                }
            }
        };
        match decided {
            Decided::Tell(cell, signal) => cell.core().signal(signal),
            Decided::Escalate(fault) => self.escalate(fault),
            Decided::Restart { place, delay, strategy } => self.restart(place, delay, strategy).await,
        }
    }

    fn escalate(&self, fault: Fault) {
        tracing::warn!(family = &*self.path, %fault, "escalated");
        match &self.parent {
            Some(parent) => {
                if let Some(parent) = parent.upgrade() {
                    parent.core().interrupt(fault);
                }
            }
            None => self.system.escalated(fault),
        }
    }

    /// Starts one child anew, or the group that its strategy says, after a delay.
    async fn restart(self: &Arc<Self>, failed: u64, delay: Duration, strategy: Strategy) {
        let group = {
            let mut state = lock(&self.state);
            if state.closed {
                return;
            }
            let mut group = Vec::new();
            for child in state.children.values_mut() {
                let is_in = match strategy {
                    Strategy::OneForOne => child.place == failed,
                    Strategy::OneForAll => true,
                    Strategy::RestForOne => child.place >= failed,
                };
                if is_in {
                    child.order += 1;
                    child.escalated = None;
                    group.push((child.place, Arc::clone(&child.cell), child.order));
                }
            }
            group.sort_by_key(|(place, ..)| *place);
            group
        };
        if let [(_, cell, order)] = &group[..] {
            if delay.is_zero() {
                cell.core().signal(Signal::Start { done: None, build: None });
                return;
            }
            // On its own, so that no sibling waits for it.
            let (family, cell, order) = (Arc::clone(self), Arc::clone(cell), *order);
            self.system.handle().spawn(async move {
                tokio::time::sleep(delay).await;
                if family.standing(&cell, order) == Standing::Current {
                    cell.core().signal(Signal::Start { done: None, build: None });
                }
            });
            return;
        }
        let mut again = Vec::new();
        for (_, cell, order) in group.into_iter().rev() {
            match self.standing(&cell, order) {
                Standing::Current => {}
                Standing::Gone => continue,
                // Whoever gave the later order ends the rest too.
                Standing::Superseded => return,
            }
            if cell.core().options.lifetime == Lifetime::Temporary {
                self.stop_one(&cell).await;
            } else {
                self.halt_one(&cell).await;
                again.push((cell, order));
            }
        }
        again.reverse();
        self.start_all(again, delay);
    }

    /// Starts those between two lives after a delay, each when the one before has started.
    fn start_all(self: &Arc<Self>, halted: Vec<(Arc<dyn AnyCell>, u32)>, delay: Duration) {
        let family = Arc::clone(self);
        self.system.handle().spawn(async move {
            tokio::time::sleep(delay).await;
            for (cell, order) in halted {
                match family.standing(&cell, order) {
                    Standing::Current => {}
                    Standing::Gone => continue,
                    Standing::Superseded => return,
                }
                if !family.start_in_turn(&cell).await {
                    return;
                }
            }
        });
    }

    /// Starts one of a group; `false` where its failure leads to another order for all
    /// that come after it.
    async fn start_in_turn(&self, cell: &Arc<dyn AnyCell>) -> bool {
        let core = cell.core();
        let (done, started) = oneshot::channel();
        core.signal(Signal::Start { done: Some(done), build: None });
        let limit = core.options.shutdown;
        let kind = match tokio::time::timeout(limit, started).await {
            // It has started, or it has ended and never will.
            Ok(Ok(Ok(())) | Err(_)) => return true,
            Ok(Ok(Err(fault))) => fault.kind,
            Err(_) => {
                let message = format!("it had not started within {limit:?}");
                core.interrupt(Fault::new(FaultKind::START, message));
                FaultKind::START
            }
        };
        let directive = verdict(&lock(&self.state).supervision, kind, false);
        if directive == Directive::Stop {
            // The next begins when this one has ended.
            let _ = AnyAddress::new(Arc::clone(cell)).ended(limit_of(core)).await;
        }
        !matches!(directive, Directive::Restart | Directive::Escalate)
    }

    /// Whether an order to a child still holds.
    fn standing(&self, cell: &Arc<dyn AnyCell>, order: u32) -> Standing {
        let state = lock(&self.state);
        if state.closed {
            return Standing::Superseded;
        }
        let core = cell.core();
        match state.children.get(&core.path).filter(|child| child.cell.core().id == core.id) {
            None => Standing::Gone,
            Some(child) if child.order == order => Standing::Current,
            Some(_) => Standing::Superseded,
        }
    }

    /// Ends all children, the last first; for good, or until the parent's next
    /// incarnation.
    pub(super) async fn stop_all(self: &Arc<Self>, again: bool) {
        let children: Vec<Arc<dyn AnyCell>> = {
            let mut state = lock(&self.state);
            state.closed = true;
            for child in state.children.values_mut() {
                child.order += 1;
            }
            state.in_order().into_iter().rev().map(|(_, cell)| cell).collect()
        };
        for cell in children {
            if again && cell.core().options.lifetime != Lifetime::Temporary {
                self.halt_one(&cell).await;
            } else {
                self.stop_one(&cell).await;
            }
        }
    }

    async fn halt_one(&self, cell: &Arc<dyn AnyCell>) {
        let core = cell.core();
        let (done, halted) = oneshot::channel();
        core.signal(Signal::Halt { reason: StopReason::Shutdown, done: Some(done) });
        let mut halted = std::pin::pin!(halted);
        if tokio::time::timeout(limit_of(core), &mut halted).await.is_ok() {
            return;
        }
        core.abort();
        if tokio::time::timeout(ABORT_GRACE, halted).await.is_err() && core.phase() != Phase::Stopped {
            self.give_up(cell);
        }
    }

    async fn stop_one(&self, cell: &Arc<dyn AnyCell>) {
        let address = AnyAddress::new(Arc::clone(cell));
        let core = cell.core();
        let ended = address.ended(limit_of(core));
        core.signal(Signal::Stop(StopReason::Shutdown));
        if ended.await.is_ok() {
            return;
        }
        core.abort();
        if address.ended(ABORT_GRACE).await.is_err() {
            self.give_up(cell);
        }
    }

    /// One that holds its thread cannot be ended: nobody waits for it any longer.
    fn give_up(&self, cell: &Arc<dyn AnyCell>) {
        let core = cell.core();
        tracing::error!(actor = &*core.path, "it does not stop and is left behind");
        core.system.note_hung(&core.path);
        core.set_phase(Phase::Stopped);
        cell.close();
        self.remove(&core.path, core.id);
        core.conclude(StopReason::Hung);
    }
}

enum Decided {
    Tell(Arc<dyn AnyCell>, Signal),
    Escalate(Fault),
    Restart { place: u64, delay: Duration, strategy: Strategy },
}

/// Whether an order still holds.
#[derive(PartialEq, Eq)]
enum Standing {
    Current,
    /// Another was given since, or all end.
    Superseded,
    /// The child is no more.
    Gone,
}

/// One that failed waits for its parent's fate, and with it those that were halted for
/// one of its sort.
fn give_to_parent<'a>(children: impl Iterator<Item = &'a mut Child>, failed: ActorId, has_started: bool) {
    for child in children {
        let core = child.cell.core();
        if core.id == failed {
            child.escalated = Some(has_started);
        } else if !child.dormant && core.phase() == Phase::Halted {
            child.escalated = Some(false);
        }
    }
}

/// What the declared table comes to.
fn verdict(supervision: &Supervision, kind: FaultKind, has_started: bool) -> Directive {
    match supervision.directives.of(kind) {
        _ if kind == FaultKind::DONE => Directive::Restart,
        // There is nothing yet that could go on.
        Directive::Resume if !has_started => Directive::Restart,
        directive => directive,
    }
}

/// How long an actor may take to stop: its own time, and that of its children.
pub(super) fn limit_of(core: &Core) -> Duration {
    let children = core.family.get().map(|family| family.children()).unwrap_or_default();
    children
        .iter()
        .fold(core.options.shutdown, |sum, child| sum.saturating_add(limit_of(child.cell().core())))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// FNV-1a: short for paths, and the same on every machine.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = Fnv::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}
