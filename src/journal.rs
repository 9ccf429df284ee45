//! What is kept: the recorder.
