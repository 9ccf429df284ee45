//! The doors between the two worlds, and the guard of the audio one.
//!
//! The audio world (a driver's callback and what it calls) never allocates,
//! frees, locks or waits. Nothing crosses into it or out of it but by a door:
//!
//! | door | for | when full or empty |
//! |---|---|---|
//! | [`ring`] | every item matters: events, commands, notices | the value comes back, counted |
//! | [`stream`] | bulk samples and bytes | what did not fit stays with the sender |
//! | [`latest`] | only the newest matters: meters, load | overwritten |
//! | [`loan`] | heap objects | no credit left: stays with the lender |
//!
//! [`baton`] hands the Renderer itself from one driver to the next; [`handover`] a
//! stage to a thread of its own and back, which knows by the [`pulse`] when to be awake. A [`reel`] is
//! sound too long for memory: streams of it, with orders one way and marks the other.

pub mod baton;
pub mod clock;
pub mod guard;
pub mod handover;
pub mod latest;
pub mod loan;
pub mod pulse;
pub mod reel;
pub mod ring;
pub mod stream;
