//! The keys of `[[scene]]` and `[[control]]`.

use super::{Key, KeyShape, Sample, key};
use crate::transport::Tempo;

/// Keys of the computer's keyboard that a scene may have, beside digits: letters that
/// the panel has no other use for.
pub const SCENE_LETTERS: &str = "efghijkouvwxyz";

const FROM: Key = key(
    "from",
    KeyShape::Name,
    Sample::Text("keys"),
    "the [midi.NAME] that is listened to; every one when not given",
);
const CHANNEL: Key = key(
    "channel",
    KeyShape::Integer { min: 1, max: 16 },
    Sample::Integer(16),
    "the MIDI channel that is listened to; every one when not given",
);

/// `[[scene]]`.
pub const SCENE: &[Key] = &[
    key("name", KeyShape::Text, Sample::Text("verse"), "what it is called; always needed"),
    key(
        "program",
        KeyShape::Integer { min: 0, max: 127 },
        Sample::Integer(3),
        "the program change that brings it on, counted from 0 as on the wire",
    ),
    key(
        "key",
        KeyShape::SceneKey,
        Sample::Text("1"),
        "brings it on: a digit or letter of the computer's keyboard, a MIDI key such as \"C1\" or 24, or a \
         list of these",
    ),
    key(
        "controller",
        KeyShape::Integer { min: 64, max: 119 },
        Sample::Integer(80),
        "the footswitch that brings it on where it is pressed: a value of 64 or more",
    ),
    FROM,
    CHANNEL,
    key(
        "consume",
        KeyShape::Switch,
        Sample::Switch(false),
        "the message that brings it on goes no further along cables",
    )
    .or(Sample::Switch(true)),
    key(
        "tempo",
        KeyShape::Number { min: Tempo::MIN, max: Tempo::MAX },
        Sample::Number(96.0),
        "the tempo it goes on at; the rig's when not given, if any scene has one",
    )
    .in_unit("BPM"),
    key(
        "set",
        KeyShape::Settings,
        Sample::Setting("lead.cutoff_hertz", 900.0),
        "parameters and gains that stand otherwise than the rig says; what no scene mentions is left alone",
    ),
    key(
        "mute",
        KeyShape::Names,
        Sample::Names(&["lead"]),
        "instruments and MIDI ports for which nothing new is struck; what sounds rings out",
    ),
];

/// `[[control]]`.
pub const CONTROL: &[Key] = &[
    FROM,
    CHANNEL,
    key(
        "controller",
        KeyShape::Controller,
        Sample::Integer(74),
        "the controller that is heard, 0 to 119; [1, 33] for a pair with 14 bits",
    ),
    key(
        "rpn",
        KeyShape::Integer { min: 0, max: 16_383 },
        Sample::Integer(0),
        "the registered parameter that is heard, by its 14-bit number",
    ),
    key(
        "nrpn",
        KeyShape::Integer { min: 0, max: 16_383 },
        Sample::Integer(1_027),
        "the non-registered parameter that is heard, by its 14-bit number: 128 times the upper half and the \
         lower",
    ),
    key("bend", KeyShape::Switch, Sample::Switch(true), "the pitch wheel is heard"),
    key("pressure", KeyShape::Switch, Sample::Switch(true), "the pressure of the channel is heard"),
    key("note", KeyShape::Key, Sample::Text("C1"), "strikes of this MIDI key are heard, by their velocity"),
    key(
        "program",
        KeyShape::Integer { min: 0, max: 127 },
        Sample::Integer(5),
        "this program change is heard, counted from 0 as on the wire",
    ),
    key(
        "set",
        KeyShape::Parameter,
        Sample::Text("lead.cutoff_hertz"),
        "the parameter or gain that it moves, NAME.KEY",
    ),
    key(
        "range",
        KeyShape::Range,
        Sample::Range([200.0, 8_000.0]),
        "the parameter's value at the lowest and the highest position; its whole range when not given",
    ),
    key(
        "curve",
        KeyShape::Choice(CURVES),
        Sample::Text("log"),
        "in equal steps or in equal ratios; log when not given where the parameter is in Hz",
    ),
    key(
        "pickup",
        KeyShape::Switch,
        Sample::Switch(true),
        "it moves nothing before it has met the parameter's value",
    )
    .or(Sample::Switch(false)),
    key(
        "do",
        KeyShape::Action,
        Sample::Text("next-scene"),
        "instead of `set`: \"next-scene\", \"previous-scene\", \"scene:NAME\", \"panic\", or \"start\", \"stop\", \
         \"continue\" or \"tap\" for the transport",
    ),
    key("consume", KeyShape::Switch, Sample::Switch(true), "what is heard goes no further along cables")
        .or(Sample::Switch(false)),
];

/// The words of `curve`.
pub const CURVES: &[&str] = &["linear", "log"];
