use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ::jack::{MidiIn, MidiOut, Port, ProcessScope, RawMidi};

use super::Health;
use super::link::Remembered;
use super::split::Splitter;
use crate::device::midi::Traffic;
use crate::midi::codec::Parsed;
use crate::midi::{Event, EventKind, SYSEX_CHUNK_BYTES};
use crate::render::{Inlet, Outlet};
use crate::unit::Frame;

/// A MIDI actor of the rig, to be given JACK ports.
pub struct JackMidiPort {
    /// The actor's name in the rig.
    pub name: String,
    /// Where what arrives goes, in [`TimeBase::Frames`](crate::render::TimeBase::Frames).
    pub input: Option<Inlet>,
    /// Where what is sent comes from.
    pub output: Option<Outlet>,
    /// Ports to hear, by pattern.
    pub in_pattern: Option<String>,
    /// Ports to play to, by pattern.
    pub out_pattern: Option<String>,
    /// A port for other programs, which connects to nothing by itself.
    pub is_virtual: bool,
    /// Where what passes is counted.
    pub traffic: Arc<Traffic>,
}

impl JackMidiPort {
    /// The names of the input and the output port.
    pub(super) fn port_names(&self) -> (String, String) {
        if self.input.is_some() && self.output.is_some() {
            (format!("{}_in", self.name), format!("{}_out", self.name))
        } else {
            (self.name.clone(), self.name.clone())
        }
    }
}

/// MIDI from a JACK port to the Renderer, each event at its own frame.
pub(super) struct InPort {
    port: Port<MidiIn>,
    inlet: Inlet,
    health: Arc<Health>,
    splitter: Splitter,
    remembered: Remembered,
}

impl InPort {
    pub(super) fn new(
        port: Port<MidiIn>,
        inlet: Inlet,
        health: Arc<Health>,
        remembered: Remembered,
    ) -> InPort {
        InPort { port, inlet, health, splitter: Splitter::new(), remembered }
    }

    /// Takes the period's events in. Real-time: yes.
    pub(super) fn take(&mut self, first: Frame, scope: &ProcessScope) {
        let (inlet, health, remembered) = (&mut self.inlet, &self.health, &mut self.remembered);
        remembered.follow(inlet, first);
        for event in self.port.iter(scope) {
            let frame = first + u64::from(event.time);
            let dropped = self.splitter.take(event.bytes, |parsed| match parsed {
                Parsed::Message(bytes) => {
                    remembered.received(bytes);
                    inlet.message(frame, bytes);
                }
                Parsed::Sysex { bytes, first, last } => {
                    remembered.received_sysex(last);
                    inlet.sysex(frame, bytes, first, last);
                }
            });
            if dropped > 0 {
                health.dropped_midi.fetch_add(dropped, Relaxed);
                remembered.dropped(dropped);
            }
        }
    }
}

/// Events that a port may hold back for a period.
const PENDING: usize = 4_096;
/// Sources whose SysEx may be under way to one port at the same time.
const ASSEMBLIES: usize = 4;
/// Longer than any JACK port's buffer.
const ASSEMBLY_BYTES: usize = 64 * 1_024;

#[derive(Clone, Copy)]
struct Pending {
    offset: u32,
    order: u32,
    content: Content,
}

#[derive(Clone, Copy)]
enum Content {
    Short { bytes: [u8; 3], length: usize },
    Sysex { assembly: usize },
}

/// A SysEx that is being put together, or waits to be written.
struct Assembly {
    bytes: Vec<u8>,
    source: Option<u16>,
    is_whole: bool,
    overflowed: bool,
    /// Bytes that came, those that did not fit included.
    length: usize,
}

/// MIDI from the Renderer to a JACK port, each event at its own frame.
pub(super) struct OutPort {
    port: Port<MidiOut>,
    outlet: Outlet,
    health: Arc<Health>,
    pending: Vec<Pending>,
    assemblies: [Assembly; ASSEMBLIES],
    remembered: Remembered,
}

impl OutPort {
    pub(super) fn new(
        port: Port<MidiOut>,
        outlet: Outlet,
        health: Arc<Health>,
        remembered: Remembered,
    ) -> OutPort {
        let assembly = |_| Assembly {
            bytes: Vec::with_capacity(ASSEMBLY_BYTES),
            source: None,
            is_whole: false,
            overflowed: false,
            length: 0,
        };
        OutPort {
            port,
            outlet,
            health,
            pending: Vec::with_capacity(PENDING),
            assemblies: std::array::from_fn(assembly),
            remembered,
        }
    }

    /// Writes what belongs to the period, late events at its first frame.
    /// Real-time: yes.
    pub(super) fn give(&mut self, first: Frame, frames: usize, scope: &ProcessScope) {
        self.collect(first, frames);
        // In place, without a buffer of its own: a stable sort would allocate.
        self.pending.sort_unstable_by_key(|pending| (pending.offset, pending.order));
        let mut writer = self.port.writer(scope);
        self.health.sysex_limit_bytes.store(writer.max_event_size(), Relaxed);
        let (mut done, mut is_empty) = (0, true);
        for pending in &self.pending {
            let bytes = match &pending.content {
                Content::Short { bytes, length } => &bytes[..*length],
                Content::Sysex { assembly } => self.assemblies[*assembly].bytes.as_slice(),
            };
            match writer.write(&RawMidi { time: pending.offset, bytes }) {
                Ok(()) => is_empty = false,
                // Too long for an empty buffer is too long for ever.
                Err(_) if is_empty => {
                    self.health.dropped_midi.fetch_add(1, Relaxed);
                    self.health.refused_sysex_bytes.store(bytes.len(), Relaxed);
                }
                Err(_) => break,
            }
            if let Content::Sysex { assembly } = pending.content {
                self.assemblies[assembly].clear();
            }
            done += 1;
        }
        // What found no room goes first in the next period.
        self.pending.drain(..done);
        for (order, pending) in self.pending.iter_mut().enumerate() {
            (pending.offset, pending.order) = (0, order as u32);
        }
    }

    /// An empty period. Real-time: yes.
    pub(super) fn rest(&mut self, scope: &ProcessScope) {
        self.port.writer(scope);
    }

    fn collect(&mut self, first: Frame, frames: usize) {
        let end = first + frames as u64;
        let mut chunk = [0; SYSEX_CHUNK_BYTES];
        self.restore();
        while self.pending.len() < PENDING && self.outlet.next_time().is_some_and(|time| time < end) {
            let Some(event) = self.outlet.receive(&mut chunk) else { return };
            let offset = event.time.saturating_sub(first) as u32;
            let order = self.pending.len() as u32;
            if let Some(content) = self.content(&event, &chunk) {
                self.pending.push(Pending { offset, order, content });
            }
        }
    }

    /// Puts what gear should know that is back before what is new.
    fn restore(&mut self) {
        let OutPort { pending, remembered, .. } = self;
        // The longest part has seven messages.
        while pending.len() + 8 <= PENDING
            && remembered.tell(|message| {
                let mut bytes = [0; 3];
                bytes[..message.len()].copy_from_slice(message);
                let order = pending.len() as u32;
                let content = Content::Short { bytes, length: message.len() };
                pending.push(Pending { offset: 0, order, content });
            })
        {}
    }

    fn content(&mut self, event: &Event, chunk: &[u8; SYSEX_CHUNK_BYTES]) -> Option<Content> {
        match event.kind()? {
            EventKind::Midi(_) => {
                let wire = event.wire();
                if wire.is_empty() {
                    return None;
                }
                let mut bytes = [0; 3];
                bytes[..wire.len()].copy_from_slice(wire);
                self.remembered.sent(wire);
                Some(Content::Short { bytes, length: wire.len() })
            }
            EventKind::Sysex { first, last, bytes } => {
                let part = &chunk[..(bytes as usize).min(SYSEX_CHUNK_BYTES)];
                self.assemble(event.source, part, first, last)
            }
            EventKind::Parameter { .. } | EventKind::Reset => None,
        }
    }

    /// JACK wants a SysEx whole; chunks of several sources may take turns.
    fn assemble(&mut self, source: u16, part: &[u8], first: bool, last: bool) -> Option<Content> {
        let of_source = |assembly: &Assembly| assembly.source == Some(source) && !assembly.is_whole;
        let under_way = self.assemblies.iter().position(of_source);
        let free = || self.assemblies.iter().position(|assembly| assembly.source.is_none());
        let index = match (first, under_way) {
            (true, Some(index)) => {
                // The one before it never ended.
                self.health.dropped_midi.fetch_add(1, Relaxed);
                self.assemblies[index].clear();
                index
            }
            (true, None) => match free() {
                Some(index) => index,
                None => {
                    self.health.dropped_midi.fetch_add(1, Relaxed);
                    return None;
                }
            },
            (false, Some(index)) => index,
            // The rest of one that was dropped.
            (false, None) => return None,
        };
        let assembly = &mut self.assemblies[index];
        assembly.source = Some(source);
        assembly.append(part);
        if !last {
            return None;
        }
        if assembly.overflowed || assembly.bytes.last() != Some(&0xf7) {
            self.health.dropped_midi.fetch_add(1, Relaxed);
            if assembly.overflowed {
                self.health.refused_sysex_bytes.store(assembly.length, Relaxed);
            }
            assembly.clear();
            return None;
        }
        assembly.is_whole = true;
        Some(Content::Sysex { assembly: index })
    }
}

impl Assembly {
    fn append(&mut self, part: &[u8]) {
        self.length += part.len();
        if self.bytes.len() + part.len() > ASSEMBLY_BYTES {
            self.overflowed = true;
        } else {
            self.bytes.extend_from_slice(part);
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        (self.source, self.is_whole, self.overflowed, self.length) = (None, false, false, 0);
    }
}
