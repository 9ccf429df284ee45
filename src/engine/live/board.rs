use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::logging::names;
use super::port::PortReport;
use super::scene::Stand;
use super::{Connected, Recording};
use crate::device::audio::StreamInfo;
use crate::engine::conductor::Happening;
use crate::engine::doors;
use crate::engine::streams::{Streams, Trouble};
use crate::engine::summary::{CableLoss, FAULTS_KEPT, FaultRecord};
use crate::engine::supplier::{Gauge, gauges};
use crate::engine::workers::Overseers;
use crate::engine::{StageState, Summary};
use crate::journal::log::Names;
use crate::render::{CableCount, Snapshot};
use crate::rig::{Deployment, Rig};
use crate::rt::guard;
use crate::unit::Frame;

/// Messages that wait to be shown; of more the oldest are forgotten.
const MESSAGES: usize = 1_000;

/// Where the actors show how things stand, for whoever looks.
pub(super) struct Board {
    frame: AtomicU64,
    shown: Mutex<Shown>,
    messages: Mutex<VecDeque<String>>,
    overseers: Overseers,
    streams: Streams,
    violations_before: u64,
    fault_allocations_before: u64,
}

/// What is shown.
pub(super) struct Shown {
    pub(super) snapshot: Snapshot,
    /// The newest parcel that came back, and when: (tag, frame).
    pub(super) done: (u64, Frame),
    pub(super) info: StreamInfo,
    pub(super) xruns: u64,
    pub(super) dropped_midi: u64,
    pub(super) is_jack: bool,
    pub(super) gear: Vec<Connected>,
    /// By the path of each port's keeper.
    pub(super) ports: BTreeMap<String, PortReport>,
    pub(super) recording: Option<Recording>,
    pub(super) rig: Arc<Rig>,
    pub(super) stand: Stand,
    /// Rigs so far.
    pub(super) rigs: u32,
    pub(super) names: Names,
    /// MIDI cables: from, to, and what they lost.
    cables: Vec<(String, String, Arc<CableCount>)>,
    generators: Vec<Gauge>,
    faults: Vec<FaultRecord>,
    stages: BTreeMap<String, StageReport>,
    rebuilt: u64,
}

/// How an instrument or a stage fares: beside what is said of its keeper.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StageReport {
    /// What it does.
    pub state: StageState,
    /// How often it failed.
    pub faults: u64,
    /// How often it was built anew.
    pub rebuilt: u64,
    /// How it failed last, and at which frame.
    pub last_fault: Option<(String, Frame)>,
}

impl Shown {
    pub(super) fn faults(&self) -> &[FaultRecord] {
        &self.faults
    }
}

impl Board {
    pub(super) fn new(
        info: StreamInfo,
        is_jack: bool,
        deployment: &Deployment,
        overseers: Overseers,
        streams: Streams,
    ) -> Board {
        let shown = Shown {
            snapshot: Snapshot::default(),
            done: (0, 0),
            info,
            xruns: 0,
            dropped_midi: 0,
            is_jack,
            gear: Vec::new(),
            ports: BTreeMap::new(),
            recording: None,
            rig: Arc::default(),
            stand: Stand::default(),
            rigs: 0,
            names: Names::default(),
            cables: Vec::new(),
            generators: Vec::new(),
            faults: Vec::new(),
            stages: BTreeMap::new(),
            rebuilt: 0,
        };
        let board = Board {
            frame: AtomicU64::new(0),
            shown: Mutex::new(shown),
            messages: Mutex::new(VecDeque::new()),
            overseers,
            streams,
            violations_before: guard::violations(),
            fault_allocations_before: guard::fault_allocations(),
        };
        board.show_rig(deployment);
        board
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frames rendered so far.
    pub(super) fn frame(&self) -> Frame {
        self.frame.load(Ordering::Relaxed)
    }

    pub(super) fn show_snapshot(&self, snapshot: Snapshot) {
        self.frame.store(snapshot.frame, Ordering::Relaxed);
        self.shown().snapshot = snapshot;
    }

    pub(super) fn show_rig(&self, deployment: &Deployment) {
        let cable = |(from, to, count): (&str, &str, &Arc<CableCount>)| {
            (from.to_owned(), to.to_owned(), Arc::clone(count))
        };
        let mut shown = self.shown();
        shown.rig = Arc::new(deployment.rig().clone());
        shown.stand.show_rig(deployment);
        shown.rigs = deployment.rigs();
        shown.names = names(deployment);
        shown.cables = deployment.cables().map(cable).collect();
        shown.generators = gauges(deployment);
    }

    pub(super) fn show_scene(&self, scene: doors::Scene) {
        self.shown().stand.show(scene);
    }

    pub(super) fn show_moved(&self, node: u16, index: u16, value: f32) {
        let mut shown = self.shown();
        let rig = Arc::clone(&shown.rig);
        shown.stand.show_moved(&rig, node, index, value);
    }

    /// Keeps a fault of the stage whose keeper is at `path`; gives its mark.
    pub(super) fn show_fault(&self, path: &str, record: FaultRecord) -> u64 {
        let mut shown = self.shown();
        let stage = shown.stages.entry(path.to_owned()).or_default();
        stage.faults += 1;
        stage.last_fault = Some((record.kind.name().to_owned(), record.frame));
        let mark = shown.faults.len() as u64;
        if shown.faults.len() < FAULTS_KEPT {
            shown.faults.push(record);
        }
        mark
    }

    /// What a processor said when it panicked.
    pub(super) fn show_last_words(&self, mark: u64, text: String) {
        if let Some(record) = self.shown().faults.get_mut(mark as usize) {
            record.message.get_or_insert(text);
        }
    }

    pub(super) fn show_stage(&self, path: &str, state: StageState, rebuilt: bool) {
        let mut shown = self.shown();
        shown.rebuilt += u64::from(rebuilt);
        let stage = shown.stages.entry(path.to_owned()).or_default();
        stage.state = state;
        stage.rebuilt += u64::from(rebuilt);
    }

    pub(super) fn stage(&self, path: &str) -> Option<StageReport> {
        self.shown().stages.get(path).cloned()
    }

    /// Another actor of this name stands there from now on, or none.
    pub(super) fn forget_stage(&self, path: &str) {
        self.shown().stages.remove(path);
    }

    /// Something the musician should hear of.
    pub(super) fn say(&self, message: impl Into<String>) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() == MESSAGES {
            messages.pop_front();
        }
        messages.push_back(message.into());
    }

    pub(super) fn say_happening(&self, happening: Happening) {
        self.say(match happening {
            Happening::Rebuilding { actor, fault } => format!("`{actor}` failed ({fault}) and is rebuilt"),
            Happening::Quarantined { actor, fault, seconds } => {
                format!("`{actor}` failed ({fault}) too often, and is tried again in {seconds:.0} s")
            }
            Happening::GivenUp { actor, reason } => format!("`{actor}` stays silent: {reason}"),
            Happening::NoMaterial { generator, reason } => {
                format!("`{generator}` has nothing new to play: {reason}")
            }
            Happening::NoSound { clip, reason } => {
                format!("`{clip}` cannot be read, and is silent until it can: {reason}")
            }
            Happening::RigPlays => "the changed rig plays".to_owned(),
        });
    }

    pub(super) fn take_messages(&self) -> Vec<String> {
        for Trouble { clip, reason } in self.streams.take_troubles() {
            self.say_happening(Happening::NoSound { clip, reason });
        }
        for clip in self.streams.take_late() {
            self.say(format!("the disk is late for `{clip}`: it fades out, and comes back in its place"));
        }
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    pub(super) fn summary(&self) -> Summary {
        let shown = self.shown();
        let quarantined = shown.stages.iter().filter(|(_, stage)| stage.state == StageState::Quarantined);
        let name = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut snapshot = shown.snapshot;
        snapshot.dropped_events += shown.dropped_midi;
        Summary {
            edges: shown.cables.iter().map(|(from, to, count)| CableLoss::of((from, to, count))).collect(),
            snapshot,
            faults: shown.faults.clone(),
            scenes: shown.stand.history().to_vec(),
            generators: shown.generators.iter().map(Gauge::record).collect(),
            clips: self.streams.records(),
            restarts: shown.rebuilt,
            quarantined: quarantined.map(|(path, _)| name(path)).collect(),
            isolated: self.overseers.records(),
            rt_violations: guard::violations() - self.violations_before,
            fault_allocations: guard::fault_allocations() - self.fault_allocations_before,
        }
    }
}
