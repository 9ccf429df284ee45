//! TOML to a validated rig, to the difference between two, to a plan.

mod assign;
mod blueprint;
mod deploy;
pub mod edit;
mod graph;
pub mod keys;
mod model;
mod parse;
mod pattern;
mod performer;
mod problem;
mod scenes;
mod watch;

pub use assign::{AssignError, Assignment, assign};
pub use blueprint::Blueprint;
pub use deploy::{Change, DeployError, Deployment};
pub use model::clip::{Clip, ClipSource, ClipWords, STREAM_SECONDS};
pub use model::generator::{Ahead, BEATS_PER_BAR, Generator, GeneratorKind};
pub use model::scenes::{Control, Does, Moves, Scene, Setting, Trigger};
pub use model::{
    Actor, Cable, CableKind, Device, EngineSettings, MidiPort, Origin, Port, Rig, TransportSettings,
};
pub use parse::{
    ACTOR_LIMIT, CABLE_LIMIT, CONTROL_LIMIT, DEVICE_LIMIT, GENERATOR_LIMIT, LoadError, MIDI_LIMIT,
    NAME_LIMIT, NAMED_LIMIT, SCENE_LIMIT, SETLIST_LIMIT, TEXT_LIMIT_BYTES, close_loops, load, parse,
    parse_bytes,
};
pub(crate) use problem::printable;
pub use problem::{Problem, Severity, nearest};
pub use watch::{QUIET, Watch};
