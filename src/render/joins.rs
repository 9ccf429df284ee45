use super::fault::Outcome;
use super::patience::Patience;
use super::{AudioEdge, NODES, Node};

/// The nodes that are out at workers in a piece, to be waited for where they are
/// heard. Real-time: yes, but for the constructor.
pub(super) struct Joins {
    out: Vec<u16>,
}

impl Joins {
    pub(super) fn new() -> Joins {
        Joins { out: Vec::with_capacity(NODES) }
    }

    /// A node was played, or sent to its worker.
    pub(super) fn note(&mut self, node: u16, place: &Node) {
        if place.is_out() && self.out.len() < self.out.capacity() {
            self.out.push(node);
        }
    }

    /// Waits for those that these edges come from.
    pub(super) fn before(
        &mut self,
        edges: &[AudioEdge],
        nodes: &mut [Option<Box<Node>>],
        patience: &mut Patience,
        mut came: impl FnMut(u16, Outcome),
    ) {
        if self.out.is_empty() {
            return;
        }
        for edge in edges {
            if let Some(index) = self.out.iter().position(|node| *node == edge.from) {
                self.out.swap_remove(index);
                join(edge.from, nodes, patience, &mut came);
            }
        }
    }

    /// Waits for all others: at the end of a piece.
    pub(super) fn rest(
        &mut self,
        nodes: &mut [Option<Box<Node>>],
        patience: &mut Patience,
        mut came: impl FnMut(u16, Outcome),
    ) {
        while let Some(node) = self.out.pop() {
            join(node, nodes, patience, &mut came);
        }
    }
}

fn join(
    node: u16,
    nodes: &mut [Option<Box<Node>>],
    patience: &mut Patience,
    came: &mut impl FnMut(u16, Outcome),
) {
    if let Some(Some(place)) = nodes.get_mut(usize::from(node)) {
        let verdict = place.join(patience);
        came(node, Outcome { missed: place.take_missed(), verdict });
    }
}
