//! Standard MIDI Files: what a musician's sequencer wrote, and what the engine
//! writes for it.
//!
//! To play: reading goes [`Score::read`] → [`Score::at`]: first ticks, then frames of the
//! engine's timeline. Events are decoded by midly; chunk and event bounds are
//! checked here, because a file that was cut off must be an error with a place,
//! and not a shorter song.
//! To mend and write again: [`Sheet`], which keeps all that a file holds.
//!
//! Source: Standard MIDI Files 1.0 (RP-001), MIDI Manufacturers Association.

mod chunk;
mod error;
mod oddity;
mod score;
mod sheet;
mod track;
mod write;

pub use chunk::{Division, rate_number};
pub use error::{Fault, FileError};
pub use oddity::{Oddity, OddityKind};
pub use score::{Body, Performance, Score, ScoreEvent};
pub use sheet::{Form, Sheet, SheetEvent, SheetTrack};
pub use write::{Transcript, WriteError};

/// The largest file that is read, in bytes.
pub const FILE_LIMIT_BYTES: usize = 64 << 20;
/// The most events, those without sound included, that a file may have.
pub const EVENT_LIMIT: usize = 4_000_000;
/// The longest that a file may last: what is longer is damage, and rendering it
/// would fill a disk.
pub const LENGTH_LIMIT_SECONDS: u64 = 24 * 3_600;

#[cfg(test)]
mod tests;
