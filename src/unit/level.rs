use super::maths;

/// At and below this a gain is zero, in dB.
pub const SILENCE_DECIBELS: f32 = -120.0;

/// A level or a gain in decibels: gain = 10^(dB/20). Real-time: yes.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Decibels(pub f32);

impl Decibels {
    /// No change.
    pub const UNITY: Decibels = Decibels(0.0);

    /// The linear gain; exactly 1 at 0 dB and 0 at or below [`SILENCE_DECIBELS`].
    /// Real-time: yes.
    pub fn to_gain(self) -> f32 {
        if self.0 == 0.0 {
            1.0
        } else if self.0 <= SILENCE_DECIBELS {
            0.0
        } else {
            maths::exp10(f64::from(self.0) / 20.0) as f32
        }
    }

    /// The level of a linear gain or peak; [`SILENCE_DECIBELS`] at the lowest.
    /// Real-time: yes.
    pub fn from_gain(gain: f32) -> Decibels {
        if gain <= 1.0e-6 {
            return Decibels(SILENCE_DECIBELS);
        }
        Decibels((20.0 * maths::log10(f64::from(gain))) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of 10^(dB/20), computed to more digits than `f32` holds.
    #[test]
    fn gains_match_the_definition() {
        for (decibels, gain) in
            [(0.0, 1.0), (-6.0, 0.501_187_2), (-20.0, 0.1), (6.0, 1.995_262_3), (-120.0, 0.0)]
        {
            assert!((Decibels(decibels).to_gain() - gain).abs() < 1e-6, "{decibels}");
        }
        assert!((Decibels::from_gain(0.5).0 + 6.020_6).abs() < 1e-4);
        assert_eq!(Decibels::from_gain(0.0).0, SILENCE_DECIBELS);
    }
}
