//! Harmony: pitch classes, keys, chords, charts, and a grammar that makes them.
//!
//! Pure: no actor, no file, no clock. The same seed gives the same chart.
