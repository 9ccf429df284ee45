use crate::unit::SampleRate;
use crate::unit::maths;

/// A reduction smaller than this share of the gain (−100 dB) ends: from there on
/// samples pass bit-exactly again.
const SNAP_REDUCTION: f64 = 1.0e-5;
/// Peaks above this count as this, so that one wild sample cannot hold the gain
/// at zero for seconds; what it leaves above the ceiling is clipped.
const WILDEST_PEAK: f32 = 1.0e3;

/// A peak limiter for two channels, without look-ahead or delay.
///
/// The gain falls in the very frame that would exceed the ceiling, for both
/// channels alike so that the image does not move, and what is left of the
/// reduction decays exponentially. While nothing exceeds the ceiling and the
/// gain has recovered, every sample passes bit-exactly. No finite sample comes
/// out above the ceiling; a NaN passes as it is.
///
/// Source: feed-forward peak limiting as in Zölzer, *DAFX*, 2nd ed., 4.2.2,
/// with zero attack time. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PeakLimiter {
    ceiling_gain: f32,
    /// 1 − gain, in double precision: at long releases one step is below what
    /// a single can add to a gain near 1.
    reduction: f64,
    keep: f64,
    rate: SampleRate,
}

impl PeakLimiter {
    /// A limiter at rest. `ceiling_gain` is linear and above 0; `release_seconds`
    /// (0 and up) is the time in which a reduction falls to 1/e. Real-time: no.
    pub fn new(rate: SampleRate, ceiling_gain: f32, release_seconds: f64) -> PeakLimiter {
        let mut limiter = PeakLimiter { ceiling_gain, reduction: 0.0, keep: 0.0, rate };
        limiter.set_release_seconds(release_seconds);
        limiter
    }

    /// Moves the ceiling, a linear gain above 0, from the next frame on. Real-time: yes.
    pub fn set_ceiling_gain(&mut self, ceiling_gain: f32) {
        self.ceiling_gain = ceiling_gain;
    }

    /// Sets the time in which a reduction falls to 1/e. Real-time: yes.
    pub fn set_release_seconds(&mut self, release_seconds: f64) {
        self.keep = if release_seconds > 0.0 {
            maths::exp(-1.0 / (release_seconds * self.rate.as_f64()))
        } else {
            0.0
        };
    }

    /// The gain of the last frame; exactly 1 at rest. Real-time: yes.
    pub fn gain(&self) -> f32 {
        (1.0 - self.reduction) as f32
    }

    /// Forgets any reduction. Real-time: yes.
    pub fn reset(&mut self) {
        self.reduction = 0.0;
    }

    /// Limits both channels in place (slices of one length) and returns in how
    /// many frames the gain was below 1. Real-time: yes.
    pub fn process(&mut self, left: &mut [f32], right: &mut [f32]) -> u32 {
        let ceiling = self.ceiling_gain;
        if self.reduction == 0.0 && peak(left) <= ceiling && peak(right) <= ceiling {
            return 0;
        }
        let mut limited_frames = 0;
        for (left, right) in left.iter_mut().zip(right) {
            self.reduction *= self.keep;
            if self.reduction < SNAP_REDUCTION {
                self.reduction = 0.0;
            }
            let peak = left.abs().max(right.abs()).min(WILDEST_PEAK);
            if peak * self.gain() > ceiling {
                self.reduction = 1.0 - f64::from(ceiling) / f64::from(peak);
            }
            if self.reduction > 0.0 {
                let gain = self.gain();
                // The product may round to just above the ceiling.
                *left = (*left * gain).clamp(-ceiling, ceiling);
                *right = (*right * gain).clamp(-ceiling, ceiling);
                limited_frames += 1;
            }
        }
        limited_frames
    }
}

/// The largest magnitude in a slice, 0 for an empty one; NaN counts as nothing. Real-time: yes.
pub fn peak(samples: &[f32]) -> f32 {
    // Side by side: a processor compares several at once.
    let mut peaks = [0.0_f32; 8];
    let (rows, rest) = samples.as_chunks::<8>();
    for row in rows {
        for (peak, sample) in peaks.iter_mut().zip(row) {
            *peak = larger(*peak, *sample);
        }
    }
    peaks.iter().chain(rest).copied().fold(0.0, larger)
}

fn larger(peak: f32, sample: f32) -> f32 {
    let magnitude = sample.abs();
    if magnitude > peak { magnitude } else { peak }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Decibels;

    fn noise(frames: usize, gain: f32, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..frames)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state as i32 as f32 / i32::MAX as f32) * gain
            })
            .collect()
    }

    #[test]
    fn a_peak_is_found_wherever_it_is_and_a_nan_is_none() {
        for length in 0..40 {
            for at in 0..length {
                let mut samples = noise(length, 0.5, 7);
                samples[at] = -0.75;
                samples[(at + 1) % length] = if length > 1 { f32::NAN } else { -0.75 };
                assert_eq!(peak(&samples), 0.75, "{at} of {length}");
            }
        }
        assert_eq!((peak(&[]), peak(&[f32::NAN; 9]), peak(&[-0.0; 3])), (0.0, 0.0, 0.0));
    }

    #[test]
    fn below_the_ceiling_nothing_changes() {
        let ceiling = Decibels(-0.1).to_gain();
        let mut limiter = PeakLimiter::new(SampleRate::DEFAULT, ceiling, 0.1);
        let (mut left, mut right) = (noise(9_000, 0.98, 1), noise(9_000, 0.5, 2));
        left[77] = ceiling;
        right[78] = -ceiling;
        let before = (left.clone(), right.clone());
        assert_eq!(limiter.process(&mut left, &mut right), 0);
        assert_eq!((left, right), before);
    }

    #[test]
    fn nothing_exceeds_the_ceiling() {
        let ceiling = Decibels(-0.1).to_gain();
        for gain in [1.01, 2.0, 10.0, 3_000.0, f32::MAX] {
            let mut limiter = PeakLimiter::new(SampleRate::DEFAULT, ceiling, 0.1);
            let (mut left, mut right) = (noise(9_000, gain, 1), noise(9_000, gain * 0.5, 2));
            left[100] = f32::INFINITY;
            assert!(limiter.process(&mut left, &mut right) > 8_000);
            assert!(left.iter().chain(&right).all(|sample| sample.abs() <= ceiling), "{gain}");
        }
    }

    #[test]
    fn the_gain_is_instant_linked_and_recovers_to_exactly_one() {
        let rate = SampleRate::DEFAULT;
        let mut limiter = PeakLimiter::new(rate, 0.5, 0.1);
        let frames = rate.frames(2.0) as usize;
        let (mut left, mut right) = (vec![0.25_f32; frames], vec![-0.125_f32; frames]);
        left[1_000] = 2.0;
        let limited = limiter.process(&mut left, &mut right);
        assert_eq!((left[999], right[999]), (0.25, -0.125));
        assert!((left[1_000] - 0.5).abs() < 1e-6 && (right[1_000] + 0.125 * 0.25).abs() < 1e-6);
        // One release time later 1/e of the reduction of 0.75 is left.
        let gain = left[1_000 + 4_800] / 0.25;
        assert!((gain - (1.0 - 0.75 * 0.367_88)).abs() < 1e-3, "{gain}");
        // ln(0.75 / 1e-5) release times later it is over.
        assert!((limited as f32 - 0.1 * 48_000.0 * 11.225).abs() < 10.0, "{limited}");
        assert_eq!(left[frames - 1], 0.25);
        assert_eq!(limiter.gain(), 1.0);
    }

    #[test]
    fn pieces_do_not_matter() {
        let input = (noise(5_000, 1.5, 3), noise(5_000, 1.2, 4));
        let mut whole = input.clone();
        let total = PeakLimiter::new(SampleRate::DEFAULT, 0.9, 0.02).process(&mut whole.0, &mut whole.1);
        for size in [1, 7, 32] {
            let mut cut = input.clone();
            let mut limiter = PeakLimiter::new(SampleRate::DEFAULT, 0.9, 0.02);
            let mut frames = 0;
            for (left, right) in cut.0.chunks_mut(size).zip(cut.1.chunks_mut(size)) {
                frames += limiter.process(left, right);
            }
            assert_eq!((&cut, frames), (&whole, total), "{size}");
        }
    }
}
