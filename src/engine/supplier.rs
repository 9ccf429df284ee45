use std::collections::BTreeMap;
use std::sync::Arc;

use super::answers::AnswersRecord;
use super::workshop::{LOCAL, Order};
use crate::render::{PerformerCount, SEGMENTS, Segment, Swap, TransportView};
use crate::rig::{Ahead, Deployment, Generator, GeneratorKind};
use crate::route::ContinuationCount;
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
    /// when it is started. Of no more than there is room for, the nearest; or one would take the other's
    /// place for ever.
    pub(super) fn wanted(&mut self, now: Frame, transport: &TransportView) -> Option<u64> {
        let length = u64::from(self.order.ahead.beats()) << 32;
        let here = transport.beats.0 / length;
        // What played last is of no use where the song stands elsewhere by now.
        let at = if transport.state.is_rolling() { self.count.at() } else { here };
        let horizon = self.order.ahead.segments();
        self.lent.retain(|_, frame| now <= *frame + self.rate.frames(AGAIN_SECONDS));
        let from = [here, at, 0];
        let lengths = [horizon, horizon, 2];
        let mut near = Vec::with_capacity(SEGMENTS);
        for index in from.into_iter().zip(lengths).flat_map(|(from, length)| from..from + length) {
            if near.len() < SEGMENTS && !near.contains(&index) {
                near.push(index);
            }
        }
        let is_missing = |index: &u64| !self.count.holds(*index) && !self.lent.contains_key(index);
        near.into_iter().find(is_missing)
    }

    /// The parcel with a segment.
    pub(super) fn lend(&mut self, segment: Segment, now: Frame) -> Swap {
        self.lent.insert(segment.index(), now);
        Swap { segments: vec![(self.number, Some(Box::new(segment)))], ..Swap::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{self, Performer};
    use crate::transport::{Beats, State, Time};

    /// A generator of one bar a segment, eight bars ahead, and its performer.
    fn generator() -> (Supplier, render::Ahead) {
        let rate = SampleRate::DEFAULT;
        let count = Arc::new(PerformerCount::default());
        let ahead = Ahead {
            backend: LOCAL.to_owned(),
            description: None,
            style: None,
            key: None,
            bars: 1,
            horizon_bars: 8,
        };
        let performer = render::Ahead::new(ahead.beats(), rate, Arc::clone(&count));
        let order = Order { ahead, tempo: 120.0, seed: 0, rate };
        (
            Supplier { name: "band".to_owned(), number: 0, order, count, rate, lent: BTreeMap::new() },
            performer,
        )
    }

    /// Lends what is wanted for so many seconds, in each of which what did not stay is asked for again;
    /// gives what was lent.
    fn supply(
        supplier: &mut Supplier,
        performer: &mut render::Ahead,
        transport: &TransportView,
        seconds: std::ops::Range<u64>,
    ) -> Vec<u64> {
        let mut lent = Vec::new();
        for second in seconds {
            let now = second * 2 * 48_000;
            while let Some(index) = supplier.wanted(now, transport) {
                lent.push(index);
                let swap = supplier.lend(Segment::new(index, Beats(4 << 32), Vec::new()), now);
                for (_, mut segment) in swap.segments {
                    performer.exchange(&mut segment);
                }
            }
        }
        lent
    }

    #[test]
    fn located_while_it_stands_it_makes_what_is_wanted_there_and_rests() {
        for (played, located) in [(None, 50), (Some(20), 50), (Some(50), 20), (Some(50), 45), (Some(3), 7)] {
            let (mut supplier, mut performer) = generator();
            let mut transport = TransportView::default();
            let bar = |bar: u64| Beats((4 * bar) << 32);
            supply(&mut supplier, &mut performer, &transport, 0..2);
            if let Some(played) = played {
                let mut time = Time::at_rest(SampleRate::DEFAULT);
                time.state = State::Rolling;
                time.grid.locate(0, bar(played));
                performer.follow(0, 64, &time);
                performer.next();
                (transport.state, transport.beats) = (State::Rolling, bar(played));
                supply(&mut supplier, &mut performer, &transport, 2..4);
                time.state = State::Stopped;
                performer.follow(64, 128, &time);
            }
            (transport.state, transport.beats) = (State::Stopped, bar(located));
            let lent = supply(&mut supplier, &mut performer, &transport, 4..10);
            assert!(lent.len() <= SEGMENTS, "from {played:?} to {located}: {lent:?}");
            assert!((located..located + 9).chain([0, 1]).all(|index| supplier.count.holds(index)));
            let again = supply(&mut supplier, &mut performer, &transport, 10..20);
            assert!(again.is_empty(), "from {played:?} to {located}: {again:?}");
        }
    }
}
