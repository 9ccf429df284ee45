//! Audio drivers and MIDI ports: the edge to the operating system.

pub mod audio;
pub mod memory;
pub mod midi;
pub mod pattern;
