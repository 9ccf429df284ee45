//! What `antiphon bench` found: one JSON object whose names are a promise to
//! scripts. Every name is always there; what was not measured is null, and
//! `not_measured` says why by its path.

mod conditions;
mod cost;
#[cfg(test)]
mod documentation;
mod histogram;
mod latency;
mod read;
mod reasons;
mod rt;
mod soak;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use conditions::{Conditions, Paces};
pub use cost::{Actors, InstrumentCost, Midi, Point, Render, Rings, ThreadCost};
pub use histogram::{Bin, Histogram};
pub use latency::{AudioLatency, Budget, KeyToSound, Latency, MidiLatency, MidiPair, Trips};
pub use rt::{
    Callback, ContextSwitches, Lateness, LatenessBound, Load, PageFaults, Rt, Second, Trial, WithoutPressure,
};
pub use soak::{Drift, Memory, Soak};

use super::compare::Comparison;
use super::machine::Machine;
use super::reference::Clock;
use super::run::Settings;

/// What this program writes. A name is never given another meaning; names may be
/// added without a new number.
pub const SCHEMA: u32 = 1;

/// Everything that a run of measurements found.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The version of these names.
    pub schema: u32,
    /// What it ran on.
    pub machine: Machine,
    /// What was asked for.
    pub asked: Asked,
    /// Whether it was ended early, and holds what there was by then.
    pub stopped: bool,
    /// How long it takes for sound and keys to go round.
    pub latency: Latency,
    /// What the callback takes under load.
    pub rt: Rt,
    /// How fast it renders.
    pub render: Render,
    /// What the doors between the worlds cost.
    pub rings: Rings,
    /// What messages between actors cost.
    pub actors: Actors,
    /// What MIDI costs.
    pub midi: Midi,
    /// What hours with faults come to.
    pub soak: Soak,
    /// How the machine was meanwhile, by measurement.
    pub conditions: BTreeMap<String, Conditions>,
    /// Why there is null at a path.
    pub not_measured: BTreeMap<String, String>,
    /// What later runs can be compared with, by path.
    pub figures: BTreeMap<String, Figure>,
    /// What changed since an older report; null where none was named.
    pub comparison: Option<Comparison>,
}

impl Report {
    /// Nothing found yet.
    pub fn new(settings: &Settings) -> Report {
        Report {
            schema: SCHEMA,
            machine: Machine::here(),
            asked: Asked {
                seconds: settings.seconds,
                driver: settings.driver.name().to_owned(),
                device: settings.device.clone(),
                rate_hertz: settings.rate.map(crate::unit::SampleRate::hertz),
                block_frames: settings.block_frames,
                voices: settings.voices,
                busy_threads: settings.busy_threads,
                seed: settings.seed,
            },
            ..Report::default()
        }
    }
}

/// What was asked for on the command line; null where it was left to us.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// How long each measurement was to last.
    pub seconds: Option<f64>,
    /// The audio driver.
    pub driver: String,
    /// The audio device.
    pub device: Option<String>,
    /// Frames per second.
    pub rate_hertz: Option<u32>,
    /// Frames of a callback.
    pub block_frames: Option<u32>,
    /// Voices of the load.
    pub voices: Option<u32>,
    /// Threads that keep the processors busy.
    pub busy_threads: Option<u32>,
    /// What seeded what is random.
    pub seed: u64,
}

/// Which way is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Times, losses.
    #[default]
    Less,
    /// Speeds, voices.
    More,
}

/// The same thing, measured several times.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Figure {
    /// Such as `ns`, `frames` or `× real time`.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// By what they were timed; null for what is no time, and in older reports.
    pub clock: Option<Clock>,
    /// In the order in which they were measured.
    pub samples: Vec<f64>,
    /// What the reference took beside each of them, where the thread's own time was taken.
    pub paces: Paces,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_scripts_read_are_there_and_null_until_measured() {
        let report = Report::new(&Settings::default());
        let json = serde_json::to_value(&report).expect("it serialises");
        for path in [
            "/latency/audio/round_trip_frames",
            "/latency/midi/round_trip_us",
            "/latency/key_to_sound_ms",
            "/rt/callback_us",
            "/rt/wakeup_us",
            "/rt/xruns",
            "/rt/violations",
            "/rt/max_voices",
            "/rt/min_block_frames",
            "/render/realtime_factor",
        ] {
            assert_eq!(json.pointer(path), Some(&serde_json::Value::Null), "{path}");
        }
        assert_eq!(json["schema"], 1);
        let again: Report = serde_json::from_value(json).expect("it reads what it wrote");
        assert_eq!(again, report);
    }
}
