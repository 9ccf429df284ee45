use crate::midi::{Event, EventKind, SYSEX_CHUNK_BYTES, SYSEX_LIMIT_BYTES};
use crate::rt::{ring, stream};

const EVENTS: usize = 8_192;

/// Makes the door by which MIDI leaves for one destination. The events' `time`
/// is a frame of the engine's timeline. Real-time: no (allocates).
pub fn outlet() -> (Sink, Outlet) {
    let (events, event_receiver) = ring::ring(EVENTS);
    let (bytes, byte_reader) = stream::stream(SYSEX_LIMIT_BYTES + SYSEX_CHUNK_BYTES);
    (Sink { events, bytes, refusing: None }, Outlet { events: event_receiver, bytes: byte_reader })
}

/// The Renderer's end of a MIDI destination. Real-time: yes.
pub struct Sink {
    events: ring::Sender<Event>,
    bytes: stream::Writer<u8>,
    /// The source whose SysEx lost a chunk: the rest of it is dropped too.
    refusing: Option<u16>,
}

impl Sink {
    /// Sends a message; the newest is dropped and counted when full.
    pub(crate) fn send(&mut self, event: Event) -> bool {
        self.events.send(event).is_ok()
    }

    /// Sends a chunk of a SysEx; `false` where it did not fit. Then the rest is
    /// dropped with it: half a dump must not look like a whole one.
    pub(crate) fn sysex(&mut self, event: Event, bytes: &[u8]) -> bool {
        let Some(EventKind::Sysex { first, last, .. }) = event.kind() else { return true };
        if self.refusing == Some(event.source) {
            if !first {
                self.refusing = self.refusing.filter(|_| !last);
                return true;
            }
            self.refusing = None;
        }
        if self.bytes.vacant() >= bytes.len() && self.events.vacant() > 0 {
            self.bytes.write(bytes);
            return self.events.send(event).is_ok();
        }
        self.events.count_refused();
        if !last {
            self.refusing = Some(event.source);
        }
        false
    }
}

/// The MIDI output's end of a destination: a thread of its own, the JACK
/// callback, or the offline writer. Real-time: yes.
pub struct Outlet {
    events: ring::Receiver<Event>,
    bytes: stream::Reader<u8>,
}

impl Outlet {
    /// The frame of the next event, which stays. Real-time: yes.
    pub fn next_time(&self) -> Option<u64> {
        self.events.peek().map(|event| event.time)
    }

    /// The next event. The bytes of a SysEx chunk are put into `chunk`, as many
    /// as the event's `length` says; chunks of one source come in order, those
    /// of different sources may take turns. Real-time: yes.
    pub fn receive(&mut self, chunk: &mut [u8; SYSEX_CHUNK_BYTES]) -> Option<Event> {
        let event = self.events.receive()?;
        if let Some(EventKind::Sysex { bytes, .. }) = event.kind() {
            let wanted = (bytes as usize).min(SYSEX_CHUNK_BYTES);
            self.bytes.read(&mut chunk[..wanted]);
        }
        Some(event)
    }

    /// Messages that did not fit, so far. Real-time: yes.
    pub fn dropped(&self) -> u64 {
        self.events.refused()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::Assembler;

    #[test]
    fn a_sysex_that_lost_a_chunk_never_looks_whole() {
        let (mut sink, mut outlet) = outlet();
        let chunk = [0x11; SYSEX_CHUNK_BYTES];
        let count = SYSEX_LIMIT_BYTES / SYSEX_CHUNK_BYTES + 5;
        let mut lost = 0;
        for index in 0..=count {
            let mut bytes = chunk;
            let (first, last) = (index == 0, index == count);
            if first {
                bytes[0] = 0xf0;
            }
            if last {
                bytes[SYSEX_CHUNK_BYTES - 1] = 0xf7;
            }
            let event = Event::sysex(index as u64, 3, SYSEX_CHUNK_BYTES as u32, first, last);
            lost += usize::from(!sink.sysex(event, &bytes));
        }
        assert_eq!(lost, 1, "counted once");
        let mut assembler = Assembler::default();
        let mut place = chunk;
        while let Some(event) = outlet.receive(&mut place) {
            let Some(EventKind::Sysex { first, last, bytes }) = event.kind() else { continue };
            assert!(assembler.chunk(event.source, &place[..bytes as usize], first, last).is_none());
        }
        assert!(sink.sysex(Event::sysex(9, 3, 3, true, true), &[0xf0, 1, 0xf7]));
        let event = outlet.receive(&mut place).expect("the next one passes");
        assert_eq!(assembler.chunk(event.source, &place[..3], true, true), Some(&[0xf0, 1, 0xf7][..]));
    }
}
