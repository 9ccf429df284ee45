use serde::{Deserialize, Serialize};

/// How fast it renders.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Render {
    /// How many times faster than real time one thread renders 64 voices with reverb, on
    /// a processor of its own. So are all figures here, but for `by_threads`.
    pub realtime_factor: Option<f64>,
    /// Voices of the first instrument that one processor could play in real time.
    pub voices_per_core: Option<f64>,
    /// Each instrument.
    pub instruments: Vec<InstrumentCost>,
    /// Voices, and the share of real time that they take of one processor.
    pub by_voices: Vec<Point>,
    /// Stages, likewise.
    pub by_stages: Vec<Point>,
    /// Instruments with a cable each, likewise.
    pub by_tracks: Vec<Point>,
    /// Events a second, likewise.
    pub by_events: Vec<Point>,
    /// Frames of a call, and how many times faster than real time.
    pub by_block: Vec<Point>,
    /// Renders side by side.
    pub by_threads: Vec<ThreadCost>,
}

/// What an instrument costs.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InstrumentCost {
    /// Its kind.
    pub kind: String,
    /// Its preset, where it has any.
    pub preset: Option<String>,
    /// Voices that sounded.
    pub voices: u32,
    /// Nanoseconds for a frame of a voice.
    pub ns_per_frame: f64,
    /// Voices that one processor could play in real time.
    pub voices_per_core: f64,
}

/// A place on a curve.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Point {
    /// What was varied.
    pub x: f64,
    /// What came of it.
    pub y: f64,
}

/// Renders side by side.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ThreadCost {
    /// How many.
    pub threads: u32,
    /// All together, how many times faster than real time, by the clock.
    pub realtime_factor: f64,
    /// How many times faster than one alone.
    pub speedup: f64,
}

/// What the doors between the worlds cost, in nanoseconds.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rings {
    /// An event through a ring, in and out on one thread.
    pub event_ns: Option<f64>,
    /// The same from one thread to another.
    pub event_across_ns: Option<f64>,
    /// A sample through a stream.
    pub sample_ns: Option<f64>,
    /// A value through a `latest`.
    pub latest_ns: Option<f64>,
    /// A parcel lent and given back.
    pub loan_ns: Option<f64>,
    /// Values that a full ring refused: as many as were sent too many.
    pub refused: Option<u64>,
}

/// What messages between actors cost.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Actors {
    /// A message told, in nanoseconds.
    pub tell_ns: Option<f64>,
    /// A question and its answer, in nanoseconds.
    pub ask_ns: Option<f64>,
    /// A message to one of a topic's subscribers, in nanoseconds.
    pub publish_ns: Option<f64>,
    /// An actor started and ended, in nanoseconds.
    pub spawn_ns: Option<f64>,
    /// A panic to the next incarnation's first message, in microseconds.
    pub restart_us: Option<f64>,
    /// How often actors were started again meanwhile.
    pub restarts: Option<u64>,
    /// Messages that were lost meanwhile.
    pub dropped: Option<u64>,
}

/// What MIDI costs.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Midi {
    /// A byte decoded, in nanoseconds.
    pub decode_ns_per_byte: Option<f64>,
    /// An event encoded, in nanoseconds.
    pub encode_ns: Option<f64>,
    /// An event from its ring to an instrument, in nanoseconds.
    pub event_ns: Option<f64>,
    /// A note along a plain cable, in nanoseconds.
    pub cable_ns: Option<f64>,
    /// Events sent meanwhile.
    pub sent: Option<u64>,
    /// Of these, how many came after their frame.
    pub late: Option<u64>,
    /// Of these, how many were lost.
    pub dropped: Option<u64>,
}
