use std::time::Duration;

use super::board::StageReport;
use super::parts::Parts;
use super::port::PortReport;
use crate::actor::ActorReport;

/// One actor of the tree, for people and programs.
#[derive(Clone, PartialEq, Debug)]
pub struct ActorState {
    /// Where it stands.
    pub path: String,
    /// How deep: 0 for the root.
    pub depth: usize,
    /// Where it is in its life.
    pub state: &'static str,
    /// How often it was started anew.
    pub restarts: u64,
    /// How it failed last.
    pub last_fault: Option<String>,
    /// Messages that wait.
    pub waiting: usize,
    /// Messages taken so far.
    pub handled: u64,
    /// Half of its messages were handled within this.
    pub p50: Option<Duration>,
    /// All but a hundredth of them were handled within this.
    pub p99: Option<Duration>,
    /// What it is at, and for how long at least.
    pub current: Option<(&'static str, Duration)>,
    /// Of a keeper: how its instrument or stage fares.
    pub stage: Option<StageReport>,
    /// Of a MIDI port's keeper: what is connected, and what passed.
    pub port: Option<PortReport>,
}

/// The tree, parents first.
pub(super) fn states(roots: &[ActorReport], parts: &Parts) -> Vec<ActorState> {
    let state = |(depth, report): (usize, &ActorReport)| ActorState {
        path: report.path.to_string(),
        depth,
        state: report.phase.name(),
        restarts: u64::from(report.restarts),
        last_fault: report.last_fault.as_ref().map(ToString::to_string),
        waiting: report.waiting + report.urgent,
        handled: report.handled,
        p50: report.handling_p50,
        p99: report.handling_p99,
        current: report.current.map(|current| (current.label, current.at_least)),
        stage: parts.board.stage(&report.path),
        port: parts.board.shown().ports.get(report.path.as_ref()).cloned(),
    };
    roots.iter().flat_map(ActorReport::walk).map(state).collect()
}
