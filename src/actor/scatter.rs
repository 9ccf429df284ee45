/// The number at a place of the sequence that a seed begins: SplitMix64 (Steele, Lea,
/// Flood, "Fast splittable pseudorandom number generators", 2014). The same on
/// every machine.
pub fn scatter(seed: u64, place: u64) -> u64 {
    let mut z = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the reference implementation, seeded with 1234567.
    #[test]
    fn it_is_the_published_sequence() {
        let drawn = [0, 1, 2].map(|place| scatter(1_234_567, place));
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
