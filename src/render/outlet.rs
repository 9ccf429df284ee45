use crate::midi::{Event, EventKind, SYSEX_CHUNK_BYTES, SYSEX_LIMIT_BYTES};
use crate::rt::{ring, stream};

const EVENTS: usize = 8_192;

/// Makes the door by which MIDI leaves for one destination. The events' `time`
/// is a frame of the engine's timeline. Real-time: no (allocates).
pub fn outlet() -> (Sink, Outlet) {
    let (events, event_receiver) = ring::ring(EVENTS);
    let (bytes, byte_reader) = stream::stream(SYSEX_LIMIT_BYTES + SYSEX_CHUNK_BYTES);
    (Sink { events, bytes }, Outlet { events: event_receiver, bytes: byte_reader })
}

/// The Renderer's end of a MIDI destination. Real-time: yes.
pub struct Sink {
    events: ring::Sender<Event>,
    bytes: stream::Writer<u8>,
}

impl Sink {
    /// Sends a message; the newest is dropped and counted when full.
    pub(crate) fn send(&mut self, event: Event) -> bool {
        self.events.send(event).is_ok()
    }

    /// Sends a chunk of a SysEx; `false` where it did not fit.
    pub(crate) fn sysex(&mut self, event: Event, bytes: &[u8]) -> bool {
        if self.bytes.vacant() < bytes.len() || self.events.vacant() == 0 {
            self.events.count_refused();
            return false;
        }
        self.bytes.write(bytes);
        self.events.send(event).is_ok()
    }
}

/// The MIDI output's end of a destination: a thread of its own, the JACK
/// callback, or the offline writer. Real-time: yes.
pub struct Outlet {
    events: ring::Receiver<Event>,
    bytes: stream::Reader<u8>,
}

impl Outlet {
    /// The frame of the next event, which stays.
    pub fn next_time(&self) -> Option<u64> {
        self.events.peek().map(|event| event.time)
    }

    /// The next event. The bytes of a SysEx chunk are put into `chunk`, as many
    /// as the event's `length` says; chunks of one source come in order, those
    /// of different sources may take turns.
    pub fn receive(&mut self, chunk: &mut [u8; SYSEX_CHUNK_BYTES]) -> Option<Event> {
        let event = self.events.receive()?;
        if let Some(EventKind::Sysex { bytes, .. }) = event.kind() {
            let wanted = (bytes as usize).min(SYSEX_CHUNK_BYTES);
            self.bytes.read(&mut chunk[..wanted]);
        }
        Some(event)
    }

    /// Messages that did not fit, so far.
    pub fn dropped(&self) -> u64 {
        self.events.refused()
    }
}
