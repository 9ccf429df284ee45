//! The log's door: what came into the Renderer, on its way to the disk, so that
//! it can be played again to the bit.

mod bytes;
mod command;
mod record;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use record::{RECORD_BYTES, Record, RecordError};

use super::isolated::Missed;
use super::{AudioPorts, Command, FaultKind};
use crate::midi::Event;
use crate::rt::stream;
use crate::unit::{Frame, QUANTUM_FRAMES};

/// What both ends may read.
#[derive(Default)]
struct Shared {
    /// All that came before this frame is in the stream.
    frame: AtomicU64,
    lost: AtomicU64,
}

/// Makes a log that holds so many bytes while its reader is slow. Real-time: no (allocates).
pub fn log(capacity_bytes: usize, keeps_input: bool) -> (Log, LogReader) {
    let (bytes, reader) = stream::stream(capacity_bytes.max(2 * RECORD_BYTES));
    let shared = Arc::new(Shared::default());
    let log = Log {
        bytes,
        place: [0; RECORD_BYTES],
        keeps_input,
        call_frames: 0,
        pending: 0,
        shared: Arc::clone(&shared),
    };
    (log, LogReader { bytes: reader, shared })
}

/// The Renderer's end of a log. What finds no room is counted, and where it is
/// missing stands in the log. Real-time: yes.
pub struct Log {
    bytes: stream::Writer<u8>,
    place: [u8; RECORD_BYTES],
    keeps_input: bool,
    call_frames: usize,
    /// Records lost since one found room.
    pending: u64,
    shared: Arc<Shared>,
}

impl Log {
    /// Writes a record, whole or not at all.
    fn write(&mut self, record: Record<'_>) {
        if self.pending > 0 {
            let gap = Record::Gap { frame: record.frame(), records: self.pending };
            if !self.fits(gap) {
                return self.lose();
            }
            self.pending = 0;
        }
        if !self.fits(record) {
            self.lose();
        }
    }

    fn fits(&mut self, record: Record<'_>) -> bool {
        let Some(bytes) = record.encode(&mut self.place) else { return false };
        self.bytes.vacant() >= bytes.len() && self.bytes.write(bytes) == bytes.len()
    }

    fn lose(&mut self) {
        self.pending += 1;
        self.shared.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// A call of so many frames begins.
    pub(super) fn call(&mut self, frame: Frame, frames: usize) {
        if frames != self.call_frames && frames > 0 {
            self.call_frames = frames;
            self.write(Record::Call { frame, frames: frames as u32 });
        }
    }

    /// A call is over; the next one begins with this frame.
    pub(super) fn call_is_over(&mut self, frame: Frame) {
        if self.pending == 0 {
            self.shared.frame.store(frame, Ordering::Release);
        }
    }

    /// An event was delivered; `bytes` are those of a chunk of a SysEx.
    pub(super) fn event(&mut self, event: &Event, bytes: &[u8]) {
        self.write(Record::Event { event: *event, bytes });
    }

    /// A command was taken.
    pub(super) fn command(&mut self, frame: Frame, command: Command) {
        self.write(Record::Command { frame, command });
    }

    /// A parcel was exchanged.
    pub(super) fn swap(&mut self, frame: Frame, serial: u64) {
        self.write(Record::Swap { frame, serial });
    }

    /// A worker was not back in time.
    pub(super) fn missing(&mut self, node: u16, Missed { frame, was_sent }: Missed) {
        self.write(Record::Missing { frame, node, was_sent });
    }

    /// Lanes of a reel are dry in a quantum.
    pub(super) fn dry(&mut self, frame: Frame, node: u16, lanes: u8) {
        self.write(Record::Dry { frame, node, lanes });
    }

    /// A stage failed.
    pub(super) fn verdict(&mut self, frame: Frame, node: u16, kind: FaultKind) {
        // All others happen again by themselves.
        if matches!(kind, FaultKind::Overrun | FaultKind::Stall | FaultKind::Hang) {
            self.write(Record::Verdict { frame, node, kind });
        }
    }

    /// A stretch of a device's channel was heard.
    fn input(&mut self, frame: Frame, channel: usize, samples: &[f32]) {
        let is_silent = samples.iter().all(|sample| sample.to_bits() == 0);
        if is_silent || !self.keeps_input {
            return;
        }
        for (index, part) in samples.chunks(QUANTUM_FRAMES).enumerate() {
            let mut bytes = [0; QUANTUM_FRAMES * size_of::<f32>()];
            for (place, sample) in bytes.chunks_exact_mut(size_of::<f32>()).zip(part) {
                place.copy_from_slice(&sample.to_le_bytes());
            }
            let frame = frame + (index * QUANTUM_FRAMES) as Frame;
            let samples = &bytes[..size_of_val(part)];
            self.write(Record::Input { frame, channel: channel as u16, samples });
        }
    }
}

/// A device's samples, of which what is read is logged. Real-time: yes.
pub(super) struct Logged<'a> {
    pub(super) ports: &'a mut dyn AudioPorts,
    pub(super) log: &'a mut Log,
    /// The frame of the call's first sample.
    pub(super) first: Frame,
}

impl AudioPorts for Logged<'_> {
    fn output_channels(&self) -> usize {
        self.ports.output_channels()
    }

    fn read(&mut self, channel: usize, start: usize, into: &mut [f32]) {
        self.ports.read(channel, start, into);
        self.log.input(self.first + start as Frame, channel, into);
    }

    fn write(&mut self, channel: usize, start: usize, from: &[f32]) {
        self.ports.write(channel, start, from);
    }
}

/// The reading end of a log. Real-time: yes.
pub struct LogReader {
    bytes: stream::Reader<u8>,
    shared: Arc<Shared>,
}

impl LogReader {
    /// Reads what waits: whole records, where `into` has room for all of them.
    /// Real-time: yes.
    pub fn read(&mut self, into: &mut [u8]) -> usize {
        self.bytes.read(into)
    }

    /// Bytes that wait, at least. Real-time: yes.
    pub fn waiting(&self) -> usize {
        self.bytes.waiting()
    }

    /// All that came before this frame waits already, or was read: to be asked
    /// before reading. Real-time: yes.
    pub fn frame(&self) -> Frame {
        self.shared.frame.load(Ordering::Acquire)
    }

    /// Records that found no room, so far. Real-time: yes.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}
