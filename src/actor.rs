//! Actors: what may fail without being heard, and who starts it again.

mod backoff;
mod heirloom;
mod window;

pub use backoff::Backoff;
pub use heirloom::{Heirloom, Held};
pub use window::{Failures, Window};
