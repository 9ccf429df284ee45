//! `[clip.NAME]`, beside what its kind has parameters for.

/// Where a clip's sound comes from.
#[derive(Clone, PartialEq, Debug)]
pub struct Clip {
    /// A file, or what to generate.
    pub source: ClipSource,
    /// What was loaded, by its [digest](crate::instrument::clip::Samples::digest); `None` before that.
    pub loaded: Option<u64>,
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
