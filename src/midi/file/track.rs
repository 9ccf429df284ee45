//! The events of one track.

use midly::{EventIter, MetaMessage, TrackEvent, TrackEventKind};

use super::chunk::TrackChunk;
use super::score::{Body, ScoreEvent};
use super::{EVENT_LIMIT, Fault, FileError};
use crate::midi::codec::{Parsed, Parser, SYSEX_BEGIN};

pub(super) const META: u8 = 0xff;
pub(super) const SYSEX_PACKET: u8 = 0xf0;
pub(super) const ESCAPE: u8 = 0xf7;
const NAME_LIMIT_BYTES: usize = 256;

/// What all tracks together give.
#[derive(Default)]
pub(super) struct Gathered {
    pub events: Vec<ScoreEvent>,
    pub sysex: Vec<u8>,
    /// (tick, µs per beat), track by track.
    pub tempos: Vec<(u64, u32)>,
    pub end_tick: u64,
    pub name: Option<String>,
    /// Events of any kind so far.
    pub count: usize,
}

struct Track<'g> {
    gathered: &'g mut Gathered,
    tick: u64,
    /// SysEx and escape packets are one stream of raw bytes: a SysEx may be cut
    /// into several packets, and a packet may hold several messages.
    parser: Parser,
    /// Where in the blob the SysEx under way begins, and the tick of its latest packet.
    sysex: Option<(usize, u64)>,
}

pub(super) fn read(chunk: &TrackChunk<'_>, number: usize, gathered: &mut Gathered) -> Result<(), FileError> {
    let mut track = Track { gathered, tick: 0, parser: Parser::new(), sysex: None };
    let mut iter = EventIter::new(chunk.bytes);
    let mut index = 0;
    // Meta events do not end the running status here, as they should in the
    // specification: many sequencers write as if they did not.
    let mut status = None;
    loop {
        let raw = iter.unread();
        if raw.is_empty() {
            break;
        }
        index += 1;
        let offset = chunk.offset + chunk.bytes.len() - raw.len();
        let place =
            |fault| FileError { offset_bytes: offset, track: Some(number), event: Some(index), fault };
        track.gathered.count += 1;
        if track.gathered.count > EVENT_LIMIT {
            return Err(place(Fault::TooManyEvents));
        }
        let shape = Shape::of(raw, status).map_err(place)?;
        *iter.running_status_mut() = status;
        match iter.next() {
            Some(Ok(event)) => {
                if track.event(event).map_err(place)? {
                    break;
                }
            }
            // A meta event that midly takes exception to (an odd key signature)
            // has no sound; the shape says where it ends.
            _ if shape.status == META => {
                track.tick += u64::from(shape.delta);
                iter = EventIter::new(&raw[shape.length..]);
            }
            Some(Err(error)) => return Err(place(Fault::Undecodable(error.to_string()))),
            None => return Err(place(Fault::EventCut)),
        }
        status = match shape.status {
            META => status,
            SYSEX_PACKET | ESCAPE => None,
            channel => Some(channel),
        };
    }
    track.finish();
    Ok(())
}

/// An event's extent, checked before midly decodes it leniently.
pub(super) struct Shape {
    pub delta: u32,
    /// Its status byte, running status resolved.
    pub status: u8,
    /// Where what belongs to the status begins: data bytes, a meta event's kind, a length.
    pub data: usize,
    /// Bytes of the whole event, delta time included.
    pub length: usize,
}

impl Shape {
    pub(super) fn of(raw: &[u8], running: Option<u8>) -> Result<Shape, Fault> {
        let (delta, mut at) = number(raw, 0)?;
        let first = *raw.get(at).ok_or(Fault::EventCut)?;
        let status = if first < 0x80 {
            running.ok_or(Fault::NoRunningStatus)?
        } else {
            at += 1;
            first
        };
        let begin = at;
        match status {
            0x80..=0xef => {
                let data = if matches!(status, 0xc0..=0xdf) { 1 } else { 2 };
                let data = raw.get(at..at + data).ok_or(Fault::EventCut)?;
                if let Some(&byte) = data.iter().find(|&&byte| byte >= 0x80) {
                    return Err(Fault::StatusInsideMessage(byte));
                }
                at += data.len();
            }
            META | SYSEX_PACKET | ESCAPE => {
                at += usize::from(status == META);
                let (length, after) = number(raw, at)?;
                at = after + length as usize;
                if at > raw.len() {
                    return Err(Fault::EventCut);
                }
            }
            other => return Err(Fault::ForbiddenStatus(other)),
        }
        Ok(Shape { delta, status, data: begin, length: at })
    }
}

/// A variable-length number at `at`, and where it ends.
pub(super) fn number(raw: &[u8], at: usize) -> Result<(u32, usize), Fault> {
    let mut value = 0;
    for index in at..at + 4 {
        let byte = *raw.get(index).ok_or(Fault::EventCut)?;
        value = (value << 7) | u32::from(byte & 0x7f);
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    Err(Fault::LongNumber)
}

impl Track<'_> {
    /// Takes an event; whether it was the track's last.
    fn event(&mut self, event: TrackEvent<'_>) -> Result<bool, Fault> {
        self.tick += u64::from(event.delta.as_int());
        match event.kind {
            TrackEventKind::Midi { channel, message } => {
                self.end_sysex();
                let mut bytes = [0; 3];
                let mut cursor = midly::io::Cursor::new(&mut bytes);
                // Cannot fail: a channel message has at most three bytes.
                let _ = midly::live::LiveEvent::Midi { channel, message }.write(&mut cursor);
                self.push(Body::message(&bytes));
            }
            TrackEventKind::SysEx(data) => {
                self.raw(&[SYSEX_BEGIN])?;
                self.raw(data)?;
            }
            TrackEventKind::Escape(data) => self.raw(data)?,
            TrackEventKind::Meta(MetaMessage::EndOfTrack) => return Ok(true),
            TrackEventKind::Meta(MetaMessage::Tempo(micros)) => {
                self.gathered.tempos.push((self.tick, micros.as_int()));
            }
            TrackEventKind::Meta(MetaMessage::TrackName(name)) if self.gathered.name.is_none() => {
                let name = &name[..name.len().min(NAME_LIMIT_BYTES)];
                self.gathered.name = Some(String::from_utf8_lossy(name).trim().to_owned());
            }
            TrackEventKind::Meta(_) => {}
        }
        Ok(false)
    }

    fn push(&mut self, body: Body) {
        self.gathered.events.push(ScoreEvent { tick: self.tick, body });
    }

    /// Takes raw bytes of a packet. A whole SysEx is placed at its last packet's
    /// tick: before that no wire could have brought all of it.
    fn raw(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let (gathered, tick, sysex) = (&mut *self.gathered, self.tick, &mut self.sysex);
        self.parser.feed(bytes, |parsed| take(gathered, sysex, tick, parsed));
        if let Some((_, latest)) = sysex {
            *latest = tick;
        }
        if self.parser.dropped().long_sysex > 0 { Err(Fault::LongSysex) } else { Ok(()) }
    }

    /// Ends a SysEx that the file left open, where its latest packet stands.
    fn end_sysex(&mut self) {
        if let Some((_, latest)) = self.sysex {
            let (gathered, sysex) = (&mut *self.gathered, &mut self.sysex);
            self.parser.interrupt(|parsed| take(gathered, sysex, latest, parsed));
        }
    }

    fn finish(mut self) {
        self.end_sysex();
        self.gathered.end_tick = self.gathered.end_tick.max(self.tick);
    }
}

fn take(gathered: &mut Gathered, sysex: &mut Option<(usize, u64)>, tick: u64, parsed: Parsed<'_>) {
    match parsed {
        Parsed::Message(bytes) => gathered.events.push(ScoreEvent { tick, body: Body::message(bytes) }),
        Parsed::Sysex { bytes, last, .. } => {
            let (start, _) = *sysex.get_or_insert((gathered.sysex.len(), tick));
            gathered.sysex.extend_from_slice(bytes);
            if last {
                *sysex = None;
                let length = gathered.sysex.len() - start;
                // The file's limit keeps both far below 2^32.
                let body = Body::Sysex { start: start as u32, length: length as u32 };
                gathered.events.push(ScoreEvent { tick, body });
            }
        }
    }
}
