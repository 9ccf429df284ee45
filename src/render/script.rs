use std::collections::VecDeque;

use super::FaultKind;
use super::isolated::Missed;
use super::node::Piece;
use crate::midi::{Event, EventKind, SYSEX_CHUNK_BYTES};
use crate::unit::Frame;

/// What a log says of the frames that come next: the events as they were
/// delivered, and what time decided. Filled in the control world between calls.
/// Real-time: yes, but for what fills it.
#[derive(Default)]
pub struct Script {
    events: VecDeque<Event>,
    /// Of the SysEx chunks among them.
    bytes: VecDeque<u8>,
    missing: Vec<(u16, Missed)>,
    dry: Vec<(u16, Frame, u8)>,
    verdicts: Vec<(u16, Frame, FaultKind)>,
}

impl Script {
    /// An event, after those before it. Real-time: no (allocates).
    pub fn event(&mut self, event: Event, bytes: &[u8]) {
        self.events.push_back(event);
        self.bytes.extend(bytes);
    }

    /// A worker was not back for the piece that begins with this frame, with that
    /// piece or with an earlier one. Real-time: no (allocates).
    pub fn missing(&mut self, node: u16, frame: Frame, was_sent: bool) {
        self.missing.push((node, Missed { frame, was_sent }));
    }

    /// Lanes of an actor's reel were dry in the quantum that begins with this frame. Real-time: no (allocates).
    pub fn dry(&mut self, node: u16, frame: Frame, lanes: u8) {
        self.dry.push((node, frame, lanes));
    }

    /// A stage failed by a clock. Real-time: no (allocates).
    pub fn verdict(&mut self, node: u16, frame: Frame, kind: FaultKind) {
        self.verdicts.push((node, frame, kind));
    }

    /// Forgets what was decided before this frame. Real-time: yes.
    pub fn forget_before(&mut self, frame: Frame) {
        self.missing.retain(|(_, missed)| missed.frame >= frame);
        self.dry.retain(|(_, at, _)| *at >= frame);
        self.verdicts.retain(|(_, at, _)| *at >= frame);
    }

    /// The next event before `end`.
    pub(super) fn next(&mut self, end: Frame) -> Option<Event> {
        self.events.front().filter(|event| event.time < end)?;
        self.events.pop_front()
    }

    pub(super) fn chunk(&mut self, event: &Event, into: &mut [u8; SYSEX_CHUNK_BYTES]) {
        let Some(EventKind::Sysex { bytes, .. }) = event.kind() else { return };
        let count = (bytes as usize).min(SYSEX_CHUNK_BYTES).min(self.bytes.len());
        for (place, byte) in into.iter_mut().zip(self.bytes.drain(..count)) {
            *place = byte;
        }
    }

    pub(super) fn missed(&self, node: u16, piece: Piece) -> Option<Missed> {
        let mine = |(of, missed): &&(u16, Missed)| *of == node && missed.frame == piece.frame;
        self.missing.iter().find(mine).map(|(_, missed)| *missed)
    }

    pub(super) fn dry_in(&self, node: u16, piece: Piece) -> u8 {
        let mine = |(of, frame, _): &&(u16, Frame, u8)| *of == node && *frame == piece.frame;
        self.dry.iter().filter(mine).fold(0, |dry, (_, _, lanes)| dry | lanes)
    }

    pub(super) fn verdict_in(&self, node: u16, piece: Piece) -> Option<(Frame, FaultKind)> {
        let frames = piece.frame..piece.frame + piece.length as Frame;
        let mine = self.verdicts.iter().find(|(of, frame, _)| *of == node && frames.contains(frame))?;
        Some((mine.1, mine.2))
    }
}
