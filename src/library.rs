//! The cache of what was generated: one for all, in memory and in files.
//!
//! A [`Cache`] keeps [entries](Entry) by [`Key`]: parts with names (`audio.wav`, `midi.mid`), what is said of
//! them, and tags. Memory is looked at first, then the files of a folder, which several processes share: their
//! index is a [`Journal`](crate::persistence::Journal) in `index.sqlite`, and its write lock is the one lock
//! that they all go by. Files have the SHA-256 of their content as their name. They are written aside,
//! brought to the disk, and get their name in the very transaction that makes them known; so the folder is
//! whole whenever a process dies.
//!
//! Equal requests at once are one generation: [`Cache::get_or`].
//!
//! Where nothing can be written what is there is read: [`Cache::look`], which changes nothing at all, and
//! [`Cache::open`] by itself.
//!
//! An entry's age is counted from when it was stored, by the wall clock read once when the cache was
//! opened and a monotonic clock since; it never runs backwards past what the index has seen.

mod cache;
mod clock;
mod entry;
mod error;
mod files;
mod flight;
mod index;
mod keeper;
mod key;
mod memory;
mod stats;
mod store;
mod tally;

pub use cache::{Cache, Limits, Served, Source};
pub use entry::{Entry, Fingerprint};
pub use error::LibraryError;
pub use flight::FlightError;
pub use index::{Counts, Index, IndexEvent, Item, Part, Reason, Use};
pub use keeper::{CacheKeeper, CacheMessage};
pub use key::Key;
pub use stats::{CacheStats, Damage, Listed, Verified};
pub use store::{ENTRIES_AT_MOST, Evict, TAGS_AT_MOST};
