//! How children end: in order, in time, and cut off or left behind where they do not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::super::address::AnyAddress;
use super::super::cell::{AnyCell, Core, Phase, Signal};
use super::super::fault::StopReason;
use super::super::supervision::Lifetime;
use super::super::sync::lock;
use super::Family;

/// How long one that is cut off may take to be gone; then it holds its thread.
const ABORT_GRACE: Duration = Duration::from_millis(250);

impl Family {
    /// Ends all children, the last first; for good, or until the parent's next
    /// incarnation.
    pub(in super::super) async fn stop_all(self: &Arc<Self>, again: bool) {
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

    pub(super) async fn halt_one(&self, cell: &Arc<dyn AnyCell>) {
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

    pub(super) async fn stop_one(&self, cell: &Arc<dyn AnyCell>) {
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
    pub(super) fn give_up(&self, cell: &Arc<dyn AnyCell>) {
        let core = cell.core();
        tracing::error!(actor = &*core.path, "it does not stop and is left behind");
        core.system.note_hung(&core.path);
        core.set_phase(Phase::Stopped);
        cell.close();
        self.remove(&core.path, core.id);
        core.conclude(StopReason::Hung);
    }
}

/// How long an actor may take to stop: its own time, and that of its children.
pub(in super::super) fn limit_of(core: &Core) -> Duration {
    let children = core.family.get().map(|family| family.children()).unwrap_or_default();
    children
        .iter()
        .fold(core.options.shutdown, |sum, child| sum.saturating_add(limit_of(child.cell().core())))
}
