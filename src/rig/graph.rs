use std::collections::BTreeMap;

use super::model::{CableKind, Port, Rig};
use crate::render::{AudioEdge, Plan, Step};
use crate::stage::Ramp;

/// What an audio cable enters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    Node(u16),
    Bus(u16),
}

/// An audio cable between places of the Renderer.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Edge {
    pub(super) from: u16,
    pub(super) to: Target,
    pub(super) late: bool,
    pub(super) gain: f32,
}

impl Edge {
    fn is_same_cable(&self, other: &Edge) -> bool {
        (self.from, self.to, self.late) == (other.from, other.to, other.late)
    }
}

/// The audio part of a rig, by places instead of names; in the rig's order.
#[derive(Clone, Default, Debug)]
pub(super) struct Graph {
    inputs: Vec<u16>,
    processors: Vec<u16>,
    buses: Vec<u16>,
    edges: Vec<Edge>,
    /// Some of it is only there to fade away.
    has_ghosts: bool,
}

/// A graph that can be played, and the plan that plays it.
pub(super) struct Lowered {
    pub(super) graph: Graph,
    pub(super) plan: Plan,
}

impl Graph {
    pub(super) fn of(rig: &Rig, nodes: &BTreeMap<String, u16>, buses: &BTreeMap<String, u16>) -> Graph {
        let node = |name: &str| nodes.get(name).copied();
        let edges = rig.cables.iter().filter_map(|cable| {
            let CableKind::Audio { gain, closes_loop } = &cable.kind else { return None };
            let to = match cable.to {
                Port::Output(_) => Target::Bus(buses.get(rig.port_name(cable.to)).copied()?),
                _ => Target::Node(node(rig.port_name(cable.to))?),
            };
            let from = node(rig.port_name(cable.from))?;
            Some(Edge { from, to, late: *closes_loop, gain: gain.to_gain() })
        });
        Graph {
            inputs: rig.inputs.iter().filter_map(|i| node(&i.name)).collect(),
            processors: rig.actors.iter().filter_map(|a| node(&a.name)).collect(),
            buses: rig.outputs.iter().filter_map(|o| buses.get(&o.name).copied()).collect(),
            edges: edges.collect(),
            has_ghosts: false,
        }
    }

    /// Whether nothing in it is only there to fade away.
    pub(super) fn is_exact(&self) -> bool {
        !self.has_ghosts
    }

    /// This graph with every cable that `next` lacks going to silence.
    pub(super) fn without(&self, next: &Graph) -> Graph {
        let mut fading = self.clone();
        for (edge, kept) in fading.edges.iter_mut().zip(matches(&self.edges, &next.edges)) {
            if kept.is_none() {
                edge.gain = 0.0;
            }
        }
        fading.has_ghosts = true;
        fading
    }

    /// The edges as the plan has them.
    pub(super) fn edges_in_order(&self, plan: &Plan) -> Vec<Edge> {
        let mut edges = Vec::with_capacity(plan.edges.len());
        for step in &plan.steps {
            match step {
                Step::Input { .. } => {}
                Step::Process { node, .. } => {
                    for late in [false, true] {
                        edges.extend(self.into(Target::Node(*node), late).cloned());
                    }
                }
                Step::Output { bus, .. } => edges.extend(self.into(Target::Bus(*bus), false).cloned()),
            }
        }
        edges
    }

    fn into(&self, to: Target, late: bool) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.to == to && edge.late == late)
    }

    /// The processors so that each comes after all it hears (Kahn, in the
    /// rig's order where there is a choice); `None` for a loop.
    fn order(&self) -> Option<Vec<u16>> {
        let mut order: Vec<u16> = Vec::with_capacity(self.processors.len());
        let mut left = self.processors.clone();
        while !left.is_empty() {
            let ready = left.iter().position(|node| {
                self.into(Target::Node(*node), false).all(|edge| !left.contains(&edge.from))
            })?;
            order.push(left.remove(ready));
        }
        Some(order)
    }
}

/// For each of `edges`, the index of its counterpart among `others`; each is
/// the counterpart of one at most.
fn matches(edges: &[Edge], others: &[Edge]) -> Vec<Option<usize>> {
    let mut taken = vec![false; others.len()];
    edges
        .iter()
        .map(|edge| {
            let found = (0..others.len()).find(|i| !taken[*i] && others[*i].is_same_cable(edge))?;
            taken[found] = true;
            Some(found)
        })
        .collect()
}

/// The new graph, with what of the old one is not in it fading away: actors
/// that leave keep what they hear, and what hears them fades.
pub(super) fn union(new: &Graph, old: &Graph) -> Graph {
    let mut both = new.clone();
    let absent = |list: &[u16], kept: &[u16]| -> Vec<u16> {
        list.iter().copied().filter(|n| !kept.contains(n)).collect()
    };
    let leaving = absent(&old.processors, &new.processors);
    both.inputs.extend(absent(&old.inputs, &new.inputs));
    both.buses.extend(absent(&old.buses, &new.buses));
    both.processors.extend(&leaving);
    for (edge, kept) in old.edges.iter().zip(matches(&old.edges, &new.edges)) {
        if kept.is_none() {
            let into_leaving = matches!(edge.to, Target::Node(node) if leaving.contains(&node));
            let gain = if into_leaving { edge.gain } else { 0.0 };
            both.edges.push(Edge { gain, ..edge.clone() });
        }
    }
    both.has_ghosts = both.edges.len() > new.edges.len()
        || both.processors.len() > new.processors.len()
        || both.inputs.len() > new.inputs.len()
        || both.buses.len() > new.buses.len();
    both
}

/// The plan of a graph; cables of `playing` (the edges of the plan before, in
/// its order) go on with the gain they have, others come in from silence.
/// `None` where the graph has a loop that no delay closes.
pub(super) fn lower(graph: &Graph, playing: &[Edge]) -> Option<Lowered> {
    let order = graph.order()?;
    let mut plan = Plan::default();
    plan.steps.extend(graph.inputs.iter().map(|node| Step::Input { node: *node }));
    let push = |plan: &mut Plan, to: Target, late: bool| {
        let start = plan.edges.len() as u16;
        for edge in graph.into(to, late) {
            let gain = Ramp::at(0.0);
            plan.edges.push(AudioEdge { from: edge.from, gain, continues: None, target: edge.gain });
        }
        (start, plan.edges.len() as u16)
    };
    for node in order {
        let main = push(&mut plan, Target::Node(node), false);
        let late = push(&mut plan, Target::Node(node), true);
        plan.steps.push(Step::Process { node, main, late });
    }
    for &bus in &graph.buses {
        let edges = push(&mut plan, Target::Bus(bus), false);
        plan.steps.push(Step::Output { bus, edges });
    }
    let ordered = graph.edges_in_order(&plan);
    for (edge, before) in plan.edges.iter_mut().zip(matches(&ordered, playing)) {
        edge.continues = before.map(|index| index as u16);
    }
    plan.looped = graph.edges.iter().filter(|e| e.late).map(|e| e.from).collect();
    plan.looped.sort_unstable();
    plan.looped.dedup();
    Some(Lowered { graph: graph.clone(), plan })
}
