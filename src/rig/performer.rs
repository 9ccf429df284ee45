use std::sync::Arc;

use super::model::generator::{Generator, GeneratorKind};
use crate::render::{self, PerformerCount, Seat};
use crate::route::Continuation;
use crate::unit::SampleRate;

/// Who plays for a generator in the audio world. `seed` is the run's and the generator's own together.
/// Real-time: no (allocates).
pub(super) fn performer(generator: &Generator, rate: SampleRate, seed: u64) -> Seat {
    let count = Arc::new(PerformerCount::default());
    match &generator.kind {
        GeneratorKind::Ahead(ahead) => {
            let performer = Box::new(render::Ahead::new(ahead.beats(), rate, Arc::clone(&count)));
            Seat { performer, count, answers: None }
        }
        GeneratorKind::Continuation(settings) => {
            let continuation = Continuation::new(*settings, rate, seed);
            let answers = Some(Arc::clone(continuation.count()));
            let performer = Box::new(render::Continuing::new(continuation, rate, Arc::clone(&count)));
            Seat { performer, count, answers }
        }
    }
}
