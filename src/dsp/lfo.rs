//! A slow oscillator for control ticks.

use crate::unit::maths;

/// A slow sine, asked at control ticks, that waits and then fades in.
/// Real-time: yes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lfo {
    phase: f64,
    age_seconds: f64,
}

impl Lfo {
    /// From rest, at a phase in cycles. Real-time: no.
    pub fn new(phase: f64) -> Lfo {
        Lfo { phase, age_seconds: 0.0 }
    }

    /// Moves on. Real-time: yes.
    pub fn advance(&mut self, seconds: f64, hertz: f32) {
        self.phase += seconds * f64::from(hertz);
        self.phase -= libm::floor(self.phase);
        self.age_seconds += seconds;
    }

    /// From −1 to 1. Real-time: yes.
    pub fn value(&self) -> f32 {
        maths::sin_cycle(self.phase as f32)
    }

    /// How far it has faded in, 0 to 1: silent for `delay_seconds`, then rising
    /// for as long again. Real-time: yes.
    pub fn depth(&self, delay_seconds: f32) -> f32 {
        if delay_seconds <= 0.0 {
            return 1.0;
        }
        ((self.age_seconds as f32 - delay_seconds) / delay_seconds).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_swings_at_its_rate_and_fades_in() {
        let mut lfo = Lfo::new(0.0);
        lfo.advance(0.05, 5.0);
        assert!((lfo.value() - 1.0).abs() < 1e-5);
        assert_eq!(lfo.depth(0.1), 0.0);
        lfo.advance(0.1, 5.0);
        assert!((lfo.value() + 1.0).abs() < 1e-5);
        assert!((lfo.depth(0.1) - 0.5).abs() < 1e-5);
        assert_eq!(lfo.depth(0.0), 1.0);
    }
}
