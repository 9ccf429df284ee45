/// The longest context that a model may have, in chords.
pub const ORDER_MAX: usize = 8;

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

/// Keys that are struck together, one bit for each: a symbol of the model.
pub(super) type Chord = u128;

/// How often one run of chords was heard.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// The last of the run; those before it are the node's parents.
    chord: Chord,
    parent: u32,
    /// How often the run was heard.
    count: u32,
    /// How often anything was heard after it.
    continued: u32,
    /// Where the run was last heard to end.
    latest: u32,
    /// The first of the runs that are longer by one, and the next one of this
    /// node's own kind; a free node's `next` is the next free one.
    child: u32,
    next: u32,
    previous: u32,
    /// The next in its bucket.
    chain: u32,
}

const EMPTY: Node = Node {
    chord: 0,
    parent: NONE,
    count: 0,
    continued: 0,
    latest: 0,
    child: NONE,
    next: NONE,
    previous: NONE,
    chain: NONE,
};

/// What was heard last, as the nodes of its runs: of none, one, two … chords.
pub(super) type Runs = [u32; ORDER_MAX + 1];

/// Nothing was heard yet.
pub(super) const NO_RUNS: Runs = {
    let mut runs = [NONE; ORDER_MAX + 1];
    runs[0] = ROOT;
    runs
};

/// What a draw comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Drawn {
    pub(super) chord: Chord,
    /// Where it was heard last in this context.
    pub(super) place: u32,
    /// How many chords of context were used.
    pub(super) order: usize,
}

/// All runs of up to `order + 1` chords that were heard, with their counts: a
/// variable-order Markov model in a table of fixed size.
///
/// Source: Pachet, "The Continuator: musical interaction with style", 2003; the choice of
/// the longest context is also in Begleiter, El-Yaniv and Yona, "On prediction using
/// variable order Markov models", 2004.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Box<[Node]>,
    buckets: Box<[u32]>,
    free: u32,
    order: usize,
}

impl Trie {
    /// With room for every run that begins at any of so many chords. Real-time: no (allocates).
    pub(super) fn new(order: usize, chords: usize) -> Trie {
        let order = order.clamp(1, ORDER_MAX);
        let count = chords * (order + 1) + 1;
        let mut nodes = vec![EMPTY; count].into_boxed_slice();
        for (index, node) in nodes.iter_mut().enumerate().skip(1) {
            node.next = if index + 1 < count { index as u32 + 1 } else { NONE };
        }
        let buckets = vec![NONE; count.next_power_of_two()].into_boxed_slice();
        Trie { nodes, buckets, free: 1, order }
    }

    pub(super) fn order(&self) -> usize {
        self.order
    }

    fn at(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    fn at_mut(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    fn bucket(&self, parent: u32, chord: Chord) -> usize {
        let folded = (chord >> 64) as u64 ^ (chord as u64).rotate_left(29);
        let mut x = folded ^ u64::from(parent).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 32)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        (x ^ (x >> 32)) as usize & (self.buckets.len() - 1)
    }

    fn child(&self, parent: u32, chord: Chord) -> Option<u32> {
        let mut at = self.buckets[self.bucket(parent, chord)];
        while at != NONE {
            let node = self.at(at);
            if node.parent == parent && node.chord == chord {
                return Some(at);
            }
            at = node.chain;
        }
        None
    }

    fn add_child(&mut self, parent: u32, chord: Chord) -> Option<u32> {
        let fresh = self.free;
        if fresh == NONE {
            return None;
        }
        self.free = self.at(fresh).next;
        let bucket = self.bucket(parent, chord);
        let next = std::mem::replace(&mut self.at_mut(parent).child, fresh);
        if next != NONE {
            self.at_mut(next).previous = fresh;
        }
        let chain = std::mem::replace(&mut self.buckets[bucket], fresh);
        *self.at_mut(fresh) = Node { chord, parent, next, chain, ..EMPTY };
        Some(fresh)
    }

    /// Takes a node that nothing was heard of any more out of the table.
    fn remove(&mut self, node: u32) {
        let Node { chord, parent, next, previous, chain, .. } = *self.at(node);
        match previous {
            NONE => self.at_mut(parent).child = next,
            previous => self.at_mut(previous).next = next,
        }
        if next != NONE {
            self.at_mut(next).previous = previous;
        }
        let bucket = self.bucket(parent, chord);
        if self.buckets[bucket] == node {
            self.buckets[bucket] = chain;
        } else {
            let mut at = self.buckets[bucket];
            while self.at(at).chain != node {
                at = self.at(at).chain;
            }
            self.at_mut(at).chain = chain;
        }
        let free = std::mem::replace(&mut self.free, node);
        *self.at_mut(node) = Node { next: free, ..EMPTY };
    }

    /// A chord was heard, at a place, after the runs that end with the one before it; these
    /// go on with it. Real-time: yes.
    pub(super) fn learn(&mut self, runs: &mut Runs, chord: Chord, place: u32) {
        let mut longer = NO_RUNS;
        for length in 0..=self.order {
            let Some(before) = Some(runs[length]).filter(|node| *node != NONE) else { continue };
            let Some(node) = self.child(before, chord).or_else(|| self.add_child(before, chord)) else {
                continue;
            };
            self.at_mut(before).continued += 1;
            let heard = self.at_mut(node);
            heard.count += 1;
            heard.latest = place;
            if length < self.order {
                longer[length + 1] = node;
            }
        }
        *runs = longer;
    }

    /// Forgets the runs that begin at one chord, given with those that came after it. They
    /// are to be forgotten in the order in which they were heard. Real-time: yes.
    pub(super) fn forget(&mut self, chords: impl Iterator<Item = Chord>) {
        let mut path = [NONE; ORDER_MAX + 1];
        let mut at = ROOT;
        let mut length = 0;
        for (chord, place) in chords.take(self.order + 1).zip(&mut path) {
            let Some(node) = self.child(at, chord) else { break };
            self.at_mut(at).continued -= 1;
            self.at_mut(node).count -= 1;
            *place = node;
            at = node;
            length += 1;
        }
        // What begins with a run that is gone began no later than it: it is gone already.
        for node in path[..length].iter().rev() {
            if self.at(*node).count == 0 {
                self.remove(*node);
            }
        }
    }

    /// Draws what comes after a context, by how often each chord came after the longest
    /// end of it that was ever heard to go on: `below` gives a whole number below its
    /// argument. `None` where nothing was heard at all. Looks at most at every context
    /// and every chord once. Real-time: yes.
    pub(super) fn draw(&self, context: &[Chord], below: impl FnOnce(u64) -> u64) -> Option<Drawn> {
        let longest = context.len().min(self.order);
        let (order, node) = (0..=longest).rev().find_map(|order| {
            let node = context[context.len() - order..]
                .iter()
                .try_fold(ROOT, |node, chord| self.child(node, *chord))?;
            (self.at(node).continued > 0).then_some((order, node))
        })?;
        let mut left = below(u64::from(self.at(node).continued));
        let mut at = self.at(node).child;
        while at != NONE {
            let Node { chord, count, latest, next, .. } = *self.at(at);
            if left < u64::from(count) {
                return Some(Drawn { chord, place: latest, order });
            }
            left -= u64::from(count);
            at = next;
        }
        None
    }

    /// Runs that are in the table. Real-time: yes.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.nodes[1..].iter().filter(|node| node.parent != NONE).count()
    }

    /// How often a run was heard.
    #[cfg(test)]
    pub(super) fn count(&self, run: &[Chord]) -> u32 {
        let node = run.iter().try_fold(ROOT, |node, chord| self.child(node, *chord));
        node.map_or(0, |node| self.at(node).count)
    }
}
