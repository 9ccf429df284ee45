//! TOML to a validated rig, to the difference between two, to a plan.

mod model;

pub use model::{Actor, Cable, CableKind, Device, EngineSettings, MidiPort, Port, Rig};
