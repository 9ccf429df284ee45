//! What is heard of several edges together.

use crate::render::{AudioEdge, Node};
use crate::unit::QUANTUM_FRAMES;

pub(super) fn range((from, to): (u16, u16)) -> std::ops::Range<usize> {
    usize::from(from)..usize::from(to)
}

/// Sums edges, in order, into the first `length` samples of a fresh pair.
pub(super) fn sum(
    edges: &mut [AudioEdge],
    range: (u16, u16),
    nodes: &[Option<Box<Node>>],
    at: usize,
    length: usize,
    heard: impl Fn(&Node) -> &[[f32; QUANTUM_FRAMES]; 2],
) -> [[f32; QUANTUM_FRAMES]; 2] {
    let mut total = [[0.0; QUANTUM_FRAMES]; 2];
    let [left, right] = &mut total;
    for edge in &mut edges[self::range(range)] {
        let Some(Some(node)) = nodes.get(usize::from(edge.from)) else { continue };
        let [from_left, from_right] = heard(node);
        let from = from_left[at..at + length].iter().zip(&from_right[at..at + length]);
        let to = left.iter_mut().zip(right.iter_mut());
        match edge.gain.steady() {
            Some(1.0) => to.zip(from).for_each(|((l, r), (x, y))| {
                *l += x;
                *r += y;
            }),
            Some(gain) => to.zip(from).for_each(|((l, r), (x, y))| {
                *l += x * gain;
                *r += y * gain;
            }),
            None => to.zip(from).for_each(|((l, r), (x, y))| {
                let gain = edge.gain.next();
                *l += x * gain;
                *r += y * gain;
            }),
        }
    }
    total
}
