//! `[generator.NAME]`.

use crate::route::ContinuationSettings;

/// The kind that listens and answers.
pub const CONTINUATION: &str = "continuation";

/// `[generator.NAME]`: plays MIDI that is made by no hand; a source of cables, and of some kinds a
/// destination.
///
/// A new kind is a variant of [`GeneratorKind`], its keys in `rig/parse/generators.rs`, and a
/// [`Performer`](crate::render::Performer) that `rig/performer.rs` builds for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Generator {
    /// Its name in the rig.
    pub name: String,
    /// How it plays.
    pub kind: GeneratorKind,
    /// Seeds what is random, together with its name and the run's seed.
    pub seed: u64,
}

/// How a generator comes to what it plays.
#[derive(Clone, PartialEq, Debug)]
pub enum GeneratorKind {
    /// Material is made ahead of the transport.
    Ahead(Ahead),
    /// What is cabled to it is answered.
    Continuation(ContinuationSettings),
}

impl GeneratorKind {
    /// Whether cables may go to it.
    pub fn listens(&self) -> bool {
        match self {
            GeneratorKind::Ahead(_) => false,
            GeneratorKind::Continuation(_) => true,
        }
    }

    /// As the rig writes it.
    pub fn name(&self) -> &str {
        match self {
            GeneratorKind::Ahead(ahead) => &ahead.backend,
            GeneratorKind::Continuation(_) => CONTINUATION,
        }
    }
}

/// A generator whose material is made ahead of the transport, in segments.
#[derive(Clone, PartialEq, Debug)]
pub struct Ahead {
    /// The backend that makes it: `local`, or a name of the configuration.
    pub backend: String,
    /// What the music shall be like.
    pub description: Option<String>,
    /// The style.
    pub style: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// Bars of a segment.
    pub bars: u32,
    /// Bars that are ready ahead of the transport.
    pub horizon_bars: u32,
}

/// What is generated is in 4/4.
pub const BEATS_PER_BAR: u32 = 4;

impl Ahead {
    /// Beats of a segment.
    pub fn beats(&self) -> u32 {
        self.bars * BEATS_PER_BAR
    }

    /// Segments that are ready, the one that plays among them.
    pub fn segments(&self) -> u64 {
        u64::from(self.horizon_bars.div_ceil(self.bars.max(1))) + 1
    }
}
