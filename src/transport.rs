//! Musical time: the tempo map.

mod tempo;

pub use tempo::{MapError, SmpteRate, TempoMap};
