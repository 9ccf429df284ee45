//! Antiphon's rooms that need no device, network or terminal.

/// Of the actors only their own protocols: loom cannot see into tokio.
#[cfg(loom)]
#[allow(dead_code)]
mod actor {
    mod bell;
    mod fault;
    mod identity;
    mod mailbox;
    mod panic;
    mod sync;
}

#[cfg(not(loom))]
pub mod dsp;
#[cfg(not(loom))]
pub mod instrument;
#[cfg(not(loom))]
pub mod midi;
#[cfg(not(loom))]
pub mod render;
// Some of what it gives is for rooms that are not here.
#[cfg(not(loom))]
#[allow(unused_imports)]
pub mod rig;
#[cfg(not(loom))]
pub mod route;
pub mod rt;
#[cfg(not(loom))]
pub mod stage;
#[cfg(not(loom))]
pub mod transport;
pub mod unit;

/// Of the engine only what a load is made of.
#[cfg(not(any(loom, test)))]
pub mod engine {
    /// What is played into one MIDI input.
    pub struct NamedScore {
        /// The input's name.
        pub port: Option<String>,
        /// What is played.
        pub score: crate::midi::file::Score,
    }
}

/// What `antiphon bench rt` plays, for benches/instructions.
#[cfg(not(any(loom, test)))]
#[path = "measure/rt/load.rs"]
pub mod load;
