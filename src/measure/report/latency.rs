use serde::{Deserialize, Serialize};

use super::Histogram;

/// How long it takes for sound and keys to go round.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// Sound: out, over the cable, in.
    pub audio: AudioLatency,
    /// MIDI: out, over the cable, in.
    pub midi: MidiLatency,
    /// From a key to its sound, the median, in milliseconds.
    pub key_to_sound_ms: Option<f64>,
    /// The same, whole.
    pub key_to_sound: Option<KeyToSound>,
    /// Who takes how much of it.
    pub budget: Option<Budget>,
}

/// Sound: out, over the cable, in.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AudioLatency {
    /// Frames from a sample's leaving the callback to its coming back into one, to a
    /// fraction of a frame; the median of all rounds.
    pub round_trip_frames: Option<f64>,
    /// The same in milliseconds.
    pub round_trip_ms: Option<f64>,
    /// How far the rounds lie apart, in frames.
    pub spread_frames: Option<f64>,
    /// What the driver claims it to be, in frames.
    pub claimed_frames: Option<f64>,
    /// The same through the engine's Renderer, less the way without it.
    pub engine_frames: Option<f64>,
    /// How far what came back stands out of the noise, in dB.
    pub clarity_decibels: Option<f64>,
    /// How loud what came back is, against what was sent, in dB.
    pub gain_decibels: Option<f64>,
    /// Rounds that were measured.
    pub rounds: u64,
    /// Rounds in which nothing came back.
    pub lost: u64,
    /// The driver.
    pub driver: Option<String>,
    /// Its device, or the ports at both ends.
    pub path: Option<String>,
    /// Frames per second.
    pub rate_hertz: Option<u32>,
    /// Frames of a callback.
    pub block_frames: Option<u32>,
}

/// How long messages took, and how many.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trips {
    /// The shortest.
    pub min: f64,
    /// Half took no longer.
    pub median: f64,
    /// 99 % took no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
    /// How many were sent.
    pub sent: u64,
    /// How many never came.
    pub lost: u64,
}

/// MIDI: out, over the cable, in.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MidiLatency {
    /// From sending to receiving, in microseconds.
    pub round_trip_us: Option<Trips>,
    /// The same in frames, where both ends count in frames.
    pub round_trip_frames: Option<Trips>,
    /// Longest less shortest, in microseconds.
    pub peak_jitter_us: Option<f64>,
    /// How often which time.
    pub histogram: Option<Histogram>,
    /// Whose ports: `jack`, `alsa`, ….
    pub driver: Option<String>,
    /// The ports at both ends.
    pub path: Option<String>,
    /// Each path that was measured; what stands above is of the first.
    pub pairs: Vec<MidiPair>,
}

/// A path of MIDI: an output, a cable, an input.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct MidiPair {
    /// Whose ports: `jack`, `alsa`, ….
    pub driver: String,
    /// The ports at both ends.
    pub path: String,
    /// From sending to receiving, in microseconds; null where nothing came back.
    pub round_trip_us: Option<Trips>,
    /// The same in frames, where both ends count in frames.
    pub round_trip_frames: Option<Trips>,
    /// Longest less shortest, in microseconds.
    pub peak_jitter_us: Option<f64>,
    /// Messages that came more than once.
    pub duplicates: u64,
    /// Messages that came and were none of ours.
    pub strangers: u64,
    /// Messages that came faster than they were noted.
    pub missed: u64,
    /// Periods that the system missed meanwhile.
    pub xruns: u64,
    /// How often which time.
    pub histogram: Option<Histogram>,
}

/// From a key to its sound.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyToSound {
    /// How long, in milliseconds.
    #[serde(flatten)]
    pub trips: Trips,
    /// `sent` (MIDI that we sent) or `struck` (a key, by its click).
    pub method: String,
    /// Where from and where to.
    pub path: String,
    /// The same times in frames of the engine.
    pub frames: Option<Trips>,
    /// How much of it is the way of MIDI to the engine, in milliseconds, the median; null
    /// where keys were struck and not sent.
    pub midi_ms: Option<f64>,
    /// How much of it is the fixed latency that keeps a beat even.
    pub midi_latency_ms: Option<f64>,
    /// How much of it is the way of sound from the engine to where it is heard, the
    /// median: the driver out and, where nothing but the cable is known, in.
    pub sound_ms: Option<f64>,
}

/// Who takes how much of the time from a key to its sound, in milliseconds.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// The MIDI cable and the system's MIDI.
    pub midi_ms: Option<f64>,
    /// The fixed latency that keeps a beat even.
    pub midi_latency_ms: Option<f64>,
    /// One block.
    pub block_ms: Option<f64>,
    /// The driver and its device, beyond that block.
    pub driver_ms: Option<f64>,
    /// The engine.
    pub engine_ms: Option<f64>,
    /// The same in blocks: 0.
    pub engine_blocks: Option<f64>,
}
