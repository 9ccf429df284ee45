//! Audio drivers and MIDI ports: the edge to the operating system.
