use std::collections::BTreeMap;
use std::sync::Arc;

use super::answers::AnswersRecord;
use super::workshop::{LOCAL, Order};
use crate::render::{PerformerCount, Segment, Swap};
use crate::rig::{Ahead, Deployment, Generator, GeneratorKind};
use crate::route::ContinuationCount;
use crate::transport::Beats;
use crate::unit::{Frame, SampleRate};

/// What was lent is asked for again after this, if it did not come to be ready.
const AGAIN_SECONDS: f64 = 1.0;

/// Keeps one generator's performer supplied: knows what is wanted next.
#[derive(Clone)]
pub(super) struct Supplier {
    name: String,
    number: u16,
    order: Order,
    count: Arc<PerformerCount>,
    rate: SampleRate,
    /// What was lent, and when.
    lent: BTreeMap<u64, Frame>,
}

/// How a generator stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GeneratorRecord {
    /// Its name in the rig.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Events played.
    pub events: u64,
    /// Segments, or answers, begun.
    pub segments: u64,
    /// Of these, how often something else was played because what was due was not there.
    pub underruns: u64,
    /// Bars that are ready, from the segment that plays on; 0 for a kind that makes none ahead.
    pub ready_bars: u64,
    /// What it heard and answered, where it is of a kind that does.
    pub answers: Option<AnswersRecord>,
}

/// A generator, and what is counted of it.
pub(super) struct Gauge {
    name: String,
    kind: String,
    bars: u32,
    count: Arc<PerformerCount>,
    answers: Option<Arc<ContinuationCount>>,
}

/// A gauge for each of a rig's generators.
pub(super) fn gauges(deployment: &Deployment) -> Vec<Gauge> {
    let gauge = |(_, generator, count): (u16, &Generator, &Arc<PerformerCount>)| Gauge {
        name: generator.name.clone(),
        kind: generator.kind.name().to_owned(),
        bars: ahead_of(&generator.kind).map_or(0, |ahead| ahead.bars),
        count: Arc::clone(count),
        answers: deployment.answers_of(&generator.name).map(Arc::clone),
    };
    deployment.generators().map(gauge).collect()
}

impl Gauge {
    /// How it stands now.
    pub(super) fn record(&self) -> GeneratorRecord {
        let Gauge { name, kind, bars, count, answers } = self;
        GeneratorRecord {
            name: name.clone(),
            kind: kind.clone(),
            events: count.events(),
            segments: count.segments(),
            underruns: count.underruns(),
            ready_bars: count.ready() * u64::from(*bars),
            answers: answers.as_deref().map(AnswersRecord::of),
        }
    }
}

fn ahead_of(kind: &GeneratorKind) -> Option<&Ahead> {
    match kind {
        GeneratorKind::Ahead(ahead) => Some(ahead),
        GeneratorKind::Continuation(_) => None,
    }
}

/// The suppliers of a rig's generators.
pub(super) fn suppliers(deployment: &Deployment, rate: SampleRate) -> Vec<Supplier> {
    let tempo = deployment.rig().transport.tempo.beats_per_minute();
    let supplier = |(number, generator, count): (u16, &Generator, &Arc<PerformerCount>)| {
        let ahead = ahead_of(&generator.kind)?.clone();
        let order = Order { ahead, tempo, seed: deployment.seed_of(generator), rate };
        let (name, count) = (generator.name.clone(), Arc::clone(count));
        Some(Supplier { name, number, order, count, rate, lent: BTreeMap::new() })
    };
    deployment.generators().filter_map(supplier).collect()
}

impl Supplier {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it waits for nobody.
    pub(super) fn is_local(&self) -> bool {
        self.order.ahead.backend == LOCAL
    }

    pub(super) fn order(&self) -> &Order {
        &self.order
    }

    /// Whether it supplies the same performer: what that has ready is of use.
    pub(super) fn is_same(&self, other: &Supplier) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.count, &other.count)
    }

    /// The segment that is wanted next, if any: from where the transport stands on, and from where it will
    /// when it is started.
    pub(super) fn wanted(&mut self, now: Frame, stands: Beats) -> Option<u64> {
        let length = u64::from(self.order.ahead.beats()) << 32;
        let here = stands.0 / length;
        let at = self.count.at();
        let horizon = self.order.ahead.segments();
        self.lent.retain(|_, frame| now <= *frame + self.rate.frames(AGAIN_SECONDS));
        let from = [here, at, 0];
        let lengths = [horizon, horizon, 2];
        let all = from.into_iter().zip(lengths).flat_map(|(from, length)| from..from + length);
        let mut missing = all.filter(|index| !self.count.holds(*index) && !self.lent.contains_key(index));
        missing.next()
    }

    /// The parcel with a segment.
    pub(super) fn lend(&mut self, segment: Segment, now: Frame) -> Swap {
        self.lent.insert(segment.index(), now);
        Swap { segments: vec![(self.number, Some(Box::new(segment)))], ..Swap::default() }
    }
}
