//! The composition root: the only room that knows every other.
//!
//! [`kinds`] is what a rig may name, [`offline::render`] renders one, and
//! [`live`] plays it. [`Band`] plays a MIDI file to memory.

mod answers;
mod band;
mod changes;
mod chaos;
mod conductor;
mod doors;
mod error;
pub mod generation;
mod inject;
mod keeper;
pub mod live;
mod mending;
mod names;
pub mod offline;
pub mod replay;
mod scores;
mod sounds;
mod streams;
mod summary;
mod supplier;
mod workers;
mod workshop;

pub use answers::AnswersRecord;
pub use band::{BAND_RIG, Band};
pub use chaos::{Chaos, Comparison, Trial};
pub use conductor::{Conductor, Happening};
pub use error::{Error, ErrorKind};
pub use inject::{Inject, Injection};
pub use keeper::StageState;
pub use mending::Mending;
pub use scores::NamedScore;
pub(crate) use sounds::load_files;
pub use streams::ClipRecord;
pub use summary::{CableLoss, FaultRecord, IsolationRecord, LogSummary, SceneRecord, Summary};
pub use supplier::GeneratorRecord;

pub use workshop::{PATIENCE, Supply, Workshop};

use crate::stage::Kinds;

/// The built-in kinds; add your own with [`Kinds::register`].
pub fn kinds() -> Kinds {
    let mut kinds = Kinds::empty();
    crate::instrument::register(&mut kinds);
    crate::stage::register(&mut kinds);
    kinds
}

/// The rig that plays when none is named.
pub const BUILT_IN_RIG: &str = include_str!("../assets/rigs/built-in.toml");

/// The rig that chaos is made in when none is named.
pub const CHAOS_RIG: &str = include_str!("../assets/rigs/chaos.toml");
