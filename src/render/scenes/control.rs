use crate::unit::maths;

/// How the way of a controller goes over the range of a parameter. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Curve {
    /// In equal steps.
    Linear,
    /// In equal ratios; both ends of the range lie above 0.
    Log,
}

/// Which bits of a value a message carries. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// All 7.
    Seven,
    /// All 14.
    Fourteen,
    /// Of a pair of controllers: this one brings the upper 7 bits.
    Pair {
        /// The controller with the upper bits; another one brings the lower.
        coarse: u8,
    },
}

/// MIDI to a parameter: what is heard, and where it moves what. Real-time: yes.
#[derive(Clone, Debug)]
pub struct Control {
    /// The index of its parameter in the table.
    pub parameter: u16,
    /// What its messages carry.
    pub width: Width,
    /// The parameter's value at the lowest and at the highest position.
    pub range: (f32, f32),
    /// How it goes between them.
    pub curve: Curve,
    /// Only whole values.
    pub is_whole: bool,
    /// It moves nothing before it has met the parameter's value.
    pub pickup: bool,
    /// The control of the plan before that this one is, if any.
    pub continues: Option<u16>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    coarse: u8,
    fine: u8,
    /// What its position last meant.
    last: Option<f32>,
    /// What it last moved the parameter to.
    sent: Option<f32>,
    /// Messages of this quantum.
    heard: u8,
    /// A value that waits for the next quantum.
    waits: Option<f32>,
}

/// More values of one control in a quantum wait for the next; of these the newest goes.
const VALUES_PER_QUANTUM: u8 = 8;

impl Control {
    /// One that has not been moved yet. Real-time: yes.
    pub fn new(parameter: u16, width: Width, range: (f32, f32), curve: Curve) -> Control {
        let state = State::default();
        Control { parameter, width, range, curve, is_whole: false, pickup: false, continues: None, state }
    }

    pub(super) fn continue_from(&mut self, old: &Control) {
        self.state = old.state;
    }

    /// It was moved, while the parameter stands at `target`: the value to go to now.
    pub(super) fn hear(&mut self, controller: Option<u8>, value: u16, target: f32) -> Option<f32> {
        let position = self.position(controller, value);
        let value = self.value(position);
        let before = self.state.last.replace(value);
        if self.pickup && !self.has_it(before, value, target) {
            return None;
        }
        self.state.sent = Some(value);
        if self.state.heard >= VALUES_PER_QUANTUM {
            self.state.waits = Some(value);
            return None;
        }
        self.state.heard += 1;
        Some(value)
    }

    /// A quantum begins: what had to wait.
    pub(super) fn quantum(&mut self) -> Option<f32> {
        self.state.heard = 0;
        self.state.waits.take()
    }

    /// From 0 to 1.
    fn position(&mut self, controller: Option<u8>, value: u16) -> f64 {
        match self.width {
            Width::Seven => f64::from(value.min(127)) / 127.0,
            // What has no lower half reaches the end too.
            Width::Fourteen if value >= 127 << 7 && value & 0x7f == 0 => 1.0,
            Width::Fourteen => f64::from(value.min(16_383)) / 16_383.0,
            Width::Pair { coarse } => {
                if controller == Some(coarse) {
                    (self.state.coarse, self.state.fine) = (value as u8 & 0x7f, 0);
                } else {
                    self.state.fine = value as u8 & 0x7f;
                }
                let State { coarse, fine, .. } = self.state;
                // An instrument that only sends the upper half reaches the end too.
                if fine == 0 && coarse == 127 {
                    return 1.0;
                }
                f64::from(u16::from(coarse) << 7 | u16::from(fine)) / 16_383.0
            }
        }
    }

    fn value(&self, position: f64) -> f32 {
        let (low, high) = (f64::from(self.range.0), f64::from(self.range.1));
        if position <= 0.0 {
            return self.range.0;
        }
        if position >= 1.0 {
            return self.range.1;
        }
        let value = match self.curve {
            Curve::Linear => low + (high - low) * position,
            Curve::Log => low * maths::exp2(position * maths::log2(high / low)),
        };
        if self.is_whole { libm::round(value) as f32 } else { value as f32 }
    }

    /// Whether the parameter is where this control left it, or the control meets
    /// it now: passes it, or comes within a 127th of its way.
    fn has_it(&self, before: Option<f32>, value: f32, target: f32) -> bool {
        if target.is_nan() || self.state.sent.is_some_and(|sent| sent.to_bits() == target.to_bits()) {
            return true;
        }
        let near = match self.curve {
            Curve::Linear => (value - target).abs() <= (self.range.1 - self.range.0).abs() / 127.0,
            Curve::Log => {
                let octaves = maths::log2(f64::from(self.range.1) / f64::from(self.range.0)) / 127.0;
                let apart = maths::log2(f64::from(value) / f64::from(target.max(f32::MIN_POSITIVE)));
                apart.abs() <= octaves.abs()
            }
        };
        near || before.is_some_and(|before| (before - target) * (value - target) <= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cutoff(width: Width) -> Control {
        Control::new(0, width, (200.0, 8_000.0), Curve::Log)
    }

    #[test]
    fn ends_are_exact_and_the_middle_is_where_the_curve_says() {
        let mut seven = cutoff(Width::Seven);
        assert_eq!(seven.hear(None, 0, 0.0), Some(200.0));
        assert_eq!(seven.hear(None, 127, 0.0), Some(8_000.0));
        let mut bend = cutoff(Width::Fourteen);
        let middle = bend.hear(None, 8_192, 0.0).expect("it moves");
        assert!((middle - 1_264.9).abs() < 1.0, "the geometric mean, {middle}");
        let mut linear = Control::new(0, Width::Seven, (1.0, -1.0), Curve::Linear);
        assert_eq!([0, 127].map(|v| linear.hear(None, v, 0.0)), [Some(1.0), Some(-1.0)], "upside down");
        let mut words =
            Control { is_whole: true, ..Control::new(0, Width::Seven, (0.0, 3.0), Curve::Linear) };
        assert_eq!([20, 40, 64].map(|v| words.hear(None, v, 0.0)), [Some(0.0), Some(1.0), Some(2.0)]);
    }

    #[test]
    fn a_pair_of_controllers_has_fourteen_bits() {
        let mut pair = Control::new(0, Width::Pair { coarse: 1 }, (0.0, 16_383.0), Curve::Linear);
        assert_eq!(pair.hear(Some(1), 64, 0.0), Some(8_192.0));
        assert_eq!(pair.hear(Some(33), 5, 0.0), Some(8_197.0));
        assert_eq!(pair.hear(Some(1), 65, 0.0), Some(8_320.0), "the upper half clears the lower");
        assert_eq!(pair.hear(Some(1), 127, 0.0), Some(16_383.0));
    }

    #[test]
    fn pickup_waits_for_the_value_and_lets_go_when_another_moves_it() {
        let mut knob = Control { pickup: true, ..Control::new(0, Width::Seven, (0.0, 127.0), Curve::Linear) };
        let mut target = 60.0;
        let mut turn = |value, target: &mut f32| {
            let moved = knob.hear(None, value, *target);
            if let Some(value) = moved {
                *target = value;
            }
            moved.is_some()
        };
        assert!(!turn(20, &mut target) && !turn(40, &mut target));
        assert!(turn(70, &mut target), "it passed 60");
        assert!(turn(20, &mut target), "it has it now");
        target = 90.0;
        assert!(!turn(30, &mut target), "a scene moved it away");
        assert!(turn(89, &mut target), "near enough");
    }

    #[test]
    fn a_flood_is_cut_to_the_newest_value() {
        let mut knob = Control::new(0, Width::Seven, (0.0, 127.0), Curve::Linear);
        let moved = (0..100).filter(|value| knob.hear(None, *value, 0.0).is_some()).count();
        assert_eq!((moved, knob.quantum(), knob.quantum()), (8, Some(99.0), None));
    }
}
