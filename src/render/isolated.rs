//! A stage that a worker plays: what goes to it and comes back, and what is heard
//! meanwhile. It takes its input where it stands in the plan, and is waited for
//! where it is heard next; what runs between the two runs beside it.

use std::any::Any;

use super::chaos::{Chaos, INJECTIONS, Judge};
use super::node::Piece;
use super::patience::Patience;
use super::player::{Failure, Player, in_parts};
use super::{FaultKind, Injection, Resident};
use crate::midi::{Event, EventKind};
use crate::rt::handover::{Caller, Overseer, Work, Worker, handover};
use crate::stage::{Input, Processor};
use crate::unit::{Frame, QUANTUM_FRAMES};

/// So many blocks running with a miss, and it is given up.
pub(super) const MISSES: u32 = 8;

type Pair = [[f32; QUANTUM_FRAMES]; 2];

/// What goes to the worker and back: a processor, and all that it needs for a piece. Real-time: yes.
pub struct Unit {
    player: Player,
    piece: Piece,
    main: Pair,
    late: Option<Pair>,
    events: Vec<Event>,
    injections: Vec<Injection>,
    node: u16,
    judge: Judge,
    output: Pair,
    failure: Option<Failure>,
    voices: u32,
}

impl Unit {
    /// Takes in a piece; `events` are exchanged for what was in here.
    fn load(&mut self, piece: Piece, input: Input<'_>, events: &mut Vec<Event>, chaos: Chaos<'_>) {
        self.piece = piece;
        copy(input.main, &mut self.main);
        self.late = input.late.map(|pair| {
            let mut late = [[0.0; QUANTUM_FRAMES]; 2];
            copy(pair, &mut late);
            late
        });
        self.events.clear();
        std::mem::swap(events, &mut self.events);
        self.injections.clear();
        self.injections.extend(chaos.injections.iter().filter(|i| i.node == chaos.node).take(INJECTIONS));
        (self.node, self.judge, self.failure) = (chaos.node, chaos.judge, None);
    }
}

impl Work for Unit {
    fn work(&mut self) {
        let Unit { player, piece, main, late, events, injections, node, judge, output, failure, .. } = self;
        let input = Input {
            main: [&main[0][..piece.length], &main[1][..piece.length]],
            late: late.as_ref().map(|[left, right]| [&left[..piece.length], &right[..piece.length]]),
        };
        let chaos = Chaos { injections, node: *node, judge: *judge, missed: None, dry: None };
        let [left, right] = output;
        in_parts(*piece, events, input, chaos, |part| {
            if failure.is_some() {
                return;
            }
            let from = (part.piece.frame - piece.frame) as usize;
            let place = from..from + part.piece.length;
            let failed = player.play(part, chaos.judge, &mut left[place.clone()], &mut right[place]);
            *failure = failed.map(|failure| Failure { good: from + failure.good, ..failure });
        });
        self.voices = self.player.voices();
    }
}

fn copy(from: [&[f32]; 2], to: &mut Pair) {
    for (to, from) in to.iter_mut().zip(from) {
        to[..from.len()].copy_from_slice(from);
    }
}

/// The audio thread's side of a stage that a worker plays. Real-time: yes.
pub struct Isolated {
    way: Way,
    /// What a log says of the piece at hand.
    logged: Logged,
    /// `None` while it is out.
    unit: Option<Box<Unit>>,
    /// What was sent, and not waited for yet.
    out: Option<Piece>,
    /// It missed a deadline, and is silent until a quantum begins with it home.
    is_muted: bool,
    /// The block of the newest miss, and how many running had one.
    missed_block: u64,
    misses: u32,
    /// The piece in which it was missed last, until that is asked.
    missed: Option<Missed>,
    /// It was home again since the first of them.
    was_back: bool,
    /// A gain that was in a unit that came back late.
    late_gain: Option<f32>,
    voices: u32,
}

/// A processor for a worker, and the worker's and the overseer's ends of it; it
/// is called with the pieces of a node that takes so many events. Real-time: no (allocates).
pub fn isolate(processor: Box<dyn Processor>, takes_midi: bool) -> (Isolated, Worker<Unit>, Overseer<Unit>) {
    let (caller, worker, overseer) = handover();
    (Isolated::new(Way::Worker(caller), processor, takes_midi), worker, overseer)
}

/// The same for a log that is played again: the log says when it was not back in
/// time, and there is no worker. Real-time: no (allocates).
pub fn isolate_scripted(processor: Box<dyn Processor>, takes_midi: bool) -> Isolated {
    Isolated::new(Way::Script(None), processor, takes_midi)
}

/// Who has the unit while it is out. Real-time: yes.
enum Way {
    /// A worker.
    Worker(Caller<Unit>),
    /// Nobody: it is played at once, and kept here as long as the log says.
    Script(Option<Box<Unit>>),
}

/// What a log that is played again says of a piece. Real-time: yes.
#[derive(Clone, Copy, Default)]
struct Logged {
    missed: Option<Missed>,
    verdict: Option<FaultKind>,
}

/// That it was not back. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Missed {
    /// The first frame of the piece.
    pub(super) frame: Frame,
    /// It was out with this piece; else with an earlier one.
    pub(super) was_sent: bool,
}

impl Logged {
    /// Whether it was missed, with this piece or with an earlier one.
    fn misses(self, was_sent: bool) -> bool {
        self.missed.is_some_and(|missed| missed.was_sent == was_sent)
    }
}

impl Way {
    /// The unit, if it is back; in a log it may not be.
    fn take_back(&mut self, is_missed: bool) -> Option<Box<Unit>> {
        match self {
            Way::Worker(caller) => caller.take_back(),
            Way::Script(unit) if !is_missed => unit.take(),
            Way::Script(_) => None,
        }
    }
}

fn unit(processor: Box<dyn Processor>, takes_midi: bool) -> Unit {
    Unit {
        player: Player::new(processor),
        piece: Piece::none(),
        main: [[0.0; QUANTUM_FRAMES]; 2],
        late: None,
        events: Vec::with_capacity(super::node::event_places(takes_midi)),
        injections: Vec::with_capacity(INJECTIONS),
        node: 0,
        judge: Judge::Nobody,
        output: [[0.0; QUANTUM_FRAMES]; 2],
        failure: None,
        voices: 0,
    }
}

/// What became of a piece that was to be sent.
pub(super) enum Sent {
    /// It is out: it is to be waited for.
    Out,
    /// It is played.
    Played,
    /// It is silent, and what was to be sent waits with it.
    Muted,
    /// It is silent for good.
    Failed(Failure),
}

impl Isolated {
    fn new(way: Way, processor: Box<dyn Processor>, takes_midi: bool) -> Isolated {
        Isolated {
            way,
            logged: Logged::default(),
            unit: Some(Box::new(unit(processor, takes_midi))),
            out: None,
            is_muted: false,
            missed_block: 0,
            misses: 0,
            missed: None,
            was_back: false,
            late_gain: None,
            voices: 0,
        }
    }

    /// The same without its worker, where there is none. Real-time: no.
    pub fn into_resident(mut self) -> Resident {
        match self.unit.take() {
            Some(unit) => Resident::Inline(unit.player),
            None => Resident::Isolated(self),
        }
    }

    pub(super) fn voices(&self) -> u32 {
        self.voices
    }

    /// Whether a piece is out, and to be waited for.
    pub(super) fn is_out(&self) -> bool {
        self.out.is_some()
    }

    /// Whether it missed a deadline: what comes for it must wait.
    pub(super) fn is_muted(&self) -> bool {
        self.is_muted
    }

    /// A gain that is to be applied now, because its piece came back too late.
    pub(super) fn take_late_gain(&mut self) -> Option<f32> {
        self.late_gain.take()
    }

    /// How it was missed last, once.
    pub(super) fn take_missed(&mut self) -> Option<Missed> {
        self.missed.take()
    }

    pub(super) fn give_payload(&mut self, place: &mut Option<Box<dyn Any + Send>>) {
        if let Some(unit) = &mut self.unit {
            unit.player.give_payload(place);
        }
    }

    /// Sends a piece, in the block of this number. Where nobody may wait, for want
    /// of a clock, it is played at once. `is_silent` tells whether what was heard
    /// last has ended.
    pub(super) fn send(
        &mut self,
        piece: Piece,
        input: Input<'_>,
        events: &mut Vec<Event>,
        chaos: Chaos<'_>,
        block: u64,
        is_silent: bool,
    ) -> Sent {
        // A call that broke off may have left it so.
        self.out = None;
        self.logged = Logged { missed: chaos.missed, verdict: chaos.judge.logged(piece.frame) };
        if self.unit.is_none()
            && let Some(failure) = self.look_for(piece, block)
        {
            return Sent::Failed(failure);
        }
        let may_begin = !self.is_muted || piece.at == 0 && is_silent;
        let Some(mut unit) = self.unit.take_if(|_| may_begin) else {
            self.is_muted = true;
            return Sent::Muted;
        };
        if self.is_muted {
            self.is_muted = false;
            // What waited happens now.
            events.iter_mut().for_each(|event| event.time = event.time.max(piece.frame));
        }
        unit.load(piece, input, events, chaos);
        match (&mut self.way, chaos.judge) {
            (Way::Worker(_), Judge::Nobody | Judge::Log(_)) => {
                unit.work();
                self.take_in(unit);
                return Sent::Played;
            }
            (Way::Worker(caller), Judge::Clock(_)) => caller.send(unit),
            (Way::Script(place), _) => {
                unit.work();
                *place = Some(unit);
            }
        }
        self.out = Some(piece);
        Sent::Out
    }

    /// Looks whether a unit that was missed is back, without waiting.
    fn look_for(&mut self, piece: Piece, block: u64) -> Option<Failure> {
        let Some(mut unit) = self.way.take_back(self.logged.misses(false)) else {
            return self.miss(Missed { frame: piece.frame, was_sent: false }, block);
        };
        for event in &unit.events {
            if let Some(EventKind::Parameter { index: Event::GAIN, value }) = event.kind() {
                self.late_gain = Some(value);
            }
        }
        unit.events.clear();
        self.was_back = true;
        let failure = unit.failure.take().map(|failure| Failure { good: 0, ..failure });
        self.take_in(unit);
        // It may also be that of this piece, still to be sent.
        let verdict = self.logged.verdict.filter(|_| !self.logged.misses(true));
        failure.or(verdict.map(Failure::at_once))
    }

    /// Counts a miss, once in a block; says when there were too many.
    fn miss(&mut self, missed: Missed, block: u64) -> Option<Failure> {
        self.missed = Some(missed);
        let Way::Worker(caller) = &mut self.way else {
            return self.logged.verdict.map(Failure::at_once);
        };
        if block != self.missed_block || self.misses == 0 {
            let is_running = self.misses > 0 && block == self.missed_block + 1;
            if !is_running {
                (self.misses, self.was_back) = (0, false);
            }
            self.misses += 1;
            self.missed_block = block;
            caller.count_miss();
        }
        if self.misses < MISSES && !caller.is_condemned() {
            return None;
        }
        caller.abandon();
        Some(Failure::at_once(if self.was_back { FaultKind::Stall } else { FaultKind::Hang }))
    }

    /// Waits for the piece that is out, as long as there is time; gives it, and
    /// whether it is back.
    pub(super) fn wait(&mut self, patience: &mut Patience) -> Option<(Piece, bool)> {
        let piece = self.out.take()?;
        let (way, is_missed) = (&mut self.way, self.logged.misses(true));
        let back = patience.wait(|| way.take_back(is_missed));
        let is_back = back.is_some();
        if let Some(unit) = back {
            self.take_in(unit);
        }
        Some((piece, is_back))
    }

    /// A piece was waited for in vain; says when that was once too often.
    pub(super) fn mute(&mut self, piece: Piece, block: u64) -> Option<Failure> {
        self.is_muted = true;
        self.voices = 0;
        self.miss(Missed { frame: piece.frame, was_sent: true }, block)
    }

    fn take_in(&mut self, unit: Box<Unit>) {
        self.voices = unit.voices;
        self.unit = Some(unit);
    }

    /// Takes what was played out of the unit, and its events again.
    pub(super) fn unload(
        &mut self,
        events: &mut Vec<Event>,
        left: &mut [f32],
        right: &mut [f32],
    ) -> Option<Failure> {
        let unit = self.unit.as_mut()?;
        left.copy_from_slice(&unit.output[0][..left.len()]);
        right.copy_from_slice(&unit.output[1][..right.len()]);
        std::mem::swap(events, &mut unit.events);
        unit.failure.take()
    }
}
