use super::Ramp;
use crate::unit::maths;

/// The gains of a pan position from −1 (left) to 1 (right), left and right:
/// constant power, −3 dB at the centre. Real-time: yes.
///
/// Source: the sine–cosine law; gains cos((p+1)π/4) and sin((p+1)π/4).
pub fn pan_gains(pan: f32) -> [f32; 2] {
    // The ends exactly: the cosine of a rounded π/2 is not 0.
    if pan <= -1.0 {
        return [1.0, 0.0];
    }
    if pan >= 1.0 {
        return [0.0, 1.0];
    }
    let angle = (f64::from(pan) + 1.0) * std::f64::consts::FRAC_PI_4;
    [maths::cos(angle) as f32, maths::sin(angle) as f32]
}

/// The pan of a stage: unity for both channels while none is given, which passes
/// bit-exactly; a change is a straight line in both gains. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Pan {
    left: Ramp,
    right: Ramp,
}

impl Pan {
    /// Standing at a position, or absent.
    pub(super) fn at(pan: Option<f32>) -> Pan {
        let [left, right] = pan.map_or([1.0, 1.0], pan_gains);
        Pan { left: Ramp::at(left), right: Ramp::at(right) }
    }

    /// Goes to a position in so many frames; NaN: to none.
    pub(super) fn go(&mut self, pan: f32, frames: u32) {
        let [left, right] = if pan.is_nan() { [1.0, 1.0] } else { pan_gains(pan) };
        self.left.go(left, frames);
        self.right.go(right, frames);
    }

    /// Applies it in place.
    pub(super) fn apply(&mut self, left: &mut [f32], right: &mut [f32]) {
        scale(&mut self.left, left);
        scale(&mut self.right, right);
    }
}

fn scale(ramp: &mut Ramp, samples: &mut [f32]) {
    match ramp.steady() {
        Some(gain) => samples.iter_mut().for_each(|sample| *sample *= gain),
        None => samples.iter_mut().for_each(|sample| *sample *= ramp.next()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_is_constant_and_the_ends_are_exact() {
        assert_eq!(pan_gains(-1.0), [1.0, 0.0]);
        assert_eq!(pan_gains(1.0), [0.0, 1.0]);
        for step in -20..=20 {
            let [left, right] = pan_gains(step as f32 / 20.0);
            assert!((left * left + right * right - 1.0).abs() < 1e-6);
        }
        let [left, right] = pan_gains(0.0);
        assert!((left - 0.707_106_77).abs() < 1e-7 && (right - 0.707_106_77).abs() < 1e-7);
        let [left, right] = pan_gains(0.5);
        assert!((left - 0.382_683_43).abs() < 1e-7 && (right - 0.923_879_5).abs() < 1e-7);
    }
}
