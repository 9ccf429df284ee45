use super::palette::Palette;
use super::weights::Weights;
use super::{BAR_SLOTS, Function, Leaf, PHRASE_BARS, elaborate};
use crate::unit::Random;

/// What a phrase begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Opening {
    /// The tonic.
    Home,
    /// The subdominant: the middle of a piece.
    Away,
}

/// What a phrase ends with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Close {
    /// A dominant, which waits for the next phrase.
    Open,
    /// A bar of tonic.
    Closed,
    /// The tonic, and the dominant that leads on.
    Around,
}

/// Loops of four chords, as functions; a bar each.
const LOOPS: [(u32, [Function; 4]); 5] = [
    (4, [Function::Tonic, Function::Dominant, Function::Parallel, Function::Subdominant]),
    (3, [Function::Tonic, Function::Parallel, Function::Subdominant, Function::Dominant]),
    (2, [Function::Tonic, Function::Subdominant, Function::Parallel, Function::Dominant]),
    (2, [Function::Parallel, Function::Subdominant, Function::Tonic, Function::Dominant]),
    (1, [Function::Tonic, Function::Subdominant, Function::Tonic, Function::Dominant]),
];

/// Derives phrases.
pub(super) struct Writer<'p> {
    pub palette: &'p Palette,
    pub weights: Weights,
    pub random: Random,
}

impl Writer<'_> {
    fn chance(&mut self, percent: u32) -> bool {
        self.random.below(100) < u64::from(percent)
    }

    fn leaf(&mut self, function: Function, slots: u32, before: Option<&Leaf>) -> Leaf {
        let but = before.map(|leaf| leaf.roman.fifths);
        self.palette.leaf(function, slots, but, &mut self.random)
    }

    /// A section: phrases of four bars, the last one longer where the bars do not divide.
    pub(super) fn section(&mut self, bars: u32, opening: Opening, close: Close) -> Vec<Leaf> {
        let phrases = (bars / PHRASE_BARS).max(1);
        let mut leaves: Vec<Leaf> = Vec::new();
        let mut first: Vec<Leaf> = Vec::new();
        for index in 0..phrases {
            let is_last = index + 1 == phrases;
            let slots = BAR_SLOTS * if is_last { bars - index * PHRASE_BARS } else { PHRASE_BARS };
            let opening = if index == 0 { opening } else { Opening::Home };
            let close = if is_last { close } else { Close::Open };
            let again = !first.is_empty() && opening == Opening::Home && self.chance(self.weights.period);
            let phrase =
                if again { self.answer(&first, slots, close) } else { self.phrase(slots, opening, close) };
            let phrase = elaborate::phrase(phrase, self.palette, self.weights, &mut self.random);
            if index == 0 {
                first.clone_from(&phrase);
            }
            leaves.extend(phrase);
        }
        leaves
    }

    /// Begins as another phrase and has an end of its own.
    fn answer(&mut self, first: &[Leaf], slots: u32, close: Close) -> Vec<Leaf> {
        let mut left = slots / 2 / BAR_SLOTS * BAR_SLOTS;
        let end = slots - left;
        let mut leaves = Vec::new();
        for leaf in first {
            let taken = leaf.slots.min(left);
            if taken > 0 {
                leaves.push(Leaf { slots: taken, ..*leaf });
            }
            left -= taken;
        }
        // Where the first phrase was short, its last chord goes on.
        if let Some(last) = leaves.last_mut() {
            last.slots += left;
        }
        leaves.extend(self.cadence(end, close));
        leaves
    }

    /// `P → TR DR (t)`.
    fn phrase(&mut self, slots: u32, opening: Opening, close: Close) -> Vec<Leaf> {
        // A single bar has room for both in its halves only.
        let close = if slots <= BAR_SLOTS && close == Close::Open { Close::Around } else { close };
        if slots == 4 * BAR_SLOTS
            && opening == Opening::Home
            && close == Close::Open
            && self.chance(self.weights.looped)
        {
            return self.looped();
        }
        let end = match close {
            _ if slots <= BAR_SLOTS => slots,
            Close::Open => self.broadness(slots, BAR_SLOTS),
            _ => {
                BAR_SLOTS
                    + if slots > 2 * BAR_SLOTS { self.broadness(slots - BAR_SLOTS, BAR_SLOTS) } else { 0 }
            }
        };
        let mut leaves = match slots - end {
            0 => Vec::new(),
            region if opening == Opening::Away => self.away(region),
            region => self.tonic(region),
        };
        // Two bars: the dominant is before the second.
        if slots == 2 * BAR_SLOTS && close != Close::Open {
            leaves = vec![self.leaf(Function::Tonic, 1, None), self.leaf(Function::Dominant, 1, None)];
        }
        leaves.extend(self.cadence(end, close));
        leaves
    }

    /// How many slots the dominant region takes, at the most as many as are left for it with a bar of tonic.
    fn broadness(&mut self, slots: u32, narrow: u32) -> u32 {
        if slots >= narrow + 2 * BAR_SLOTS && self.chance(self.weights.broad) { 2 * narrow } else { narrow }
    }

    /// The end of a phrase.
    fn cadence(&mut self, slots: u32, close: Close) -> Vec<Leaf> {
        match close {
            _ if slots <= 1 => vec![self.leaf(Function::Tonic, slots, None)],
            Close::Open => self.dominant(slots),
            // A single bar, or the bar to which a dominant before it has led.
            _ if slots == BAR_SLOTS => self.home(close),
            _ => {
                let mut leaves = self.dominant(slots - BAR_SLOTS);
                leaves.extend(self.home(close));
                leaves
            }
        }
    }

    /// The last bar.
    fn home(&mut self, close: Close) -> Vec<Leaf> {
        match close {
            Close::Around => {
                vec![self.leaf(Function::Tonic, 1, None), self.leaf(Function::Dominant, 1, None)]
            }
            _ => vec![self.leaf(Function::Tonic, BAR_SLOTS, None)],
        }
    }

    fn looped(&mut self) -> Vec<Leaf> {
        // A piece begins on its tonic, so the loop that does not is for minor, where the parallel is as strong.
        let weights = LOOPS.map(|(weight, _)| weight);
        let (_, mut functions) = LOOPS[self.random.weighed(&weights)];
        if self.palette.has_sevenths {
            // A vamp: two chords by turns.
            functions = [Function::Tonic, Function::Subdominant, Function::Tonic, Function::Subdominant];
        } else if functions[0] != Function::Tonic {
            functions = [Function::Tonic, Function::Parallel, Function::Subdominant, Function::Dominant];
        }
        let mut leaves: Vec<Leaf> = Vec::new();
        for (index, function) in functions.into_iter().enumerate() {
            // What comes again is the same chord.
            let again = leaves.iter().find(|leaf| leaf.function == function).copied();
            let last = leaves.last().copied();
            leaves.push(match again {
                Some(leaf) if index > 0 => leaf,
                _ => self.leaf(function, BAR_SLOTS, last.as_ref()),
            });
        }
        leaves
    }

    /// `TR`: the tonic prolonged.
    fn tonic(&mut self, slots: u32) -> Vec<Leaf> {
        let home = self.leaf(Function::Tonic, slots.min(BAR_SLOTS), None);
        if slots <= BAR_SLOTS {
            return vec![home];
        }
        if slots <= 2 * BAR_SLOTS {
            let rest = slots - BAR_SLOTS;
            return match self.random.weighed(&self.weights.tonic) {
                0 => vec![Leaf { slots, ..home }],
                1 => vec![home, self.leaf(Function::Parallel, rest, Some(&home))],
                2 => vec![home, self.leaf(Function::Subdominant, rest, Some(&home))],
                _ => vec![home, self.leaf(Function::Dominant, rest, Some(&home))],
            };
        }
        let mut leaves = Vec::new();
        let rest = slots - 2 * BAR_SLOTS;
        match self.random.weighed(&self.weights.region) {
            0 => {
                leaves.extend(self.tonic(2 * BAR_SLOTS));
                leaves.extend(self.further(rest, leaves.last().copied()));
            }
            1 => {
                leaves.push(home);
                leaves.push(self.leaf(Function::Subdominant, BAR_SLOTS, Some(&home)));
                leaves.extend(self.tonic(rest));
            }
            _ => {
                leaves.push(home);
                leaves.push(self.leaf(Function::Dominant, BAR_SLOTS, Some(&home)));
                leaves.extend(self.further(rest, leaves.last().copied()));
            }
        }
        leaves
    }

    /// A tonic region that begins with the tonic's parallel (`t → tp`).
    fn further(&mut self, slots: u32, before: Option<Leaf>) -> Vec<Leaf> {
        let first = slots.min(BAR_SLOTS);
        let mut leaves = vec![self.leaf(Function::Parallel, first, before.as_ref())];
        if slots > first {
            leaves.extend(self.tonic(slots - first));
        }
        leaves
    }

    /// A middle: away from the tonic, and back to it where there is room.
    fn away(&mut self, slots: u32) -> Vec<Leaf> {
        let out = if slots >= 4 * BAR_SLOTS { 2 * BAR_SLOTS } else { slots.min(BAR_SLOTS) };
        let mut leaves = self.subdominant(out);
        if slots > out {
            leaves.extend(self.tonic(slots - out));
        }
        leaves
    }

    /// `SR`.
    fn subdominant(&mut self, slots: u32) -> Vec<Leaf> {
        let first = self.leaf(Function::Subdominant, slots.min(BAR_SLOTS), None);
        if slots <= BAR_SLOTS {
            return vec![first];
        }
        vec![first, self.leaf(Function::Subdominant, slots - BAR_SLOTS, Some(&first))]
    }

    /// `DR → SR d`.
    fn dominant(&mut self, slots: u32) -> Vec<Leaf> {
        if slots <= 1 {
            return vec![self.leaf(Function::Dominant, slots, None)];
        }
        if slots <= BAR_SLOTS {
            return match self.random.weighed(&self.weights.dominant) {
                0 => {
                    let before = self.leaf(Function::Subdominant, slots - 1, None);
                    vec![before, self.leaf(Function::Dominant, 1, Some(&before))]
                }
                _ => vec![self.leaf(Function::Dominant, slots, None)],
            };
        }
        let front = slots - BAR_SLOTS;
        let mut leaves = match self.random.weighed(&self.weights.cadence) {
            0 => vec![self.leaf(Function::Subdominant, front, None)],
            1 => {
                // The fourth degree before the second: the bass goes on to the fifth by a fourth.
                let first = self.palette.leaf(Function::Subdominant, front - 1, Some(2), &mut self.random);
                vec![first, self.leaf(Function::Subdominant, 1, Some(&first))]
            }
            _ => vec![self.leaf(Function::Dominant, front, None)],
        };
        let last = leaves.last().copied().filter(|leaf| leaf.function == Function::Subdominant);
        leaves.push(self.leaf(Function::Dominant, BAR_SLOTS, last.as_ref()));
        leaves
    }
}
