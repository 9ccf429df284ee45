//! An oscillator that reads band-limited tables.

use super::wavetable::{Table, TableSet, with_cycle};

/// A phase and the band-limited table that it reads. Real-time: yes.
///
/// The phase is 32 bits wide and 2³² is one cycle: the pitch is exact to
/// 0.00002 Hz at 96 kHz, and never drifts.
#[derive(Clone, Copy, Debug)]
pub struct Oscillator {
    phase: u32,
    increment: u32,
    table: &'static Table,
}

/// Half a cycle, as a phase: where a saw crosses zero upwards.
pub const HALF_CYCLE: u32 = 1 << 31;

/// The phase increment per frame of a frequency; just under one cycle at most.
/// Real-time: yes.
pub fn increment(hertz: f64, rate_hertz: f64) -> u32 {
    (hertz / rate_hertz * 4_294_967_296.0) as u32
}

impl Oscillator {
    /// At a phase, standing still. Real-time: no.
    pub fn new(set: &'static TableSet, phase: u32) -> Oscillator {
        Oscillator { phase, increment: 0, table: set.for_increment(0) }
    }

    /// Goes on at another pitch, with as many harmonics as it has room for. Real-time: yes.
    #[inline]
    pub fn tune(&mut self, set: &'static TableSet, increment: u32) {
        if increment != self.increment {
            self.increment = increment;
            self.table = set.for_increment(increment);
        }
    }

    /// Adds its wave. Real-time: yes.
    #[inline]
    pub fn add(&mut self, gain: f32, output: &mut [f32]) {
        let mut phase = Phase { at: self.phase, step: self.increment };
        with_cycle!(self.table, cycle => {
            let (groups, rest) = output.as_chunks_mut::<GROUP>();
            groups.iter_mut().for_each(|group| add(group, gain, cycle.at(phase.next())));
            rest.as_chunks_mut().0.iter_mut().for_each(|one: &mut [f32; 1]| add(one, gain, cycle.at(phase.next())));
        });
        self.phase = phase.at;
    }

    /// Adds a pulse: two of its (saw) waves apart by `width`, which moves by
    /// `width_step` each frame; 2³¹ is a square. No offset, ±1 at a square. Real-time: yes.
    #[inline]
    pub fn add_pulse(&mut self, gain: f32, width: u32, width_step: u32, output: &mut [f32]) {
        let mut ahead = Phase { at: self.phase, step: self.increment };
        let mut behind =
            Phase { at: self.phase.wrapping_sub(width), step: self.increment.wrapping_sub(width_step) };
        with_cycle!(self.table, cycle => {
            let (groups, rest) = output.as_chunks_mut::<GROUP>();
            for group in groups {
                add(group, gain, less(cycle.at(ahead.next()), cycle.at(behind.next())));
            }
            for one in rest.as_chunks_mut::<1>().0 {
                add(one, gain, less(cycle.at(ahead.next()), cycle.at(behind.next())));
            }
        });
        self.phase = ahead.at;
    }

    /// Adds its wave with its phase moved by `modulator`, in cycles. Real-time: yes.
    #[inline]
    pub fn add_modulated(&mut self, gain: f32, modulator: &[f32], output: &mut [f32]) {
        let mut phase = self.phase;
        with_cycle!(self.table, cycle => {
            for (sample, cycles) in output.iter_mut().zip(modulator) {
                let moved = phase.wrapping_add((cycles * 4_294_967_296.0) as i64 as u32);
                *sample += gain * cycle.at([moved])[0];
                phase = phase.wrapping_add(self.increment);
            }
        });
        self.phase = phase;
    }
}

/// Frames that are computed side by side: what the smallest SIMD register holds.
const GROUP: usize = 4;

/// A phase that moves on frame by frame.
struct Phase {
    at: u32,
    step: u32,
}

impl Phase {
    /// Those of the next frames.
    #[inline(always)]
    fn next<const COUNT: usize>(&mut self) -> [u32; COUNT] {
        let Phase { at, step } = *self;
        self.at = at.wrapping_add(step.wrapping_mul(COUNT as u32));
        std::array::from_fn(|k| at.wrapping_add(step.wrapping_mul(k as u32)))
    }
}

#[inline(always)]
fn add<const COUNT: usize>(samples: &mut [f32; COUNT], gain: f32, wave: [f32; COUNT]) {
    for (sample, wave) in samples.iter_mut().zip(wave) {
        *sample += gain * wave;
    }
}

#[inline(always)]
fn less<const COUNT: usize>(first: [f32; COUNT], second: [f32; COUNT]) -> [f32; COUNT] {
    std::array::from_fn(|k| first[k] - second[k])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::wavetable::Tables;

    #[test]
    fn a_pulse_is_symmetric_about_zero_and_loud_as_a_square() {
        let saw = &Tables::shared().saw;
        let mut oscillator = Oscillator::new(saw, HALF_CYCLE);
        oscillator.tune(saw, increment(100.0, 48_000.0));
        let mut wave = [0.0; 480];
        oscillator.add_pulse(1.0, HALF_CYCLE, 0, &mut wave);
        let mean = wave.iter().sum::<f32>() / 480.0;
        let square = wave.iter().map(|x| x * x).sum::<f32>() / 480.0;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((square - 1.0).abs() < 0.03, "{square}");
    }
}
