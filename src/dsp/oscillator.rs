//! An oscillator that reads band-limited tables.

use super::wavetable::{Table, TableSet};

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
        let mut phase = self.phase;
        for sample in output {
            *sample += gain * self.table.at(phase);
            phase = phase.wrapping_add(self.increment);
        }
        self.phase = phase;
    }

    /// Adds a pulse: two of its (saw) waves apart by `width`, which moves by
    /// `width_step` each frame; 2³¹ is a square. No offset, ±1 at a square. Real-time: yes.
    #[inline]
    pub fn add_pulse(&mut self, gain: f32, width: u32, width_step: u32, output: &mut [f32]) {
        let mut phase = self.phase;
        let mut width = width;
        for sample in output {
            *sample += gain * (self.table.at(phase) - self.table.at(phase.wrapping_sub(width)));
            phase = phase.wrapping_add(self.increment);
            width = width.wrapping_add(width_step);
        }
        self.phase = phase;
    }

    /// Adds its wave with its phase moved by `modulator`, in cycles. Real-time: yes.
    #[inline]
    pub fn add_modulated(&mut self, gain: f32, modulator: &[f32], output: &mut [f32]) {
        let mut phase = self.phase;
        for (sample, cycles) in output.iter_mut().zip(modulator) {
            let moved = phase.wrapping_add((cycles * 4_294_967_296.0) as i64 as u32);
            *sample += gain * self.table.at(moved);
            phase = phase.wrapping_add(self.increment);
        }
        self.phase = phase;
    }
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
