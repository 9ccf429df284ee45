//! Actors: what may fail without being heard, and who starts it again.

mod backoff;
mod window;

pub use backoff::Backoff;
pub use window::{Failures, Window};
