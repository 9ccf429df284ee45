//! Event sourcing: what happened, kept in order in an embedded database, and states made of it.
//!
//! A [`Journal`] is a stream of events in an SQLite file in WAL mode, and the state that they come to.
//! Several processes may have the same stream open: each commit catches up with the others first, in the
//! transaction in which it decides, so that they agree on one order. What was acknowledged is on the disk.
//! Of its events a file keeps those since the snapshot before the last: where the last one is damaged, the other and
//! they say it again. Whoever is further behind goes on from a snapshot.
//! A [`Keeper`] is an actor that commits for many who ask, several at a time, through a [`Ledger`].
//!
//! What is read from a file is decoded by [`decode_event`] and [`decode_snapshot`], which are pure and take
//! any bytes: these are what is to be fuzzed.

mod canonical;
mod database;
mod error;
mod journal;
mod keeper;
mod record;
mod replica;
mod retention;
mod snapshot;
mod sourced;
mod stream;

pub use canonical::{canonical_json, hash_of};
pub use error::{CommitError, JournalError};
pub use journal::{Journal, SetAside};
pub use keeper::{Keeper, KeeperMessage, KeeperSettings, Ledger};
pub use record::{DecodeError, decode_event, decode_snapshot};
pub use replica::{Seen, View};
pub use sourced::EventSourced;
