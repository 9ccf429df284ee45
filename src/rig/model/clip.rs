//! `[clip.NAME]`, beside what its kind has parameters for.

use std::time::SystemTime;

/// A file that lasts longer is played from the disk, where the rig does not say otherwise.
pub const STREAM_SECONDS: f64 = 30.0;

/// Where a clip's sound comes from.
#[derive(Clone, PartialEq, Debug)]
pub struct Clip {
    /// A file, or what to generate.
    pub source: ClipSource,
    /// Whether a file is played from the disk; as its length asks for where `None`.
    pub stream: Option<bool>,
    /// What was loaded, by its digest ([`Samples`](crate::instrument::clip::Samples::digest),
    /// [`Tape`](crate::rt::reel::Tape::digest)); `None` before that.
    pub loaded: Option<u64>,
    /// When what is played from the disk was written: its digest may be of parts of it only.
    pub modified: Option<SystemTime>,
}

/// A file, or what to generate.
#[derive(Clone, PartialEq, Debug)]
pub enum ClipSource {
    /// A WAV file, beside the rig's unless its path is absolute.
    File(String),
    /// Music in words.
    Words(Box<ClipWords>),
}

/// What a clip's sound is generated from.
#[derive(Clone, PartialEq, Debug)]
pub struct ClipWords {
    /// What it shall be like.
    pub description: String,
    /// Who makes it: `local`, or a backend of the configuration.
    pub backend: String,
    /// The backend's model.
    pub model: Option<String>,
    /// Seeds what is random.
    pub seed: u64,
    /// How long, in bars, unless in seconds.
    pub bars: u32,
    /// How long, in seconds.
    pub seconds: Option<f64>,
    /// The key.
    pub key: Option<String>,
    /// Beats a minute; the transport's where `None`.
    pub tempo: Option<f64>,
    /// The style.
    pub style: Option<String>,
}
