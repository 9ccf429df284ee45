use serde::{Deserialize, Serialize};

/// What hours with faults come to.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Soak {
    /// How long.
    pub seconds: Option<f64>,
    /// The audio driver.
    pub driver: Option<String>,
    /// Faults made on purpose.
    pub faults: Option<u64>,
    /// After how many of them whoever failed was back.
    pub recovered: Option<u64>,
    /// Voices that sounded at the end and should not.
    pub hung_notes: Option<u64>,
    /// Periods missed, and callbacks beyond their budget.
    pub xruns: Option<u64>,
    /// The same in an hour.
    pub xruns_per_hour: Option<f64>,
    /// Allocations and frees of the engine's own inside the callback.
    pub violations: Option<u64>,
    /// Whether it grew.
    pub memory: Option<Memory>,
    /// How clocks went against the system's.
    pub drift: Option<Drift>,
}

/// What the process held in memory.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// After the first seconds, in bytes.
    pub begin_bytes: u64,
    /// At the end, in bytes.
    pub end_bytes: u64,
    /// The slope of a line through all of it, in bytes an hour.
    pub bytes_per_hour: Option<f64>,
}

/// How clocks went against the system's, in millionths.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Drift {
    /// The audio device's frames.
    pub audio_ppm: Option<f64>,
    /// The standard error of that.
    pub audio_ppm_error: Option<f64>,
    /// The clock by which MIDI is sent, against the audio frames: when it is due at the
    /// sequencer, not on the wire.
    pub midi_ppm: Option<f64>,
}
