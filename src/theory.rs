//! Harmony: tones, keys, chords, charts, and a grammar that makes them.
//!
//! Pure: no actor, no file, no clock. The same seed gives the same chart.
//! From the ground up: a [`Tone`] has a name and no octave, a [`Key`] is a tonic with a mode, a
//! [`Chord`] is read from and printed as its symbol, a [`Chart`] is bars of chords with a key, a tempo
//! and a [`Style`]. [`grammar::compose`] makes charts, [`voicing`] gives chords to a hand.

mod chart;
mod chord;
pub mod grammar;
mod key;
mod roman;
pub mod scale;
mod style;
mod tone;
pub mod voicing;

pub use chart::{BARS_AT_MOST, CHART_SCHEMA, CHORDS_PER_BAR_AT_MOST, Chart, ChartError, Placed};
pub use chord::{Chord, ChordError, Quality};
pub use key::{Key, KeyError, Mode};
pub use roman::{Roman, RomanError};
pub use scale::Classes;
pub use style::{Style, StyleError};
pub use tone::Tone;
