use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::midi::{Event, SYSEX_CHUNK_BYTES, SYSEX_LIMIT_BYTES};
use crate::rt::{ring, stream};
use crate::unit::Frame;

/// Events a source may have under way to the audio thread.
const EVENTS: usize = 8_192;
/// Room in an event ring that only releases may use: a lost release is a stuck note.
const RESERVED_FOR_RELEASES: usize = 512;

/// What the `time` of a source's events counts. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeBase {
    /// Nanoseconds of [`HostTime`](crate::unit::HostTime), stamped on arrival.
    Host,
    /// Frames of the engine's timeline: the driver knows them (JACK).
    Frames,
    /// The same, and each event is played so many frames later: the fixed latency that a
    /// rig asks for where the driver knows the frames.
    FramesLater(Frame),
}

/// What an inlet lost, readable from any thread. Real-time: yes.
#[derive(Default, Debug)]
pub struct InletHealth {
    overflowed: AtomicBool,
    dropped: AtomicU64,
}

impl InletHealth {
    /// Messages dropped because the audio thread did not take them in time. Real-time: yes.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether [`take_overflow`](Self::take_overflow) would say so. Real-time: yes.
    pub(super) fn is_overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// Whether a release was lost since the last call: all notes must end. Real-time: yes.
    pub fn take_overflow(&self) -> bool {
        self.is_overflowed() && self.overflowed.swap(false, Ordering::Acquire)
    }
}

/// Makes the door by which one MIDI source enters. Real-time: no (allocates).
pub fn inlet(time_base: TimeBase) -> (Inlet, Source) {
    let (events, event_receiver) = ring::ring(EVENTS);
    let (bytes, byte_reader) = stream::stream(SYSEX_LIMIT_BYTES + SYSEX_CHUNK_BYTES);
    let health = Arc::new(InletHealth::default());
    let inlet = Inlet { events, bytes, health: Arc::clone(&health), sysex_refused: false };
    (inlet, Source { events: event_receiver, bytes: byte_reader, health, time_base })
}

/// The MIDI thread's end of a source. Real-time: yes.
pub struct Inlet {
    events: ring::Sender<Event>,
    bytes: stream::Writer<u8>,
    health: Arc<InletHealth>,
    sysex_refused: bool,
}

impl Inlet {
    /// Sends one whole message that is not SysEx. When the ring is full the
    /// newest is dropped and counted; releases have room of their own, and if
    /// even that is full, all notes of the source will end. Real-time: yes.
    pub fn message(&mut self, time: u64, bytes: &[u8]) {
        self.push(Event::from_bytes(time, 0, bytes));
    }

    /// Sends the next stretch of a SysEx, of any length; `first` where it begins
    /// with `F0`, `last` where it ends with `F7` (or was cut off there). One that
    /// does not fit is dropped to its end, and counted once. Real-time: yes.
    pub fn sysex(&mut self, time: u64, bytes: &[u8], first: bool, last: bool) {
        if first {
            self.sysex_refused = false;
        }
        let chunks = bytes.chunks(SYSEX_CHUNK_BYTES);
        let count = chunks.len();
        for (index, chunk) in chunks.enumerate() {
            if self.sysex_refused {
                break;
            }
            let is_first = first && index == 0;
            let is_last = last && index + 1 == count;
            if self.bytes.vacant() < chunk.len() || self.events.vacant() <= RESERVED_FOR_RELEASES {
                self.sysex_refused = true;
                self.health.dropped.fetch_add(1, Ordering::Relaxed);
                // Room is reserved: whoever collects the chunks learns that no
                // more will come.
                let _ = self.events.send(Event::sysex(time, 0, 0, is_first, true));
                break;
            }
            self.bytes.write(chunk);
            let event = Event::sysex(time, 0, chunk.len() as u32, is_first, is_last);
            if self.events.send(event).is_err() {
                self.health.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        if last {
            self.sysex_refused = false;
        }
    }

    /// "The device is gone": everything it holds will end. Real-time: yes.
    pub fn reset(&mut self, time: u64) {
        self.push(Event::reset(time, 0));
    }

    /// What was lost, to be read elsewhere. Real-time: no.
    pub fn health(&self) -> &Arc<InletHealth> {
        &self.health
    }

    fn push(&mut self, event: Event) {
        let is_release = event.is_release();
        if !is_release && self.events.vacant() <= RESERVED_FOR_RELEASES {
            self.health.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if self.events.send(event).is_err() {
            self.health.dropped.fetch_add(1, Ordering::Relaxed);
            self.health.overflowed.store(true, Ordering::Release);
        }
    }
}

/// The Renderer's end of a source. Real-time: yes.
pub struct Source {
    pub(super) events: ring::Receiver<Event>,
    pub(super) bytes: stream::Reader<u8>,
    pub(super) health: Arc<InletHealth>,
    pub(super) time_base: TimeBase,
}

#[cfg(test)]
impl Source {
    /// The next event and the bytes that belong to it, for tests of what feeds an inlet.
    pub(crate) fn receive(&mut self) -> Option<(Event, Vec<u8>)> {
        let event = self.events.receive()?;
        let mut bytes = Vec::new();
        if let Some(crate::midi::EventKind::Sysex { bytes: count, .. }) = event.kind() {
            bytes.resize(count as usize, 0);
            self.bytes.read(&mut bytes);
        }
        Some((event, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_drops_the_newest_but_keeps_the_releases() {
        let (mut inlet, mut source) = inlet(TimeBase::Host);
        for i in 0..20_000_u64 {
            inlet.message(i, &[0x90, (i % 128) as u8, 100]);
        }
        for i in 0..100_u64 {
            inlet.message(20_000 + i, &[0x80, i as u8, 0]);
        }
        let kept = EVENTS - RESERVED_FOR_RELEASES;
        assert_eq!(source.health.dropped(), 20_000 - kept as u64);
        assert!(!source.health.take_overflow());
        let arrived: Vec<Event> = std::iter::from_fn(|| source.events.receive()).collect();
        assert_eq!(arrived.len(), kept + 100);
        assert!(arrived[kept..].iter().all(Event::is_release));
    }

    #[test]
    fn a_lost_release_raises_the_flag_once() {
        let (mut inlet, source) = inlet(TimeBase::Host);
        for i in 0..=EVENTS as u64 {
            inlet.message(i, &[0x80, 1, 0]);
        }
        assert!(source.health.take_overflow());
        assert!(!source.health.take_overflow());
    }

    #[test]
    fn a_sysex_travels_in_chunks_and_one_too_many_is_dropped_whole() {
        let (mut inlet, mut source) = inlet(TimeBase::Host);
        let mut dump = vec![0x11; SYSEX_LIMIT_BYTES];
        dump[0] = 0xf0;
        dump[SYSEX_LIMIT_BYTES - 1] = 0xf7;
        inlet.sysex(5, &dump[..600], true, false);
        inlet.sysex(6, &dump[SYSEX_LIMIT_BYTES - 10..], false, true);
        let chunks: Vec<_> =
            std::iter::from_fn(|| source.events.receive()).map(|e| (e.length, e.kind())).collect();
        assert_eq!(chunks.iter().map(|c| c.0).collect::<Vec<_>>(), [256, 256, 88, 10]);
        assert_eq!(source.bytes.skip(usize::MAX >> 1), 610);
        inlet.sysex(7, &dump, true, true);
        let last = std::iter::from_fn(|| source.events.receive()).last().expect("chunks came");
        assert!(matches!(last.kind(), Some(crate::midi::EventKind::Sysex { last: true, .. })));
        inlet.message(8, &[0x90, 60, 1]);
        assert_eq!(source.events.receive().map(|e| e.time), Some(8));
    }
}
