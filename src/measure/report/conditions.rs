use serde::{Deserialize, Serialize};

use crate::measure::reference::Pace;

/// How the machine was while something was measured.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// How long it was measured.
    pub seconds: f64,
    /// Processors that other programs kept busy, on average; null where the system does not say, or it
    /// was too short.
    pub others_processors: Option<f64>,
    /// Processors whose time other virtual machines had, likewise.
    pub stolen_processors: Option<f64>,
    /// What the reference's floats took of their thread's own time, in nanoseconds: the median; null
    /// where it was not done.
    pub float_ns: Option<f64>,
    /// The same of its integers.
    pub integer_ns: Option<f64>,
    /// The same of its memory.
    pub memory_ns: Option<f64>,
    /// The share of the time that passed in which the reference's thread was on a processor, from 0 to 1.
    pub share: Option<f64>,
}

/// Where others have this share of all processors, what passes by the clock is theirs to say.
const CROWDED: f64 = 0.25;

impl Conditions {
    /// Processors that others had: programs here, and other virtual machines.
    pub fn others(&self) -> f64 {
        self.others_processors.unwrap_or(0.0) + self.stolen_processors.unwrap_or(0.0)
    }

    /// Whether others had so much of these processors that times by the clock are theirs.
    pub fn is_crowded(&self, processors: u32) -> bool {
        self.others() >= CROWDED * f64::from(processors.max(1))
    }
}

/// What the reference took beside each sample of a figure, in nanoseconds; empty where it was not done.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Paces {
    /// Its floats.
    pub float_ns: Vec<f64>,
    /// Its integers.
    pub integer_ns: Vec<f64>,
    /// Its memory.
    pub memory_ns: Vec<f64>,
}

impl From<Vec<Pace>> for Paces {
    fn from(paces: Vec<Pace>) -> Paces {
        // A tenth of a nanosecond is nobody's.
        let all = |of: fn(&Pace) -> f64| paces.iter().map(|pace| of(pace).round()).collect();
        Paces {
            float_ns: all(|pace| pace.float_ns),
            integer_ns: all(|pace| pace.integer_ns),
            memory_ns: all(|pace| pace.memory_ns),
        }
    }
}
