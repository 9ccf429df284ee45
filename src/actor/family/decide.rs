//! What becomes of a child that failed, and of its siblings.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;

use super::super::address::AnyAddress;
use super::super::cell::{AnyCell, Core, Phase, Signal};
use super::super::fault::{Fault, FaultKind, StopReason};
use super::super::identity::ActorId;
use super::super::supervision::{Directive, Lifetime, Strategy, Supervision};
use super::super::sync::lock;
use super::end::limit_of;
use super::hash::hash;
use super::{Child, Family, Report, State};

impl Family {
    /// A child has failed and waits for a verdict.
    pub(in super::super) fn failed(self: &Arc<Self>, core: &Core, fault: Fault, has_started: bool) {
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
    pub(super) fn start_all(self: &Arc<Self>, halted: Vec<(Arc<dyn AnyCell>, u32)>, delay: Duration) {
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

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
