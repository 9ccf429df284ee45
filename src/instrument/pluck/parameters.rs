use crate::instrument::zones::MPE;
use crate::stage::{Parameter, Settings, Shape, Unit, Value};

pub(super) const DAMPING: usize = 0;
pub(super) const PICK_POSITION: usize = 1;
pub(super) const BRIGHTNESS: usize = 2;
pub(super) const BODY: usize = 3;
pub(super) const DECAY_SECONDS: usize = 4;
pub(super) const RELEASE_SECONDS: usize = 5;
pub(super) const BEND_SEMITONES: usize = 6;

const fn number(
    name: &'static str,
    summary: &'static str,
    unit: Unit,
    [min, max]: [f64; 2],
    [default, example]: [f64; 2],
) -> Parameter {
    Parameter {
        name,
        summary,
        unit,
        shape: Shape::Number { min, max },
        default: Some(Value::Number(default)),
        example: Value::Number(example),
        live: true,
    }
}

pub(super) const PARAMETERS: &[Parameter] = &[
    number(
        "damping",
        "how soon the treble dies: the partials at 4 kHz fall by 60 dB in 3 s (0) to 0.05 s (1)",
        Unit::Ratio,
        [0.0, 1.0],
        [0.4, 0.7],
    ),
    number(
        "pick_position",
        "where the string is picked, as a share of its length from the bridge: thin to hollow",
        Unit::Ratio,
        [0.02, 0.5],
        [0.18, 0.5],
    ),
    number(
        "brightness",
        "hardness of the pick: soft above 700 Hz (0) to 11 kHz (1) at velocity 100, more with velocity",
        Unit::Ratio,
        [0.0, 1.0],
        [0.55, 0.8],
    ),
    number("body", "resonance of the wooden box", Unit::Ratio, [0.0, 1.0], [0.35, 0.0]),
    number(
        "decay_seconds",
        "time in which C4 falls by 60 dB while held; half of it two octaves up, twice two octaves down",
        Unit::Seconds,
        [0.05, 30.0],
        [5.0, 1.5],
    ),
    number(
        "release_seconds",
        "time in which a string falls by 60 dB once its key is up",
        Unit::Seconds,
        [0.005, 30.0],
        [0.25, 1.0],
    ),
    number(
        "bend_semitones",
        "range of the pitch wheel, either way; RPN 0 changes it for a channel",
        Unit::Semitones,
        [0.0, 48.0],
        [2.0, 12.0],
    ),
    Parameter {
        name: "voices",
        summary: "the most strings at once; then released quiet ones are stolen, or the oldest",
        unit: Unit::Voices,
        shape: Shape::Integer { min: 1, max: 256 },
        default: Some(Value::Number(64.0)),
        example: Value::Number(16.0),
        live: false,
    },
    MPE,
];

/// What a musician turns, but for the body. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Touch {
    pub(super) damping: f32,
    pub(super) pick_position: f32,
    pub(super) brightness: f32,
    pub(super) decay_seconds: f32,
    pub(super) release_seconds: f32,
}

impl Touch {
    pub(super) fn new(settings: &Settings) -> Touch {
        let number = |index: usize| settings.number(PARAMETERS, PARAMETERS[index].name) as f32;
        Touch {
            damping: number(DAMPING),
            pick_position: number(PICK_POSITION),
            brightness: number(BRIGHTNESS),
            decay_seconds: number(DECAY_SECONDS),
            release_seconds: number(RELEASE_SECONDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_in_the_order_of_the_parameters() {
        for (index, name) in [
            (DAMPING, "damping"),
            (PICK_POSITION, "pick_position"),
            (BRIGHTNESS, "brightness"),
            (BODY, "body"),
            (DECAY_SECONDS, "decay_seconds"),
            (RELEASE_SECONDS, "release_seconds"),
            (BEND_SEMITONES, "bend_semitones"),
        ] {
            assert_eq!(PARAMETERS[index].name, name);
        }
    }
}
