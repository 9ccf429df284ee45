//! Band-limited waves: for each shape one table per number of harmonics that
//! fits under half the sample rate, so that an oscillator never aliases.
//!
//! The tables depend on no sample rate: an oscillator asks for as many
//! harmonics as its increment leaves room for. Steps between tables are a
//! quarter of an octave at most, and a single harmonic for the shortest.

use std::sync::OnceLock;

use crate::unit::maths;

/// Harmonics in the fullest table: all that fit under 96 kHz from 23 Hz up.
const HARMONICS_MOST: u32 = 4_096;
/// Above this harmonic a triangle is below −96 dB.
const TRIANGLE_HARMONICS_MOST: u32 = 256;
/// Sixteen samples to the shortest wave keep what linear interpolation adds
/// below −96 dB of the fundamental; these bound the size.
const BITS_LEAST: u32 = 11;
const BITS_MOST: u32 = 14;

/// One cycle of a wave that holds a known number of harmonics: its samples, and
/// the first of them once more for the interpolation. Real-time: no.
#[derive(Debug)]
pub enum Table {
    /// 2¹¹ samples.
    Eleven(Box<[f32; 2_049]>),
    /// 2¹² samples.
    Twelve(Box<[f32; 4_097]>),
    /// 2¹³ samples.
    Thirteen(Box<[f32; 8_193]>),
    /// 2¹⁴ samples.
    Fourteen(Box<[f32; 16_385]>),
}

/// Does something with the [`Cycle`] of a table: made for each length, so that the
/// compiler sees that no phase reads beyond it.
macro_rules! with_cycle {
    ($table:expr, $cycle:ident => $work:expr) => {
        match $table {
            $crate::dsp::wavetable::Table::Eleven(samples) => {
                let $cycle = $crate::dsp::wavetable::Cycle::<11, 2_049>(samples);
                $work
            }
            $crate::dsp::wavetable::Table::Twelve(samples) => {
                let $cycle = $crate::dsp::wavetable::Cycle::<12, 4_097>(samples);
                $work
            }
            $crate::dsp::wavetable::Table::Thirteen(samples) => {
                let $cycle = $crate::dsp::wavetable::Cycle::<13, 8_193>(samples);
                $work
            }
            $crate::dsp::wavetable::Table::Fourteen(samples) => {
                let $cycle = $crate::dsp::wavetable::Cycle::<14, 16_385>(samples);
                $work
            }
        }
    };
}
pub(super) use with_cycle;

/// The samples of a table of 2 to the power of `BITS`.
#[derive(Clone, Copy)]
pub(super) struct Cycle<'a, const BITS: u32, const LENGTH: usize>(pub(super) &'a [f32; LENGTH]);

impl<const BITS: u32, const LENGTH: usize> Cycle<'_, BITS, LENGTH> {
    /// The wave at phases, where 2³² is one cycle; linear interpolation. Real-time: yes.
    #[inline(always)]
    pub(super) fn at<const COUNT: usize>(self, phases: [u32; COUNT]) -> [f32; COUNT] {
        let fractions = phases.map(|phase| ((phase << BITS) >> 8) as i32 as f32 * (1.0 / 16_777_216.0));
        let pairs = phases.map(|phase| {
            let index = (phase >> (32 - BITS)) as usize;
            [self.0[index], self.0[index + 1]]
        });
        std::array::from_fn(|k| pairs[k][0] + (pairs[k][1] - pairs[k][0]) * fractions[k])
    }
}

impl Table {
    /// The wave at a phase, where 2³² is one cycle; linear interpolation.
    /// Real-time: yes.
    #[inline(always)]
    pub fn at(&self, phase: u32) -> f32 {
        with_cycle!(self, cycle => cycle.at([phase])[0])
    }
}

/// The tables of one shape, from silence (no harmonic fits) to the fullest. Real-time: no.
#[derive(Debug)]
pub struct TableSet {
    harmonics: Vec<u32>,
    tables: Vec<Table>,
}

impl TableSet {
    /// The fullest table with no harmonic at or above half the sample rate, for
    /// a phase increment per frame (2³² is one cycle). Real-time: yes.
    pub fn for_increment(&self, increment: u32) -> &Table {
        let room = (u32::MAX / 2) / increment.max(1);
        // PANIC: never: the first set has no harmonics, so the count is at least 1.
        &self.tables[self.harmonics.partition_point(|&held| held <= room) - 1]
    }

    /// A set up to `most` harmonics, where harmonic k has the amplitude
    /// `amplitude(k)` in sine phase.
    fn build(most: u32, amplitude: impl Fn(u32) -> f64) -> TableSet {
        let mut harmonics = vec![0];
        let mut next = 1;
        while next <= most {
            harmonics.push(next);
            let quarter_octave = libm::floor(f64::from(next) * maths::exp2(0.25)) as u32;
            next = quarter_octave.max(next + 1);
        }
        let tables = harmonics.iter().map(|&count| table(count, &amplitude)).collect();
        TableSet { harmonics, tables }
    }
}

/// All shapes. Real-time: no.
#[derive(Debug)]
pub struct Tables {
    /// Rising from −1 to 1, through zero at half a cycle.
    pub saw: TableSet,
    /// From 0 up to 1, down to −1 and back.
    pub triangle: TableSet,
    /// From 0 up to 1.
    pub sine: TableSet,
    /// Drawbars 8', 4', 2⅔', 2', 1⅓' and 1' of a tonewheel organ; peak about 1.
    pub organ: TableSet,
}

impl Tables {
    /// The tables, shared by the whole process. Built at the first call (tens
    /// of milliseconds): call it in the control world. Real-time: no.
    pub fn shared() -> &'static Tables {
        static TABLES: OnceLock<Tables> = OnceLock::new();
        TABLES.get_or_init(|| {
            let pi = std::f64::consts::PI;
            Tables {
                saw: TableSet::build(HARMONICS_MOST, |k| -2.0 / (pi * f64::from(k))),
                triangle: TableSet::build(TRIANGLE_HARMONICS_MOST, |k| {
                    let magnitude = 8.0 / (pi * pi * f64::from(k * k));
                    match k % 4 {
                        1 => magnitude,
                        3 => -magnitude,
                        _ => 0.0,
                    }
                }),
                sine: TableSet::build(1, |_| 1.0),
                organ: TableSet::build(8, |k| match k {
                    1 => 0.42,
                    2 => 0.36,
                    3 => 0.24,
                    4 => 0.16,
                    6 => 0.08,
                    8 => 0.10,
                    _ => 0.0,
                }),
            }
        })
    }
}

fn table(harmonics: u32, amplitude: &impl Fn(u32) -> f64) -> Table {
    let bits = (harmonics.max(1) * 16).next_power_of_two().trailing_zeros().clamp(BITS_LEAST, BITS_MOST);
    let length = 1_usize << bits;
    let mut spectrum = vec![[0.0; 2]; length];
    for k in 1..=harmonics {
        spectrum[k as usize][0] = amplitude(k);
    }
    transform(&mut spectrum);
    let mut samples: Vec<f32> = spectrum.iter().map(|bin| bin[1] as f32).collect();
    samples.push(samples[0]);
    let samples = samples.into_boxed_slice();
    match bits {
        11 => Table::Eleven(whole(samples)),
        12 => Table::Twelve(whole(samples)),
        13 => Table::Thirteen(whole(samples)),
        _ => Table::Fourteen(whole(samples)),
    }
}

fn whole<const LENGTH: usize>(samples: Box<[f32]>) -> Box<[f32; LENGTH]> {
    // PANIC: never: each table is as long as its bits say, and one sample more.
    samples.try_into().expect("its own length")
}

/// The unscaled inverse discrete Fourier transform, in place, of a power of two
/// of (real, imaginary) pairs: decimation in time, radix 2 (Cooley and Tukey, 1965).
fn transform(bins: &mut [[f64; 2]]) {
    let length = bins.len();
    let bits = length.trailing_zeros();
    for i in 0..length {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            bins.swap(i, j);
        }
    }
    let turn = std::f64::consts::TAU / length as f64;
    let twiddles: Vec<[f64; 2]> =
        (0..length / 2).map(|i| [maths::cos(turn * i as f64), maths::sin(turn * i as f64)]).collect();
    let mut half = 1;
    while half < length {
        let stride = length / (2 * half);
        for chunk in bins.chunks_exact_mut(2 * half) {
            let (low, high) = chunk.split_at_mut(half);
            for (i, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let w = twiddles[i * stride];
                let turned = [b[0] * w[0] - b[1] * w[1], b[0] * w[1] + b[1] * w[0]];
                *b = [a[0] - turned[0], a[1] - turned[1]];
                *a = [a[0] + turned[0], a[1] + turned[1]];
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_the_sum_of_its_harmonics() {
        let tables = Tables::shared();
        // An increment that leaves room for exactly five harmonics.
        let table = tables.saw.for_increment(u32::MAX / 11);
        for step in 0..97_u32 {
            let phase = step * 44_278_013;
            let cycle = f64::from(phase) / 4_294_967_296.0;
            let exact: f64 = (1..=5)
                .map(|k| {
                    -2.0 / (std::f64::consts::PI * f64::from(k))
                        * maths::sin(std::f64::consts::TAU * f64::from(k) * cycle)
                })
                .sum();
            assert!((f64::from(table.at(phase)) - exact).abs() < 1e-5, "{cycle}");
        }
    }

    #[test]
    fn no_harmonic_reaches_half_the_rate() {
        let set = &Tables::shared().saw;
        for increment in [1, 1_000, 731_551, 23_456_789, 400_000_000, u32::MAX / 2, u32::MAX] {
            let index = set.tables.iter().position(|t| std::ptr::eq(t, set.for_increment(increment)));
            let held = set.harmonics[index.expect("a table of the set")];
            assert!(u64::from(held) * u64::from(increment) < 1 << 31);
            if held > 0 && Some(&held) != set.harmonics.last() {
                assert!(
                    f64::from(held) * 1.2 * f64::from(increment) + f64::from(increment) > 2_147_483_648.0
                );
            }
        }
    }

    #[test]
    fn shapes_start_and_peak_where_documented() {
        let tables = Tables::shared();
        let near = |a: f32, b: f32| (a - b).abs() < 0.01;
        assert!(near(tables.saw.for_increment(90_000).at(1 << 31), 0.0));
        assert!(near(tables.saw.for_increment(90_000).at(3 << 30), 0.5));
        assert!(near(tables.triangle.for_increment(90_000).at(1 << 30), 1.0));
        assert!(near(tables.sine.for_increment(90_000).at(1 << 30), 1.0));
        assert_eq!(tables.sine.for_increment(90_000).at(0), 0.0);
    }
}
