use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::summary::{CableLoss, FaultRecord, Summary};
use crate::render::{
    Command, FaultKind, Notice, RAMP_SECONDS, Renderer, RendererHandle, RendererSettings, Snapshot, Swap,
};
use crate::rig::{DeployError, Deployment, Rig};
use crate::rt::clock::FrameClock;
use crate::rt::guard;
use crate::rt::latest::Latest;
use crate::unit::{Frame, HostTime, QUANTUM_FRAMES, SampleRate};

/// A stage that failed is lent in again this many frames after its fault:
/// fixed, so that a render repeats itself, and longer than any render call.
const REBUILD_FRAMES: Frame = 8_192;
/// A stage may be rebuilt this often …
const RESTARTS: usize = 3;
/// … in this time; then it stays silent.
const RESTART_WINDOW_SECONDS: f64 = 60.0;
const FAULTS_KEPT: usize = 1_000;

/// Something the musician should hear of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    /// A stage failed and is being rebuilt.
    Rebuilding {
        /// Its name.
        actor: String,
        /// The word for how it failed.
        fault: &'static str,
    },
    /// A stage failed too often, or could not be rebuilt; it stays silent.
    GivenUp {
        /// Its name.
        actor: String,
        /// Why.
        reason: String,
    },
    /// A changed rig plays.
    RigPlays,
}

/// The control world's side of a Renderer: keeps its stages, and takes it from
/// one rig to the next. Call [`attend`](Conductor::attend) every few milliseconds.
pub struct Conductor {
    handle: RendererHandle,
    clock: Arc<Mutex<Latest<FrameClock>>>,
    deployment: Deployment,
    rate: SampleRate,
    /// Parcels the Renderer had no room for yet, in order.
    outbox: VecDeque<Box<Swap>>,
    /// When the parcel of the change under way came back.
    done_at: Option<Frame>,
    changing: bool,
    awaited_tag: u64,
    faults: Vec<FaultRecord>,
    fault_frames: BTreeMap<u16, VecDeque<Frame>>,
    restarts: u64,
    violations_before: u64,
    fault_allocations_before: u64,
}

impl Conductor {
    /// A Renderer that will play `rig` from its first frame on. `extend` adds
    /// sources and sinks to the first parcel.
    ///
    /// # Errors
    /// [`DeployError`] where a kind refuses its settings.
    pub fn new(
        rig: Rig,
        settings: RendererSettings,
        seed: u64,
        extend: impl FnOnce(&Deployment, &mut Swap),
    ) -> Result<(Box<Renderer>, Conductor), DeployError> {
        guard::quiet_panics();
        let (deployment, mut swap) = Deployment::first(rig, settings.rate, seed)?;
        extend(&deployment, &mut swap);
        let (renderer, handle, clock) = crate::render::renderer(settings);
        let mut conductor = Conductor {
            handle,
            clock: Arc::new(Mutex::new(clock)),
            deployment,
            rate: settings.rate,
            outbox: VecDeque::from([Box::new(swap)]),
            done_at: None,
            changing: false,
            awaited_tag: 0,
            faults: Vec::new(),
            fault_frames: BTreeMap::new(),
            restarts: 0,
            violations_before: guard::violations(),
            fault_allocations_before: guard::fault_allocations(),
        };
        conductor.post();
        Ok((renderer, conductor))
    }

    /// The rig that plays, and where its actors stand.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Frames rendered so far.
    pub fn frame(&mut self) -> Frame {
        self.handle.latest.read().frame
    }

    /// What the Renderer last showed.
    pub fn snapshot(&mut self) -> Snapshot {
        self.handle.latest.read()
    }

    /// Tells when a frame begins, for whoever sends MIDI at its time.
    pub fn clock(&self) -> impl Fn(Frame) -> HostTime + Send + use<> {
        let clock = Arc::clone(&self.clock);
        move |frame| match clock.lock() {
            Ok(mut clock) => clock.read().time_of(frame),
            // Nobody panics while holding it; now is the best guess.
            Err(_) => HostTime::now(),
        }
    }

    /// Tells the Renderer something; `false` where its ring is full.
    pub fn command(&mut self, command: Command) -> bool {
        self.handle.commands.send(command).is_ok()
    }

    /// Lends a parcel of sources and sinks.
    pub fn lend(&mut self, swap: Swap) {
        self.outbox.push_back(Box::new(swap));
        self.post();
    }

    /// Whether a changed rig is still on its way.
    pub fn is_changing(&self) -> bool {
        self.changing
    }

    /// Goes to a changed rig. The change before it must be done: see
    /// [`is_changing`](Self::is_changing).
    ///
    /// # Errors
    /// [`DeployError`] where a kind refuses its settings; the old rig plays on.
    pub fn change(&mut self, rig: Rig) -> Result<(), DeployError> {
        let change = self.deployment.change(rig)?;
        for command in change.commands {
            // A full ring would lose the value, and the actor keep its old one
            // until the next save; it holds more than a rig has parameters to turn.
            self.command(command);
        }
        self.changing = true;
        self.done_at = None;
        self.lend_awaited(change.swap);
        Ok(())
    }

    fn lend_awaited(&mut self, mut swap: Swap) {
        self.awaited_tag += 1;
        swap.tag = self.awaited_tag;
        self.lend(swap);
    }

    /// Takes back what the Renderer is done with, rebuilds what failed, goes on
    /// with a change under way; gives what the musician should hear of.
    pub fn attend(&mut self) -> Vec<Happening> {
        let mut happenings = Vec::new();
        while let Some(returned) = self.handle.swaps.collect() {
            if returned.tag != 0 && returned.tag == self.awaited_tag {
                self.done_at = Some(self.handle.latest.read().frame);
            }
            // The remains of a stage that panicked may panic again when dropped.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(returned)));
        }
        while let Some(Notice::Fault { node, kind, frame }) = self.handle.notices.receive() {
            happenings.extend(self.fault(node, kind, frame));
        }
        happenings.extend(self.go_on_changing());
        self.post();
        happenings
    }

    fn go_on_changing(&mut self) -> Option<Happening> {
        let done_at = self.done_at?;
        let fade = self.rate.frames(RAMP_SECONDS) + 2 * QUANTUM_FRAMES as Frame;
        if self.handle.latest.read().frame < done_at + fade {
            return None;
        }
        self.done_at = None;
        if let Some(swap) = self.deployment.settle() {
            self.lend_awaited(swap);
            return None;
        }
        self.changing = false;
        tracing::info!(rig = self.deployment.rig().name, "the changed rig plays");
        Some(Happening::RigPlays)
    }

    fn fault(&mut self, node: u16, kind: FaultKind, frame: Frame) -> Option<Happening> {
        // A node that was taken out meanwhile needs no keeper.
        let actor = self.deployment.name_of(node)?.to_owned();
        tracing::warn!(actor, fault = kind.name(), frame, "a processor failed");
        if self.faults.len() < FAULTS_KEPT {
            self.faults.push(FaultRecord { actor: actor.clone(), kind, frame });
        }
        let window = self.rate.frames(RESTART_WINDOW_SECONDS);
        let recent = self.fault_frames.entry(node).or_default();
        recent.retain(|before| before + window > frame);
        if recent.len() >= RESTARTS {
            let reason = format!("it failed {} times within a minute", RESTARTS + 1);
            return Some(Happening::GivenUp { actor, reason });
        }
        recent.push_back(frame);
        match self.deployment.rebuild(node) {
            Ok(Some(fresh)) => {
                let quantum = frame - frame % QUANTUM_FRAMES as Frame;
                let swap = Swap {
                    not_before: Some(quantum + REBUILD_FRAMES),
                    revived: vec![(node, fresh)],
                    ..Swap::default()
                };
                self.restarts += 1;
                self.lend(swap);
                Some(Happening::Rebuilding { actor, fault: kind.name() })
            }
            Ok(None) => None,
            Err(error) => Some(Happening::GivenUp { actor, reason: error.to_string() }),
        }
    }

    fn post(&mut self) {
        while let Some(swap) = self.outbox.pop_front() {
            if let Err(swap) = self.handle.swaps.lend(swap) {
                self.outbox.push_front(swap);
                break;
            }
        }
    }

    /// What happened so far.
    pub fn summary(&mut self) -> Summary {
        let edges = self.deployment.cables().map(|(from, to, count)| CableLoss {
            from: from.to_owned(),
            to: to.to_owned(),
            late: count.late(),
            dropped: count.dropped(),
        });
        Summary {
            edges: edges.collect(),
            snapshot: self.handle.latest.read(),
            faults: self.faults.clone(),
            restarts: self.restarts,
            rt_violations: guard::violations() - self.violations_before,
            fault_allocations: guard::fault_allocations() - self.fault_allocations_before,
        }
    }
}
