use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::cell::{AnyCell, Phase};
use super::family::Family;
use super::fault::Fault;

/// What there is to say of one actor, and of its children.
#[derive(Clone, PartialEq, Debug)]
pub struct ActorReport {
    /// Where it stands.
    pub path: Arc<str>,
    /// Where it is in its life.
    pub phase: Phase,
    /// Messages that wait, those it has in hand not counted.
    pub waiting: usize,
    /// Urgent messages that wait.
    pub urgent: usize,
    /// Messages that may wait.
    pub capacity: usize,
    /// Messages taken so far, in all incarnations.
    pub handled: u64,
    /// Messages given back because the mailbox was full.
    pub refused: u64,
    /// Half of those timed (one in sixteen) were handled within this.
    pub handling_p50: Option<Duration>,
    /// All but a hundredth of those timed were handled within this.
    pub handling_p99: Option<Duration>,
    /// What it is handling now.
    pub current: Option<CurrentMessage>,
    /// How often one message took longer than the system's limit.
    pub slow_alerts: u64,
    /// How often it was started anew.
    pub restarts: u32,
    /// How often it failed.
    pub faults: u64,
    /// How it failed last.
    pub last_fault: Option<Fault>,
    /// The edges that lead to it.
    pub edges: Vec<EdgeReport>,
    /// Its children, in the order of their start.
    pub children: Vec<ActorReport>,
}

/// The message an actor is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CurrentMessage {
    /// Its label, or its type.
    pub label: &'static str,
    /// For how long at least: the watchdog looks every quarter of a second.
    pub at_least: Duration,
}

/// What an edge has carried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EdgeReport {
    /// Its other end.
    pub from: String,
    /// What it does where there is no room.
    pub policy: super::Policy,
    /// Messages taken in.
    pub sent: u64,
    /// Messages lost to the policy.
    pub dropped: u64,
    /// Messages given back.
    pub refused: u64,
}

impl ActorReport {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// This one and all below it, parents first, each with how deep it stands.
    pub fn walk(&self) -> Vec<(usize, &ActorReport)> {
        fn add<'a>(report: &'a ActorReport, depth: usize, all: &mut Vec<(usize, &'a ActorReport)>) {
            all.push((depth, report));
            report.children.iter().for_each(|child| add(child, depth + 1, all));
        }
        let mut all = Vec::new();
        add(self, 0, &mut all);
        all
    }
}

pub(super) fn report_all(family: &Family) -> Vec<ActorReport> {
    family.children().iter().map(|child| report(&**child.cell())).collect()
}

fn report(cell: &dyn AnyCell) -> ActorReport {
    let core = cell.core();
    let (waiting, urgent, capacity) = cell.depth();
    let label = || {
        let labelled = core.labels.get(core.label.load(Ordering::Relaxed) as usize);
        labelled.copied().unwrap_or_else(|| cell.message_type())
    };
    let handled = core.handled.load(Ordering::Relaxed);
    let mut report = ActorReport {
        path: Arc::clone(&core.path),
        phase: core.phase(),
        waiting,
        urgent,
        capacity,
        handled,
        refused: core.refused.load(Ordering::Relaxed),
        handling_p50: None,
        handling_p99: None,
        current: core
            .busy
            .load(Ordering::Relaxed)
            .then(|| CurrentMessage { label: label(), at_least: Duration::ZERO }),
        slow_alerts: 0,
        restarts: core.restarts.load(Ordering::Relaxed),
        faults: 0,
        last_fault: None,
        edges: Vec::new(),
        children: core.family.get().map(|family| report_all(family)).unwrap_or_default(),
    };
    core.if_rare(|rare| {
        report.handling_p50 = rare.handling.percentile(0.5);
        report.handling_p99 = rare.handling.percentile(0.99);
        report.slow_alerts = rare.slow_alerts;
        report.faults = rare.faults;
        report.last_fault = rare.last_fault.clone();
        if let (Some(current), Some((seen, since, _))) = (&mut report.current, rare.seen)
            && seen == handled
        {
            current.at_least = since.elapsed();
        }
        report.edges = rare
            .edges
            .iter()
            .filter_map(|edge| edge.upgrade())
            .map(|edge| EdgeReport {
                from: edge.from.to_string(),
                policy: edge.policy,
                sent: edge.sent.load(Ordering::Relaxed),
                dropped: edge.dropped.load(Ordering::Relaxed),
                refused: edge.refused.load(Ordering::Relaxed),
            })
            .collect();
    });
    report
}
