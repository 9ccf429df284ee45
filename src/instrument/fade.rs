use crate::unit::SampleRate;

/// The end of a voice that is wanted elsewhere: a straight line to nothing.
/// Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct Fade {
    now: f32,
    step: f32,
}

/// Seconds in which a stolen voice fades out.
const SECONDS: f64 = 0.005;

impl Fade {
    /// Not begun. Real-time: no.
    pub const fn new() -> Fade {
        Fade { now: 1.0, step: 0.0 }
    }

    /// Begins, if it has not. Real-time: yes.
    pub fn begin(&mut self, rate: SampleRate) {
        if self.step == 0.0 {
            self.step = 1.0 / rate.frames(SECONDS).max(1) as f32;
        }
    }

    /// Multiplies by it. Real-time: yes.
    pub fn apply(&mut self, samples: &mut [f32]) {
        if self.step == 0.0 {
            return;
        }
        for sample in samples {
            *sample *= self.now;
            self.now = (self.now - self.step).max(0.0);
        }
    }

    /// What the next frame is multiplied by. Real-time: yes.
    pub fn level(&self) -> f32 {
        self.now
    }

    /// Whether nothing is left. Real-time: yes.
    pub fn is_over(&self) -> bool {
        self.now <= 0.0
    }
}
