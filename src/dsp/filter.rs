//! A state-variable filter.

use crate::unit::maths;

/// Frames whose coefficients are computed side by side.
const GROUP: usize = 4;

/// What a [`Filter`] lets through. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Response {
    /// Below the cutoff; 12 dB an octave above it.
    Low,
    /// Around the cutoff, at unity; 6 dB an octave either side.
    Band,
    /// Above the cutoff; 12 dB an octave below it.
    High,
}

/// The pitch and damping of a state-variable filter, each moving in a straight
/// line from tick to tick. Real-time: yes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tuning {
    /// tan(π · cutoff / rate).
    g: f32,
    g_step: f32,
    g_target: f32,
    /// 1 / Q.
    k: f32,
    k_step: f32,
    k_target: f32,
}

/// tan(π · cutoff / rate), with the cutoff kept from 5 Hz to 0.49 of the rate.
/// Real-time: yes.
pub fn warp(cutoff_hertz: f64, rate_hertz: f64) -> f32 {
    let cutoff = cutoff_hertz.clamp(5.0, 0.49 * rate_hertz);
    maths::tan(std::f64::consts::PI * cutoff / rate_hertz) as f32
}

/// 1 / Q for a resonance from 0 (Butterworth: −3 dB at the cutoff) to 1 (Q 45).
/// Real-time: yes.
pub fn damping(resonance: f32) -> f32 {
    (std::f64::consts::SQRT_2 * maths::exp2(-6.0 * f64::from(resonance.clamp(0.0, 1.0)))) as f32
}

impl Tuning {
    /// Starts towards a target, to be there in so many frames. Real-time: yes.
    pub fn go(&mut self, g: f32, k: f32, frames: usize) {
        self.g_target = g;
        self.k_target = k;
        self.g_step = (g - self.g) / frames as f32;
        self.k_step = (k - self.k) / frames as f32;
    }

    /// Is at its target at once. Real-time: yes.
    pub fn arrive(&mut self) {
        (self.g, self.g_step) = (self.g_target, 0.0);
        (self.k, self.k_step) = (self.k_target, 0.0);
    }

    /// Is there at once. Real-time: yes.
    pub fn set(&mut self, g: f32, k: f32) {
        self.go(g, k, 1);
        self.arrive();
    }
}

/// A zero-delay-feedback state-variable filter: its two integrators' states.
/// Real-time: yes.
///
/// Source: A. Simper, "Linear trapezoidal integrated state variable filter"
/// (Cytomic, 2013); V. Zavalishin, "The art of VA filter design", chapter 4.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    first: f32,
    second: f32,
}

impl Filter {
    /// As if its input had long been at a level, for the low-pass. Real-time: yes.
    pub const fn holding(level: f32) -> Filter {
        Filter { first: 0.0, second: level }
    }

    /// Filters in place, and moves the tuning on by as many frames. Real-time: yes.
    #[inline]
    pub fn process(&mut self, response: Response, tuning: &mut Tuning, samples: &mut [f32]) {
        match response {
            Response::Low => self.run(tuning, samples, |_, _, _, low| low),
            Response::Band => self.run(tuning, samples, |k, _, band, _| k * band),
            Response::High => self.run(tuning, samples, |k, input, band, low| input - k * band - low),
        }
    }

    #[inline(always)]
    fn run(&mut self, tuning: &mut Tuning, samples: &mut [f32], mix: impl Fn(f32, f32, f32, f32) -> f32) {
        let (groups, rest) = samples.as_chunks_mut::<GROUP>();
        groups.iter_mut().for_each(|group| self.group(tuning, group, &mix));
        rest.as_chunks_mut().0.iter_mut().for_each(|one: &mut [f32; 1]| self.group(tuning, one, &mix));
    }

    /// The coefficients side by side; what depends on the sample before, one by one.
    #[inline(always)]
    fn group<const COUNT: usize>(
        &mut self,
        tuning: &mut Tuning,
        samples: &mut [f32; COUNT],
        mix: &impl Fn(f32, f32, f32, f32) -> f32,
    ) {
        let (mut g, mut k) = ([0.0; COUNT], [0.0; COUNT]);
        for at in 0..COUNT {
            (g[at], k[at]) = (tuning.g, tuning.k);
            tuning.g += tuning.g_step;
            tuning.k += tuning.k_step;
        }
        let a1: [f32; COUNT] = std::array::from_fn(|at| 1.0 / (1.0 + g[at] * (g[at] + k[at])));
        let a2: [f32; COUNT] = std::array::from_fn(|at| g[at] * a1[at]);
        let a3: [f32; COUNT] = std::array::from_fn(|at| g[at] * a2[at]);
        for at in 0..COUNT {
            let difference = samples[at] - self.second;
            let band = a1[at] * self.first + a2[at] * difference;
            let low = self.second + a2[at] * self.first + a3[at] * difference;
            self.first = 2.0 * band - self.first;
            self.second = 2.0 * low - self.second;
            samples[at] = mix(k[at], samples[at], band, low);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gain of the impulse response at a frequency.
    fn gain(response: Response, cutoff: f64, resonance: f32, hertz: f64) -> f64 {
        let rate = 48_000.0;
        let mut tuning = Tuning::default();
        tuning.set(warp(cutoff, rate), damping(resonance));
        let mut samples = vec![0.0_f32; 48_000];
        samples[0] = 1.0;
        Filter::default().process(response, &mut tuning, &mut samples);
        let (mut re, mut im) = (0.0, 0.0);
        for (i, sample) in samples.iter().enumerate() {
            let angle = std::f64::consts::TAU * hertz * i as f64 / rate;
            re += f64::from(*sample) * maths::cos(angle);
            im += f64::from(*sample) * maths::sin(angle);
        }
        libm::sqrt(re * re + im * im)
    }

    #[test]
    fn the_cutoff_is_where_it_says() {
        for cutoff in [50.0, 440.0, 1_000.0, 8_000.0, 18_000.0] {
            for response in [Response::Low, Response::High] {
                let half = gain(response, cutoff, 0.0, cutoff);
                assert!((half - std::f64::consts::FRAC_1_SQRT_2).abs() < 0.005, "{cutoff} {half}");
            }
            assert!((gain(Response::Band, cutoff, 0.5, cutoff) - 1.0).abs() < 0.005);
        }
        let octave_up = gain(Response::Low, 500.0, 0.0, 2_000.0);
        assert!((octave_up - 1.0 / libm::sqrt(257.0)).abs() < 0.002, "{octave_up}");
    }

    #[test]
    fn resonance_is_the_gain_at_the_cutoff() {
        for (resonance, q) in [(0.0, std::f64::consts::FRAC_1_SQRT_2), (0.5, 5.657), (1.0, 45.25)] {
            let peak = gain(Response::Low, 1_000.0, resonance, 1_000.0);
            assert!((peak / q - 1.0).abs() < 0.01, "{peak} for {q}");
        }
    }

    #[test]
    fn a_tuning_arrives_after_its_frames() {
        let mut tuning = Tuning::default();
        tuning.set(0.1, 1.0);
        tuning.go(0.5, 0.2, 32);
        let mut samples = [0.3; 32];
        Filter::default().process(Response::Low, &mut tuning, &mut samples);
        assert!((tuning.g - 0.5).abs() < 1e-6 && (tuning.k - 0.2).abs() < 1e-6);
    }
}
