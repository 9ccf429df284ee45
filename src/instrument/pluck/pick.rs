use crate::dsp::noise::Noise;
use crate::unit::{SampleRate, maths};

/// Noise against the saw-tooth shape of the pulled string.
const NOISE: f32 = 0.5;

/// What the pick does to the string: for one period a saw-tooth, which sets every
/// mode moving, and noise, softened by a low-pass; and the same again with the sign
/// turned, later by the way to the bridge and back, which takes out the modes that
/// have a node where the string is picked. Real-time: yes.
///
/// Source: Jaffe & Smith (1983), "pick position" and "dynamics".
#[derive(Clone, Copy, Debug)]
pub(super) struct Pick {
    there: Burst,
    back: Burst,
    /// Frames until the second burst begins.
    wait_frames: u32,
}

/// One softened burst.
#[derive(Clone, Copy, Debug)]
struct Burst {
    noise: Noise,
    noise_gain: f32,
    saw: f32,
    saw_step: f32,
    left_frames: u32,
    soft: f32,
    softness: f32,
}

/// Where the low-pass is no longer heard, of a burst of ±1.
const SETTLED: f32 = 1.0e-6;

impl Pick {
    /// Nothing happens.
    pub(super) fn idle() -> Pick {
        let burst = Burst {
            noise: Noise::new(0),
            noise_gain: 0.0,
            saw: 0.0,
            saw_step: 0.0,
            left_frames: 0,
            soft: 0.0,
            softness: 1.0,
        };
        Pick { there: burst, back: burst, wait_frames: 0 }
    }

    /// A pluck of a string of `hertz`, at a share of its length from the bridge, with
    /// a pick that is soft above `cutoff_hertz`.
    pub(super) fn new(rate: SampleRate, hertz: f64, place: f64, cutoff_hertz: f64, seed: u64) -> Pick {
        let period = (rate.as_f64() / hertz).max(4.0);
        let softness = 1.0 - maths::exp(-std::f64::consts::TAU * cutoff_hertz / rate.as_f64());
        let burst = Burst {
            noise: Noise::new(seed),
            // As loud in any band whatever the rate.
            noise_gain: NOISE * libm::sqrt(rate.as_f64() / 48_000.0) as f32,
            saw: 1.0,
            saw_step: (2.0 / period) as f32,
            left_frames: period as u32,
            soft: 0.0,
            softness: softness as f32,
        };
        Pick { there: burst, back: burst, wait_frames: libm::round(place * period).max(1.0) as u32 }
    }

    /// Writes its next frames; whether they are more than silence.
    pub(super) fn render(&mut self, output: &mut [f32]) -> bool {
        if self.back.is_done() && self.there.is_done() {
            output.fill(0.0);
            return false;
        }
        for sample in output {
            *sample = self.there.next();
            if self.wait_frames > 0 {
                self.wait_frames -= 1;
            } else {
                *sample -= self.back.next();
            }
        }
        true
    }
}

impl Burst {
    fn is_done(&self) -> bool {
        self.left_frames == 0 && self.soft == 0.0
    }

    #[inline]
    fn next(&mut self) -> f32 {
        let hard = if self.left_frames > 0 {
            self.left_frames -= 1;
            let hard = self.saw + self.noise_gain * self.noise.next();
            self.saw -= self.saw_step;
            hard
        } else {
            if self.soft.abs() < SETTLED {
                self.soft = 0.0;
            }
            0.0
        };
        self.soft += self.softness * (hard - self.soft);
        self.soft
    }
}
