use super::{Parameter, Shape};
use crate::midi::{Event, EventKind};

/// A parameter event of an actor with these parameters: the index, and the value
/// brought into its range. `None` for any other event, for a parameter that is not
/// [`live`](Parameter::live), and for NaN; but NaN is given where the parameter has no
/// default: there it means "as if the rig said nothing". Real-time: yes.
pub fn change(parameters: &[Parameter], event: &Event) -> Option<(usize, f32)> {
    let Some(EventKind::Parameter { index, value }) = event.kind() else { return None };
    let index = usize::from(index);
    let parameter = parameters.get(index)?;
    if !parameter.live {
        return None;
    }
    if value.is_nan() {
        return parameter.default.is_none().then_some((index, value));
    }
    let (min, max) = match parameter.shape {
        Shape::Number { min, max } => (min as f32, max as f32),
        Shape::Integer { min, max } => (min as f32, max as f32),
        Shape::Choice(words) => (0.0, words.len().saturating_sub(1) as f32),
        Shape::Switch => (0.0, 1.0),
    };
    Some((index, value.clamp(min, max)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Unit, Value};

    #[test]
    fn changes_stay_in_range() {
        let knob = Parameter {
            name: "mix",
            summary: "",
            unit: Unit::Ratio,
            shape: Shape::Number { min: 0.0, max: 1.0 },
            default: Some(Value::Number(0.0)),
            example: Value::Number(0.5),
            live: true,
        };
        let parameters = [knob, Parameter { live: false, ..knob }, Parameter { default: None, ..knob }];
        let of = |index, value| change(&parameters, &Event::parameter(0, index, value));
        assert_eq!(of(0, 0.25), Some((0, 0.25)));
        assert_eq!(of(0, 7.0), Some((0, 1.0)));
        assert_eq!(of(0, f32::NEG_INFINITY), Some((0, 0.0)));
        assert_eq!(of(0, f32::NAN), None);
        assert_eq!(of(1, 0.5), None);
        assert!(matches!(of(2, f32::NAN), Some((2, value)) if value.is_nan()));
        assert_eq!(of(Event::GAIN, 0.5), None);
        assert_eq!(change(&parameters, &Event::from_bytes(0, 0, &[0x90, 60, 1])), None);
    }
}
