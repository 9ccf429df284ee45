//! What several integration tests need: real servers, and ears.
#![allow(dead_code)] // Each test binary uses its part.

pub mod ears;
pub mod gig;
pub mod jack;
pub mod place;
pub mod play;
pub mod program;
pub mod pulse;
pub mod python;
pub mod score;
pub mod whole;
