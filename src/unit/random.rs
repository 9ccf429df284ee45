/// Numbers that look random and are the same for a seed on every machine: SplitMix64
/// (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence for a seed. Real-time: yes.
    pub const fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// A sequence of its own for a part of what is seeded. Real-time: yes.
    pub const fn split(seed: u64, part: u64) -> Random {
        let mut random = Random(seed ^ part.wrapping_mul(0xd134_2543_de82_ef95));
        Random(random.draw())
    }

    /// The next 64 bits. Real-time: yes.
    pub const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below `bound`; 0 where that is 0. Real-time: yes.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // Lemire, "Fast random integer generation in an interval", 2019, without the rejection:
        // off by less than `bound` in 2^64.
        ((self.draw() as u128 * bound as u128) >> 64) as u64
    }

    /// From 0 up to, but not including, 1. Real-time: yes.
    pub const fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An index into weights, each as likely as it is heavy; 0 where none weighs anything. Real-time: yes.
    pub fn weighed(&mut self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().map(|w| u64::from(*w)).sum();
        let mut left = self.below(total);
        for (index, weight) in weights.iter().enumerate() {
            if left < u64::from(*weight) {
                return index;
            }
            left -= u64::from(*weight);
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the reference implementation, seeded with 1234567.
    #[test]
    fn it_is_the_published_sequence() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.draw(), 6_457_827_717_110_365_317);
        assert_eq!(random.draw(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn weights_are_kept() {
        let mut random = Random::new(7);
        let mut counts = [0_u32; 4];
        for _ in 0..10_000 {
            counts[random.weighed(&[1, 0, 2, 1])] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((4_700..5_300).contains(&counts[2]), "{counts:?}");
        assert_eq!(random.weighed(&[]), 0);
    }
}
