use super::{Audio, Failure};
use crate::unit::SampleRate;

/// Whatever plays a MIDI file to sound. The engine's offline Renderer does (`engine::Band`); the
/// pipeline knows only this.
pub trait Perform: Send + Sync {
    /// Plays a MIDI file to two channels at a rate: exactly so many frames, or, where `None`, to the
    /// end of the file and until the sound has died away. Blocks while it computes.
    ///
    /// # Errors
    /// [`Failure`], `Unfit` where the file cannot be played.
    fn perform(&self, midi: &[u8], rate: SampleRate, frames: Option<u64>) -> Result<Audio, Failure>;
}
