/// A value that goes to its target in a straight line, one step a frame: for
/// gains and mixes. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ramp {
    now: f32,
    target: f32,
    step: f32,
    remaining_frames: u32,
}

impl Ramp {
    /// Standing at a value. Real-time: yes.
    pub const fn at(value: f32) -> Ramp {
        Ramp { now: value, target: value, step: 0.0, remaining_frames: 0 }
    }

    /// Starts towards a target, to be there in so many frames (at once for 0). Real-time: yes.
    pub fn go(&mut self, target: f32, frames: u32) {
        self.target = target;
        self.remaining_frames = frames;
        if frames == 0 || self.now == target {
            self.now = target;
            self.remaining_frames = 0;
            self.step = 0.0;
        } else {
            self.step = (target - self.now) / frames as f32;
        }
    }

    /// The value for the next frame. Real-time: yes.
    #[allow(clippy::should_implement_trait)] // It never ends; `for` over it would be a mistake.
    #[inline]
    pub fn next(&mut self) -> f32 {
        let value = self.now;
        if self.remaining_frames > 0 {
            self.remaining_frames -= 1;
            self.now = if self.remaining_frames == 0 { self.target } else { self.now + self.step };
        }
        value
    }

    /// The value if it stands still. Real-time: yes.
    pub fn steady(&self) -> Option<f32> {
        (self.remaining_frames == 0).then_some(self.now)
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
    fn a_ramp_takes_its_frames_and_lands_exactly() {
        let mut ramp = Ramp::at(1.0);
        ramp.go(0.3, 7);
        let values: Vec<f32> = (0..9).map(|_| ramp.next()).collect();
        assert_eq!(values[0], 1.0);
        assert!(values.windows(2).all(|w| w[1] <= w[0]));
        assert!(values[6] > 0.3);
        assert_eq!(&values[7..], [0.3, 0.3]);
        assert_eq!(ramp.steady(), Some(0.3));
    }
}
