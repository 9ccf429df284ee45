//! The MIDI vocabulary: one event, one message type, one codec, one file reader.
//!
//! Bytes on a MIDI 1 wire are carried verbatim; what the engine understands of
//! them is a view ([`Message`]), never a replacement.

mod assembler;
pub mod codec;
mod event;
pub mod file;
mod message;
pub mod registered;
mod rest;

pub use assembler::Assembler;
pub use event::{Event, EventKind, SYSEX_CHUNK_BYTES, SYSEX_LIMIT_BYTES};
pub use message::{Message, controller};
pub use rest::{BEND_REST, LSB_ABOVE, Unrest, is_momentary, rest_of};
