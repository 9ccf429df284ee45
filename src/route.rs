//! What a cable does to MIDI, what answers it, and the table of the notes that are held.
//!
//! Runs inside the plan, on the audio thread.

mod arpeggiator;
mod continuation;
mod controllers;
mod fade;
mod limit;
mod message_types;
mod motion;
mod notes;
mod repeater;
mod scale;
mod shaping;
mod state;
mod transform;

pub use arpeggiator::{Arpeggiator, Step};
pub use continuation::{
    BackOff, CHORD_SECONDS, Continuation, ContinuationCount, ContinuationSettings, MEMORY_CHORDS, ORDER_MAX,
};
pub use controllers::{Control, ControllerCurve, ControllerMap, ControllerRule};
pub use fade::Fade;
pub use limit::Limit;
pub use message_types::MessageTypes;
pub use motion::{Arpeggio, ArpeggioMode, Interval, Motion, NoteLength, Repeats};
pub use notes::{Held, NoteTable, Strike, Struck};
pub use repeater::Repeater;
pub use scale::Scale;
pub use shaping::Shaping;
pub use state::{CableState, Turn};
pub use transform::{Dropped, Transform, VelocityCurve};
