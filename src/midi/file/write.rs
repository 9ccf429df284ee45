use midly::live::LiveEvent;
use midly::num::{u15, u24, u28};
use midly::{Format, Header, MetaMessage, Timing, TrackEvent, TrackEventKind};

use crate::midi::codec::SYSEX_BEGIN;
use crate::unit::{Frame, SampleRate};

const TICKS_PER_BEAT: u16 = 960;
/// 120 beats a minute.
const MICROS_PER_BEAT: u32 = 500_000;
const TICKS_PER_SECOND: u128 = 1_920;

/// Why no file could be made. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("what was played does not fit into a MIDI file (4 GiB)")]
pub struct WriteError;

/// What was sent to a MIDI destination, to be written as a file of format 0
/// with 960 ticks per beat at 120 beats a minute (a tick is 1/1920 s). Real-time: no.
#[derive(Clone, Debug)]
pub struct Transcript {
    rate: SampleRate,
    /// (tick, where in `bytes` the message ends), in order of arrival.
    events: Vec<(u64, usize)>,
    bytes: Vec<u8>,
}

impl Transcript {
    /// An empty transcript of an engine that runs at `rate`. Real-time: no.
    pub fn new(rate: SampleRate) -> Transcript {
        Transcript { rate, events: Vec::new(), bytes: Vec::new() }
    }

    /// Adds one whole message, or one whole SysEx with its `F0` and `F7`. One
    /// that is earlier than the last goes where the last is: a wire cannot go
    /// back either. Real-time: no.
    pub fn push(&mut self, frame: Frame, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let earliest = self.events.last().map_or(0, |event| event.0);
        self.bytes.extend_from_slice(bytes);
        self.events.push((self.tick(frame).max(earliest), self.bytes.len()));
    }

    /// Whether nothing was added. Real-time: no.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The file's bytes; its track ends at `end_frame`. Real-time: no.
    ///
    /// # Errors
    /// [`WriteError`] beyond 4 GiB.
    pub fn finish(&self, end_frame: Frame) -> Result<Vec<u8>, WriteError> {
        let mut track = Vec::with_capacity(self.events.len() + 2);
        let tempo = MetaMessage::Tempo(u24::new(MICROS_PER_BEAT));
        track.push(TrackEvent { delta: u28::new(0), kind: TrackEventKind::Meta(tempo) });
        let (mut now, mut begin) = (0, 0);
        for &(tick, end) in &self.events {
            let delta = wait(&mut track, &mut now, tick);
            track.push(TrackEvent { delta, kind: kind(&self.bytes[begin..end]) });
            begin = end;
        }
        let end_tick = self.tick(end_frame).max(now);
        let delta = wait(&mut track, &mut now, end_tick);
        track.push(TrackEvent { delta, kind: TrackEventKind::Meta(MetaMessage::EndOfTrack) });
        let header = Header::new(Format::SingleTrack, Timing::Metrical(u15::new(TICKS_PER_BEAT)));
        let mut file = Vec::with_capacity(self.bytes.len() + 4 * track.len());
        midly::write_std(&header, [&track], &mut file).map_err(|_| WriteError)?;
        Ok(file)
    }

    fn tick(&self, frame: Frame) -> u64 {
        let rate = u128::from(self.rate.hertz());
        let tick = (2 * u128::from(frame) * TICKS_PER_SECOND + rate) / (2 * rate);
        tick.try_into().unwrap_or(u64::MAX)
    }
}

/// The delta time to `tick`. A wait of more than 38 hours, which no delta time
/// holds, is filled with empty texts.
fn wait(track: &mut Vec<TrackEvent<'_>>, now: &mut u64, tick: u64) -> u28 {
    let longest = u28::max_value();
    let mut delta = tick - *now;
    while delta > u64::from(longest.as_int()) {
        track.push(TrackEvent { delta: longest, kind: TrackEventKind::Meta(MetaMessage::Text(&[])) });
        delta -= u64::from(longest.as_int());
    }
    *now = tick;
    u28::new(delta as u32)
}

fn kind(bytes: &[u8]) -> TrackEventKind<'_> {
    if bytes[0] == SYSEX_BEGIN {
        return TrackEventKind::SysEx(&bytes[1..]);
    }
    match LiveEvent::parse(bytes) {
        Ok(LiveEvent::Midi { channel, message }) => TrackEventKind::Midi { channel, message },
        // System messages have no event of their own in a file.
        _ => TrackEventKind::Escape(bytes),
    }
}
