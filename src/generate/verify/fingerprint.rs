use std::fmt;
use std::str::FromStr;

use super::spectrum::{WINDOW, spectra};

/// Stretches of the clip, and edges between bands: as many bits.
const STRETCHES: usize = 16;
const EDGES: usize = 16;
/// As many bits may differ between two copies.
pub const DIFFERENT_AT_MOST: u32 = 12;

/// What a clip sounds like, in 256 bits: whether the edge between two bands rises from one stretch to the
/// next (Haitsma and Kalker, "A highly robust audio fingerprinting system", 2002).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fingerprint([u64; 4]);

impl Fingerprint {
    /// Of channels of the same length.
    pub(super) fn of(channels: &[Vec<f32>]) -> Fingerprint {
        let frames = channels.first().map_or(0, Vec::len).max(1);
        let stretch = frames.div_ceil(STRETCHES + 1).max(1);
        let mut energies = [[0.0_f64; EDGES + 1]; STRETCHES + 1];
        let hop = WINDOW / 2;
        const BINS: usize = WINDOW / 2 + 1;
        // Each octave has as many bands as the next.
        let band = |bin: usize| {
            let place = libm::log2f(bin as f32) / libm::log2f(BINS as f32);
            ((place * (EDGES + 1) as f32) as usize).min(EDGES)
        };
        let bands: Vec<usize> = (1..BINS).map(band).collect();
        spectra(channels, hop, |index, magnitudes| {
            let row = &mut energies[(index * hop / stretch).min(STRETCHES)];
            for (band, magnitude) in bands.iter().zip(&magnitudes[1..]) {
                row[*band] += f64::from(magnitude * magnitude);
            }
        });
        let mut bits = [0_u64; 4];
        for (stretch, pair) in energies.windows(2).enumerate() {
            for edge in 0..EDGES {
                let (before, now) = (pair[0][edge] - pair[0][edge + 1], pair[1][edge] - pair[1][edge + 1]);
                let bit = stretch * EDGES + edge;
                bits[bit / 64] |= u64::from(now > before) << (bit % 64);
            }
        }
        Fingerprint(bits)
    }

    /// In how many of 256 bits two differ.
    pub fn distance(&self, other: &Fingerprint) -> u32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// Its 32 bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// Whether two clips are the same music: equal, or a copy at another gain or in another format.
    pub fn is_same(&self, other: &Fingerprint) -> bool {
        self.distance(other) <= DIFFERENT_AT_MOST
    }
}

impl fmt::Display for Fingerprint {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

/// A text that is no fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a fingerprint is 64 hexadecimal digits")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Fingerprint, FingerprintError> {
        let mut words = [0; 4];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(FingerprintError);
        }
        for (word, digits) in words.iter_mut().zip(text.as_bytes().chunks(16)) {
            let digits = std::str::from_utf8(digits).map_err(|_| FingerprintError)?;
            *word = u64::from_str_radix(digits, 16).map_err(|_| FingerprintError)?;
        }
        Ok(Fingerprint(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Random;

    fn music(seed: u64) -> Vec<Vec<f32>> {
        let mut random = Random::new(seed);
        let tones: Vec<f32> = (0..20).map(|_| 100.0 + 2_000.0 * random.unit() as f32).collect();
        let sample = |i: usize| {
            let tone = tones[i / 9_600 % tones.len()];
            0.4 * libm::sinf(i as f32 * tone * std::f32::consts::TAU / 48_000.0)
                + 0.05 * (random.unit() as f32 - 0.5)
        };
        vec![(0..192_000).map(sample).collect()]
    }

    #[test]
    fn a_copy_is_the_same_and_other_music_is_not() {
        let (one, other) = (music(1), music(2));
        let quieter =
            vec![one[0].iter().map(|sample| (sample * 0.3 * 32_768.0).round() / 32_768.0).collect()];
        let print = Fingerprint::of(&one);
        assert!(print.is_same(&Fingerprint::of(&quieter)), "{}", print.distance(&Fingerprint::of(&quieter)));
        assert!(
            print.distance(&Fingerprint::of(&other)) > 60,
            "{}",
            print.distance(&Fingerprint::of(&other))
        );
        assert_eq!(print.to_string().parse(), Ok(print));
        assert!("xyz".parse::<Fingerprint>().is_err());
        let _ = Fingerprint::of(&[]);
    }
}
