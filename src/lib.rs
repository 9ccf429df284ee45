//! Antiphon: a real-time audio and MIDI engine.
//!
//! A rig names actors and the cables between them; the engine plays it, live or
//! offline, with the very same Renderer. Start at [`engine`], or read
//! ARCHITECTURE.md for the map.

pub mod control;
pub mod device;
pub mod dsp;
pub mod engine;
pub mod feed;
pub mod instrument;
pub mod journal;
pub mod midi;
pub mod render;
pub mod rig;
pub mod route;
pub mod rt;
pub mod stage;
pub mod transport;
pub mod unit;
