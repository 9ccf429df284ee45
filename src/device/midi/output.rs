use std::time::Duration;

use super::held::Held;
use crate::midi::{Assembler, Event, EventKind, Message, SYSEX_CHUNK_BYTES};
use crate::render::Outlet;
use crate::unit::{Frame, HostTime};

/// Events that one call sends at most: others' ports wait meanwhile.
const BATCH: usize = 1_024;
/// How soon a port that had no room is tried again.
const RETRY: Duration = Duration::from_millis(1);

/// Where bytes leave.
pub(super) trait Wire {
    /// Sends one whole message that is not SysEx; `false` where there is no
    /// room now.
    fn message(&mut self, bytes: &[u8]) -> bool;

    /// Sends some of the rest of a SysEx; gives how many bytes that was, 0
    /// where there is no room now.
    fn sysex(&mut self, rest: &[u8]) -> usize;
}

/// A rig's MIDI destination: takes what the Renderer sends and lets it go when
/// it is due. A SysEx goes out whole; what follows waits for its end, because on
/// a wire nothing but realtime may stand inside it.
pub(super) struct Output {
    outlet: Outlet,
    held: Held,
    assembler: Assembler,
    message: Option<Event>,
    /// The SysEx that is being sent, and how much of it was.
    sysex: Vec<u8>,
    sent: usize,
}

impl Output {
    pub(super) fn new(outlet: Outlet) -> Output {
        Output {
            outlet,
            held: Held::default(),
            assembler: Assembler::default(),
            message: None,
            sysex: Vec::new(),
            sent: 0,
        }
    }

    /// Sends what is due at `now`; gives when there is more to do, as far as is
    /// known.
    pub(super) fn pump(
        &mut self,
        now: HostTime,
        frame_to_host: &dyn Fn(Frame) -> HostTime,
        wire: &mut impl Wire,
    ) -> Option<HostTime> {
        let mut chunk = [0; SYSEX_CHUNK_BYTES];
        for _ in 0..BATCH {
            if !self.flush(wire) {
                return Some(HostTime(now.nanos() + RETRY.as_nanos() as u64));
            }
            let due = frame_to_host(self.outlet.next_time()?);
            if due > now {
                return Some(due);
            }
            let event = self.outlet.receive(&mut chunk)?;
            self.take(event, &chunk, wire);
        }
        Some(now)
    }

    fn take(&mut self, event: Event, chunk: &[u8; SYSEX_CHUNK_BYTES], wire: &mut impl Wire) {
        match event.kind() {
            Some(EventKind::Midi(_)) => self.message = Some(event),
            Some(EventKind::Sysex { first, last, bytes }) => {
                let bytes = &chunk[..(bytes as usize).min(chunk.len())];
                if let Some(whole) = self.assembler.chunk(event.source, bytes, first, last) {
                    self.sysex.clear();
                    self.sysex.extend_from_slice(whole);
                    self.sent = 0;
                }
            }
            Some(EventKind::Reset) => {
                self.assembler.reset(event.source);
                self.held.release(|bytes| {
                    wire.message(bytes);
                });
            }
            Some(EventKind::Parameter { .. }) | None => {}
        }
    }

    /// Sends what is under way; whether all of it went.
    fn flush(&mut self, wire: &mut impl Wire) -> bool {
        while self.sent < self.sysex.len() {
            match wire.sysex(&self.sysex[self.sent..]) {
                0 => return false,
                bytes => self.sent += bytes,
            }
        }
        if let Some(event) = self.message {
            if !wire.message(event.wire()) {
                return false;
            }
            self.message = None;
            if let Some(message) = event.message() {
                // What gear takes for a note-off is one, whatever its status byte.
                self.held.observe(message);
            }
        }
        true
    }

    /// Ends all notes at the destination, before the port closes. `wait` is
    /// called while there is no room; where it gives up, so does this.
    pub(super) fn finish(&mut self, wire: &mut impl Wire, mut wait: impl FnMut() -> bool) {
        if self.sent > 0 && self.sent < self.sysex.len() {
            // Cut the SysEx off, as a status byte would.
            while wire.sysex(&[crate::midi::codec::SYSEX_END]) == 0 && wait() {}
        }
        self.held.release_all(|bytes| {
            debug_assert_eq!(Message::length_of(bytes[0]), bytes.len());
            while !wire.message(bytes) && wait() {}
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Sink, outlet};

    /// A wire that takes a SysEx eight bytes at a time, while it has room.
    struct FakeWire {
        sent: Vec<Vec<u8>>,
        room: usize,
    }

    impl Wire for FakeWire {
        fn message(&mut self, bytes: &[u8]) -> bool {
            self.sysex(bytes) > 0
        }

        fn sysex(&mut self, rest: &[u8]) -> usize {
            if self.room == 0 {
                return 0;
            }
            self.room -= 1;
            let bytes = rest.len().min(8);
            self.sent.push(rest[..bytes].to_vec());
            bytes
        }
    }

    fn wire() -> FakeWire {
        FakeWire { sent: Vec::new(), room: usize::MAX }
    }

    fn message(sink: &mut Sink, frame: u64, bytes: &[u8]) {
        assert!(sink.send(Event::from_bytes(frame, 0, bytes)));
    }

    /// A frame each nanosecond.
    fn due(frame: Frame) -> HostTime {
        HostTime(frame)
    }

    #[test]
    fn an_event_leaves_when_it_is_due_and_not_before() {
        let (mut sink, outlet) = outlet();
        let (mut output, mut wire) = (Output::new(outlet), wire());
        message(&mut sink, 10, &[0x90, 60, 1]);
        message(&mut sink, 20, &[0x80, 60, 1]);
        assert_eq!(output.pump(HostTime(9), &due, &mut wire), Some(HostTime(10)));
        assert!(wire.sent.is_empty());
        assert_eq!(output.pump(HostTime(10), &due, &mut wire), Some(HostTime(20)));
        assert_eq!(output.pump(HostTime(25), &due, &mut wire), None);
        assert_eq!(wire.sent, [[0x90, 60, 1], [0x80, 60, 1]]);
    }

    #[test]
    fn what_finds_no_room_is_kept_and_a_sysex_is_never_split_by_a_message() {
        let (mut sink, outlet) = outlet();
        let (mut output, mut wire) = (Output::new(outlet), wire());
        let dump: Vec<u8> = [0xf0].into_iter().chain(1..20).chain([0xf7]).collect();
        assert!(sink.sysex(Event::sysex(0, 3, 12, true, false), &dump[..12]));
        message(&mut sink, 0, &[0x90, 60, 1]);
        assert!(sink.sysex(Event::sysex(0, 3, 9, false, true), &dump[12..]));
        message(&mut sink, 0, &[0x90, 61, 1]);
        wire.room = 2;
        assert_eq!(output.pump(HostTime(0), &due, &mut wire), Some(HostTime(1_000_000)));
        wire.room = 9;
        assert_eq!(output.pump(HostTime(1), &due, &mut wire), None);
        assert_eq!(wire.sent[0], [0x90, 60, 1]);
        assert_eq!(wire.sent[1..4].concat(), dump);
        assert_eq!(wire.sent[4..], [[0x90, 61, 1]]);
    }

    #[test]
    fn the_end_cuts_a_sysex_and_ends_what_is_held() {
        let (mut sink, outlet) = outlet();
        let (mut output, mut wire) = (Output::new(outlet), wire());
        message(&mut sink, 0, &[0x92, 60, 1]);
        assert!(sink.sysex(Event::sysex(0, 3, 10, true, true), &[0xf0, 1, 1, 1, 1, 1, 1, 1, 1, 0xf7]));
        wire.room = 2;
        output.pump(HostTime(0), &due, &mut wire);
        wire.sent.clear();
        wire.room = 9;
        output.finish(&mut wire, || false);
        assert_eq!(wire.sent, [vec![0xf7], vec![0x82, 60, 64], vec![0xb2, 64, 0], vec![0xb2, 123, 0]]);
    }

    #[test]
    fn the_end_gives_up_where_there_is_never_room() {
        let (mut sink, outlet) = outlet();
        let (mut output, mut wire) = (Output::new(outlet), wire());
        message(&mut sink, 0, &[0x90, 60, 1]);
        output.pump(HostTime(0), &due, &mut wire);
        wire.room = 0;
        let mut tries = 0;
        output.finish(&mut wire, || {
            tries += 1;
            tries < 5
        });
        assert!(tries < 10 && wire.sent.len() == 1);
    }
}
