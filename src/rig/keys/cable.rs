//! `[[cable]]`, and the tables within it.

use super::{Carrier, GAIN_DECIBELS, Key, KeyShape, Sample, key};
use crate::route::{ArpeggioMode, Limit, MessageTypes};

/// `[[cable]]`, in the order in which a note passes them.
pub const CABLE: &[Key] = &[
    key("from", KeyShape::Name, Sample::Text("keys"), "where it comes from; always needed"),
    key("to", KeyShape::Name, Sample::Text("lead"), "where it goes; always needed"),
    key(
        "only",
        KeyShape::Words(MESSAGE_TYPES),
        Sample::Toml("[\"notes\", \"bend\"]"),
        "only these sorts of messages pass; all when not given",
    )
    .on(Carrier::Midi),
    key(
        "without",
        KeyShape::Words(MESSAGE_TYPES),
        Sample::Toml("[\"clock\", \"pressure\"]"),
        "these sorts of messages do not pass; releases of what sounds always do",
    )
    .or(Sample::Toml("[]"))
    .on(Carrier::Midi),
    key(
        "from_channel",
        KeyShape::Channels,
        Sample::List(&[1, 2]),
        "only these MIDI channels pass; all when not given",
    )
    .on(Carrier::Midi),
    key("keys", KeyShape::KeyRange, Sample::Text("A0..B3"), "only these keys pass, both ends included")
        .or(Sample::Text("C-1..G9"))
        .on(Carrier::Midi),
    key(
        "velocities",
        KeyShape::VelocityRange,
        Sample::Text("64..127"),
        "only strikes of these velocities pass, both ends included",
    )
    .or(Sample::Text("1..127"))
    .on(Carrier::Midi),
    key(
        "notes",
        KeyShape::Notes,
        Sample::Toml("[\"C\", \"E\", \"F#3\"]"),
        "only these keys pass: one key (C4, 60), or a note in every octave (C, F#); all when not given",
    )
    .on(Carrier::Midi),
    key(
        "transpose",
        KeyShape::Integer { min: -127, max: 127 },
        Sample::Integer(-12),
        "added to the key; a key that leaves 0-127 is dropped and counted",
    )
    .in_unit("semitones")
    .or(Sample::Integer(0))
    .on(Carrier::Midi),
    key(
        "scale",
        KeyShape::Scale,
        Sample::Text("A minor"),
        "keys go to the nearest of a scale: a root and a name, or the notes as a list; not when not given",
    )
    .on(Carrier::Midi),
    key(
        "velocity",
        KeyShape::Velocity,
        Sample::Text("soft"),
        "\"linear\", \"soft\", \"hard\", always one 1-127, or points [[in, out], ...]",
    )
    .or(Sample::Text("linear"))
    .on(Carrier::Midi),
    key(
        "key_fade",
        KeyShape::Integer { min: 0, max: 127 },
        Sample::Integer(5),
        "so many semitones at each end of `keys` are played softer and softer, so that layers that overlap \
         by as many blend; not at C-1 and G9",
    )
    .in_unit("semitones")
    .or(Sample::Integer(0))
    .on(Carrier::Midi),
    key(
        "velocity_fade",
        KeyShape::Integer { min: 0, max: 126 },
        Sample::Integer(20),
        "the same at each end of `velocities`; not at 1 and 127",
    )
    .or(Sample::Integer(0))
    .on(Carrier::Midi),
    key(
        "controllers",
        KeyShape::Tables(CONTROLLER),
        Sample::Toml("[{ from = 1, to = 74 }]"),
        "what becomes of controllers, the wheel and pressure; those not named stay",
    )
    .or(Sample::Toml("[]"))
    .on(Carrier::Midi),
    key(
        "arpeggiator",
        KeyShape::Table(ARPEGGIATOR),
        Sample::Toml("{ rate = \"1/8t\" }"),
        "the keys held are played one by one on the grid of the beat; its keys may also be written as \
         arpeggiator.rate = \"1/8t\"",
    )
    .on(Carrier::Midi),
    key(
        "delay",
        KeyShape::Table(DELAY),
        Sample::Toml("{ time = \"1/8d\" }"),
        "each note is repeated, as long as it was; its keys may also be written as delay.time = \"1/8d\"",
    )
    .on(Carrier::Midi),
    key(
        "channel",
        KeyShape::Integer { min: 1, max: 16 },
        Sample::Integer(3),
        "the MIDI channel everything leaves on; its own when not given",
    )
    .on(Carrier::Midi),
    key(
        "channel_map",
        KeyShape::ChannelMap,
        Sample::Toml("[[1, 3], [2, 4]]"),
        "pairs [in, out]: what comes on the one leaves on the other; channels not named stay",
    )
    .or(Sample::Toml("[]"))
    .on(Carrier::Midi),
    key(
        "limit",
        KeyShape::Integer { min: 1, max: Limit::MOST as i64 },
        Sample::Integer(50),
        "at most so many strikes leave in any second, repeats and arpeggios among them; what is more is \
         dropped and counted, releases never; no limit when not given",
    )
    .in_unit("notes/s")
    .on(Carrier::Midi),
    key(
        "gain",
        KeyShape::Number { min: GAIN_DECIBELS.0, max: GAIN_DECIBELS.1 },
        Sample::Number(-12.0),
        "level of what it carries; -120 is silence",
    )
    .in_unit("dB")
    .or(Sample::Number(0.0))
    .on(Carrier::Audio),
];

/// The sorts of messages, as `only` and `without` name them.
const MESSAGE_TYPES: &[&str] = &{
    let mut words = [""; MessageTypes::NAMED.len()];
    let mut place = 0;
    while place < words.len() {
        words[place] = MessageTypes::NAMED[place].0;
        place += 1;
    }
    words
};

/// One table of `controllers`.
pub const CONTROLLER: &[Key] = &[
    key(
        "from",
        KeyShape::Control(&["bend", "pressure"]),
        Sample::Integer(1),
        "a controller 0-119, \"bend\" (the wheel) or \"pressure\" (of the channel); always needed",
    ),
    key(
        "to",
        KeyShape::Control(&["bend", "pressure", "none"]),
        Sample::Integer(74),
        "what it becomes, or \"none\": it is dropped; itself when not given",
    ),
    key(
        "range",
        KeyShape::Values,
        Sample::List(&[20, 110]),
        "what its lowest and its highest value become; the first may be the greater",
    )
    .or(Sample::List(&[0, 127])),
    key(
        "curve",
        KeyShape::Curve,
        Sample::Text("soft"),
        "\"linear\", \"soft\" (much at first), \"hard\" (much at last), or points [[in, out], ...]",
    )
    .or(Sample::Text("linear")),
];

/// `arpeggiator` of a cable.
pub const ARPEGGIATOR: &[Key] = &[
    key("mode", KeyShape::Choice(ARPEGGIO_MODES), Sample::Text("up-down"), "in which order")
        .or(Sample::Text("up")),
    key(
        "rate",
        KeyShape::NoteLength,
        Sample::Text("1/8t"),
        "a step: 1/64 to 8/1 of a whole note; t for triplets, d for dotted",
    )
    .or(Sample::Text("1/16")),
    key(
        "gate",
        KeyShape::Number { min: 0.01, max: 1.0 },
        Sample::Number(0.8),
        "how much of a step each note sounds",
    )
    .in_unit("0..1")
    .or(Sample::Number(0.5)),
    key("octaves", KeyShape::Integer { min: 1, max: 4 }, Sample::Integer(2), "so many octaves, upwards")
        .or(Sample::Integer(1)),
    key(
        "hold",
        KeyShape::Switch,
        Sample::Switch(true),
        "goes on when the keys are released, until others are pressed",
    )
    .or(Sample::Switch(false)),
];

/// `delay` of a cable.
pub const DELAY: &[Key] = &[
    key(
        "time",
        KeyShape::Interval { min: 0.001, max: 60.0 },
        Sample::Text("1/8d"),
        "from a note to its repeat: 1/64 to 8/1 of a whole note (t for triplets, d for dotted), or seconds",
    )
    .or(Sample::Text("1/8")),
    key("repeats", KeyShape::Integer { min: 1, max: 32 }, Sample::Integer(4), "how often")
        .or(Sample::Integer(3)),
    key(
        "decay",
        KeyShape::Number { min: 0.01, max: 1.0 },
        Sample::Number(0.8),
        "what the velocity is multiplied by each time",
    )
    .in_unit("0..1")
    .or(Sample::Number(0.6)),
    key(
        "transpose",
        KeyShape::Integer { min: -127, max: 127 },
        Sample::Integer(12),
        "added to the key each time; a key that leaves 0-127 is dropped and counted",
    )
    .in_unit("semitones")
    .or(Sample::Integer(0)),
];

/// The orders of an arpeggiator.
const ARPEGGIO_MODES: &[&str] = &{
    let mut words = [""; ArpeggioMode::NAMED.len()];
    let mut place = 0;
    while place < words.len() {
        words[place] = ArpeggioMode::NAMED[place].0;
        place += 1;
    }
    words
};
