use crate::midi::{Message, controller};

/// Something that a hand moves: a controller, the wheel, pressure. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// A controller, 0 to 119.
    Controller(u8),
    /// The pitch wheel.
    Bend,
    /// The pressure of the channel.
    Pressure,
}

/// How a control's travel becomes another's. Real-time: no.
#[derive(Clone, PartialEq, Debug)]
pub enum ControllerCurve {
    /// In proportion.
    Linear,
    /// Much happens at first: (v/127)^½.
    Soft,
    /// Much happens at last: (v/127)².
    Hard,
    /// Straight lines between points (in, out), rising in their first numbers.
    Points(Vec<(u8, u8)>),
}

/// What becomes of one control. Real-time: yes.
#[derive(Clone, PartialEq, Eq)]
pub struct ControllerRule {
    from: Control,
    /// `None`: it is dropped.
    to: Option<Control>,
    values: [u8; 128],
    /// The values stay as they are.
    is_plain: bool,
}

impl std::fmt::Debug for ControllerRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [least, .., most] = self.values;
        write!(f, "{:?} to {:?} in {least} to {most}", self.from, self.to)
    }
}

impl ControllerRule {
    /// `range` is what 0 and 127 become; the first may be the greater. Real-time: no.
    pub fn new(from: Control, to: Option<Control>, range: (u8, u8), curve: &ControllerCurve) -> Self {
        let (low, high) = (f64::from(range.0), f64::from(range.1));
        let values = std::array::from_fn(|value| {
            let share = shaped(curve, value as f64);
            libm::round(low + (high - low) * share).clamp(0.0, 127.0) as u8
        });
        let is_plain = range == (0, 127) && *curve == ControllerCurve::Linear;
        ControllerRule { from, to, values, is_plain }
    }
}

/// 0 to 1 of what a value 0 to 127 stands for.
fn shaped(curve: &ControllerCurve, value: f64) -> f64 {
    let share = value / 127.0;
    match curve {
        ControllerCurve::Linear => share,
        ControllerCurve::Soft => libm::sqrt(share),
        ControllerCurve::Hard => share * share,
        ControllerCurve::Points(points) => {
            let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return share };
            let above = points.windows(2).find(|pair| value <= f64::from(pair[1].0));
            let out = match above {
                _ if value <= f64::from(first.0) => f64::from(first.1),
                Some([(x0, y0), (x1, y1)]) => {
                    let run = (f64::from(*x1) - f64::from(*x0)).max(1.0);
                    f64::from(*y0) + (f64::from(*y1) - f64::from(*y0)) * (value - f64::from(*x0)) / run
                }
                _ => f64::from(last.1),
            };
            out / 127.0
        }
    }
}

const BEND: usize = 128;
const PRESSURE: usize = 129;
/// Controllers 0 to 31 have their fine parts this much higher.
const FINE: u8 = 32;

/// What becomes of the controllers of a cable; those that no rule names stay. Real-time: yes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ControllerMap {
    rules: Box<[ControllerRule]>,
    /// For each control the place of its rule, counted from 1; 0 for none.
    places: Places,
}

#[derive(Clone, PartialEq, Eq)]
struct Places([u8; 130]);

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of 130", self.0.iter().filter(|place| **place > 0).count())
    }
}

impl ControllerMap {
    /// A map of these rules, up to 130; of two for one control the first holds.
    /// Real-time: no (allocates).
    pub fn new(rules: Vec<ControllerRule>) -> ControllerMap {
        let mut places = [0; 130];
        for (rule, number) in rules.iter().zip(1_u8..=130) {
            let place = &mut places[place_of(rule.from)];
            if *place == 0 {
                *place = number;
            }
        }
        ControllerMap { rules: rules.into(), places: Places(places) }
    }

    /// What becomes of a message; `None` where it is dropped. A controller's fine
    /// part goes with it, or not at all where its values change. Real-time: yes.
    pub fn apply(&self, message: Message) -> Option<Message> {
        let (channel, from, value) = match message {
            Message::ControlChange { channel, controller, value }
                if controller < controller::ALL_SOUND_OFF =>
            {
                (channel, Control::Controller(controller), value)
            }
            Message::PitchBend { channel, value } => (channel, Control::Bend, (value >> 7) as u8),
            Message::ChannelPressure { channel, pressure } => (channel, Control::Pressure, pressure),
            _ => return Some(message),
        };
        let Some(rule) = self.rule(from) else {
            return self.fine_part(message, channel, from, value);
        };
        let value = rule.values[usize::from(value & 0x7f)];
        Some(match rule.to? {
            Control::Controller(controller) => Message::ControlChange { channel, controller, value },
            Control::Bend => Message::PitchBend { channel, value: widened(value) },
            Control::Pressure => Message::ChannelPressure { channel, pressure: value },
        })
    }

    /// The rests of what the rules lead to, for a source that is gone. Real-time: yes.
    pub fn rests(&self, channel: u8) -> impl Iterator<Item = Message> {
        let control = move |controller| Message::ControlChange { channel, controller, value: 0 };
        self.rules.iter().filter_map(move |rule| match rule.to? {
            Control::Controller(
                number @ (controller::SUSTAIN | controller::SOSTENUTO | controller::MODULATION),
            ) => Some(control(number)),
            Control::Controller(_) => None,
            Control::Bend => Some(Message::PitchBend { channel, value: 8_192 }),
            Control::Pressure => Some(Message::ChannelPressure { channel, pressure: 0 }),
        })
    }

    fn rule(&self, from: Control) -> Option<&ControllerRule> {
        let place = usize::from(self.places.0[place_of(from)]);
        self.rules.get(place.wrapping_sub(1))
    }

    fn fine_part(&self, message: Message, channel: u8, from: Control, value: u8) -> Option<Message> {
        let Control::Controller(number @ FINE..=63) = from else { return Some(message) };
        let Some(rule) = self.rule(Control::Controller(number - FINE)) else { return Some(message) };
        match rule.to {
            Some(Control::Controller(to @ 0..FINE)) if rule.is_plain => {
                Some(Message::ControlChange { channel, controller: to + FINE, value })
            }
            _ => None,
        }
    }
}

fn place_of(control: Control) -> usize {
    match control {
        Control::Controller(number) => usize::from(number & 0x7f),
        Control::Bend => BEND,
        Control::Pressure => PRESSURE,
    }
}

/// 7 bits as 14, with 64 at rest and 127 at the top.
fn widened(value: u8) -> u16 {
    let value = u32::from(value & 0x7f);
    let wide = if value <= 64 { value << 7 } else { 8_192 + (value - 64) * 8_191 / 63 };
    wide as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(controller: u8, value: u8) -> Message {
        Message::ControlChange { channel: 3, controller, value }
    }

    fn rule(from: Control, to: Option<Control>, range: (u8, u8), curve: ControllerCurve) -> ControllerRule {
        ControllerRule::new(from, to, range, &curve)
    }

    #[test]
    fn a_control_goes_where_its_rule_says() {
        use Control::{Bend, Controller, Pressure};
        let map = ControllerMap::new(vec![
            rule(Controller(1), Some(Controller(74)), (20, 110), ControllerCurve::Linear),
            rule(Controller(7), Some(Controller(11)), (0, 127), ControllerCurve::Linear),
            rule(Controller(64), None, (0, 127), ControllerCurve::Linear),
            rule(Bend, Some(Controller(1)), (127, 0), ControllerCurve::Linear),
            rule(Controller(2), Some(Bend), (0, 127), ControllerCurve::Linear),
            rule(Controller(3), Some(Pressure), (0, 127), ControllerCurve::Hard),
            rule(Pressure, Some(Controller(4)), (0, 100), ControllerCurve::Points(vec![(10, 0), (20, 127)])),
        ]);
        let apply = |message| map.apply(message);
        assert_eq!([0, 64, 127].map(|v| apply(control(1, v))), [20, 65, 110].map(|v| Some(control(74, v))));
        assert_eq!(apply(control(64, 127)), None);
        assert_eq!(apply(control(9, 3)), Some(control(9, 3)));
        assert_eq!(apply(Message::PitchBend { channel: 3, value: 16_383 }), Some(control(1, 0)));
        for (value, bend) in [(0, 0), (64, 8_192), (127, 16_383)] {
            assert_eq!(apply(control(2, value)), Some(Message::PitchBend { channel: 3, value: bend }));
        }
        assert_eq!(apply(control(3, 64)), Some(Message::ChannelPressure { channel: 3, pressure: 32 }));
        let press = |pressure| apply(Message::ChannelPressure { channel: 3, pressure });
        assert_eq!([9, 15, 99].map(press), [0, 50, 100].map(|v| Some(control(4, v))));
        // The fine part of 7 goes along; that of 1, whose range is another, does not.
        assert_eq!((apply(control(39, 5)), apply(control(33, 5))), (Some(control(43, 5)), None));
        assert_eq!(apply(control(120, 0)), Some(control(120, 0)));
        let rests: Vec<Message> = map.rests(3).collect();
        let bend = Message::PitchBend { channel: 3, value: 8_192 };
        assert_eq!(rests, [control(1, 0), bend, Message::ChannelPressure { channel: 3, pressure: 0 }]);
    }

    #[test]
    fn every_value_of_every_rule_stays_in_seven_bits() {
        for curve in [ControllerCurve::Linear, ControllerCurve::Soft, ControllerCurve::Hard] {
            for range in [(0, 127), (127, 0), (40, 40)] {
                let rule = rule(Control::Bend, None, range, curve.clone());
                assert_eq!([rule.values[0], rule.values[127]], [range.0, range.1]);
                assert!(rule.values.iter().all(|value| *value <= 127));
            }
        }
    }
}
