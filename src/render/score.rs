use crate::midi::{Event, EventKind, SYSEX_CHUNK_BYTES};
use crate::unit::Frame;

/// A source whose events are all known: a file, or the demo. Real-time: yes,
/// but for the constructor.
pub struct Score {
    events: Box<[Event]>,
    sysex: Box<[u8]>,
    next: usize,
    next_byte: usize,
    offset: Frame,
    repeat_frames: Option<Frame>,
    yields: bool,
}

impl Score {
    /// Events in order, `time` in frames; `sysex` holds the bytes of the SysEx
    /// chunks among them, one after the other. Real-time: no.
    pub fn new(events: Box<[Event]>, sysex: Box<[u8]>) -> Score {
        Score { events, sysex, next: 0, next_byte: 0, offset: 0, repeat_frames: None, yields: false }
    }

    /// Begins at this frame of the engine's timeline. Real-time: yes.
    pub fn starting_at(mut self, frame: Frame) -> Score {
        self.offset = frame;
        self
    }

    /// Begins again after so many frames, for ever (0: does not). Real-time: yes.
    pub fn repeating(mut self, frames: Frame) -> Score {
        self.repeat_frames = (frames > 0).then_some(frames);
        self
    }

    /// Ends for good as soon as a live source strikes a note: the demo. Real-time: yes.
    pub fn yielding(mut self) -> Score {
        self.yields = true;
        self
    }

    pub(super) fn yields(&self) -> bool {
        self.yields
    }

    pub(super) fn stop(&mut self) {
        self.next = self.events.len();
        self.repeat_frames = None;
        self.yields = false;
    }

    /// When the next event is due.
    pub(super) fn due(&mut self) -> Option<Frame> {
        if self.next == self.events.len() {
            let frames = self.repeat_frames.filter(|_| !self.events.is_empty())?;
            self.offset += frames;
            self.next = 0;
            self.next_byte = 0;
        }
        Some(self.events.get(self.next)?.time + self.offset)
    }

    /// The event that was said to be due, which is over then.
    pub(super) fn take(&mut self) -> Option<Event> {
        let event = self.events.get(self.next)?;
        self.next += 1;
        Some(*event)
    }

    pub(super) fn read_chunk(&mut self, event: &Event, into: &mut [u8; SYSEX_CHUNK_BYTES]) {
        if let Some(EventKind::Sysex { bytes, .. }) = event.kind() {
            let end = (self.next_byte + bytes as usize).min(self.sysex.len());
            let chunk = &self.sysex[self.next_byte..end];
            let fits = chunk.len().min(SYSEX_CHUNK_BYTES);
            into[..fits].copy_from_slice(&chunk[..fits]);
            self.next_byte = end;
        }
    }
}
