use std::any::Any;

use super::budget::StageBudget;
use super::chaos::{Chaos, Clock, blare, inject};
use super::edge::{FaultEdge, finite};
use super::fault::Verdict;
use super::{AudioPorts, FaultKind, Injected, RAMP_SECONDS, Remains};
use crate::midi::{Event, EventKind};
use crate::rt::guard::{self, Place};
use crate::stage::{Block, Context, Input, Processor, Ramp, segments};
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
    budget: StageBudget,
    /// What the processor panicked with, until its remains are asked for.
    payload: Option<Box<dyn Any + Send>>,
    /// An injection makes it put out far too much.
    is_blaring: bool,
    /// Parameters that changed while there was nobody to take them.
    missed: Vec<(u16, f32)>,
    ramp_frames: u32,
}

/// A stretch of the timeline within a quantum. Real-time: yes.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    /// The absolute frame of its first sample.
    pub(super) frame: Frame,
    pub(super) rate: SampleRate,
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

pub(super) enum Body {
    /// `None` where its remains were taken.
    Processor(Option<Box<dyn Processor>>),
    Input(DeviceInput),
}

impl Node {
    /// An instrument or a stage, and its gain. Real-time: no (allocates).
    pub fn processor(
        processor: Box<dyn Processor>,
        takes_midi: bool,
        gain: Decibels,
        rate: SampleRate,
    ) -> Node {
        let events = if takes_midi { EVENTS } else { STAGE_EVENTS };
        Node::new(Body::Processor(Some(processor)), events, gain, rate)
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
            budget: StageBudget::default(),
            payload: None,
            is_blaring: false,
            missed: Vec::with_capacity(MISSED_PARAMETERS),
            ramp_frames: rate.frames(RAMP_SECONDS) as u32,
        }
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
    pub(super) fn takes_midi(&self) -> bool {
        self.events.capacity() >= EVENTS
    }

    pub(super) fn voices(&self) -> u32 {
        match &self.body {
            Body::Processor(Some(processor)) if !self.edge.is_poisoned() => processor.voices(),
            _ => 0,
        }
    }

    /// Gives away what is left of a processor that failed.
    pub(super) fn give_remains(&mut self, remains: &mut Remains) {
        if self.edge.is_poisoned()
            && let Body::Processor(place) = &mut self.body
        {
            std::mem::swap(place, &mut remains.processor);
            std::mem::swap(&mut self.payload, &mut remains.payload);
        }
    }

    /// Whether its processor failed and was not replaced yet.
    pub(super) fn has_failed(&self) -> bool {
        self.edge.is_poisoned()
    }

    /// Puts a fresh processor where one failed, to be faded in, and tells it what
    /// it missed; what was there is in `fresh` then.
    pub(super) fn revive(&mut self, fresh: &mut Option<Box<dyn Processor>>, time: Frame) {
        let Body::Processor(place) = &mut self.body else { return };
        if fresh.is_none() {
            return;
        }
        std::mem::swap(place, fresh);
        self.edge.revive();
        self.budget = StageBudget::default();
        self.is_blaring = false;
        // It knows nothing of the notes before it, nor of what was to end them.
        self.events.clear();
        for (index, value) in self.missed.drain(..) {
            self.events.push(Event::parameter(time, index, value));
        }
    }

    /// Renders a piece, cut where an injection is due; says how it failed.
    pub(super) fn process(&mut self, piece: Piece, input: Input<'_>, chaos: Chaos<'_>) -> Option<Verdict> {
        let end = piece.frame + piece.length as Frame;
        let events = std::mem::take(&mut self.events);
        let mut rest = events.as_slice();
        let mut verdict = None;
        let mut frame = piece.frame;
        while frame < end {
            let injected = chaos.due(frame, frame + 1).map(|injection| injection.what);
            let until = chaos.due(frame + 1, end).map_or(end, |injection| injection.frame);
            let here = rest.iter().take_while(|event| until == end || event.time < until).count();
            let (now, later) = rest.split_at(here);
            rest = later;
            let from = (frame - piece.frame) as usize;
            let length = (until - frame) as usize;
            let part = Piece { frame, at: piece.at + from, length, ..piece };
            let input = Input {
                main: input.main.map(|samples| &samples[from..from + length]),
                late: input.late.map(|pair| pair.map(|samples| &samples[from..from + length])),
            };
            let failed = self.process_part(part, now, input, injected, chaos.clock);
            verdict = verdict.or(failed);
            frame = until;
        }
        self.events = events;
        verdict
    }

    fn process_part(
        &mut self,
        piece: Piece,
        events: &[Event],
        input: Input<'_>,
        injected: Option<Injected>,
        clock: Option<Clock>,
    ) -> Option<Verdict> {
        let Piece { frame, rate, at, length } = piece;
        let [left, right] = &mut self.output;
        let (left, right) = (&mut left[at..at + length], &mut right[at..at + length]);
        let context = Context { frame, rate, events };
        let mut fault = None;
        if self.edge.is_poisoned() {
            remember(&mut self.missed, events);
        } else if let Body::Processor(Some(processor)) = &mut self.body {
            self.is_blaring |= injected == Some(Injected::Loud);
            let mut block = Block { left: &mut *left, right: &mut *right };
            let work = || {
                let verdict = injected.and_then(|what| inject(what, clock));
                processor.process(&context, input, &mut block);
                verdict
            };
            let begin = clock.map(|now| now());
            let outcome = guard::catch(work);
            if let (Some(now), Some(begin)) = (clock, begin) {
                self.budget.spend(now().since(begin));
            }
            if self.is_blaring {
                blare(frame, left, right);
            }
            if injected == Some(Injected::NotFinite) {
                left[0] = f32::NAN;
            }
            fault = match outcome {
                Err(caught) => {
                    self.payload = Some(caught.payload);
                    Some((FaultKind::Panic, 0, caught.place))
                }
                Ok(Some(kind)) => Some((kind, 0, Place::NONE)),
                Ok(None) if clock.is_some() && self.budget.is_exceeded(piece) => {
                    Some((FaultKind::Overrun, 0, Place::NONE))
                }
                Ok(None) => self.edge.inspect(frame, left, right).map(|(kind, at)| (kind, at, Place::NONE)),
            };
        }
        // What was good before the fault goes through gain and fade as ever.
        let good = match fault {
            Some((_, first, _)) => first,
            None if self.edge.is_poisoned() => 0,
            None => length,
        };
        apply_gain(&context, length, &mut self.gain, self.ramp_frames, left, right);
        if fault.is_some() {
            self.edge.poison();
        }
        self.edge.finish(good, left, right);
        fault.map(|(kind, first, place)| Verdict { kind, frame: frame + first as Frame, place })
    }

    /// Reads a device input, and applies the gain.
    pub(super) fn read_input(&mut self, piece: Piece, start: usize, ports: &mut dyn AudioPorts) {
        let Body::Input(input) = self.body else { return };
        let Piece { frame, rate, at, length } = piece;
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
        let context = Context { frame, rate, events: &self.events };
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
