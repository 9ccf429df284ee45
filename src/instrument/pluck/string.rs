use crate::dsp::DelayLine;
use crate::unit::{QUANTUM_FRAMES, SampleRate, maths};

/// Taps of the interpolator: Lagrange, fifth order.
const TAPS: usize = 6;
/// What an interpolated delay is least, in frames: its first tap is the newest sample.
const SHORTEST_FRAMES: f64 = 3.0;
/// Where the treble's decay is counted, in Hz, for strings below it.
const TREBLE_HERTZ: f64 = 4_000.0;
/// ln(1000): nepers in 60 dB.
const NEPERS: f64 = 6.907_755_278_982_137;

/// What a string's loop is tuned to.
///
/// Sources: Karplus & Strong, "Digital Synthesis of Plucked-String and Drum
/// Timbres", and Jaffe & Smith, "Extensions of the Karplus-Strong Plucked-String
/// Algorithm", both CMJ 7(2) (1983): a loop whose filters' phase delays at the
/// fundamental are taken off the delay line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Loop {
    /// What the interpolated line delays, in frames.
    pub(super) delay_frames: f64,
    /// Of the one-pole low-pass: 0 for none.
    pub(super) pole: f32,
    /// Of each pass, besides the low-pass; at most 1, so that no frequency grows.
    pub(super) gain: f32,
    /// How fast the fundamental decays, in nepers a frame.
    pub(super) nepers: f64,
}

impl Loop {
    /// The loop of a string of `hertz` whose fundamental falls by 60 dB in
    /// `t60_seconds` and whose partials near 4 kHz do in `treble_seconds`. Where
    /// the low-pass would take more of the fundamental than that, it takes less.
    pub(super) fn new(rate: SampleRate, hertz: f64, t60_seconds: f64, treble_seconds: f64) -> Loop {
        let rate_hertz = rate.as_f64();
        let hertz = hertz.min(rate_hertz / (SHORTEST_FRAMES + 1.0));
        let omega = std::f64::consts::TAU * hertz / rate_hertz;
        let pass_nepers = NEPERS / (t60_seconds * hertz);

        let treble_hertz = TREBLE_HERTZ.max(1.5 * hertz).min(0.45 * rate_hertz);
        let extra = (NEPERS / (treble_seconds * hertz) - pass_nepers).max(0.0);
        let wanted = low_pass_pole(std::f64::consts::TAU * treble_hertz / rate_hertz, extra);
        // Single precision first, so that tuning and gain know the pole that runs.
        let pole = f64::from(wanted.min(low_pass_pole(omega, pass_nepers)) as f32);

        let (real, imaginary) = (1.0 - pole * maths::cos(omega), pole * maths::sin(omega));
        let low_pass = (1.0 - pole) / libm::sqrt(real * real + imaginary * imaginary);
        let delay_frames = rate_hertz / hertz - libm::atan2(imaginary, real) / omega;
        let delay_frames = delay_frames.max(SHORTEST_FRAMES);
        let interpolator = magnitude(&lagrange(delay_frames).1, omega);
        let gain = (maths::exp(-pass_nepers) / (low_pass * interpolator)).min(1.0) as f32;
        Loop { delay_frames, pole: pole as f32, gain, nepers: NEPERS / (t60_seconds * rate_hertz) }
    }
}

/// The pole of y = x + b·(y′ − x) that loses so many nepers at an angular frequency.
fn low_pass_pole(omega: f64, nepers: f64) -> f64 {
    // |H|² = (1 − b)² / (1 − 2b·cos ω + b²), solved for b inside 0..1.
    let wanted = maths::exp(-2.0 * nepers);
    if wanted >= 1.0 {
        return 0.0;
    }
    let half = (1.0 - wanted * maths::cos(omega)) / (1.0 - wanted);
    half - libm::sqrt((half * half - 1.0).max(0.0))
}

/// The first tap's delay and the weights of the taps that follow it, for a delay of
/// at least [`SHORTEST_FRAMES`]: from 2 to 3 frames after the first tap, where the
/// interpolator is flattest.
fn lagrange(delay_frames: f64) -> (usize, [f32; TAPS]) {
    let first = delay_frames as usize - 2;
    let d = delay_frames - first as f64;
    let [a, b, c, e, f, g] = [d, d - 1.0, d - 2.0, d - 3.0, d - 4.0, d - 5.0];
    let (low, high) = (a * b * c, e * f * g);
    let weights = [
        b * c * high / -120.0,
        a * c * high / 24.0,
        a * b * high / -12.0,
        low * f * g / 12.0,
        low * e * g / -24.0,
        low * e * f / 120.0,
    ];
    (first, weights.map(|weight| weight as f32))
}

fn magnitude(weights: &[f32; TAPS], omega: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (k, weight) in weights.iter().enumerate() {
        real += f64::from(*weight) * maths::cos(omega * k as f64);
        imaginary += f64::from(*weight) * maths::sin(omega * k as f64);
    }
    libm::sqrt(real * real + imaginary * imaginary)
}

/// A delay line closed over an interpolator, a low-pass and a loss. Real-time: yes,
/// but for `new`.
#[derive(Clone, Debug)]
pub(super) struct PluckedString {
    line: DelayLine,
    now: Loop,
    /// What the delay still moves by each frame, and for how many.
    step_frames: f64,
    moving_frames: u32,
    first: usize,
    weights: [f32; TAPS],
    /// The low-pass's state.
    held: f32,
}

impl PluckedString {
    /// A string at rest, as long as the lowest pitch asks for. Allocates.
    pub(super) fn new(rate: SampleRate, lowest_hertz: f64) -> PluckedString {
        let longest = (rate.as_f64() / lowest_hertz) as usize + TAPS + QUANTUM_FRAMES;
        let now = Loop { delay_frames: SHORTEST_FRAMES, pole: 0.0, gain: 0.0, nepers: 0.0 };
        let (first, weights) = lagrange(now.delay_frames);
        PluckedString {
            line: DelayLine::new(longest),
            now,
            step_frames: 0.0,
            moving_frames: 0,
            first,
            weights,
            held: 0.0,
        }
    }

    /// Still, and tuned at once.
    pub(super) fn begin(&mut self, tuned: Loop) {
        self.line.reset();
        self.held = 0.0;
        self.moving_frames = 0;
        self.now = self.bounded(tuned);
        (self.first, self.weights) = lagrange(self.now.delay_frames);
    }

    /// Goes to another tuning in a straight line over the quantum that begins now.
    pub(super) fn go(&mut self, tuned: Loop) {
        let from_frames = self.now.delay_frames;
        self.now = self.bounded(tuned);
        if self.now.delay_frames != from_frames {
            self.moving_frames = QUANTUM_FRAMES as u32;
            self.step_frames = (self.now.delay_frames - from_frames) / QUANTUM_FRAMES as f64;
        }
    }

    fn bounded(&self, tuned: Loop) -> Loop {
        let longest = (self.line.longest_frames() - TAPS) as f64;
        Loop { delay_frames: tuned.delay_frames.clamp(SHORTEST_FRAMES, longest), ..tuned }
    }

    /// Takes what the pick does and gives what the string does, in place.
    pub(super) fn process(&mut self, samples: &mut [f32]) {
        let mut done = 0;
        while done < samples.len() {
            if self.moving_frames > 0 {
                samples[done] = self.moving_frame(samples[done]);
                done += 1;
                continue;
            }
            // The loop's own output is not known further ahead than its delay.
            let length = (samples.len() - done).min(self.first).min(QUANTUM_FRAMES);
            self.still_frames(&mut samples[done..done + length]);
            done += length;
        }
    }

    /// One frame while the pitch moves.
    fn moving_frame(&mut self, pick: f32) -> f32 {
        self.moving_frames -= 1;
        let left = f64::from(self.moving_frames);
        let (first, weights) = lagrange(self.now.delay_frames - left * self.step_frames);
        if self.moving_frames == 0 {
            (self.first, self.weights) = (first, weights);
        }
        let mut past = 0.0;
        for (k, weight) in weights.iter().enumerate() {
            past += weight * self.line.read(first + k);
        }
        let sample = self.lose(past) + pick;
        self.line.write(sample);
        sample
    }

    /// As many frames as the loop is long, at a standing pitch.
    fn still_frames(&mut self, samples: &mut [f32]) {
        let mut past = [0.0; QUANTUM_FRAMES + TAPS - 1];
        let past = &mut past[..samples.len() + TAPS - 1];
        self.line.read_block(self.first + TAPS - 1, past);
        let mut between = [0.0; QUANTUM_FRAMES];
        let between = &mut between[..samples.len()];
        for (k, weight) in self.weights.iter().enumerate() {
            for (sum, sample) in between.iter_mut().zip(&past[TAPS - 1 - k..]) {
                *sum += weight * sample;
            }
        }
        for (sample, between) in samples.iter_mut().zip(between) {
            *sample += self.lose(*between);
        }
        self.line.write_block(samples);
    }

    #[inline]
    fn lose(&mut self, sample: f32) -> f32 {
        let sample = sample * self.now.gain;
        self.held = sample + self.now.pole * (self.held - sample);
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpolator_delays_by_what_it_is_asked() {
        for delay in [3.0, 3.5, 10.37, 44.999, 1_468.2] {
            let (first, weights) = lagrange(delay);
            let sum: f32 = weights.iter().sum();
            assert!((sum - 1.0).abs() < 1e-6);
            let centre: f64 = weights.iter().enumerate().map(|(k, w)| f64::from(*w) * k as f64).sum();
            assert!((first as f64 + centre - delay).abs() < 1e-5, "{delay}");
        }
        assert_eq!(lagrange(9.0), (7, [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]));
    }

    #[test]
    fn no_loop_grows() {
        for hertz in [8_000, 44_100, 192_000] {
            let rate = SampleRate::new(hertz).expect("a rate");
            for key in 0..=127 {
                let pitch = 440.0 * maths::exp2((f64::from(key) - 69.0) / 12.0);
                for (t60, treble) in [(0.05, 0.05), (4.0, 0.4), (30.0, 3.0), (30.0, 60.0)] {
                    let tuned = Loop::new(rate, pitch, t60, treble);
                    assert!(tuned.gain <= 1.0 && (0.0..1.0).contains(&tuned.pole), "{key} {tuned:?}");
                    assert!(tuned.delay_frames >= SHORTEST_FRAMES, "{key} {tuned:?}");
                }
            }
        }
    }

    #[test]
    fn moving_nowhere_is_standing_still() {
        let rate = SampleRate::DEFAULT;
        let tuned = Loop::new(rate, 440.0, 4.0, 0.4);
        let nearly = Loop { delay_frames: tuned.delay_frames + 1e-12, ..tuned };
        let (mut still, mut moving) = (PluckedString::new(rate, 8.0), PluckedString::new(rate, 8.0));
        still.begin(tuned);
        moving.begin(tuned);
        let (mut a, mut b) = (vec![0.0; 3_200], vec![0.0; 3_200]);
        (a[0], b[0]) = (1.0, 1.0);
        still.process(&mut a);
        for (i, quantum) in b.chunks_mut(32).enumerate() {
            moving.go(if i % 2 == 0 { nearly } else { tuned });
            moving.process(quantum);
        }
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
    }
}
