use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::names::Names;
use super::streams::Streams;
use super::workers::{Overseers, Workers};
use crate::journal::log::{Entry, Parcel, Scribe};
use crate::render::{Command, Fault, Injection, Label, Notice, RendererHandle, Resident, Snapshot, Swap};
use crate::rt::clock::FrameClock;
use crate::rt::guard;
use crate::rt::latest::Latest;
use crate::rt::pulse::Pulse;
use crate::unit::{Frame, HostTime, SampleRate};

/// What is due is built, and sent, this long before. Longer than any render call.
pub(super) const AHEAD_SECONDS: f64 = 1.0;
/// Injections that the Renderer holds at once.
const INJECTIONS_AHEAD: usize = 32;

/// The control world's ends of a Renderer's doors.
pub(super) struct Doors {
    handle: RendererHandle,
    rate: SampleRate,
    /// Parcels the Renderer had no room for yet, in order.
    outbox: VecDeque<Box<Swap>>,
    /// Parameters it had no room for: the newest value of each.
    late: BTreeMap<(u16, u16), f32>,
    /// What is to be injected and was not sent yet, in order.
    injections: VecDeque<Injection>,
    /// The frames of what was sent and is not over.
    injected: VecDeque<Frame>,
    workers: Workers,
    /// The nodes that workers play: their actors, and whether they take MIDI.
    isolated: BTreeMap<u16, (Box<str>, bool)>,
    names: Names,
    /// What is to be fetched for clips.
    streams: Streams,
    /// Parcels lent so far.
    lent: u64,
    /// Where each is told of, where a log is kept.
    scribe: Option<Scribe>,
}

/// What the watchdog looks at: the workers, the place in the plan, the names of nodes.
pub(super) type Sights = (Overseers, Arc<Pulse>, Names);

/// What came out of the audio world.
pub(super) enum Came {
    /// A processor failed.
    Fault(Fault),
    /// The Renderer is done with a parcel that has a tag.
    Done { tag: u64, frame: Frame },
    /// What a processor said when it panicked, by the mark under which its remains
    /// were asked for.
    LastWords { mark: u64, text: String },
    /// It is in another scene.
    Scene(Scene),
    /// Controls moved a parameter.
    Moved { node: u16, index: u16, value: f32 },
}

/// A scene that the Renderer is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Scene {
    pub(super) id: u32,
    /// Its place in the set list.
    pub(super) place: Option<u16>,
    /// Since when.
    pub(super) frame: Frame,
}

/// Tells when a frame begins, for whoever sends MIDI at its time.
#[derive(Clone)]
pub(super) struct HostClock(Arc<Mutex<Latest<FrameClock>>>);

impl HostClock {
    pub(super) fn new(clock: Latest<FrameClock>) -> HostClock {
        HostClock(Arc::new(Mutex::new(clock)))
    }

    pub(super) fn time_of(&self, frame: Frame) -> HostTime {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read().time_of(frame)
    }
}

impl Doors {
    pub(super) fn new(handle: RendererHandle, rate: SampleRate) -> Doors {
        Doors {
            handle,
            rate,
            outbox: VecDeque::new(),
            late: BTreeMap::new(),
            injections: VecDeque::new(),
            injected: VecDeque::new(),
            workers: Workers::none(),
            isolated: BTreeMap::new(),
            names: Names::default(),
            streams: Streams::default(),
            lent: 0,
            scribe: None,
        }
    }

    /// From now on what a rig isolates is played by workers: for a Renderer that is
    /// called by a clock.
    pub(super) fn with_workers(mut self) -> Doors {
        self.workers = Workers::new(Arc::clone(&self.handle.pulse));
        self
    }

    /// From now on a log is told of every parcel.
    pub(super) fn keep_log(mut self, scribe: Option<Scribe>) -> Doors {
        self.scribe = scribe;
        self
    }

    pub(super) fn sights(&self) -> Sights {
        (self.workers.overseers(), Arc::clone(&self.handle.pulse), self.names.clone())
    }

    /// The clips that play from a disk: somebody has to fetch for them.
    pub(super) fn streams(&self) -> &Streams {
        &self.streams
    }

    pub(super) fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Frames rendered so far.
    pub(super) fn frame(&mut self) -> Frame {
        self.handle.latest.read().frame
    }

    /// What the Renderer last showed.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        self.handle.latest.read()
    }

    /// Tells the Renderer something; `false` where its ring is full. Then the
    /// newest value of each parameter is kept, and told later.
    pub(super) fn command(&mut self, command: Command) -> bool {
        if let Command::Parameter { node, index, value } = command {
            if let Some(late) = self.late.get_mut(&(node, index)) {
                *late = value;
                return false;
            }
            if self.handle.commands.send(command).is_err() {
                self.late.insert((node, index), value);
                return false;
            }
            return true;
        }
        self.handle.commands.send(command).is_ok()
    }

    /// Lends a parcel; where there is no room it waits for its turn.
    pub(super) fn lend(&mut self, mut swap: Swap) {
        let isolated = self.settle(&mut swap);
        self.lent += 1;
        swap.serial = self.lent;
        if let Some(scribe) = &self.scribe {
            if !is_accounted_for(&swap) {
                // It could not be made again: what comes after it cannot be played.
                scribe.note(Entry::Lost { entries: 1 });
            }
            scribe.note(Entry::Parcel(Parcel::of(&swap, isolated)));
        }
        self.outbox.push_back(Box::new(swap));
        self.post();
    }

    /// Gives what the rig isolates to workers, before it goes; gives the nodes that
    /// they have.
    fn settle(&mut self, swap: &mut Swap) -> Vec<u16> {
        let mut with_workers = Vec::new();
        let Doors { workers, isolated, names, streams, .. } = self;
        for (place, node) in &mut swap.nodes {
            isolated.remove(place);
            let Some(node) = node else { continue };
            let Label { name, isolate } = node.label().clone();
            names.set(*place, &name);
            if let Some(feeding) = node.take_feeding() {
                streams.add(&name, feeding);
            }
            if isolate {
                let takes_midi = node.takes_midi();
                node.resettle(|processor| {
                    let resident = workers.isolate(&name, processor, takes_midi);
                    with_workers.extend(is_isolated(&resident).then_some(*place));
                    resident
                });
                isolated.insert(*place, (name, takes_midi));
            }
        }
        for (place, fresh) in &mut swap.revived {
            if let Some(feeding) = fresh.as_mut().and_then(Resident::take_feeding) {
                streams.add(&names.of(*place), feeding);
            }
            if let Some((name, takes_midi)) = isolated.get(place) {
                *fresh = match fresh.take() {
                    Some(Resident::Inline(player)) => {
                        Some(workers.isolate(name, player.into_processor(), *takes_midi))
                    }
                    other => other,
                };
                with_workers.extend(fresh.as_ref().is_some_and(is_isolated).then_some(*place));
            }
        }
        with_workers
    }

    /// Makes processors fail on purpose.
    pub(super) fn inject(&mut self, injections: impl IntoIterator<Item = Injection>) {
        self.injections.extend(injections);
        self.injections.make_contiguous().sort_by_key(|injection| injection.frame);
        self.send_injections();
    }

    /// Takes what came back and what is told; sends what had to wait.
    pub(super) fn look(&mut self) -> Vec<Came> {
        let mut came = Vec::new();
        while let Some(returned) = self.handle.swaps.collect() {
            if returned.tag != 0 {
                came.push(Came::Done { tag: returned.tag, frame: self.handle.latest.read().frame });
            }
            bury(*returned, &mut came);
        }
        while let Some(notice) = self.handle.notices.receive() {
            came.push(match notice {
                Notice::Fault(fault) => Came::Fault(fault),
                Notice::Scene { scene, place, frame } => Came::Scene(Scene { id: scene, place, frame }),
                Notice::Parameter { node, index, value, .. } => Came::Moved { node, index, value },
            });
        }
        came
    }

    /// Sends what had to wait for room, or for its time.
    pub(super) fn post(&mut self) {
        while let Some(swap) = self.outbox.pop_front() {
            if let Err(swap) = self.handle.swaps.lend(swap) {
                self.outbox.push_front(swap);
                break;
            }
        }
        while let Some(((node, index), value)) = self.late.pop_first() {
            if self.handle.commands.send(Command::Parameter { node, index, value }).is_err() {
                self.late.insert((node, index), value);
                break;
            }
        }
        self.send_injections();
    }

    fn send_injections(&mut self) {
        if self.injections.is_empty() {
            return;
        }
        let now = self.frame();
        let horizon = now + self.rate.frames(AHEAD_SECONDS);
        self.injected.retain(|frame| *frame >= now);
        while self.injected.len() < INJECTIONS_AHEAD
            && let Some(next) = self.injections.front().copied().filter(|i| i.frame <= horizon)
            && self.handle.commands.send(Command::Inject(next)).is_ok()
        {
            self.injections.pop_front();
            self.injected.push_back(next.frame);
        }
    }
}

/// Whether what is built for a parcel can be built again from what it says of itself.
fn is_accounted_for(swap: &Swap) -> bool {
    let is_plain =
        swap.plan.is_none() && swap.nodes.is_empty() && swap.buses.is_empty() && swap.revived.is_empty();
    is_plain || swap.account.is_some()
}

fn is_isolated(resident: &Resident) -> bool {
    matches!(resident, Resident::Isolated(_))
}

/// Drops what came back, whatever it does meanwhile: the remains of a stage that
/// panicked may panic again.
fn bury(returned: Swap, came: &mut Vec<Came>) {
    for remains in &returned.remains {
        if let Some(text) = remains.payload.as_deref().and_then(text_of) {
            came.push(Came::LastWords { mark: remains.mark, text });
        }
    }
    let burial = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(returned)));
    if let Err(payload) = burial {
        // So may this one; it is small, and leaked.
        std::mem::forget(payload);
    }
    guard::free_deferred();
}

/// What a panic says, where it says anything.
fn text_of(payload: &(dyn Any + Send)) -> Option<String> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).map(str::to_owned)
}
