//! Musical time: the tempo map of files, and the grid of what plays.

mod grid;
mod tempo;

pub use grid::{Beats, Grid, Tempo, TempoError};
pub use tempo::{MapError, SmpteRate, TempoMap};
