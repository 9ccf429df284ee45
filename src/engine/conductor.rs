use std::collections::BTreeMap;

use super::changes::{Changes, Progress, Step};
use super::doors::{self, Came, Doors, HostClock};
use super::keeper::{Keeper, StageState};
use super::mending::Mending;
use super::streams::Trouble;
use super::summary::{CableLoss, FAULTS_KEPT, FaultRecord, SCENES_KEPT, SceneRecord, Summary};
use super::supplier::{Gauge, Supplier, gauges, suppliers};
use super::workshop::Workshop;
use crate::journal::log::Scribe;
use crate::render::{Command, Fault, Injection, Renderer, RendererSettings, Snapshot, Swap};
use crate::rig::{DeployError, Deployment, Rig};
use crate::rt::guard;
use crate::unit::{Frame, HostTime};

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
    /// A generator has no material for what comes: it plays its last again.
    NoMaterial {
        /// Its name.
        generator: String,
        /// Why.
        reason: String,
    },
    /// A clip cannot be read from its disk any more.
    NoSound {
        /// Its name.
        clip: String,
        /// Why.
        reason: String,
    },
    /// A changed rig plays.
    RigPlays,
}

/// The control world's side of a Renderer, in one place: keeps its stages, and
/// takes it from one rig to the next, whenever it is called. For a render, which
/// waits for it; live the same parts are actors of a tree. Call
/// [`attend`](Conductor::attend) after every call of the Renderer.
pub struct Conductor {
    doors: Doors,
    clock: HostClock,
    changes: Changes,
    keepers: BTreeMap<u16, Keeper>,
    suppliers: Vec<Supplier>,
    workshop: Workshop,
    mending: Mending,
    seed: u64,
    faults: Vec<FaultRecord>,
    scenes: Vec<SceneRecord>,
    rebuilt: u64,
    violations_before: u64,
    fault_allocations_before: u64,
}

/// A Renderer, and all that the control world has of it.
pub(super) struct Parts {
    pub(super) renderer: Box<Renderer>,
    pub(super) doors: Doors,
    pub(super) clock: HostClock,
    pub(super) changes: Changes,
    pub(super) keepers: Vec<Keeper>,
    pub(super) suppliers: Vec<Supplier>,
}

/// A Renderer that will play `rig` from its first frame on, called by a clock, with
/// workers for what the rig isolates; a log is told by `scribe`. `extend` adds sources and sinks to the first
/// parcel.
pub(super) fn make(
    rig: Rig,
    settings: RendererSettings,
    seed: u64,
    mending: Mending,
    scribe: Option<Scribe>,
    extend: impl FnOnce(&Deployment, &mut Swap),
) -> Result<Parts, DeployError> {
    let open = |doors: Doors| doors.with_workers().keep_log(scribe);
    make_with(rig, settings, seed, mending, open, extend)
}

fn make_with(
    rig: Rig,
    settings: RendererSettings,
    seed: u64,
    mending: Mending,
    open: impl FnOnce(Doors) -> Doors,
    extend: impl FnOnce(&Deployment, &mut Swap),
) -> Result<Parts, DeployError> {
    guard::rehearse();
    let (deployment, mut swap) = Deployment::first(rig, settings.rate, seed)?;
    extend(&deployment, &mut swap);
    let (renderer, handle, clock) = crate::render::renderer(settings);
    let mut doors = open(Doors::new(handle, settings.rate));
    doors.lend(swap);
    let keep = |(node, blueprint)| Keeper::new(node, blueprint, settings.rate, mending, seed);
    let keepers = deployment.blueprints().map(keep).collect();
    let suppliers = suppliers(&deployment, settings.rate);
    let changes = Changes::new(deployment, settings.rate);
    Ok(Parts { renderer, doors, clock: HostClock::new(clock), changes, keepers, suppliers })
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
        Ok(Conductor::of(make_with(rig, settings, seed, Mending::default(), |doors| doors, extend)?, seed))
    }

    /// The same, called by a clock, with workers for what the rig isolates.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_workers(
        rig: Rig,
        settings: RendererSettings,
        seed: u64,
        extend: impl FnOnce(&Deployment, &mut Swap),
    ) -> Result<(Box<Renderer>, Conductor), DeployError> {
        Ok(Conductor::of(make(rig, settings, seed, Mending::default(), None, extend)?, seed))
    }

    fn of(parts: Parts, seed: u64) -> (Box<Renderer>, Conductor) {
        let Parts { renderer, doors, clock, changes, keepers, suppliers } = parts;
        let conductor = Conductor {
            doors,
            clock,
            changes,
            keepers: keepers.into_iter().map(|keeper| (keeper.node(), keeper)).collect(),
            suppliers,
            workshop: Workshop::default(),
            mending: Mending::default(),
            seed,
            faults: Vec::new(),
            scenes: Vec::new(),
            rebuilt: 0,
            violations_before: guard::violations(),
            fault_allocations_before: guard::fault_allocations(),
        };
        (renderer, conductor)
    }

    /// The same, with another workshop for what its generators play.
    pub fn with_workshop(self, workshop: Workshop) -> Conductor {
        Conductor { workshop, ..self }
    }

    /// The rig that plays, and where its actors stand.
    pub fn deployment(&self) -> &Deployment {
        self.changes.deployment()
    }

    /// Frames rendered so far.
    pub fn frame(&mut self) -> Frame {
        self.doors.frame()
    }

    /// What the Renderer last showed.
    pub fn snapshot(&mut self) -> Snapshot {
        self.doors.snapshot()
    }

    /// Tells when a frame begins, for whoever sends MIDI at its time.
    pub fn clock(&self) -> impl Fn(Frame) -> HostTime + Send + use<> {
        let clock = self.clock.clone();
        move |frame| clock.time_of(frame)
    }

    /// Tells the Renderer something; `false` where its ring is full.
    pub fn command(&mut self, command: Command) -> bool {
        if let Command::Parameter { node, index, value } = command
            && let Some(keeper) = self.keepers.get_mut(&node)
        {
            keeper.set(index, value);
        }
        self.doors.command(command)
    }

    /// How stages that fail are brought back, from now on.
    pub fn set_mending(&mut self, mending: Mending) {
        self.mending = mending;
        self.keepers.values_mut().for_each(|keeper| keeper.set_mending(mending));
    }

    /// Makes processors fail on purpose.
    pub fn inject(&mut self, injections: impl IntoIterator<Item = Injection>) {
        self.doors.inject(injections);
    }

    /// Lends a parcel of sources and sinks.
    pub fn lend(&mut self, swap: Swap) {
        self.doors.lend(swap);
    }

    /// Whether a changed rig is still on its way.
    pub fn is_changing(&self) -> bool {
        self.changes.is_changing()
    }

    /// Goes to a changed rig. The change before it must be done: see
    /// [`is_changing`](Self::is_changing).
    ///
    /// # Errors
    /// [`DeployError`] where a kind refuses its settings; the old rig plays on.
    pub fn change(&mut self, rig: Rig) -> Result<(), DeployError> {
        let Step { commands, swap, replaced } = self.changes.begin(rig)?;
        let rate = self.doors.rate();
        let mut keepers = BTreeMap::new();
        for (node, blueprint) in self.changes.deployment().blueprints() {
            // What stands at a replaced place from now on is another actor.
            let kept = self.keepers.remove(&node).filter(|_| !replaced.contains(&node));
            let keeper = match kept {
                Some(mut keeper) => {
                    keeper.renew(blueprint);
                    keeper
                }
                None => Keeper::new(node, blueprint, rate, self.mending, self.seed),
            };
            keepers.insert(node, keeper);
        }
        self.keepers = keepers;
        self.renew_suppliers();
        for command in commands {
            self.command(command);
        }
        self.doors.lend(swap);
        Ok(())
    }

    /// Takes back what the Renderer is done with, rebuilds what failed, goes on
    /// with a change under way; gives what the musician should hear of.
    pub fn attend(&mut self) -> Vec<Happening> {
        let mut happenings = Vec::new();
        for came in self.doors.look() {
            match came {
                Came::Done { tag, frame } => self.changes.done(tag, frame),
                Came::Fault(fault) => happenings.extend(self.fault(&fault)),
                Came::Scene(scene) => self.scene(scene),
                Came::Moved { .. } => {}
                Came::LastWords { mark, text } => {
                    if let Some(record) = self.faults.get_mut(mark as usize) {
                        record.message.get_or_insert(text);
                    }
                }
            }
        }
        happenings.extend(self.rebuild_due());
        match self.changes.go_on(self.doors.frame()) {
            Progress::Nothing => {}
            Progress::Lend(swap) => self.doors.lend(swap),
            Progress::Done => happenings.push(Happening::RigPlays),
        }
        happenings.extend(self.supply());
        self.doors.post();
        happenings
    }

    /// Suppliers of performers that stay go on with what they know.
    fn renew_suppliers(&mut self) {
        let old = std::mem::take(&mut self.suppliers);
        let new = suppliers(self.changes.deployment(), self.doors.rate());
        let kept = |new: Supplier| old.iter().find(|old| old.is_same(&new)).cloned().unwrap_or(new);
        self.suppliers = new.into_iter().map(kept).collect();
    }

    /// Makes what generators will play, and lends it; fetches what clips will play from a disk: to be called
    /// before each call of the Renderer, and by [`attend`](Self::attend). Blocks until all of it is there.
    pub fn supply(&mut self) -> Vec<Happening> {
        let mut happenings = Vec::new();
        if let Err(Trouble { clip, reason }) = self.doors.streams().fill() {
            happenings.push(Happening::NoSound { clip, reason });
        }
        let snapshot = self.doors.snapshot();
        for supplier in &mut self.suppliers {
            while let Some(index) = supplier.wanted(snapshot.frame, &snapshot.transport) {
                match self.workshop.segment(supplier.order(), index) {
                    Ok(segment) => self.doors.lend(supplier.lend(segment, snapshot.frame)),
                    Err(failure) => {
                        let (generator, reason) = (supplier.name().to_owned(), failure.to_string());
                        happenings.push(Happening::NoMaterial { generator, reason });
                        break;
                    }
                }
            }
        }
        happenings
    }

    /// The Renderer remembers what scenes and controls set, and tells it to whoever
    /// comes back: keepers must not know it too, since when they hear of it depends
    /// on how the time is cut.
    fn scene(&mut self, scene: doors::Scene) {
        if let Some(name) = self.changes.deployment().scene_name(scene.id)
            && self.scenes.len() < SCENES_KEPT
        {
            self.scenes.push(SceneRecord { name: name.to_owned(), frame: scene.frame });
        }
    }

    fn fault(&mut self, fault: &Fault) -> Option<Happening> {
        // A node that was taken out meanwhile has no keeper.
        let keeper = self.keepers.get_mut(&fault.node)?;
        let mark = self.faults.len() as u64;
        if self.faults.len() < FAULTS_KEPT {
            self.faults.push(keeper.record(fault));
        }
        let (swap, happening) = keeper.fault(fault, mark);
        self.doors.lend(swap);
        Some(happening)
    }

    /// Builds what is to be heard soon, and lends it in.
    fn rebuild_due(&mut self) -> Vec<Happening> {
        let now = self.doors.frame();
        let mut failed = Vec::new();
        for keeper in self.keepers.values_mut() {
            match keeper.rebuild(now) {
                Some(Ok(swap)) => {
                    self.rebuilt += 1;
                    self.doors.lend(swap);
                }
                Some(Err(happening)) => failed.push(happening),
                None => {}
            }
        }
        failed
    }

    /// What failed so far: the first ten thousand.
    pub fn faults(&self) -> &[FaultRecord] {
        &self.faults
    }

    /// What happened so far.
    pub fn summary(&mut self) -> Summary {
        let quarantined = self.keepers.values().filter(|keeper| keeper.state() == StageState::Quarantined);
        Summary {
            edges: self.changes.deployment().cables().map(CableLoss::of).collect(),
            snapshot: self.doors.snapshot(),
            faults: self.faults.clone(),
            scenes: self.scenes.clone(),
            generators: gauges(self.changes.deployment()).iter().map(Gauge::record).collect(),
            clips: self.doors.streams().records(),
            restarts: self.rebuilt,
            quarantined: quarantined.map(|keeper| keeper.blueprint().name().to_owned()).collect(),
            isolated: self.doors.sights().0.records(),
            rt_violations: guard::violations() - self.violations_before,
            fault_allocations: guard::fault_allocations() - self.fault_allocations_before,
        }
    }
}
