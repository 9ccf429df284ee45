//! Quantities with their units, and the one maths module.
//!
//! A bare `f32` elsewhere in the engine carries its unit as the last word of
//! its name (`cutoff_hertz`, `attack_seconds`); where two quantities could be
//! mistaken for one another across a room's door they are types, and live here.

mod frames;
mod level;
pub mod maths;
mod pitch;
mod random;
mod span;

pub use frames::{Frame, HostTime, RateError, SampleRate};
pub use level::{Decibels, SILENCE_DECIBELS};
pub use pitch::{Key, KeyError, key_hertz};
pub use random::Random;
pub use span::InSeconds;

/// The grid on which the Renderer cuts time, in frames.
///
/// Control ticks, plan swaps, lend-ins and fault verdicts happen only at
/// absolute multiples of this, so no result depends on the length of a callback.
pub const QUANTUM_FRAMES: usize = 32;
