//! Looks at every actor a few times a second: one that is at the same message for
//! too long is told of, and made to fail where its options say so.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::cell::AnyCell;
use super::family::{Family, limit_of};
use super::fault::{Fault, FaultKind};
use super::system::Shared;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(250);

/// Ends with the system.
pub(super) async fn run(system: Weak<Shared>, root: Weak<Family>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let (Some(system), Some(root)) = (system.upgrade(), root.upgrade()) else { return };
        look_at(&root, system.slow_after());
    }
}

fn look_at(family: &Family, slow_after: Duration) {
    for child in family.children() {
        look(&**child.cell(), slow_after);
        if let Some(family) = child.cell().core().family.get() {
            look_at(family, slow_after);
        }
    }
}

fn look(cell: &dyn AnyCell, slow_after: Duration) {
    let core = cell.core();
    let ending = core.if_rare(|rare| rare.ending).flatten();
    if ending.is_some_and(|since| since.elapsed() >= limit_of(core)) {
        // Its next incarnation waits for its last hooks.
        core.with_rare(|rare| rare.ending = None);
        core.abort();
        return;
    }
    let handled = core.handled.load(Ordering::Relaxed);
    if !core.busy.load(Ordering::Relaxed) {
        core.if_rare(|rare| rare.seen = None);
        return;
    }
    let now = Instant::now();
    let verdict = core.with_rare(|rare| match &mut rare.seen {
        Some((seen, since, told)) if *seen == handled => {
            let elapsed = now - *since;
            let alert = elapsed >= slow_after && !*told;
            if alert {
                *told = true;
                rare.slow_alerts += 1;
            }
            let stuck = core.options.handling_limit.is_some_and(|limit| elapsed >= limit);
            if stuck {
                rare.seen = None;
            }
            Some((elapsed, alert, stuck))
        }
        seen => {
            *seen = Some((handled, now, false));
            None
        }
    });
    let Some((elapsed, alert, stuck)) = verdict else { return };
    if alert {
        tracing::warn!(actor = &*core.path, ?elapsed, "it is at one message for long");
    }
    if stuck {
        core.interrupt(Fault::new(FaultKind::STUCK, format!("it was at one message for {elapsed:?}")));
    }
}
