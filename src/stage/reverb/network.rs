use super::tuning::{LINES, Tuning};
use crate::dsp::DelayLine;
use crate::unit::QUANTUM_FRAMES;

/// One stretch of every line, wide enough for whole vectors of any SIMD.
type Stretch = [[f32; QUANTUM_FRAMES]; LINES];

/// Signs with which left and right go in and come out. The rows of each pair are
/// orthogonal, which makes the channels independent; each row is a bent sequence,
/// which the matrix spreads evenly over all lines.
const IN_SIGNS: [[f32; LINES]; 2] = [
    [-1., 1., -1., 1., -1., 1., 1., -1., 1., 1., -1., -1., 1., 1., 1., 1.],
    [-1., -1., -1., -1., -1., 1., -1., 1., -1., 1., 1., -1., -1., -1., 1., 1.],
];
const OUT_SIGNS: [[f32; LINES]; 2] = [
    [-1., 1., -1., -1., 1., -1., 1., 1., -1., -1., 1., -1., -1., -1., 1., -1.],
    [1., -1., 1., -1., -1., -1., 1., 1., -1., 1., 1., -1., 1., 1., 1., 1.],
];

/// Which line each row of the matrix feeds. A Hadamard matrix alone has only the
/// eigenvalues 1 and -1, which would bunch the low modes.
const ROUTE: [usize; LINES] = [5, 12, 0, 9, 14, 3, 7, 10, 1, 13, 6, 15, 2, 8, 11, 4];

/// A feedback delay network of sixteen lines and a Hadamard matrix.
///
/// Sources: Jot & Chaigne (1991), as in [`Tuning`]; Stautner & Puckette,
/// "Designing Multi-Channel Reverberators", CMJ 6(1) (1982). Real-time: yes, but
/// for `new`.
pub(super) struct Network {
    lines: [DelayLine; LINES],
    /// The one-poles' states.
    held: [f32; LINES],
    stretch: Box<Stretch>,
}

impl Network {
    /// A silent network with lines up to so long. Allocates.
    pub(super) fn new(longest_frames: usize) -> Network {
        Network {
            lines: std::array::from_fn(|_| DelayLine::new(longest_frames)),
            held: [0.0; LINES],
            stretch: Box::new([[0.0; QUANTUM_FRAMES]; LINES]),
        }
    }

    /// Forgets the past.
    pub(super) fn reset(&mut self) {
        self.lines.iter_mut().for_each(DelayLine::reset);
        self.held = [0.0; LINES];
    }

    /// One chunk of at most a quantum, in place, running on `tuning`, or on the way
    /// from an old one: then `fade` holds that and each frame's share of `tuning`.
    /// `loudest` gets each frame's largest magnitude inside the network.
    pub(super) fn process(
        &mut self,
        tuning: &Tuning,
        fade: Option<(&Tuning, &[f32])>,
        channels: [&mut [f32]; 2],
        loudest: &mut [f32],
    ) {
        let frames = loudest.len();
        match fade {
            None => self.read(tuning, frames),
            Some((old, newer)) => self.read_between(old, tuning, newer),
        }
        let [left, right] = channels;
        let mut input = [[0.0; QUANTUM_FRAMES]; 2];
        for (k, (left, right)) in left.iter().zip(right.iter()).enumerate() {
            let gain = match fade {
                None => tuning.input_gain,
                Some((old, newer)) => between(old.input_gain, tuning.input_gain, newer[k]),
            };
            // A quarter: the length of a vector of sixteen ones is 4.
            (input[0][k], input[1][k]) = (0.25 * gain * left, 0.25 * gain * right);
        }
        self.tap(left, right, loudest);
        hadamard(&mut self.stretch);
        for line in 0..LINES {
            let row = &mut self.stretch[line];
            let signs = [IN_SIGNS[0][line], IN_SIGNS[1][line]];
            for k in 0..QUANTUM_FRAMES {
                row[k] = 0.25 * row[k] + (signs[0] * input[0][k] + signs[1] * input[1][k]);
            }
            self.lines[ROUTE[line]].write_block(&row[..frames]);
        }
    }

    /// What leaves the lines, with their losses.
    fn read(&mut self, tuning: &Tuning, frames: usize) {
        for line in 0..LINES {
            let row = &mut self.stretch[line];
            row[frames..].fill(0.0);
            self.lines[line].read_block(tuning.lengths_frames[line], &mut row[..frames]);
            row.iter_mut().for_each(|sample| *sample *= tuning.gains[line]);
        }
        if tuning.poles != [0.0; LINES] {
            for k in 0..frames {
                for line in 0..LINES {
                    let sample = self.stretch[line][k];
                    self.held[line] = sample + tuning.poles[line] * (self.held[line] - sample);
                    self.stretch[line][k] = self.held[line];
                }
            }
        } else {
            // What the one-poles would hold.
            for line in 0..LINES {
                self.held[line] = self.stretch[line][frames - 1];
            }
        }
    }

    /// The same on the way from one tuning to another.
    fn read_between(&mut self, old: &Tuning, new: &Tuning, newer: &[f32]) {
        let frames = newer.len();
        let mut past = [0.0; QUANTUM_FRAMES];
        for line in 0..LINES {
            let row = &mut self.stretch[line];
            row[frames..].fill(0.0);
            self.lines[line].read_block(old.lengths_frames[line], &mut past[..frames]);
            self.lines[line].read_block(new.lengths_frames[line], &mut row[..frames]);
            for k in 0..frames {
                let sample = between(old.gains[line] * past[k], new.gains[line] * row[k], newer[k]);
                let pole = between(old.poles[line], new.poles[line], newer[k]);
                self.held[line] = sample + pole * (self.held[line] - sample);
                row[k] = self.held[line];
            }
        }
    }

    /// Takes the outputs from the lines.
    fn tap(&self, left: &mut [f32], right: &mut [f32], loudest: &mut [f32]) {
        let mut sums = [[0.0_f32; QUANTUM_FRAMES]; 2];
        let mut peak = [0.0_f32; QUANTUM_FRAMES];
        for (line, row) in self.stretch.iter().enumerate() {
            for k in 0..QUANTUM_FRAMES {
                sums[0][k] += OUT_SIGNS[0][line] * row[k];
                sums[1][k] += OUT_SIGNS[1][line] * row[k];
                peak[k] = peak[k].max(row[k].abs());
            }
        }
        left.copy_from_slice(&sums[0][..left.len()]);
        right.copy_from_slice(&sums[1][..right.len()]);
        loudest.copy_from_slice(&peak[..loudest.len()]);
    }
}

fn between(old: f32, new: f32, newer: f32) -> f32 {
    old + (new - old) * newer
}

/// The fast Walsh–Hadamard transform over the lines, without its scale of 1/4.
fn hadamard(stretch: &mut Stretch) {
    let mut half = 1;
    while half < LINES {
        for pair in stretch.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                for k in 0..QUANTUM_FRAMES {
                    let (a, b) = (low[k], high[k]);
                    low[k] = a + b;
                    high[k] = a - b;
                }
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signs_are_orthogonal() {
        for pair in [IN_SIGNS, OUT_SIGNS] {
            let product: f32 = pair[0].iter().zip(pair[1]).map(|(a, b)| a * b).sum();
            assert_eq!(product, 0.0, "{pair:?}");
        }
    }

    #[test]
    fn the_matrix_keeps_the_energy() {
        let mut stretch: Stretch =
            std::array::from_fn(|line| std::array::from_fn(|k| ((line * 31 + k * 17) % 13) as f32 - 6.0));
        let energy = |s: &Stretch| s.iter().flatten().map(|x| x * x).sum::<f32>();
        let before = energy(&stretch);
        hadamard(&mut stretch);
        assert!((energy(&stretch) / 16.0 / before - 1.0).abs() < 1e-5);
    }
}
