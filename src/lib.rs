//! Antiphon: a real-time audio and MIDI engine.
//!
//! A rig names actors and the cables between them; the engine plays it, live or
//! offline, with the very same Renderer. Start at [`engine`], or read
//! ARCHITECTURE.md for the map.

// The control world.
pub mod actor;
pub mod control;
pub mod device;
pub mod engine;
pub mod feed;
pub mod generate;
pub mod journal;
pub mod library;
pub mod measure;
pub mod persistence;
pub mod rig;
pub mod theory;

// The audio world, where clippy.toml's list of what waits, locks or reads a clock
// is refused; `unit` and `rt` hold the clock and the fence themselves.
#[cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]
pub mod dsp;
#[cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]
pub mod instrument;
#[cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]
pub mod midi;
#[cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]
pub mod render;
#[cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]
pub mod route;
#[cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]
pub mod rt;
#[cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]
pub mod stage;
#[cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]
pub mod transport;
#[cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]
pub mod unit;
