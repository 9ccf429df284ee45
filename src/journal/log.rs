//! The log of a gig: what came into the engine, so that it can be played again
//! to the bit, and the black box, which keeps the last minutes of the same.

mod black_box;
mod entry;
mod format;
mod machine;
mod read;
mod scribe;
mod write;

pub use black_box::BlackBox;
pub use entry::{AccountEntry, Entry, Header, Names, Parcel, TempoEntry};
pub use format::{CHUNK_LIMIT_BYTES, FORMAT_VERSION, LogError};
pub use machine::{build, simd};
pub use read::{LogInput, Told};
pub use scribe::Scribe;
pub use write::LogFile;
