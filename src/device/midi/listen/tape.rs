use crate::midi::codec::Parsed;
use crate::midi::{Event, EventKind, Message, SYSEX_CHUNK_BYTES, SYSEX_LIMIT_BYTES};
use crate::rt::{ring, stream};

use super::PORT_LIMIT;

/// A fifth of a second of the fastest USB there is at full speed.
const EVENTS: usize = 65_536;

/// Makes the two ends of a tape. Real-time: no (allocates).
pub(crate) fn tape() -> (Tap, Tape) {
    let (events, event_receiver) = ring::ring(EVENTS);
    let (bytes, byte_reader) = stream::stream(2 * SYSEX_LIMIT_BYTES);
    let tap =
        Tap { events, bytes, broken: Box::new([false; PORT_LIMIT]), gaps: Box::new([false; PORT_LIMIT]) };
    (tap, Tape { events: event_receiver, bytes: byte_reader, chunk: [0; SYSEX_CHUNK_BYTES] })
}

/// The end that hears.
pub(crate) struct Tap {
    events: ring::Sender<Event>,
    bytes: stream::Writer<u8>,
    /// Ports whose SysEx lost a part: the rest of it is dropped too.
    broken: Box<[bool; PORT_LIMIT]>,
    /// Ports of which the reader does not know yet that a SysEx broke off.
    gaps: Box<[bool; PORT_LIMIT]>,
}

impl Tap {
    /// Puts what a port's parser found on the tape; counts what does not fit. Real-time: yes.
    pub(crate) fn take(&mut self, nanos: u64, port: u16, parsed: Parsed<'_>) {
        match parsed {
            Parsed::Message(bytes) => {
                self.tell_gap(nanos, port);
                // Refused is counted.
                let _ = self.events.send(Event::from_bytes(nanos, port, bytes));
            }
            Parsed::Sysex { bytes, first, last } => self.sysex(nanos, port, bytes, first, last),
        }
    }

    /// A port is gone: a SysEx that it was sending has no end. Real-time: yes.
    pub(crate) fn cut(&mut self, nanos: u64, port: u16) {
        self.gaps[place(port)] = true;
        self.tell_gap(nanos, port);
    }

    fn sysex(&mut self, nanos: u64, port: u16, bytes: &[u8], first: bool, last: bool) {
        let place = place(port);
        if first {
            self.broken[place] = false;
        }
        self.tell_gap(nanos, port);
        let chunks = bytes.chunks(SYSEX_CHUNK_BYTES);
        let count = chunks.len();
        for (index, chunk) in chunks.enumerate() {
            if self.broken[place] {
                return;
            }
            if self.bytes.vacant() < chunk.len() || self.events.vacant() == 0 {
                self.events.count_refused();
                (self.broken[place], self.gaps[place]) = (true, true);
                return;
            }
            self.bytes.write(chunk);
            let (first, last) = (first && index == 0, last && index + 1 == count);
            // There is room, and nobody else fills it.
            let _ = self.events.send(Event::sysex(nanos, port, chunk.len() as u32, first, last));
        }
    }

    fn tell_gap(&mut self, nanos: u64, port: u16) {
        let place = place(port);
        if self.gaps[place] && self.events.vacant() > 0 {
            self.gaps[place] = self.events.send(Event::reset(nanos, port)).is_err();
        }
    }
}

fn place(port: u16) -> usize {
    usize::from(port) % PORT_LIMIT
}

/// What came from a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard<'a> {
    /// When, in nanoseconds of the listener's clock.
    pub nanos: u64,
    /// The port's number.
    pub port: u16,
    /// A message, or the next stretch of a SysEx; `None` where the SysEx under
    /// way broke off.
    pub content: Option<Parsed<'a>>,
}

/// The end that is read.
pub struct Tape {
    events: ring::Receiver<Event>,
    bytes: stream::Reader<u8>,
    chunk: [u8; SYSEX_CHUNK_BYTES],
}

impl Tape {
    /// What came next, if anything did; passes it to `read`. Whether there was
    /// something. Real-time: yes.
    pub fn next(&mut self, read: impl FnOnce(Heard<'_>)) -> bool {
        let Some(event) = self.events.receive() else { return false };
        let content = match event.kind() {
            Some(EventKind::Sysex { first, last, bytes }) => {
                let length = (bytes as usize).min(SYSEX_CHUNK_BYTES);
                self.bytes.read(&mut self.chunk[..length]);
                Some(Parsed::Sysex { bytes: &self.chunk[..length], first, last })
            }
            Some(EventKind::Reset) => None,
            _ => Some(Parsed::Message(&event.bytes[..message_length(&event)])),
        };
        read(Heard { nanos: event.time, port: event.source, content });
        true
    }

    /// Messages and SysEx that found no room, so far. Real-time: yes.
    pub fn lost(&self) -> u64 {
        self.events.refused()
    }
}

fn message_length(event: &Event) -> usize {
    Message::length_of(event.bytes[0]).min(event.length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sysex(bytes: &[u8], first: bool, last: bool) -> Parsed<'_> {
        Parsed::Sysex { bytes, first, last }
    }

    #[test]
    fn a_flood_is_bounded_and_counted_and_its_broken_dump_told() {
        let (mut tap, mut tape) = tape();
        tap.take(0, 3, sysex(&[0xf0, 1], true, false));
        for nanos in 1..=EVENTS as u64 {
            tap.take(nanos, 4, Parsed::Message(&[0xf8]));
        }
        tap.take(9, 3, sysex(&[2], false, false));
        tap.take(9, 3, sysex(&[0xf7], false, true));
        let mut clocks = 0;
        while tape.next(|heard| clocks += u64::from(heard.port == 4)) {}
        assert_eq!((clocks, tape.lost()), (EVENTS as u64 - 1, 2));
        // The next that comes from this port says first that something is missing.
        tap.take(10, 3, sysex(&[0xf0, 0xf7], true, true));
        let mut seen = Vec::new();
        while tape.next(|heard| seen.push((heard.port, heard.content.is_none()))) {}
        assert_eq!(seen, [(3, true), (3, false)]);
    }

    #[test]
    fn a_long_dump_travels_in_stretches() {
        let (mut tap, mut tape) = tape();
        let mut dump = vec![5; 600];
        (dump[0], dump[599]) = (0xf0, 0xf7);
        tap.take(7, 1, sysex(&dump, true, true));
        let (mut whole, mut ends) = (Vec::new(), Vec::new());
        while tape.next(|heard| {
            if let Some(Parsed::Sysex { bytes, first, last }) = heard.content {
                whole.extend_from_slice(bytes);
                ends.push((first, last));
            }
        }) {}
        assert_eq!(whole, dump);
        assert_eq!(ends, [(true, false), (false, false), (false, true)]);
    }
}
