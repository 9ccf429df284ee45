//! What is played by MIDI.
