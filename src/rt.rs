//! The doors between the two worlds, and the guard of the audio one.
