use std::sync::Arc;

use super::model::generator::{Generator, GeneratorKind};
use crate::render::{self, PerformerCount, Seat};
use crate::unit::SampleRate;

/// Who plays for a generator in the audio world. `seed` is the run's and the generator's own together.
/// Real-time: no (allocates).
pub(super) fn performer(generator: &Generator, rate: SampleRate, _seed: u64) -> Seat {
    let count = Arc::new(PerformerCount::default());
    let performer = match &generator.kind {
        GeneratorKind::Ahead(ahead) => Box::new(render::Ahead::new(ahead.beats(), rate, Arc::clone(&count))),
    };
    Seat { performer, count }
}
