//! The children of one actor, and what becomes of them when one fails.
//!
//! Nothing runs here while all is well: a child that fails puts a report down and
//! starts the task that decides, unless it runs already. So decisions of one family
//! are taken one after the other, whatever its parent is busy with.

mod decide;
mod end;
mod hash;

use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
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
use super::supervision::{Options, Supervision};
use super::sync::{Mutex, lock};
use super::system::Shared;
use super::window::Failures;

pub(super) use end::limit_of;
use hash::Fnv;

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
}
