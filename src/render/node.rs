use super::{AudioPorts, DECLICK_SECONDS, FaultKind, RAMP_SECONDS};
use crate::midi::{Event, EventKind};
use crate::rt::guard;
use crate::stage::{Block, Context, Input, Processor, Ramp, segments};
use crate::unit::{Decibels, Frame, QUANTUM_FRAMES, SampleRate};

/// Events one instrument takes in a piece: what a quantum brings by eight
/// cables, and all the releases the note table can hold.
const EVENTS: usize = 12_288;
/// Of which only releases may use this many.
const RESERVED_FOR_RELEASES: usize = 6_144;
const STAGE_EVENTS: usize = 512;

/// A place in the graph: a processor or a device input, with what it last put out. Real-time: yes.
pub struct Node {
    pub(super) body: Body,
    pub(super) output: [[f32; QUANTUM_FRAMES]; 2],
    /// The output of the quantum before, for cables that close a loop.
    pub(super) previous: [[f32; QUANTUM_FRAMES]; 2],
    pub(super) events: Vec<Event>,
    gain: Ramp,
    fade: Ramp,
    /// The last finite sample put out, from which a fault ramps down.
    last: [f32; 2],
    declick_left: u32,
    declick_frames: u32,
    ramp_frames: u32,
    poisoned: bool,
}

/// Which device channels a live input hears, counted from 0; twice the same for mono.
/// Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceInput {
    /// Left and right.
    pub channels: [u16; 2],
}

pub(super) enum Body {
    Processor(Box<dyn Processor>),
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
        Node::new(Body::Processor(processor), events, gain, rate)
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
            fade: Ramp::at(1.0),
            last: [0.0; 2],
            declick_left: 0,
            declick_frames: rate.frames(DECLICK_SECONDS).max(1) as u32,
            ramp_frames: rate.frames(RAMP_SECONDS) as u32,
            poisoned: false,
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
            Body::Processor(processor) if !self.poisoned => processor.voices(),
            _ => 0,
        }
    }

    /// Exchanges a processor that failed for a fresh one, faded in.
    pub(super) fn revive(&mut self, fresh: &mut Box<dyn Processor>) {
        // A device input has nothing that fails: what came goes back.
        let Body::Processor(place) = &mut self.body else { return };
        std::mem::swap(place, fresh);
        self.poisoned = false;
        self.fade = Ramp::at(0.0);
        self.fade.go(1.0, self.ramp_frames);
    }

    /// Renders `frames` samples at `start` of the quantum; says how it failed.
    pub(super) fn process(
        &mut self,
        frame: Frame,
        rate: SampleRate,
        input: Input<'_>,
        start: usize,
        frames: usize,
    ) -> Option<(FaultKind, Frame)> {
        let [left, right] = &mut self.output;
        let (left, right) = (&mut left[start..start + frames], &mut right[start..start + frames]);
        let context = Context { frame, rate, events: &self.events };
        let mut fault = None;
        if !self.poisoned
            && let Body::Processor(processor) = &mut self.body
        {
            let mut block = Block { left: &mut *left, right: &mut *right };
            if guard::catch(|| processor.process(&context, input, &mut block)).is_none() {
                fault = Some((FaultKind::Panic, 0));
            } else if !finite(left) || !finite(right) {
                let first =
                    left.iter().zip(right.iter()).position(|(l, r)| !(l.is_finite() && r.is_finite()));
                fault = Some((FaultKind::NotFinite, first.unwrap_or(0)));
            }
        }
        // What was good before the fault goes through gain and fade as ever.
        let good = match fault {
            Some((_, first)) => first,
            None if self.poisoned => 0,
            None => frames,
        };
        apply_gain(&context, frames, &mut self.gain, self.ramp_frames, left, right);
        if self.fade.steady() != Some(1.0) {
            for (l, r) in left.iter_mut().zip(right.iter_mut()) {
                let fade = self.fade.next();
                *l *= fade;
                *r *= fade;
            }
        }
        if good > 0 {
            self.last = [left[good - 1], right[good - 1]];
        }
        if fault.is_some() {
            self.poisoned = true;
            self.declick_left = self.declick_frames;
        }
        for at in good..frames {
            self.declick_left = self.declick_left.saturating_sub(1);
            let level = self.declick_left as f32 / self.declick_frames as f32;
            left[at] = self.last[0] * level;
            right[at] = self.last[1] * level;
        }
        fault.map(|(kind, first)| (kind, frame + first as Frame))
    }

    /// Reads a device input, and applies the gain.
    pub(super) fn read_input(
        &mut self,
        frame: Frame,
        rate: SampleRate,
        at: usize,
        start: usize,
        length: usize,
        ports: &mut dyn AudioPorts,
    ) {
        let Body::Input(input) = self.body else { return };
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

/// Whether every sample is a number: neither infinite nor NaN, whose exponents
/// are all ones. Integer work, which the compiler can do several lanes at a time.
fn finite(samples: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    samples.iter().fold(0, |bad, x| bad | u32::from(x.to_bits() & EXPONENT == EXPONENT)) == 0
}
