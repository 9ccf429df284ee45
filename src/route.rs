//! What a cable does to MIDI, and the table of the notes that are held.
//!
//! Runs inside the plan, on the audio thread.

mod notes;
mod transform;

pub use notes::{Held, NoteTable, Strike};
pub use transform::{Dropped, Transform, VelocityCurve};
