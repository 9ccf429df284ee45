//! Every key of a rig that is not a kind's own: one table each, read by the
//! parser and shown by `antiphon kinds`.

mod cable;
mod continuation;
mod generator;
mod scenes;

use crate::transport::Tempo;
use crate::unit::SampleRate;

pub use cable::{ARPEGGIATOR, CABLE, CONTROLLER, DELAY};
pub use continuation::{CALL_BARS, CONTINUATION, MODES, ORDER};
pub use generator::{CLIP, DESCRIPTION_BYTES, GENERATOR, HORIZON_BARS, SEGMENT_BARS, STREAM};
pub use scenes::{CONTROL, CURVES, SCENE, SCENE_LETTERS};

/// The widest gain of an actor or a cable, in dB; the least is silence.
pub const GAIN_DECIBELS: (f64, f64) = (-120.0, 24.0);
/// The highest channel of a device that a rig may name, counted from 1.
pub const DEVICE_CHANNELS: i64 = 64;
/// The highest number of a port that a rig may ask for, counted from 0.
pub const PORT_NUMBERS: i64 = 255;
/// The longest text of a key that takes any, in bytes.
pub const TEXT_BYTES: usize = 256;

/// The highest controller that is no channel mode message.
pub const CONTROLLERS: i64 = 119;

/// One key of a section.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Key {
    /// As rigs write it.
    pub name: &'static str,
    /// One line for a musician.
    pub summary: &'static str,
    /// What it is counted in; empty for none.
    pub unit: &'static str,
    /// What it may be.
    pub shape: KeyShape,
    /// What it is when the rig says nothing; `None` where that is nothing, or
    /// as `summary` says.
    pub default: Option<Sample>,
    /// A value worth trying.
    pub example: Sample,
    /// The cables it may stand on.
    pub carried_by: Carrier,
}

/// What values a [`Key`] takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum KeyShape {
    /// A number in an inclusive range.
    Number {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// A whole number in an inclusive range.
    Integer {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// `true` or `false`.
    Switch,
    /// The name of something in the rig.
    Name,
    /// A pattern for the names of ports.
    Pattern,
    /// A range of keys, `"LO..HI"`.
    KeyRange,
    /// A range of velocities, `"LO..HI"`.
    VelocityRange,
    /// A MIDI channel or a list of them.
    Channels,
    /// A word, a number or a list of points.
    Velocity,
    /// One or two channels of the audio device.
    DeviceChannels,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of bars, each with a tempo.
    TempoMap,
    /// A line of text.
    Text,
    /// A key of MIDI.
    Key,
    /// A key of the computer's keyboard or of MIDI, or a list of them.
    SceneKey,
    /// Parameters and their values, `{ "NAME.KEY" = VALUE }`.
    Settings,
    /// A list of names of the rig.
    Names,
    /// A controller, or a pair of them.
    Controller,
    /// A parameter, `"NAME.KEY"`.
    Parameter,
    /// Two numbers.
    Range,
    /// What a control does.
    Action,
    /// A list of words, each one of these.
    Words(&'static [&'static str]),
    /// A list of keys and pitch classes.
    Notes,
    /// A root and a scale, or a list of pitch classes.
    Scale,
    /// A list of pairs of channels.
    ChannelMap,
    /// Controllers 0 to 119 and some words.
    Control(&'static [&'static str]),
    /// A pair of values 0 to 127.
    Values,
    /// A word or a list of points.
    Curve,
    /// A length of notes, such as 1/16, 1/8t or 1/8d.
    NoteLength,
    /// A length of notes, or seconds in an inclusive range.
    Interval {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// A table with these keys.
    Table(&'static [Key]),
    /// A list of tables, each with these keys.
    Tables(&'static [Key]),
}

/// A value as a rig would write it.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum Sample {
    Number(f64),
    Integer(i64),
    Switch(bool),
    Text(&'static str),
    List(&'static [i64]),
    Pairs(&'static [(i64, f64)]),
    Names(&'static [&'static str]),
    Range([f64; 2]),
    Setting(&'static str, f64),
    /// As it is written in TOML.
    Toml(&'static str),
}

impl std::fmt::Display for Sample {
    /// As TOML.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Sample::Number(number) => write!(f, "{number:?}"),
            Sample::Integer(number) => write!(f, "{number}"),
            Sample::Switch(on) => write!(f, "{on}"),
            Sample::Text(text) => write!(f, "\"{text}\""),
            Sample::List(list) => write!(f, "{list:?}"),
            Sample::Pairs(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(a, b)| format!("[{a}, {b:?}]")).collect();
                write!(f, "[{}]", pairs.join(", "))
            }
            Sample::Names(names) => write!(f, "{names:?}"),
            Sample::Range(range) => write!(f, "{range:?}"),
            Sample::Setting(parameter, value) => write!(f, "{{ \"{parameter}\" = {value:?} }}"),
            Sample::Toml(text) => f.write_str(text),
        }
    }
}

/// Which cables a key may stand on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// Any; and every key that is not a cable's.
    Any,
    /// Those from a MIDI port.
    Midi,
    /// The others.
    Audio,
}

const fn key(name: &'static str, shape: KeyShape, example: Sample, summary: &'static str) -> Key {
    Key { name, summary, unit: "", shape, default: None, example, carried_by: Carrier::Any }
}

impl Key {
    const fn or(self, default: Sample) -> Key {
        Key { default: Some(default), ..self }
    }

    const fn in_unit(self, unit: &'static str) -> Key {
        Key { unit, ..self }
    }

    const fn on(self, carried_by: Carrier) -> Key {
        Key { carried_by, ..self }
    }
}

/// `gain` of an actor.
pub const GAIN: Key = key(
    "gain",
    KeyShape::Number { min: GAIN_DECIBELS.0, max: GAIN_DECIBELS.1 },
    Sample::Number(-6.0),
    "level of what it puts out; -120 is silence",
)
.in_unit("dB")
.or(Sample::Number(0.0));

/// `isolate` of an instrument or a stage.
pub const ISOLATE: Key = key(
    "isolate",
    KeyShape::Switch,
    Sample::Switch(true),
    "runs on a thread of its own: if it stalls or hangs, only it falls silent; needs two CPUs",
)
.or(Sample::Switch(false));

/// `[engine]`.
pub const ENGINE: &[Key] = &[
    key(
        "rate",
        KeyShape::Integer { min: SampleRate::MIN_HERTZ as i64, max: SampleRate::MAX_HERTZ as i64 },
        Sample::Integer(48_000),
        "frames per second; the device's own when not given",
    )
    .in_unit("Hz"),
    key(
        "block",
        KeyShape::Integer { min: 1, max: 8_192 },
        Sample::Integer(64),
        "frames per callback to ask the device for; its own choice when not given",
    )
    .in_unit("frames"),
    key("limiter", KeyShape::Switch, Sample::Switch(false), "outputs pass a limiter at -0.1 dBFS")
        .or(Sample::Switch(true)),
    key(
        "connect",
        KeyShape::Switch,
        Sample::Switch(false),
        "on JACK, our ports are connected to physical ports and to the gear they name",
    )
    .or(Sample::Switch(true)),
    key(
        "midi_latency_frames",
        KeyShape::Integer { min: 0, max: 8_192 },
        Sample::Integer(128),
        "MIDI is played this much later, so that it is even; one block when not given, on JACK 0",
    )
    .in_unit("frames"),
    key(
        "black_box_minutes",
        KeyShape::Integer { min: 0, max: 60 },
        Sample::Integer(30),
        "live, the last minutes of what came in are kept, and set aside around a fault; 0 keeps none",
    )
    .in_unit("min")
    .or(Sample::Integer(10)),
];

/// `[midi.NAME]`.
pub const MIDI: &[Key] = &[
    key(
        "in",
        KeyShape::Pattern,
        Sample::Text("KeyStep*"),
        "listens to every port whose name fits; * stands for anything, case does not count",
    ),
    key(
        "out",
        KeyShape::Pattern,
        Sample::Text("Volca*"),
        "sends to every port whose name fits; * stands for anything, case does not count",
    ),
    key(
        "serial",
        KeyShape::Text,
        Sample::Text("KS37-0042"),
        "only gear of this serial number, where several have the name; case does not count",
    ),
    key(
        "usb",
        KeyShape::Text,
        Sample::Text("1-1.2"),
        "only gear plugged in here, as `antiphon devices` shows it",
    ),
    key(
        "port",
        KeyShape::Integer { min: 0, max: PORT_NUMBERS },
        Sample::Integer(0),
        "only this of the gear's ports, counted from 0",
    ),
    key("virtual", KeyShape::Switch, Sample::Switch(true), "makes a port of our own that other programs see")
        .or(Sample::Switch(false)),
    key(
        "clock",
        KeyShape::Switch,
        Sample::Switch(true),
        "sends it MIDI clock, start, stop, continue and song position; needs an output",
    )
    .or(Sample::Switch(false)),
];

/// What `jack` of `[transport]` may be.
pub const JACK_ROLES: &[&str] = &["off", "follow", "lead"];
/// What `record` of `[transport]` may be.
pub const RECORDED: &[&str] = &["all", "takes"];

/// `[transport]`.
pub const TRANSPORT: &[Key] = &[
    key(
        "tempo",
        KeyShape::Number { min: Tempo::MIN, max: Tempo::MAX },
        Sample::Number(96.5),
        "beats a minute, until it is tapped, or somebody else's is followed",
    )
    .in_unit("BPM")
    .or(Sample::Number(120.0)),
    key("beats_per_bar", KeyShape::Integer { min: 1, max: 32 }, Sample::Integer(3), "beats of a bar")
        .in_unit("beats")
        .or(Sample::Integer(4)),
    key(
        "map",
        KeyShape::TempoMap,
        Sample::Pairs(&[(1, 120.0), (9, 92.5)]),
        "the song's tempo: bars, counted from 1, and the tempo from each on, 20 to 400",
    ),
    key(
        "count_in",
        KeyShape::Integer { min: 0, max: 8 },
        Sample::Integer(1),
        "bars that are counted before a start",
    )
    .in_unit("bars")
    .or(Sample::Integer(0)),
    key("start", KeyShape::Switch, Sample::Switch(true), "rolls as soon as it plays")
        .or(Sample::Switch(false)),
    key(
        "follow",
        KeyShape::Name,
        Sample::Text("keys"),
        "the MIDI port whose clock, start, stop, continue and song position are followed",
    ),
    key(
        "jack",
        KeyShape::Choice(JACK_ROLES),
        Sample::Text("follow"),
        "does what JACK's transport does (follow), or JACK's what it does (lead)",
    )
    .or(Sample::Text("off")),
    key(
        "record",
        KeyShape::Choice(RECORDED),
        Sample::Text("takes"),
        "--record writes all that plays, or only takes: what plays while the transport records",
    )
    .or(Sample::Text("all")),
];

/// `[input.NAME]` and `[output.NAME]`.
pub const DEVICE: &[Key] = &[
    key(
        "channels",
        KeyShape::DeviceChannels,
        Sample::List(&[3, 4]),
        "one or two channels of the audio device, counted from 1",
    )
    .or(Sample::List(&[1, 2])),
    GAIN,
];

/// The sections above by name, for those who list them.
pub const SECTIONS: &[(&str, &str, &[Key])] = &[
    ("cable", "[[cable]]: carries MIDI or audio from one actor to another, as its ends tell", CABLE),
    ("control", "[[control]]: MIDI that moves a parameter or does something", CONTROL),
    ("generator", "[generator.NAME]: plays MIDI that it makes ahead of the transport", GENERATOR),
    (
        "continuation",
        "[generator.NAME] of kind \"continuation\": learns from what is cabled to it, and answers in time",
        CONTINUATION,
    ),
    ("engine", "[engine]: what holds for the whole rig; the command line wins", ENGINE),
    ("input", "[input.NAME]: live audio from the device", DEVICE),
    ("midi", "[midi.NAME]: gear or programs that play, or are played", MIDI),
    ("output", "[output.NAME]: more outputs of the device beside `out`, which is always there", DEVICE),
    ("transport", "[transport]: tempo and bars, and whose clock is followed", TRANSPORT),
    (
        "scene",
        "[[scene]]: where parameters stand and who plays; a rig begins in the first of its set list",
        SCENE,
    ),
];
