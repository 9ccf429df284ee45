//! Antiphon: a real-time audio and MIDI engine.
//!
//! A rig names actors and the cables between them; the engine plays it, live or
//! offline, with the very same Renderer. Start at `engine`, or read
//! ARCHITECTURE.md for the map.

pub mod dsp;
pub mod instrument;
pub mod midi;
pub mod stage;
pub mod unit;
