//! Musical time: the tempo map of files, the grid of what plays, what the
//! transport does, and how it follows another one's clock.

mod follow;
mod grid;
mod state;
mod tap;
mod tempo;
mod time;

pub use follow::{Follower, Lock, TICKS_PER_BEAT, TICKS_PER_SIXTEENTH, Wish};
pub use grid::{Beats, Grid, Tempo, TempoError};
pub use state::{Order, State};
pub use tap::Tap;
pub use tempo::{MapError, SmpteRate, TempoMap};
pub use time::{BEATS_PER_BAR, Course, TempoChange, Time};
