//! A value that moves in a straight line.

use crate::unit::QUANTUM_FRAMES;

/// A value that moves in a straight line from tick to tick. Real-time: yes.
#[derive(Clone, Copy, Default, Debug)]
pub struct Line {
    now: f32,
    step: f32,
    target: f32,
}

impl Line {
    /// Starts towards a target, to be there after a quantum. Real-time: yes.
    pub fn go(&mut self, target: f32) {
        self.target = target;
        self.step = (target - self.now) / QUANTUM_FRAMES as f32;
    }

    /// Is at its target at once. Real-time: yes.
    pub fn arrive(&mut self) {
        self.now = self.target;
        self.step = 0.0;
    }

    /// Multiplies by it and moves on. Real-time: yes.
    #[inline]
    pub fn multiply(&mut self, samples: &mut [f32]) {
        if self.step == 0.0 {
            samples.iter_mut().for_each(|sample| *sample *= self.now);
            return;
        }
        for sample in samples {
            *sample *= self.now;
            self.now += self.step;
        }
    }

    /// Moves on without being used. Real-time: yes.
    #[inline]
    pub fn skip(&mut self, frames: usize) {
        // One by one, as `multiply` does it: rounding must not depend on the piece.
        for _ in 0..frames {
            self.now += self.step;
        }
    }

    /// The value for the next frame. Real-time: yes.
    pub fn value(&self) -> f32 {
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_arrives_after_a_quantum_however_it_is_cut() {
        let mut whole = Line::default();
        whole.go(0.7);
        let mut cut = whole;
        let mut samples = [1.0; QUANTUM_FRAMES];
        whole.multiply(&mut samples);
        assert_eq!(samples[0], 0.0);
        assert!((whole.value() - 0.7).abs() < 1e-5);
        cut.multiply(&mut [1.0; 5]);
        cut.skip(QUANTUM_FRAMES - 5);
        assert_eq!(cut.value(), whole.value());
    }
}
