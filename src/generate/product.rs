use std::sync::Arc;

use crate::unit::SampleRate;

/// Sound, a slice for each of its one or two channels, all of the same length.
#[derive(Clone, PartialEq, Debug)]
pub struct Audio {
    /// Frames per second.
    pub rate: SampleRate,
    /// Samples of each channel, full scale 1.
    pub channels: Vec<Vec<f32>>,
}

impl Audio {
    /// How long it is.
    pub fn frames(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }
}

/// Music that was verified: what a request comes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Product {
    /// The sound, at the request's rate; none where MIDI was asked for.
    pub audio: Option<Arc<Audio>>,
    /// The MIDI file that it was played from, where the backend gives one.
    pub midi: Option<Arc<[u8]>>,
    /// The chord chart that it was arranged from, as JSON, where there is one.
    pub chart: Option<Arc<str>>,
    /// Beats a minute, where known.
    pub tempo: Option<f64>,
    /// What verification found that is no reason to refuse it.
    pub warnings: Vec<String>,
    /// How many times a backend was asked; 0 from the cache.
    pub tries: u32,
    /// Whether it was in the cache.
    pub from_cache: bool,
}
