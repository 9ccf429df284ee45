use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::memory::{Memory, Progress};
use super::traffic::Traffic;
use crate::midi::codec::SYSEX_END;
use crate::midi::{Assembler, Event, EventKind, Message, SYSEX_CHUNK_BYTES, SYSEX_LIMIT_BYTES};
use crate::render::Outlet;
use crate::unit::{Frame, HostTime};

/// Events that one call sends at most: others' ports wait meanwhile.
const BATCH: usize = 1_024;
/// How soon a port that had no room is tried again.
const RETRY: Duration = Duration::from_millis(1);
/// Messages that wait behind a SysEx at most; beyond, nothing more is taken in, and
/// what finds no room is dropped where it comes from, and counted there.
const WAITING: usize = 4_096;
/// Messages that one part of what is said again to gear has at most.
const PART_MESSAGES: usize = 8;

/// Where bytes leave.
pub(super) trait Wire {
    /// How far ahead of its time a message may be handed over.
    fn ahead(&self) -> Duration {
        Duration::ZERO
    }

    /// Sends one whole message that is not SysEx, at its time and after all that was
    /// sent before; `false` where there is no room now.
    fn message(&mut self, bytes: &[u8], due: HostTime) -> bool;

    /// Sends one realtime message at its time, also inside a SysEx.
    fn realtime(&mut self, bytes: &[u8], due: HostTime) -> bool {
        self.message(bytes, due)
    }

    /// Sends some of the rest of a SysEx; gives how many bytes that was, 0
    /// where there is no room now.
    fn sysex(&mut self, rest: &[u8], due: HostTime) -> usize;

    /// Sends one whole message to one device only.
    fn private(&mut self, device: u64, bytes: &[u8]) -> bool;
}

/// What waits for its turn.
enum Waiting {
    Message(Event, HostTime),
    Sysex(Vec<u8>, HostTime),
}

/// A rig's MIDI destination: takes what the Renderer sends and lets it go when
/// it is due. A SysEx goes out whole; what follows waits for its end, because on
/// a wire nothing but realtime may stand inside it.
pub(super) struct Output {
    outlet: Outlet,
    memory: Memory,
    assembler: Assembler,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// A realtime message that found no room.
    urgent: Option<(Event, HostTime)>,
    /// How much of the SysEx at the front was sent.
    sent: usize,
    restoring: Vec<Restoring>,
    traffic: Arc<Traffic>,
}

/// A device that came back and is told what it should know.
struct Restoring {
    device: u64,
    progress: Progress,
    part: [([u8; 3], usize); PART_MESSAGES],
    length: usize,
    told: usize,
}

impl Output {
    pub(super) fn new(outlet: Outlet, traffic: Arc<Traffic>) -> Output {
        Output {
            outlet,
            memory: Memory::default(),
            assembler: Assembler::default(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            urgent: None,
            sent: 0,
            restoring: Vec::new(),
            traffic,
        }
    }

    /// A device is there: it is told what was sent before it came.
    pub(super) fn attach(&mut self, device: u64) {
        self.detach(device);
        self.restoring.push(Restoring {
            device,
            progress: Progress::default(),
            part: [([0; 3], 0); PART_MESSAGES],
            length: 0,
            told: 0,
        });
    }

    /// A device is gone.
    pub(super) fn detach(&mut self, device: u64) {
        self.restoring.retain(|restoring| restoring.device != device);
    }

    /// Sends what is due at `now`; gives when there is more to do, as far as is
    /// known.
    pub(super) fn pump(
        &mut self,
        now: HostTime,
        frame_to_host: &dyn Fn(Frame) -> HostTime,
        wire: &mut impl Wire,
    ) -> Option<HostTime> {
        let retry = HostTime(now.nanos() + RETRY.as_nanos() as u64);
        self.restore(wire);
        let horizon = HostTime(now.nanos() + wire.ahead().as_nanos() as u64);
        let mut chunk = [0; SYSEX_CHUNK_BYTES];
        for _ in 0..BATCH {
            let is_free = self.flush(wire);
            if !is_free && !self.has_room() {
                return Some(retry);
            }
            let Some(time) = self.outlet.next_time() else {
                return (!is_free || !self.restoring.is_empty()).then_some(retry);
            };
            let due = frame_to_host(time);
            if due > horizon {
                let due = HostTime(due.nanos() - (horizon.nanos() - now.nanos()));
                return Some(if is_free { due } else { due.min(retry) });
            }
            let event = self.outlet.receive(&mut chunk)?;
            self.take(event, &chunk, due, wire);
        }
        Some(now)
    }

    fn has_room(&self) -> bool {
        self.urgent.is_none() && self.waiting.len() < WAITING && self.waiting_bytes < 2 * SYSEX_LIMIT_BYTES
    }

    fn take(&mut self, event: Event, chunk: &[u8; SYSEX_CHUNK_BYTES], due: HostTime, wire: &mut impl Wire) {
        match event.kind() {
            Some(EventKind::Midi(Message::System { status: 0xf8.., .. })) => {
                if wire.realtime(event.wire(), due) {
                    self.went(&event);
                } else {
                    self.urgent = Some((event, due));
                }
            }
            Some(EventKind::Midi(_)) => self.waiting.push_back(Waiting::Message(event, due)),
            Some(EventKind::Sysex { first, last, bytes }) => {
                let bytes = &chunk[..(bytes as usize).min(chunk.len())];
                let dropped = self.assembler.dropped();
                if let Some(whole) = self.assembler.chunk(event.source, bytes, first, last) {
                    self.waiting_bytes += whole.len();
                    self.waiting.push_back(Waiting::Sysex(whole.to_vec(), due));
                }
                if self.assembler.dropped() > dropped {
                    self.traffic.count_dropped(1);
                }
            }
            Some(EventKind::Reset) => {
                self.assembler.reset(event.source);
                let waiting = &mut self.waiting;
                self.memory.release(|bytes| {
                    waiting.push_back(Waiting::Message(Event::from_bytes(0, event.source, bytes), due));
                });
            }
            Some(EventKind::Parameter { .. }) | None => {}
        }
    }

    /// Sends what waits, as far as there is room; whether all of it went.
    fn flush(&mut self, wire: &mut impl Wire) -> bool {
        if let Some((event, due)) = self.urgent {
            if !wire.realtime(event.wire(), due) {
                return false;
            }
            self.urgent = None;
            self.went(&event);
        }
        while let Some(first) = self.waiting.front() {
            match first {
                Waiting::Message(event, due) => {
                    let event = *event;
                    if !wire.message(event.wire(), *due) {
                        return false;
                    }
                    self.went(&event);
                }
                Waiting::Sysex(bytes, due) => {
                    while self.sent < bytes.len() {
                        match wire.sysex(&bytes[self.sent..], *due) {
                            0 => return false,
                            count => self.sent += count,
                        }
                    }
                    self.waiting_bytes -= bytes.len();
                    self.sent = 0;
                    self.traffic.count_sent();
                }
            }
            self.waiting.pop_front();
        }
        true
    }

    fn went(&mut self, event: &Event) {
        self.traffic.count_sent();
        if let Some(message) = event.message() {
            // What gear takes for a note-off is one, whatever its status byte.
            self.memory.observe(message);
        }
    }

    /// Goes on telling devices that came back, between two SysEx.
    fn restore(&mut self, wire: &mut impl Wire) {
        if self.sent > 0 {
            return;
        }
        let Output { restoring, memory, traffic, .. } = self;
        restoring.retain_mut(|restoring| restoring.go_on(memory, traffic, wire));
    }

    /// Ends all notes at the destination, before the port closes. `wait` is
    /// called while there is no room; where it gives up, so does this.
    pub(super) fn finish(&mut self, wire: &mut impl Wire, mut wait: impl FnMut() -> bool) {
        let now = HostTime(0);
        if self.sent > 0 {
            // Cut the SysEx off, as a status byte would.
            while wire.sysex(&[SYSEX_END], now) == 0 && wait() {}
        }
        self.memory.release_all(|bytes| {
            debug_assert_eq!(Message::length_of(bytes[0]), bytes.len());
            while !wire.message(bytes, now) && wait() {}
        });
    }
}

impl Restoring {
    /// Tells as much as there is room for; whether there is more.
    fn go_on(&mut self, memory: &Memory, traffic: &Traffic, wire: &mut impl Wire) -> bool {
        loop {
            while self.told < self.length {
                let (bytes, length) = &self.part[self.told];
                if !wire.private(self.device, &bytes[..*length]) {
                    return true;
                }
                self.told += 1;
                traffic.count_restored(1);
            }
            (self.told, self.length) = (0, 0);
            let (part, count) = (&mut self.part, &mut self.length);
            let has_more = memory.say_next(&mut self.progress, |bytes| {
                if let Some(place) = part.get_mut(*count) {
                    place.0[..bytes.len()].copy_from_slice(bytes);
                    place.1 = bytes.len();
                    *count += 1;
                }
            });
            if !has_more {
                return false;
            }
        }
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
        told: Vec<(u64, Vec<u8>)>,
        told_room: usize,
    }

    impl Wire for FakeWire {
        fn message(&mut self, bytes: &[u8], due: HostTime) -> bool {
            self.sysex(bytes, due) > 0
        }

        fn realtime(&mut self, bytes: &[u8], _: HostTime) -> bool {
            self.sent.push(bytes.to_vec());
            true
        }

        fn private(&mut self, device: u64, bytes: &[u8]) -> bool {
            self.told.push((device, bytes.to_vec()));
            self.told.len() < self.told_room
        }

        fn sysex(&mut self, rest: &[u8], _: HostTime) -> usize {
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
        FakeWire { sent: Vec::new(), room: usize::MAX, told: Vec::new(), told_room: usize::MAX }
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
        let (mut output, mut wire) = (Output::new(outlet, Arc::default()), wire());
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
        let (mut output, mut wire) = (Output::new(outlet, Arc::default()), wire());
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
        let (mut output, mut wire) = (Output::new(outlet, Arc::default()), wire());
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
        let (mut output, mut wire) = (Output::new(outlet, Arc::default()), wire());
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

    #[test]
    fn realtime_passes_a_sysex_that_waits_for_room_and_the_rest_keeps_its_order() {
        let (mut sink, outlet) = outlet();
        let (mut output, mut wire) = (Output::new(outlet, Arc::default()), wire());
        let dump: Vec<u8> = [0xf0].into_iter().chain(1..20).chain([0xf7]).collect();
        assert!(sink.sysex(Event::sysex(0, 3, 21, true, true), &dump));
        message(&mut sink, 0, &[0x90, 60, 1]);
        message(&mut sink, 0, &[0xf8]);
        assert!(sink.sysex(Event::sysex(0, 4, 3, true, true), &[0xf0, 5, 0xf7]));
        message(&mut sink, 0, &[0xfe]);
        wire.room = 1;
        assert_eq!(output.pump(HostTime(0), &due, &mut wire), Some(HostTime(1_000_000)));
        assert_eq!(wire.sent, [&dump[..8], &[0xf8], &[0xfe]]);
        wire.sent.clear();
        wire.room = 9;
        assert_eq!(output.pump(HostTime(1), &due, &mut wire), None);
        assert_eq!(wire.sent, [&dump[8..16], &dump[16..], &[0x90, 60, 1], &[0xf0, 5, 0xf7]]);
        assert_eq!(output.traffic.count().sent, 5);
    }

    #[test]
    fn a_device_that_comes_back_is_told_what_was_sent_and_no_other_is() {
        let (mut sink, outlet) = outlet();
        let (mut output, mut wire) = (Output::new(outlet, Arc::default()), wire());
        output.attach(1);
        for bytes in [&[0xb4, 0, 3][..], &[0xc4, 9], &[0xb4, 7, 90], &[0xb4, 1, 9], &[0x94, 60, 1]] {
            message(&mut sink, 0, bytes);
        }
        output.pump(HostTime(0), &due, &mut wire);
        assert!(wire.told.is_empty() && wire.sent.len() == 5);
        output.detach(1);
        output.attach(2);
        wire.told_room = 2;
        assert_eq!(output.pump(HostTime(1), &due, &mut wire), Some(HostTime(1_000_001)));
        // The one that found no room is tried again.
        wire.told.pop();
        wire.told_room = usize::MAX;
        assert_eq!(output.pump(HostTime(2), &due, &mut wire), None);
        let told: [(u64, Vec<u8>); 3] = [(2, vec![0xb4, 0, 3]), (2, vec![0xc4, 9]), (2, vec![0xb4, 7, 90])];
        assert_eq!(wire.told, told);
        assert_eq!((wire.sent.len(), output.traffic.count().restored), (5, 3));
    }
}
