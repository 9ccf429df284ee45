//! A control that glides to its target.

use crate::unit::{QUANTUM_FRAMES, maths};

/// A control that follows its target by one pole a control tick: for what is
/// neither a gain nor a mix. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct Smooth {
    now: f32,
    target: f32,
}

/// The part of the way that a [`Smooth`] of a time constant covers at each tick.
/// Real-time: yes.
pub fn per_tick(seconds: f64, rate_hertz: f64) -> f32 {
    maths::one_pole_coefficient(seconds, rate_hertz / QUANTUM_FRAMES as f64)
}

impl Smooth {
    /// Standing at a value. Real-time: yes.
    pub const fn at(value: f32) -> Smooth {
        Smooth { now: value, target: value }
    }

    /// Starts towards a target. Real-time: yes.
    pub fn go(&mut self, target: f32) {
        self.target = target;
    }

    /// Is there at once. Real-time: yes.
    pub fn snap(&mut self) {
        self.now = self.target;
    }

    /// One control tick; lands exactly once it is near. Real-time: yes.
    #[inline]
    pub fn tick(&mut self, coefficient: f32) {
        let distance = self.target - self.now;
        if distance != 0.0 {
            let near = distance.abs() <= 1.0e-4 * (1.0 + self.target.abs());
            self.now = if near { self.target } else { self.now + coefficient * distance };
        }
    }

    /// Where it is now. Real-time: yes.
    pub fn value(&self) -> f32 {
        self.now
    }

    /// Where it goes, or stands. Real-time: yes.
    pub fn target(&self) -> f32 {
        self.target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lands_on_its_target() {
        let mut smooth = Smooth::at(0.0);
        smooth.go(2.0);
        let coefficient = per_tick(0.005, 48_000.0);
        for _ in 0..7 {
            smooth.tick(coefficient);
        }
        // 7 ticks of 0.667 ms are 0.93 time constants.
        assert!((smooth.value() - 2.0 * 0.607).abs() < 0.01, "{}", smooth.value());
        for _ in 0..100 {
            smooth.tick(coefficient);
        }
        assert_eq!(smooth.value(), 2.0);
    }
}
