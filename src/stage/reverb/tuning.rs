use crate::unit::maths;
use crate::unit::{QUANTUM_FRAMES, SampleRate};

/// Delay lines of the network.
pub(super) const LINES: usize = 16;

/// Lengths of the lines at `size` 0.5, in seconds: an irregular spread over less
/// than 3:1, shuffled so that neighbours in the matrix are not neighbours in time.
const LENGTHS_SECONDS: [f64; LINES] = [
    0.0303, 0.0189, 0.0437, 0.0253, 0.0367, 0.0173, 0.0411, 0.0287, 0.0227, 0.0469, 0.0201, 0.0341, 0.0239,
    0.0383, 0.0271, 0.0329,
];
/// Their mean, in seconds.
const MEAN_SECONDS: f64 = 0.0305;
/// What `size` 1 multiplies the lengths by, and 0 divides them by.
const SIZE_SPAN: f64 = 3.0;
/// The least number of passes through a mean line in one T60: a decay of fewer
/// would be single echoes and not a room.
const PASSES_PER_T60: f64 = 5.0;
/// Where `damping` is measured, in Hz (or at 0.4 of the rate if that is lower).
const DAMPING_HERTZ: f64 = 6_000.0;
/// The share of T60 that is left at that frequency with `damping` 1.
const DAMPED_SHARE: f64 = 0.1;

/// What a musician turns.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Knobs {
    pub(super) t60_seconds: f64,
    pub(super) size: f64,
    pub(super) damping: f64,
}

/// What the network runs on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Tuning {
    /// Mutually prime lengths.
    pub(super) lengths_frames: [usize; LINES],
    /// Of each pass: every line decays by 60 dB in T60.
    pub(super) gains: [f32; LINES],
    /// One-pole low-pass of each pass: 0 for none.
    pub(super) poles: [f32; LINES],
    /// Makes the energy of the response that of what goes in.
    pub(super) input_gain: f32,
}

/// Computes tunings on the audio thread; holds the primes that it needs to.
pub(super) struct Tuner {
    rate: SampleRate,
    primes: Box<[u32]>,
}

impl Tuner {
    /// Sieves the primes up to the longest line. Allocates.
    pub(super) fn new(rate: SampleRate) -> Tuner {
        // Room for sixteen primes beyond the longest target.
        let limit = longest_target_frames(rate) + 512;
        let mut composite = vec![false; limit + 1];
        let mut primes = Vec::new();
        for n in 2..=limit {
            if !composite[n] {
                primes.push(n as u32);
                (n * n..=limit).step_by(n).for_each(|multiple| composite[multiple] = true);
            }
        }
        Tuner { rate, primes: primes.into_boxed_slice() }
    }

    /// The longest line that any tuning asks for, in frames.
    pub(super) fn longest_frames(&self) -> usize {
        self.primes.last().map_or(1, |prime| *prime as usize)
    }

    /// The network for these knobs. Real-time: yes.
    ///
    /// Sources: Jot & Chaigne, "Digital delay networks for designing artificial
    /// reverberators", AES 90 (1991), for the gains and absorbent one-poles.
    pub(super) fn tune(&self, knobs: Knobs) -> Tuning {
        let t60_frames = knobs.t60_seconds * self.rate.as_f64();
        let scale = maths::pow(SIZE_SPAN, 2.0 * knobs.size - 1.0)
            .min(knobs.t60_seconds / (PASSES_PER_T60 * MEAN_SECONDS));
        let lengths_frames = self.lengths(scale);
        let gains = lengths_frames.map(|length| maths::exp10(-3.0 * length as f64 / t60_frames) as f32);
        let poles = lengths_frames.map(|length| self.pole(length, t60_frames, knobs.damping));
        // White noise at the input is spread evenly over the lines by each pass;
        // the sum of the geometric series gives the energy at both outputs.
        let kept = gains.iter().map(|gain| gain * gain).sum::<f32>() / LINES as f32;
        let input_gain = maths::pow(f64::from((1.0 - kept) / (2.0 * kept)), 0.5) as f32;
        Tuning { lengths_frames, gains, poles, input_gain }
    }

    /// Distinct primes, none shorter than a quantum.
    fn lengths(&self, scale: f64) -> [usize; LINES] {
        let mut order: [usize; LINES] = std::array::from_fn(|line| line);
        order.sort_unstable_by(|a, b| LENGTHS_SECONDS[*a].total_cmp(&LENGTHS_SECONDS[*b]));
        let mut lengths = [0; LINES];
        let mut free = 0;
        for line in order {
            let target = self.rate.frames(LENGTHS_SECONDS[line] * scale).max(QUANTUM_FRAMES as u64 + 1);
            let found = self.primes.partition_point(|prime| u64::from(*prime) < target);
            let index = found.max(free).min(self.primes.len() - 1);
            lengths[line] = self.primes[index] as usize;
            free = index + 1;
        }
        lengths
    }

    /// The pole of a one-pole low-pass (unity at 0 Hz) that takes from a pass what
    /// the shorter T60 at the damping frequency asks for.
    fn pole(&self, length_frames: usize, t60_frames: f64, damping: f64) -> f32 {
        if damping <= 0.0 {
            return 0.0;
        }
        let share = 1.0 - (1.0 - DAMPED_SHARE) * damping;
        let extra = length_frames as f64 / t60_frames * (1.0 / share - 1.0);
        let hertz = DAMPING_HERTZ.min(0.4 * self.rate.as_f64());
        let cosine = maths::cos(std::f64::consts::TAU * hertz / self.rate.as_f64());
        // |H|² = (1 − b)² / (1 − 2b·cos w + b²) = wanted, solved for b inside 0..1.
        let wanted = maths::exp10(-6.0 * extra);
        let half = (1.0 - wanted * cosine) / (1.0 - wanted);
        (half - libm::sqrt(half * half - 1.0)) as f32
    }
}

fn longest_target_frames(rate: SampleRate) -> usize {
    let longest_seconds = LENGTHS_SECONDS.iter().copied().fold(0.0, f64::max) * SIZE_SPAN;
    rate.frames(longest_seconds) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knobs(t60_seconds: f64, size: f64, damping: f64) -> Knobs {
        Knobs { t60_seconds, size, damping }
    }

    #[test]
    fn lengths_are_distinct_primes_that_hold_a_quantum() {
        let mean = LENGTHS_SECONDS.iter().sum::<f64>() / LINES as f64;
        assert!((mean - MEAN_SECONDS).abs() < 1e-4, "{mean}");
        for hertz in [8_000, 48_000, 192_000] {
            let tuner = Tuner::new(SampleRate::new(hertz).expect("a rate"));
            for (t60_seconds, size) in [(0.1, 0.0), (0.1, 1.0), (1.8, 0.5), (30.0, 0.0), (30.0, 1.0)] {
                let mut lengths = tuner.tune(knobs(t60_seconds, size, 0.0)).lengths_frames;
                lengths.sort_unstable();
                assert!(lengths.windows(2).all(|w| w[0] < w[1]), "{hertz} {lengths:?}");
                assert!(lengths[0] > QUANTUM_FRAMES && lengths[LINES - 1] <= tuner.longest_frames());
                assert!(lengths.iter().all(|n| (2..=n.isqrt()).all(|d| n % d != 0)), "{lengths:?}");
            }
        }
    }

    #[test]
    fn each_line_loses_60_decibels_in_t60() {
        let tuner = Tuner::new(SampleRate::DEFAULT);
        let tuning = tuner.tune(knobs(2.0, 0.7, 0.0));
        for (length, gain) in tuning.lengths_frames.iter().zip(tuning.gains) {
            let passes = 2.0 * 48_000.0 / *length as f64;
            let decibels = 20.0 * passes * f64::from(gain).log10();
            assert!((decibels + 60.0).abs() < 0.05, "{decibels}");
        }
        assert_eq!(tuning.poles, [0.0; LINES]);
    }

    #[test]
    fn the_poles_take_what_damping_asks_for() {
        let tuner = Tuner::new(SampleRate::DEFAULT);
        let tuning = tuner.tune(knobs(2.0, 0.5, 0.5));
        let cosine = (std::f64::consts::TAU * 6_000.0 / 48_000.0).cos();
        for line in 0..LINES {
            let b = f64::from(tuning.poles[line]);
            assert!((0.0..1.0).contains(&b));
            let low_pass = (1.0 - b) / (1.0 - 2.0 * b * cosine + b * b).sqrt();
            let decibels = 20.0 * (f64::from(tuning.gains[line]) * low_pass).log10();
            let t60_seconds = -60.0 / decibels * tuning.lengths_frames[line] as f64 / 48_000.0;
            assert!((t60_seconds - 2.0 * 0.55).abs() < 0.01, "{t60_seconds}");
        }
    }
}
