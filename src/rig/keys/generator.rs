//! The keys of `[generator.NAME]`, and those of `[clip.NAME]` that its kind has no parameters for.

use super::{GAIN, Key, KeyShape, Sample, key};
use crate::transport::Tempo;

/// Bars of a segment where nothing is said.
pub const SEGMENT_BARS: u32 = 8;
/// Bars that are ready ahead where nothing is said.
pub const HORIZON_BARS: u32 = 8;
/// The longest description, in bytes.
pub const DESCRIPTION_BYTES: usize = 4_000;
/// The highest seed: what every reader of JSON takes as a whole number.
pub const SEEDS: i64 = (1 << 53) - 1;

/// Whether a clip's file is played from the disk.
pub const STREAM: &str = "stream";

/// What is asked of whoever makes the music.
pub(super) const DESCRIPTION: Key = key(
    "description",
    KeyShape::Text,
    Sample::Text("a slow bossa in the afternoon"),
    "what the music shall be like",
);
pub(super) const STYLE: Key =
    key("style", KeyShape::Text, Sample::Text("swing"), "the style; from the description when not given");
pub(super) const MUSICAL_KEY: Key =
    key("key", KeyShape::Text, Sample::Text("Eb minor"), "the key; the backend's choice when not given");
pub(super) const SEED: Key = key(
    "seed",
    KeyShape::Integer { min: 0, max: SEEDS },
    Sample::Integer(7),
    "the same seed is the same music; `--seed` goes with it",
)
.or(Sample::Integer(0));

/// `[generator.NAME]`.
pub const GENERATOR: &[Key] = &[
    key(
        "kind",
        KeyShape::Text,
        Sample::Text("local"),
        "always needed: \"local\" makes chords on channel 1, a bass on 2 and drums on 10 by itself; any other \
         word is a backend of the configuration that gives MIDI",
    ),
    DESCRIPTION,
    STYLE,
    MUSICAL_KEY,
    SEED,
    key(
        "bars",
        KeyShape::Integer { min: 1, max: 64 },
        Sample::Integer(4),
        "bars of 4 beats that are made at a time; the tempo is the transport's",
    )
    .in_unit("bars")
    .or(Sample::Integer(SEGMENT_BARS as i64)),
    key(
        "horizon_bars",
        KeyShape::Integer { min: 1, max: 256 },
        Sample::Integer(16),
        "bars that are ready ahead of the transport; what is not ready in time is counted, and the last \
         material is played again in its place",
    )
    .in_unit("bars")
    .or(Sample::Integer(HORIZON_BARS as i64)),
];

/// `[clip.NAME]`: where its sound comes from. What it does with it are the parameters of the kind `clip`.
pub const CLIP: &[Key] = &[
    key(
        "file",
        KeyShape::Text,
        Sample::Text("loop.wav"),
        "a WAV file beside the rig's, of any length; this, or a `description`",
    ),
    key(
        STREAM,
        KeyShape::Switch,
        Sample::Switch(true),
        "whether the file is played from the disk, with its first seconds in memory; without it, what lasts \
         longer than 30 s is",
    ),
    Key { summary: "has the sound generated: what it shall be like", ..DESCRIPTION },
    key(
        "backend",
        KeyShape::Text,
        Sample::Text("local"),
        "who generates it: the embedded generator, or a backend of the configuration",
    )
    .or(Sample::Text("local")),
    key("model", KeyShape::Text, Sample::Text("music-small"), "the backend's model; its own when not given"),
    SEED,
    key("bars", KeyShape::Integer { min: 1, max: 64 }, Sample::Integer(4), "how long it is")
        .in_unit("bars")
        .or(Sample::Integer(SEGMENT_BARS as i64)),
    key(
        "seconds",
        KeyShape::Number { min: 0.1, max: 300.0 },
        Sample::Number(10.0),
        "how long it is, in place of `bars`",
    )
    .in_unit("s"),
    MUSICAL_KEY,
    key(
        "tempo",
        KeyShape::Number { min: Tempo::MIN, max: Tempo::MAX },
        Sample::Number(96.0),
        "the tempo that it is made for; the transport's when not given",
    )
    .in_unit("BPM"),
    STYLE,
    GAIN,
];
