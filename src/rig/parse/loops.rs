//! Loops of audio cables: which cable of a loop is heard late, and which loops
//! cannot be.

use std::collections::VecDeque;

use super::super::model::{CableKind, Port, Rig};
use super::super::problem::Problem;
use crate::unit::{QUANTUM_FRAMES, SampleRate};

/// An audio cable between two actors.
#[derive(Clone, Copy)]
struct Edge {
    cable: usize,
    from: usize,
    to: usize,
}

/// Marks the cables that close loops at this rate: every cable into a stage
/// that delays at least a quantum, from within a loop that it is part of.
/// [`parse`](super::parse) does it at the rig's rate (or 48 kHz); do it again
/// when the rig is played at another. Real-time: no.
///
/// # Errors
/// The loops that are left: no stage in them delays enough.
pub fn close_loops(rig: &mut Rig, rate: SampleRate) -> Result<(), Vec<Problem>> {
    let edges = edges(rig);
    let reach = Reach::of(rig.actors.len(), &edges);
    let delays: Vec<Option<u64>> =
        rig.actors.iter().map(|actor| actor.kind.loop_delay_frames(&actor.settings, rate)).collect();
    let delays_enough = |actor: usize| delays[actor].is_some_and(|frames| frames >= QUANTUM_FRAMES as u64);
    let mut left = Vec::new();
    for edge in &edges {
        let closes = reach.has(edge.to, edge.from) && delays_enough(edge.to);
        if let CableKind::Audio { closes_loop, .. } = &mut rig.cables[edge.cable].kind {
            *closes_loop = closes;
        }
        if !closes {
            left.push(*edge);
        }
    }
    let reach = Reach::of(rig.actors.len(), &left);
    let mut problems = Vec::new();
    let mut told = vec![false; rig.actors.len()];
    for edge in left.iter().rev() {
        // One problem for each knot of loops, at its last cable.
        if reach.has(edge.to, edge.from) && !told[edge.to] {
            for (actor, told) in told.iter_mut().enumerate() {
                *told |= actor == edge.to || reach.has(actor, edge.to) && reach.has(edge.to, actor);
            }
            problems.push(endless(rig, *edge, &left, &delays, rate));
        }
    }
    problems.reverse();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn edges(rig: &Rig) -> Vec<Edge> {
    let edge = |(cable, ends): (usize, &super::super::model::Cable)| match (ends.from, ends.to, &ends.kind) {
        (Port::Actor(from), Port::Actor(to), CableKind::Audio { .. }) => Some(Edge { cable, from, to }),
        _ => None,
    };
    rig.cables.iter().enumerate().filter_map(edge).collect()
}

fn endless(rig: &Rig, edge: Edge, edges: &[Edge], delays: &[Option<u64>], rate: SampleRate) -> Problem {
    let path = path(rig.actors.len(), edge.to, edge.from, edges);
    let name = |actor: &usize| rig.actors[*actor].name.as_str();
    let mut names: Vec<&str> = path.iter().map(name).collect();
    if let Some(first) = names.first().copied() {
        names.push(first);
    }
    let names = if names.len() <= 12 {
        names.join(" -> ")
    } else {
        format!("{} -> ... -> {}", names[..8].join(" -> "), names[names.len() - 2..].join(" -> "))
    };
    let least_milliseconds = rate.seconds(QUANTUM_FRAMES as u64) * 1_000.0;
    let least = format!("{QUANTUM_FRAMES} frames ({least_milliseconds:.2} ms at {rate})");
    let short = path.iter().find_map(|actor| delays[*actor].map(|frames| (name(actor), frames)));
    let (message, hint) = match short {
        Some((actor, frames)) => (
            format!("the loop {names} has too short a delay: `{actor}` delays {frames} frames"),
            format!("make `{actor}` delay at least {least}"),
        ),
        None => (
            format!("the loop {names} has no delay"),
            format!("a loop needs a stage in it that delays, such as `delay`, by at least {least}"),
        ),
    };
    rig.problem_at_cable(edge.cable, message, Some(hint))
}

/// A shortest way along the cables, both ends included.
fn path(actors: usize, start: usize, end: usize, edges: &[Edge]) -> Vec<usize> {
    let mut before = vec![None; actors];
    let mut queue = VecDeque::from([start]);
    while let Some(actor) = queue.pop_front() {
        if actor == end {
            break;
        }
        for edge in edges.iter().filter(|edge| edge.from == actor) {
            if edge.to != start && before[edge.to].is_none() {
                before[edge.to] = Some(actor);
                queue.push_back(edge.to);
            }
        }
    }
    let mut path = vec![end];
    while let Some(previous) = path.last().and_then(|actor| before[*actor]) {
        path.push(previous);
    }
    path.reverse();
    path
}

/// Who is reached from whom along at least one cable.
struct Reach {
    actors: usize,
    table: Vec<bool>,
}

impl Reach {
    /// Warshall 1962: the transitive closure, in actors³ steps.
    fn of(actors: usize, edges: &[Edge]) -> Reach {
        let mut table = vec![false; actors * actors];
        for edge in edges {
            table[edge.from * actors + edge.to] = true;
        }
        for via in 0..actors {
            for from in 0..actors {
                if table[from * actors + via] {
                    for to in 0..actors {
                        table[from * actors + to] |= table[via * actors + to];
                    }
                }
            }
        }
        Reach { actors, table }
    }

    fn has(&self, from: usize, to: usize) -> bool {
        self.table[from * self.actors + to]
    }
}
