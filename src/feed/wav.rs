//! WAV files as audio inputs of an offline render.

use std::path::Path;

use crate::engine::{Error, ErrorKind};
use crate::unit::SampleRate;

/// A WAV file, read in blocks at the engine's rate. Real-time: no.
pub struct WavInput {}

impl WavInput {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error`] where it cannot be played.
    pub fn open(path: &Path, _rate: SampleRate) -> Result<WavInput, Error> {
        Err(Error::new(ErrorKind::Input, format!("{} cannot be read yet", path.display())))
    }

    /// Channels in the file.
    pub fn channels(&self) -> usize {
        0
    }

    /// Frames in the file, at the engine's rate.
    pub fn frames(&self) -> u64 {
        0
    }

    /// Reads the next frames; gives how many there were.
    ///
    /// # Errors
    /// [`Error`] where the file is damaged.
    pub fn read(&mut self, _frames: usize, _into: &mut [Vec<f32>]) -> Result<usize, Error> {
        Ok(0)
    }
}
