/// How loud a strike stays near the ends of a range: so that two layers whose
/// ranges overlap by as many steps blend with about the same power throughout. Real-time: yes.
#[derive(Clone, PartialEq, Eq)]
pub struct Fade([u16; 128]);

/// 1 in the table.
const FULL: u32 = 1 << 15;

impl std::fmt::Debug for Fade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fade({} steps down)", self.0.iter().filter(|gain| u32::from(**gain) < FULL).count())
    }
}

impl Fade {
    /// Over `steps` at each end of `range` that is no end of `whole`: there is
    /// nobody to blend with. Real-time: no.
    pub fn new(range: (u8, u8), whole: (u8, u8), steps: u8) -> Fade {
        let gain = |distance: u8| {
            let share = (f64::from(distance) + 1.0) / (f64::from(steps) + 1.0);
            libm::sqrt(share.min(1.0))
        };
        Fade(std::array::from_fn(|step| {
            let step = step as u8;
            let low = if range.0 > whole.0 { gain(step.saturating_sub(range.0)) } else { 1.0 };
            let high = if range.1 < whole.1 { gain(range.1.saturating_sub(step)) } else { 1.0 };
            libm::round(low * high * f64::from(FULL)) as u16
        }))
    }

    /// A velocity, less where `step` is near an end; never 0. Real-time: yes.
    pub fn apply(&self, step: u8, velocity: u8) -> u8 {
        let gain = u32::from(self.0[usize::from(step & 0x7f)]);
        ((u32::from(velocity) * gain + FULL / 2) / FULL).clamp(1, 127) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_layers_that_overlap_keep_their_power() {
        let low = Fade::new((0, 64), (0, 127), 5);
        let high = Fade::new((60, 127), (0, 127), 5);
        for key in 60..=64 {
            let (a, b) = (f64::from(low.apply(key, 120)), f64::from(high.apply(key, 120)));
            assert!((a * a + b * b - 120.0 * 120.0).abs() < 300.0, "{key}: {a} {b}");
        }
        assert!(low.apply(60, 120) > low.apply(64, 120));
        assert_eq!([0, 30, 59].map(|key| low.apply(key, 99)), [99; 3]);
        assert_eq!([65, 127].map(|key| high.apply(key, 99)), [99; 2]);
        assert_eq!(low.apply(64, 1), 1);
    }
}
