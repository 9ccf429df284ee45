use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use super::mending::{Cure, History, Mending};
use super::summary::{CableLoss, FaultRecord, Summary};
use crate::render::{
    Command, Fault, Injection, Notice, RAMP_SECONDS, Remains, Renderer, RendererHandle, RendererSettings,
    Snapshot, Swap,
};
use crate::rig::{DeployError, Deployment, Rig};
use crate::rt::clock::FrameClock;
use crate::rt::guard::{self, Place};
use crate::rt::latest::Latest;
use crate::unit::{Frame, HostTime, QUANTUM_FRAMES, SampleRate};

/// What a keeper gets done in time: fresh stages are built, and injections sent,
/// this long before they are due. Longer than any render call.
const AHEAD_SECONDS: f64 = 1.0;
/// Injections that the Renderer holds at once.
const INJECTIONS_AHEAD: usize = 32;
const FAULTS_KEPT: usize = 10_000;

/// Something the musician should hear of.
#[derive(Clone, PartialEq, Debug)]
pub enum Happening {
    /// A stage failed and is being rebuilt.
    Rebuilding {
        /// Its name.
        actor: String,
        /// The word for how it failed.
        fault: &'static str,
    },
    /// A stage failed too often: it is silent for a while, and then tried again.
    Quarantined {
        /// Its name.
        actor: String,
        /// The word for how it failed.
        fault: &'static str,
        /// Until it is tried again.
        seconds: f64,
    },
    /// A stage could not be rebuilt; it stays silent.
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
    mending: Mending,
    seed: u64,
    /// What each node that ever failed has been through.
    histories: BTreeMap<u16, History>,
    /// Who is to be built anew, and heard from when.
    due: Vec<(Frame, u16)>,
    quarantined: BTreeSet<u16>,
    /// Parameters that were changed since a node was built.
    values: BTreeMap<(u16, u16), f32>,
    /// What is to be injected and was not sent yet, in order.
    injections: VecDeque<Injection>,
    /// The frames of what was sent and is not over.
    injected: VecDeque<Frame>,
    faults: Vec<FaultRecord>,
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
            mending: Mending::default(),
            seed,
            histories: BTreeMap::new(),
            due: Vec::new(),
            quarantined: BTreeSet::new(),
            values: BTreeMap::new(),
            injections: VecDeque::new(),
            injected: VecDeque::new(),
            faults: Vec::new(),
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
        let is_sent = self.handle.commands.send(command).is_ok();
        if let Command::Parameter { node, index, value } = command
            && is_sent
        {
            self.values.insert((node, index), value);
        }
        is_sent
    }

    /// How stages that fail are brought back, from now on.
    pub fn set_mending(&mut self, mending: Mending) {
        self.mending = mending;
    }

    /// Makes processors fail on purpose.
    pub fn inject(&mut self, injections: impl IntoIterator<Item = Injection>) {
        self.injections.extend(injections);
        self.injections.make_contiguous().sort_by_key(|injection| injection.frame);
        self.send_injections();
    }

    fn send_injections(&mut self) {
        let now = self.handle.latest.read().frame;
        let horizon = now + self.rate.frames(AHEAD_SECONDS);
        self.injected.retain(|frame| *frame >= now);
        while self.injected.len() < INJECTIONS_AHEAD
            && let Some(next) = self.injections.front().copied().filter(|i| i.frame <= horizon)
            && self.command(Command::Inject(next))
        {
            self.injections.pop_front();
            self.injected.push_back(next.frame);
        }
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
        // What stands at these places from now on is another actor.
        for (node, _) in &change.swap.nodes {
            self.histories.remove(node);
            self.quarantined.remove(node);
            self.due.retain(|(_, due)| due != node);
            self.values.retain(|(of, _), _| of != node);
        }
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
            self.bury(*returned);
        }
        while let Some(Notice::Fault(fault)) = self.handle.notices.receive() {
            happenings.extend(self.fault(fault));
        }
        happenings.extend(self.rebuild_due());
        self.send_injections();
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

    fn fault(&mut self, fault: Fault) -> Option<Happening> {
        let Fault { node, kind, frame, place } = fault;
        // A node that was taken out meanwhile needs no keeper.
        let actor = self.deployment.name_of(node)?.to_owned();
        tracing::warn!(actor, fault = kind.name(), frame, %place, "a processor failed");
        let mark = self.faults.len() as u64;
        if self.faults.len() < FAULTS_KEPT {
            let place = (place != Place::NONE).then(|| place.to_string());
            self.faults.push(FaultRecord { actor: actor.clone(), kind, frame, place, message: None });
        }
        // The remains come back at once, and with them what it panicked with.
        self.lend(Swap { remains: vec![Remains { node, mark, ..Remains::default() }], ..Swap::default() });
        let seed = self.seed ^ u64::from(node) << 32;
        let history = self.histories.entry(node).or_default();
        let Cure { back_at, is_quarantine } = history.fault(frame, &self.mending, seed, self.rate);
        self.due.push((back_at, node));
        self.due.sort_unstable();
        let fault = kind.name();
        if !is_quarantine {
            return Some(Happening::Rebuilding { actor, fault });
        }
        self.quarantined.insert(node);
        Some(Happening::Quarantined { actor, fault, seconds: self.rate.seconds(back_at - frame) })
    }

    /// Builds what is to be heard soon, and lends it in.
    fn rebuild_due(&mut self) -> Vec<Happening> {
        let horizon = self.handle.latest.read().frame + self.rate.frames(AHEAD_SECONDS);
        let soon = self.due.iter().take_while(|(frame, _)| *frame <= horizon).count();
        let mut failed = Vec::new();
        for (back_at, node) in self.due.drain(..soon).collect::<Vec<_>>() {
            let values = self.values.iter().filter(|((of, _), _)| *of == node);
            match self.deployment.rebuild(node, values.map(|((_, index), value)| (*index, *value))) {
                Ok(Some(fresh)) => {
                    let not_before = Some(back_at);
                    let revived = vec![(node, Some(fresh))];
                    self.restarts += 1;
                    self.quarantined.remove(&node);
                    self.lend(Swap { not_before, revived, ..Swap::default() });
                }
                Ok(None) => {}
                Err(error) => {
                    let actor = self.deployment.name_of(node).unwrap_or_default().to_owned();
                    failed.push(Happening::GivenUp { actor, reason: error.to_string() });
                }
            }
        }
        failed
    }

    /// Drops what came back, whatever it does meanwhile: the remains of a stage
    /// that panicked may panic again.
    fn bury(&mut self, mut returned: Swap) {
        for remains in &mut returned.remains {
            let message = remains.payload.as_deref().and_then(text_of);
            if let Some(record) = self.faults.get_mut(remains.mark as usize) {
                record.message = record.message.take().or(message);
            }
        }
        let burial = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(returned)));
        if let Err(payload) = burial {
            // So may this one; it is small, and leaked.
            std::mem::forget(payload);
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
            quarantined: self
                .quarantined
                .iter()
                .filter_map(|node| self.deployment.name_of(*node).map(str::to_owned))
                .collect(),
            rt_violations: guard::violations() - self.violations_before,
            fault_allocations: guard::fault_allocations() - self.fault_allocations_before,
        }
    }
}

/// What a panic says, where it says anything.
fn text_of(payload: &(dyn Any + Send)) -> Option<String> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).map(str::to_owned)
}
