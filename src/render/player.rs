use std::any::Any;

use super::FaultKind;
use super::Injected;
use super::budget::StageBudget;
use super::chaos::{Chaos, Judge, blare, inject};
use super::node::Piece;
use crate::midi::Event;
use crate::rt::guard::{self, Place};
use crate::rt::reel::{Feeding, Reel};
use crate::stage::{Block, Bookmark, Context, Input, Processor};
use crate::unit::Frame;

/// A processor with its catch, its budget and what is injected into it: all that
/// is the same on the audio thread and on a worker. Real-time: yes.
pub struct Player {
    processor: Box<dyn Processor>,
    budget: StageBudget,
    /// What it panicked with.
    payload: Option<Box<dyn Any + Send>>,
    /// An injection makes it put out far too much.
    is_blaring: bool,
}

/// How a processor failed in a piece.
#[derive(Clone, Copy)]
pub(super) struct Failure {
    pub(super) kind: FaultKind,
    /// Samples of the piece that are good.
    pub(super) good: usize,
    pub(super) place: Place,
}

impl Failure {
    /// From the first sample on.
    pub(super) fn at_once(kind: FaultKind) -> Failure {
        Failure { kind, good: 0, place: Place::NONE }
    }
}

impl Player {
    /// A processor that is well. Real-time: yes.
    pub fn new(processor: Box<dyn Processor>) -> Player {
        Player { processor, budget: StageBudget::default(), payload: None, is_blaring: false }
    }

    /// Where it stands.
    pub(super) fn bookmark(&self) -> Option<Bookmark> {
        self.processor.bookmark()
    }

    /// It goes on from there: before it plays first.
    pub(super) fn resume(&mut self, bookmark: Bookmark, from: Frame, to: Frame) -> Option<Failure> {
        let caught = guard::catch(|| self.processor.resume(bookmark, from, to)).err()?;
        self.payload = Some(caught.payload);
        Some(Failure { kind: FaultKind::Panic, good: 0, place: caught.place })
    }

    /// The processor alone. Real-time: no (drops the rest).
    pub fn into_processor(self) -> Box<dyn Processor> {
        self.processor
    }

    pub(super) fn voices(&self) -> u32 {
        self.processor.voices()
    }

    /// What it plays that is too long for memory.
    pub(super) fn reel(&mut self) -> Option<&mut Reel> {
        self.processor.reel()
    }

    /// The other end of that, once. Real-time: no.
    pub fn take_feeding(&mut self) -> Option<Box<Feeding>> {
        self.reel()?.take_feeding()
    }

    pub(super) fn give_payload(&mut self, place: &mut Option<Box<dyn Any + Send>>) {
        std::mem::swap(&mut self.payload, place);
    }

    /// Plays a part of a piece.
    pub(super) fn play(
        &mut self,
        part: Part<'_>,
        judge: Judge,
        left: &mut [f32],
        right: &mut [f32],
    ) -> Option<Failure> {
        let Part { piece, events, input, injected } = part;
        let context = Context { frame: piece.frame, rate: piece.rate, time: piece.time, events };
        self.is_blaring |= injected == Some(Injected::Loud);
        if let Some(Injected::Starve { millis }) = injected
            && let Some(reel) = self.processor.reel()
        {
            reel.hold(piece.frame + piece.rate.frames(f64::from(millis) / 1_000.0));
        }
        let mut block = Block { left: &mut *left, right: &mut *right };
        let processor = &mut self.processor;
        let work = || {
            let verdict = injected.and_then(|what| inject(what, judge));
            processor.process(&context, input, &mut block);
            verdict
        };
        let begin = judge.clock().map(|now| now());
        let outcome = guard::catch(work);
        if let (Some(now), Some(begin)) = (judge.clock(), begin) {
            self.budget.spend(now().since(begin));
        }
        if self.is_blaring {
            blare(piece.frame, left, right);
        }
        if injected == Some(Injected::NotFinite) {
            left[0] = f32::NAN;
        }
        match outcome {
            Err(caught) => {
                self.payload = Some(caught.payload);
                Some(Failure { kind: FaultKind::Panic, good: 0, place: caught.place })
            }
            Ok(Some(kind)) => Some(Failure::at_once(kind)),
            Ok(None) if begin.is_some() && self.budget.is_exceeded(piece) => {
                Some(Failure::at_once(FaultKind::Overrun))
            }
            Ok(None) => judge.logged(piece.frame).map(Failure::at_once),
        }
    }
}

/// A part of a piece, at whose first frame a fault may be injected.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) piece: Piece,
    pub(super) events: &'a [Event],
    pub(super) input: Input<'a>,
    pub(super) injected: Option<Injected>,
}

/// Cuts a piece where an injection is due.
pub(super) fn in_parts(
    piece: Piece,
    events: &[Event],
    input: Input<'_>,
    chaos: Chaos<'_>,
    mut play: impl FnMut(Part<'_>),
) {
    let end = piece.frame + piece.length as Frame;
    let mut rest = events;
    let mut frame = piece.frame;
    while frame < end {
        let injected = chaos.due(frame, frame + 1).map(|injection| injection.what);
        let until = chaos.due(frame + 1, end).map_or(end, |injection| injection.frame);
        let here = rest.iter().take_while(|event| until == end || event.time < until).count();
        let (now, later) = rest.split_at(here);
        rest = later;
        let from = (frame - piece.frame) as usize;
        let length = (until - frame) as usize;
        let input = Input {
            main: input.main.map(|samples| &samples[from..from + length]),
            late: input.late.map(|pair| pair.map(|samples| &samples[from..from + length])),
        };
        let piece = Piece { frame, at: piece.at + from, length, ..piece };
        play(Part { piece, events: now, input, injected });
        frame = until;
    }
}
