//! Who plays the stages that a rig isolates, and what becomes of whoever does not
//! come back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::summary::IsolationRecord;
use crate::device::audio::worker::WorkerThread;
use crate::render::{Resident, Unit, isolate};
use crate::rig::Rig;
use crate::rt::handover::Overseer;
use crate::rt::pulse::Pulse;
use crate::stage::Processor;

/// One for the callback, and one for whatever must not hold it up.
const LEAST_PROCESSORS: usize = 2;
/// A unit out for so long does not come back: before the system ends a process
/// whose realtime thread never sleeps (200 ms where it is strict).
const OUT: Duration = Duration::from_millis(100);

/// Why what a rig isolates will not be, on this machine; `None` where it will.
pub(super) fn refusal(rig: &Rig) -> Option<String> {
    let isolated: Vec<&str> = rig.actors.iter().filter(|a| a.isolate).map(|a| a.name.as_str()).collect();
    let is_refused = !isolated.is_empty() && processors() < LEAST_PROCESSORS;
    is_refused.then(|| {
        format!(
            "{} is not isolated: that needs {LEAST_PROCESSORS} processors, and there is one",
            isolated.join(", ")
        )
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The workers of one Renderer. Real-time: no.
pub(super) struct Workers {
    /// `None` where nobody needs to be held up by nobody: offline.
    pulse: Option<Arc<Pulse>>,
    processors: usize,
    keep: Arc<Mutex<Keep>>,
}

#[derive(Default)]
struct Keep {
    stages: Vec<Stage>,
    records: BTreeMap<String, IsolationRecord>,
}

struct Stage {
    actor: String,
    overseer: Overseer<Unit>,
    thread: WorkerThread,
    /// What was out at the last look, and for how long it has been.
    out: Option<u64>,
    lasted: Duration,
    /// How long its thread had run then.
    ran_nanos: u64,
    level: Level,
}

/// How a worker is to be scheduled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Realtime,
    /// It is late: it must not keep others from the processor.
    Ordinary,
    /// It does not come back.
    Idle,
}

impl Workers {
    /// Everything is played by whoever calls the Renderer.
    pub(super) fn none() -> Workers {
        Workers { pulse: None, processors: 0, keep: Arc::default() }
    }

    /// For a Renderer whose calls come by this pulse.
    pub(super) fn new(pulse: Arc<Pulse>) -> Workers {
        Workers { pulse: Some(pulse), processors: processors(), keep: Arc::default() }
    }

    /// Settles a processor with a worker of its own; where that cannot be, with
    /// whoever calls the Renderer.
    pub(super) fn isolate(&self, actor: &str, processor: Box<dyn Processor>, takes_midi: bool) -> Resident {
        let Some(pulse) = &self.pulse else { return processor.into() };
        let mut keep = lock(&self.keep);
        let record = keep.records.entry(actor.to_owned()).or_default();
        actor.clone_into(&mut record.actor);
        if self.processors < LEAST_PROCESSORS {
            return processor.into();
        }
        let (isolated, worker, overseer) = isolate(processor, takes_midi);
        match WorkerThread::start(worker, Arc::clone(pulse)) {
            Ok(thread) => {
                record.workers += 1;
                let (out, lasted, ran_nanos, level) = (None, Duration::ZERO, 0, Level::Realtime);
                keep.stages.push(Stage {
                    actor: actor.to_owned(),
                    overseer,
                    thread,
                    out,
                    lasted,
                    ran_nanos,
                    level,
                });
                Resident::Isolated(isolated)
            }
            Err(error) => {
                tracing::warn!(actor, %error, "no thread for an isolated stage");
                isolated.into_resident()
            }
        }
    }

    /// For the watchdog.
    pub(super) fn overseers(&self) -> Overseers {
        Overseers(Arc::clone(&self.keep))
    }
}

impl Keep {
    /// Forgets workers that have ended, but not what they missed.
    fn reap(&mut self) {
        let Keep { stages, records } = self;
        stages.retain(|stage| {
            let is_over = stage.thread.is_finished();
            if is_over && let Some(record) = records.get_mut(&stage.actor) {
                record.add(&stage.overseer);
            }
            !is_over
        });
    }
}

impl IsolationRecord {
    fn add(&mut self, overseer: &Overseer<Unit>) {
        self.missed += overseer.missed();
        self.abandoned += u64::from(overseer.is_abandoned());
    }
}

fn lock(keep: &Mutex<Keep>) -> MutexGuard<'_, Keep> {
    keep.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A look at the workers from elsewhere. Real-time: no.
#[derive(Clone)]
pub(super) struct Overseers(Arc<Mutex<Keep>>);

impl Overseers {
    /// What became of each isolated stage so far.
    pub(super) fn records(&self) -> Vec<IsolationRecord> {
        let mut keep = lock(&self.0);
        keep.reap();
        let mut records = keep.records.clone();
        for stage in &keep.stages {
            if let Some(record) = records.get_mut(&stage.actor) {
                record.add(&stage.overseer);
            }
        }
        records.into_values().collect()
    }

    /// Takes workers that are late off realtime scheduling, for good where they do
    /// not come back; `since` after the last look.
    pub(super) fn look(&self, since: Duration) {
        // Whoever holds it may be starved by the very thread that is to be found.
        let Ok(mut keep) = self.0.try_lock() else { return };
        for stage in &mut keep.stages {
            let (out, is_late) = (stage.overseer.out(), stage.overseer.is_late());
            let is_same = out.is_some() && out == stage.out;
            stage.lasted = if is_same { stage.lasted + since } else { Duration::ZERO };
            stage.out = out;
            // One that only waits for a processor keeps nobody from it.
            let ran_nanos = stage.thread.id().map_or(0, |id| id.ran_nanos());
            let ran = Duration::from_nanos(ran_nanos.saturating_sub(stage.ran_nanos));
            stage.ran_nanos = ran_nanos;
            let is_hogging = is_late && out.is_some() && ran >= since / 2;
            if stage.lasted >= OUT {
                stage.overseer.condemn();
            }
            let to = match () {
                () if stage.lasted >= OUT || stage.overseer.is_abandoned() => Level::Idle,
                () if is_hogging || is_same && stage.level == Level::Ordinary => Level::Ordinary,
                () => Level::Realtime,
            };
            if to == stage.level {
                continue;
            }
            match to {
                Level::Idle => {
                    let scheduling = stage.thread.demote().map(|scheduling| scheduling.to_string());
                    tracing::warn!(actor = stage.actor, ?scheduling, "a worker does not come back");
                }
                Level::Ordinary => stage.thread.relax(),
                // It takes its place again by itself.
                Level::Realtime => {}
            }
            stage.level = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::handover::{Work, handover};
    use crate::stage::{Block, Context, Input, Status};

    struct Idle;

    impl Processor for Idle {
        fn reset(&mut self) {}
        fn process(&mut self, _: &Context<'_>, _: Input<'_>, output: &mut Block<'_>) -> Status {
            output.clear();
            Status::Silent
        }
    }

    #[test]
    fn one_processor_is_not_enough_and_offline_nobody_isolates() {
        let workers = Workers { processors: 1, ..Workers::new(Arc::new(Pulse::new())) };
        assert!(matches!(workers.isolate("bass", Box::new(Idle), true), Resident::Inline(_)));
        assert_eq!(workers.overseers().records()[0].workers, 0);
        assert!(matches!(Workers::none().isolate("bass", Box::new(Idle), true), Resident::Inline(_)));
    }

    #[test]
    fn a_worker_ends_with_what_it_plays() {
        let workers = Workers { processors: 2, ..Workers::new(Arc::new(Pulse::new())) };
        let resident = workers.isolate("bass", Box::new(Idle), true);
        assert!(matches!(resident, Resident::Isolated(_)));
        assert_eq!(lock(&workers.keep).stages.len(), 1);
        drop(resident);
        let overseers = workers.overseers();
        while !lock(&workers.keep).stages.is_empty() {
            std::thread::yield_now();
            overseers.records();
        }
        let record = IsolationRecord { actor: "bass".to_owned(), workers: 1, ..IsolationRecord::default() };
        assert_eq!(overseers.records(), [record]);
    }

    struct Nothing;

    impl Work for Nothing {
        fn work(&mut self) {}
    }

    /// A unit that is out, but each time another, is no hang.
    #[test]
    fn the_same_unit_must_be_out_for_long() {
        let (mut caller, mut worker, overseer) = handover::<Nothing>();
        assert_eq!(overseer.out(), None);
        caller.send(Box::new(Nothing));
        let first = overseer.out();
        let unit = worker.take().expect("sent");
        worker.give_back(unit);
        let unit = caller.take_back().expect("it is back");
        caller.send(unit);
        assert!(first.is_some() && overseer.out().is_some() && overseer.out() != first);
    }
}
