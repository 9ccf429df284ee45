//! What a cable does to MIDI.
