//! White noise.

/// White noise: the same for the same seed, everywhere. Real-time: yes.
///
/// Source: Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003).
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    state: u32,
}

impl Noise {
    /// Noise of a seed; all seeds do. Real-time: no.
    pub fn new(seed: u64) -> Noise {
        let mut noise = Noise { state: 0 };
        noise.seed(seed);
        noise
    }

    /// Begins again from a seed. Real-time: yes.
    pub fn seed(&mut self, seed: u64) {
        // A round of SplitMix64 spreads seeds that follow one another.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.state = ((z ^ (z >> 31)) as u32) | 1;
    }

    /// 32 bits at random; never all zero. Real-time: yes.
    #[inline]
    pub fn bits(&mut self) -> u32 {
        let mut x = self.state;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.state = x;
        x
    }

    /// The next sample, uniform from −1 to 1; RMS 1/√3. Real-time: yes.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "a stream of samples, not an iterator that may end")]
    pub fn next(&mut self) -> f32 {
        self.bits() as i32 as f32 * (1.0 / 2_147_483_648.0)
    }

    /// Adds noise. Real-time: yes.
    #[inline]
    pub fn add(&mut self, gain: f32, output: &mut [f32]) {
        for sample in output {
            *sample += gain * self.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_white_and_depends_on_its_seed_alone() {
        let mut noise = Noise::new(7);
        let samples: Vec<f32> = (0..100_000).map(|_| noise.next()).collect();
        let mean = samples.iter().sum::<f32>() / 100_000.0;
        let power = samples.iter().map(|x| x * x).sum::<f32>() / 100_000.0;
        let lag: f32 = samples.windows(2).map(|w| w[0] * w[1]).sum::<f32>() / 100_000.0;
        assert!(mean.abs() < 0.01 && (power - 1.0 / 3.0).abs() < 0.01 && lag.abs() < 0.01);
        assert_eq!(Noise::new(7).next(), samples[0]);
        assert_ne!(Noise::new(8).next(), samples[0]);
    }
}
