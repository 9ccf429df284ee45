use super::chaos::Chaos;
use super::edge::{FaultEdge, finite};
use super::fault::Verdict;
use super::isolated::{Isolated, Missed, Sent};
use super::patience::Patience;
use super::player::{Failure, Part, Player, in_parts};
use super::recall::Recall;
use super::{AudioPorts, RAMP_SECONDS, Remains};
use crate::midi::{Event, EventKind};
use crate::rt::reel::{Feeding, Reel};
use crate::stage::{Bookmark, Context, Input, Processor, Ramp, segments};
use crate::transport::Time;
use crate::unit::{Decibels, Frame, QUANTUM_FRAMES, SampleRate};

/// Events one instrument takes in a piece: what a quantum brings by eight
/// cables, and all the releases the note table can hold.
const EVENTS: usize = 12_288;
/// Of which only releases may use this many.
const RESERVED_FOR_RELEASES: usize = 6_144;
const STAGE_EVENTS: usize = 512;

/// Parameters that are remembered while there is no processor to take them.
const MISSED_PARAMETERS: usize = 64;

/// A place in the graph: a processor or a device input, with what it last put out. Real-time: yes.
pub struct Node {
    pub(super) body: Body,
    pub(super) output: [[f32; QUANTUM_FRAMES]; 2],
    /// The output of the quantum before, for cables that close a loop.
    pub(super) previous: [[f32; QUANTUM_FRAMES]; 2],
    pub(super) events: Vec<Event>,
    gain: Ramp,
    edge: FaultEdge,
    /// Parameters that changed while there was nobody to take them.
    missed: Vec<(u16, f32)>,
    /// What an instrument's channels were told.
    recall: Option<Recall>,
    /// Its processor has a reel.
    streams: bool,
    /// Where its processor stood when a quantum began, and which.
    bookmark: (Bookmark, Frame),
    marks: Marks,
    ramp_frames: u32,
    label: Label,
}

/// What the control world wants to know of a node that passes by. Real-time: no.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Label {
    /// The actor's name.
    pub name: Box<str>,
    /// It is to be played by a worker.
    pub isolate: bool,
}

/// Whether a processor's place is kept for the one after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marks {
    /// It stands nowhere.
    None,
    Kept,
    /// A fresh one is to go on there.
    Due,
}

/// A stretch of the timeline within a quantum. Real-time: yes.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    /// The absolute frame of its first sample.
    pub(super) frame: Frame,
    pub(super) rate: SampleRate,
    pub(super) time: Time,
    /// Where in the quantum it begins.
    pub(super) at: usize,
    pub(super) length: usize,
}

/// Which device channels a live input hears, counted from 0; twice the same for mono.
/// Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceInput {
    /// Left and right.
    pub channels: [u16; 2],
}

/// A processor, and who plays it. Real-time: yes.
pub enum Resident {
    /// The audio thread itself.
    Inline(Player),
    /// A worker.
    Isolated(Isolated),
}

impl Resident {
    /// The other end of what it plays that is too long for memory, once. Real-time: no.
    pub fn take_feeding(&mut self) -> Option<Box<Feeding>> {
        match self {
            Resident::Inline(player) => player.take_feeding(),
            Resident::Isolated(_) => None,
        }
    }
}

impl From<Box<dyn Processor>> for Resident {
    fn from(processor: Box<dyn Processor>) -> Resident {
        Resident::Inline(Player::new(processor))
    }
}

pub(super) enum Body {
    /// `None` where its remains were taken.
    Processor(Option<Resident>),
    Input(DeviceInput),
}

/// How many events a node takes in a piece.
pub(super) const fn event_places(takes_midi: bool) -> usize {
    if takes_midi { EVENTS } else { STAGE_EVENTS }
}

impl Piece {
    /// No stretch at all.
    pub(super) fn none() -> Piece {
        let rate = SampleRate::DEFAULT;
        Piece { frame: 0, rate, time: Time::at_rest(rate), at: 0, length: 0 }
    }
}

impl Node {
    /// An instrument or a stage, and its gain. Real-time: no (allocates).
    pub fn processor(
        mut processor: Box<dyn Processor>,
        takes_midi: bool,
        gain: Decibels,
        rate: SampleRate,
    ) -> Node {
        let streams = processor.reel().is_some();
        let marks = if processor.bookmark().is_some() { Marks::Kept } else { Marks::None };
        let body = Body::Processor(Some(processor.into()));
        Node { streams, marks, ..Node::new(body, event_places(takes_midi), gain, rate) }
    }

    /// The other end of what it plays that is too long for memory, once. Real-time: no.
    pub fn take_feeding(&mut self) -> Option<Box<Feeding>> {
        match &mut self.body {
            Body::Processor(Some(resident)) if self.streams => resident.take_feeding(),
            _ => None,
        }
    }

    /// Exchanges who plays it, before it is lent. Real-time: no (drops).
    pub fn resettle(&mut self, settle: impl FnOnce(Box<dyn Processor>) -> Resident) {
        if let Body::Processor(place) = &mut self.body {
            *place = match place.take() {
                Some(Resident::Inline(player)) => Some(settle(player.into_processor())),
                other => other,
            };
        }
    }

    /// Live audio from the device. Real-time: no (allocates).
    pub fn input(input: DeviceInput, gain: Decibels, rate: SampleRate) -> Node {
        Node::new(Body::Input(input), STAGE_EVENTS, gain, rate)
    }

    fn new(body: Body, events: usize, gain: Decibels, rate: SampleRate) -> Node {
        Node {
            body,
            output: [[0.0; QUANTUM_FRAMES]; 2],
            previous: [[0.0; QUANTUM_FRAMES]; 2],
            events: Vec::with_capacity(events),
            gain: Ramp::at(gain.to_gain()),
            edge: FaultEdge::new(rate),
            missed: Vec::with_capacity(MISSED_PARAMETERS),
            recall: (events >= EVENTS).then(Recall::new),
            streams: false,
            bookmark: (Bookmark::default(), 0),
            marks: Marks::None,
            ramp_frames: rate.frames(RAMP_SECONDS) as u32,
            label: Label::default(),
        }
    }

    /// The same with a label. Real-time: no.
    pub fn labelled(self, label: Label) -> Node {
        Node { label, ..self }
    }

    /// Its label. Real-time: yes.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// Queues an event for this piece; `false` where it had to be dropped.
    pub(super) fn queue(&mut self, event: Event) -> bool {
        let capacity = self.events.capacity();
        let reserved = if event.is_release() { 0 } else { RESERVED_FOR_RELEASES.min(capacity / 2) };
        if self.events.len() + reserved >= capacity {
            return false;
        }
        self.events.push(event);
        true
    }

    /// Whether cables may bring it MIDI.
    /// Real-time: yes.
    pub fn takes_midi(&self) -> bool {
        self.events.capacity() >= EVENTS
    }

    pub(super) fn voices(&self) -> u32 {
        match &self.body {
            _ if self.edge.is_poisoned() => 0,
            Body::Processor(Some(Resident::Inline(player))) => player.voices(),
            Body::Processor(Some(Resident::Isolated(isolated))) => isolated.voices(),
            _ => 0,
        }
    }

    /// Gives away what is left of a processor that failed.
    pub(super) fn give_remains(&mut self, remains: &mut Remains) {
        if self.edge.is_poisoned()
            && let Body::Processor(place) = &mut self.body
        {
            match place {
                Some(Resident::Inline(player)) => player.give_payload(&mut remains.payload),
                Some(Resident::Isolated(isolated)) => isolated.give_payload(&mut remains.payload),
                None => {}
            }
            std::mem::swap(place, &mut remains.processor);
        }
    }

    /// Whether its processor failed and was not replaced yet.
    pub(super) fn has_failed(&self) -> bool {
        self.edge.is_poisoned()
    }

    /// Puts a fresh processor where one failed, to be faded in, and tells it what
    /// it missed; what was there is in `fresh` then.
    pub(super) fn revive(&mut self, fresh: &mut Option<Resident>, time: Frame) {
        let Body::Processor(place) = &mut self.body else { return };
        if fresh.is_none() {
            return;
        }
        std::mem::swap(place, fresh);
        self.edge.revive();
        if self.marks == Marks::Kept {
            self.marks = Marks::Due;
        }
        // It knows nothing of the notes before it, nor of what was to end them.
        self.events.clear();
        for (index, value) in self.missed.drain(..) {
            self.events.push(Event::parameter(time, index, value));
        }
        if let Some(recall) = &self.recall {
            recall.tell(time, |event| self.events.push(event));
        }
    }

    /// Renders a piece, cut where an injection is due; says how it failed. What a
    /// worker plays is out then, in the block of this number: see [`join`](Self::join).
    pub(super) fn process(
        &mut self,
        piece: Piece,
        input: Input<'_>,
        chaos: Chaos<'_>,
        block: u64,
    ) -> Option<Verdict> {
        if let Some(recall) = &mut self.recall {
            recall.hear(&self.events);
        }
        if piece.at == 0
            && let Some(dry) = chaos.dry
            && let Some(reel) = self.reel()
        {
            reel.script(dry);
        }
        if self.marks != Marks::None
            && let Some(verdict) = self.mark(piece)
        {
            return Some(verdict);
        }
        let mut events = std::mem::take(&mut self.events);
        let mut verdict = None;
        if self.isolated().is_some() {
            verdict = self.send(piece, input, &mut events, chaos, block);
        } else {
            in_parts(piece, &events, input, chaos, |part| {
                let failed = self.process_part(part, chaos);
                verdict = verdict.or(failed);
            });
        }
        self.events = events;
        verdict
    }

    fn process_part(&mut self, part: Part<'_>, chaos: Chaos<'_>) -> Option<Verdict> {
        let Piece { at, length, .. } = part.piece;
        let [left, right] = &mut self.output;
        let mut failure = None;
        if self.edge.is_poisoned() {
            remember(&mut self.missed, part.events);
        } else if let Body::Processor(Some(Resident::Inline(player))) = &mut self.body {
            let place = at..at + length;
            failure = player.play(part, chaos.judge, &mut left[place.clone()], &mut right[place]);
        }
        self.settle(part.piece, part.events, failure)
    }

    /// Notes where its processor stands as a quantum begins, while it is well; a fresh one goes on there.
    #[inline(never)]
    fn mark(&mut self, piece: Piece) -> Option<Verdict> {
        let Body::Processor(Some(Resident::Inline(player))) = &mut self.body else { return None };
        if self.edge.is_poisoned() {
            return None;
        }
        if std::mem::replace(&mut self.marks, Marks::Kept) == Marks::Due {
            let (bookmark, from) = self.bookmark;
            let failure = player.resume(bookmark, from, piece.frame)?;
            let events = std::mem::take(&mut self.events);
            remember(&mut self.missed, &events);
            let verdict = self.settle(piece, &events, Some(failure));
            self.events = events;
            return verdict;
        }
        if piece.at == 0
            && let Some(bookmark) = player.bookmark()
        {
            self.bookmark = (bookmark, piece.frame);
        }
        None
    }

    /// What its processor plays that is too long for memory.
    fn reel(&mut self) -> Option<&mut Reel> {
        match &mut self.body {
            Body::Processor(Some(Resident::Inline(player))) if self.streams => player.reel(),
            _ => None,
        }
    }

    /// The lanes that were found dry in the piece just played, if any: at the beginning of a quantum.
    pub(super) fn take_dry(&mut self, piece: Piece) -> Option<u8> {
        if !self.streams || piece.at > 0 {
            return None;
        }
        self.reel().map(Reel::take_dry).filter(|dry| *dry > 0)
    }

    /// The worker's part of it, while it has not failed.
    fn isolated(&mut self) -> Option<&mut Isolated> {
        match &mut self.body {
            Body::Processor(Some(Resident::Isolated(isolated))) if !self.edge.is_poisoned() => Some(isolated),
            _ => None,
        }
    }

    fn send(
        &mut self,
        piece: Piece,
        input: Input<'_>,
        events: &mut Vec<Event>,
        chaos: Chaos<'_>,
        block: u64,
    ) -> Option<Verdict> {
        let is_silent = self.edge.is_silent();
        let isolated = self.isolated()?;
        let was_muted = isolated.is_muted();
        let sent = isolated.send(piece, input, events, chaos, block, is_silent);
        if let Some(value) = isolated.take_late_gain() {
            self.gain.go(Decibels(value).to_gain(), self.ramp_frames);
        }
        if was_muted && matches!(sent, Sent::Out | Sent::Played) {
            self.edge.fade_in();
        }
        match sent {
            Sent::Out => None,
            Sent::Played => self.unload(piece, events),
            Sent::Muted => {
                if !was_muted {
                    self.edge.mute();
                }
                self.settle(piece, &[], None)
            }
            Sent::Failed(failure) => {
                remember(&mut self.missed, events);
                self.settle(piece, &[], Some(failure))
            }
        }
    }

    /// How its worker was missed last, once.
    pub(super) fn take_missed(&mut self) -> Option<Missed> {
        match &mut self.body {
            Body::Processor(Some(Resident::Isolated(isolated))) => isolated.take_missed(),
            _ => None,
        }
    }

    /// Whether a worker has it, and nobody waited for it yet.
    pub(super) fn is_out(&self) -> bool {
        matches!(&self.body, Body::Processor(Some(Resident::Isolated(isolated))) if isolated.is_out())
    }

    /// Waits for what is out, as long as there is time; after that it is silent.
    pub(super) fn join(&mut self, patience: &mut Patience) -> Option<Verdict> {
        let isolated = self.isolated()?;
        let (piece, is_back) = isolated.wait(patience)?;
        if is_back {
            let mut events = std::mem::take(&mut self.events);
            let verdict = self.unload(piece, &mut events);
            self.events = events;
            return verdict;
        }
        let failure = isolated.mute(piece, patience.block());
        self.edge.mute();
        self.settle(piece, &[], failure)
    }

    fn unload(&mut self, piece: Piece, events: &mut Vec<Event>) -> Option<Verdict> {
        let Body::Processor(Some(Resident::Isolated(isolated))) = &mut self.body else { return None };
        let place = piece.at..piece.at + piece.length;
        let [left, right] = &mut self.output;
        let failure = isolated.unload(events, &mut left[place.clone()], &mut right[place]);
        self.settle(piece, events, failure)
    }

    /// What is done to whatever was put out: the gain, and the fault edge.
    fn settle(&mut self, piece: Piece, events: &[Event], failure: Option<Failure>) -> Option<Verdict> {
        let Piece { frame, rate, time, at, length } = piece;
        let is_silent = self.edge.is_poisoned() || self.is_muted();
        let [left, right] = &mut self.output;
        let (left, right) = (&mut left[at..at + length], &mut right[at..at + length]);
        let failure = match failure {
            None if !is_silent => self.edge.inspect(frame, left, right),
            failure => failure,
        };
        // What was good before the fault goes through gain and fade as ever.
        let good = match failure {
            Some(failure) => failure.good,
            None if is_silent => 0,
            None => length,
        };
        let context = Context { frame, rate, time, events };
        apply_gain(&context, length, &mut self.gain, self.ramp_frames, left, right);
        if failure.is_some() {
            self.edge.poison(is_silent);
        }
        self.edge.finish(good, left, right);
        failure.map(|Failure { kind, good, place }| Verdict { kind, frame: frame + good as Frame, place })
    }

    fn is_muted(&self) -> bool {
        matches!(&self.body, Body::Processor(Some(Resident::Isolated(isolated))) if isolated.is_muted())
    }

    /// Forgets the events of a piece that is over; what waits for a worker that is
    /// late must not be lost, since a release may be among it.
    pub(super) fn forget_events(&mut self) {
        if self.edge.is_poisoned() || !self.is_muted() {
            self.events.clear();
        }
    }

    /// Reads a device input, and applies the gain.
    pub(super) fn read_input(&mut self, piece: Piece, start: usize, ports: &mut dyn AudioPorts) {
        let Body::Input(input) = self.body else { return };
        let Piece { frame, rate, time, at, length } = piece;
        let [left, right] = &mut self.output;
        let (left, right) = (&mut left[at..at + length], &mut right[at..at + length]);
        ports.read(usize::from(input.channels[0]), start, left);
        if input.channels[0] == input.channels[1] {
            right.copy_from_slice(left);
        } else {
            ports.read(usize::from(input.channels[1]), start, right);
        }
        // What a driver delivers may be anything; a stage must not fail for it.
        for samples in [&mut *left, &mut *right] {
            if !finite(samples) {
                samples.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = 0.0);
            }
        }
        let context = Context { frame, rate, time, events: &self.events };
        apply_gain(&context, length, &mut self.gain, self.ramp_frames, left, right);
    }
}

/// Multiplies by the actor's gain; a change starts its ramp at its own frame.
fn apply_gain(
    context: &Context<'_>,
    frames: usize,
    gain: &mut Ramp,
    ramp_frames: u32,
    left: &mut [f32],
    right: &mut [f32],
) {
    if context.events.is_empty() && gain.steady() == Some(1.0) {
        return;
    }
    for segment in segments(context, frames) {
        for event in segment.events {
            if let Some(EventKind::Parameter { index: Event::GAIN, value }) = event.kind() {
                gain.go(Decibels(value).to_gain(), ramp_frames);
            }
        }
        let (left, right) = (&mut left[segment.range.clone()], &mut right[segment.range]);
        match gain.steady() {
            Some(1.0) => {}
            Some(steady) => left.iter_mut().chain(right).for_each(|x| *x *= steady),
            None => {
                for (l, r) in left.iter_mut().zip(right) {
                    let gain = gain.next();
                    *l *= gain;
                    *r *= gain;
                }
            }
        }
    }
}

/// Keeps the newest value of each parameter but the gain, which the node itself applies.
fn remember(missed: &mut Vec<(u16, f32)>, events: &[Event]) {
    for event in events {
        let Some(EventKind::Parameter { index, value }) = event.kind() else { continue };
        if index == Event::GAIN {
            continue;
        }
        if let Some((_, kept)) = missed.iter_mut().find(|(known, _)| *known == index) {
            *kept = value;
        } else if missed.len() < missed.capacity() {
            // A kind has fewer parameters than there is room.
            missed.push((index, value));
        }
    }
}
