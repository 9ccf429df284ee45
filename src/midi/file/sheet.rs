//! A MIDI file with all that it holds, to be mended and written again.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use super::chunk::{Division, TrackChunk, read_header};
use super::oddity::{Oddity, OddityKind};
use super::track::{ESCAPE, META, SYSEX_PACKET, Shape, number};
use super::{EVENT_LIMIT, FILE_LIMIT_BYTES, Fault, FileError, WriteError};
use crate::midi::Message;
use crate::midi::codec::SYSEX_END;
use crate::transport::TempoMap;
use crate::unit::SampleRate;

const END_OF_TRACK: u8 = 0x2f;
const TEMPO: u8 = 0x51;
const NAME: u8 = 0x03;
/// Oddities that are kept with their places; more are only counted.
const ODDITIES: usize = 256;

/// What kind of event it is, and so what its bytes are. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// A channel message: its bytes with the status byte.
    Channel,
    /// A SysEx, or its first packet: what follows the `F0`.
    Sysex,
    /// Another packet of a SysEx, or any raw bytes.
    Escape,
    /// A meta event of this kind: its data.
    Meta(u8),
}

/// One event of a track. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SheetEvent {
    /// Ticks from the beginning.
    pub tick: u64,
    /// What it is.
    pub form: Form,
    start: u32,
    length: u32,
}

/// A track, without its end-of-track event. Real-time: no.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SheetTrack {
    /// In their order.
    pub events: Vec<SheetEvent>,
    /// Where its end is.
    pub end_tick: u64,
}

/// A MIDI file of format 0 or 1: every track and event, unknown metas
/// included. Real-time: no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet {
    /// 0 or 1.
    pub format: u8,
    /// What ticks are.
    pub division: Division,
    /// At least one.
    pub tracks: Vec<SheetTrack>,
    /// What was odd, the first 256 of it.
    pub oddities: Vec<Oddity>,
    /// How much was odd.
    pub oddity_count: u64,
    bytes: Vec<u8>,
}

impl Sheet {
    /// Reads a file from a disk. Real-time: no.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read, or is no MIDI file of format 0 or 1.
    pub fn open(path: &Path) -> Result<Sheet, FileError> {
        let unreadable = |error: std::io::Error| FileError::at(0, Fault::Unreadable(error.to_string()));
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(FILE_LIMIT_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        Sheet::read(&bytes)
    }

    /// Reads the bytes of a file. Real-time: no.
    ///
    /// # Errors
    /// [`FileError`] with the place of what is wrong.
    pub fn read(bytes: &[u8]) -> Result<Sheet, FileError> {
        if bytes.len() > FILE_LIMIT_BYTES {
            return Err(FileError::at(0, Fault::TooLarge));
        }
        let (division, mut chunks) = read_header(bytes)?;
        let format = chunks.format;
        let mut sheet = Sheet {
            format,
            division,
            tracks: Vec::new(),
            oddities: Vec::new(),
            oddity_count: 0,
            bytes: Vec::new(),
        };
        if chunks.extra_header_bytes > 0 {
            sheet.odd(None, 0, OddityKind::LongHeader { bytes: chunks.extra_header_bytes });
        }
        let mut count = 0;
        while let Some(chunk) = chunks.next_track()? {
            sheet.track(&chunk, &mut count)?;
        }
        if chunks.foreign > 0 {
            sheet.odd(None, 0, OddityKind::ForeignChunks { count: chunks.foreign });
        }
        if chunks.rest_bytes() > 0 {
            sheet.odd(None, 0, OddityKind::RestOfFile { bytes: chunks.rest_bytes() });
        }
        if sheet.format == 0 && sheet.tracks.len() > 1 {
            sheet.format = 1;
            sheet.odd(None, 0, OddityKind::Format0WithTracks { tracks: sheet.tracks.len() });
        }
        Ok(sheet)
    }

    /// An event's bytes, as its form says. Real-time: no.
    pub fn bytes(&self, event: &SheetEvent) -> &[u8] {
        &self.bytes[event.start as usize..(event.start + event.length) as usize]
    }

    /// The tempo changes of all tracks, as (tick, µs per beat), in order. Real-time: no.
    pub fn tempos(&self) -> Vec<(u64, u32)> {
        let mut tempos = Vec::new();
        for event in self.tracks.iter().flat_map(|track| &track.events) {
            if let (Form::Meta(TEMPO), &[high, middle, low]) = (event.form, self.bytes(event)) {
                tempos.push((event.tick, u32::from_be_bytes([0, high, middle, low])));
            }
        }
        tempos.sort_by_key(|&(tick, _)| tick);
        tempos
    }

    /// Gives the seconds of a tick, to 20 µs. Real-time: no.
    ///
    /// # Errors
    /// [`FileError`] where a tick has no length, which reading has refused.
    pub fn clock(&self) -> Result<impl Fn(u64) -> f64, FileError> {
        let map = match self.division {
            Division::Beat { ticks } => TempoMap::beats(ticks, &self.tempos()),
            Division::Smpte { rate, ticks } => TempoMap::smpte(rate, ticks),
        }
        .map_err(|_| FileError::at(12, Fault::NoDivision))?;
        let rate = SampleRate::DEFAULT;
        Ok(move |tick| rate.seconds(map.frame(tick, rate)))
    }

    /// A track's name, as the file gives it. Real-time: no.
    pub fn name(&self, track: &SheetTrack) -> Option<String> {
        let named = track.events.iter().find(|event| event.form == Form::Meta(NAME))?;
        let name = String::from_utf8_lossy(self.bytes(named)).trim().to_owned();
        (!name.is_empty()).then_some(name)
    }

    /// The file's bytes: every status byte written, every track with its end,
    /// every SysEx with its `F7`. Real-time: no.
    ///
    /// # Errors
    /// [`WriteError`] beyond 4 GiB.
    pub fn write(&self) -> Result<Vec<u8>, WriteError> {
        let mut file = b"MThd\0\0\0\x06\0".to_vec();
        file.push(self.format);
        let tracks = u16::try_from(self.tracks.len()).map_err(|_| WriteError)?;
        file.extend_from_slice(&tracks.to_be_bytes());
        file.extend_from_slice(&self.division.bytes());
        let mut track = Vec::new();
        for written in &self.tracks {
            track.clear();
            let mut now = 0;
            for event in &written.events {
                self.write_event(&mut track, event, &mut now);
            }
            write_number(&mut track, written.end_tick.saturating_sub(now));
            track.extend_from_slice(&[META, END_OF_TRACK, 0]);
            file.extend_from_slice(b"MTrk");
            file.extend_from_slice(&u32::try_from(track.len()).map_err(|_| WriteError)?.to_be_bytes());
            file.extend_from_slice(&track);
        }
        Ok(file)
    }

    fn write_event(&self, track: &mut Vec<u8>, event: &SheetEvent, now: &mut u64) {
        write_number(track, event.tick.saturating_sub(*now));
        *now = event.tick;
        let bytes = self.bytes(event);
        match event.form {
            Form::Channel => {}
            Form::Sysex => track.push(SYSEX_PACKET),
            Form::Escape => track.push(ESCAPE),
            Form::Meta(kind) => track.extend_from_slice(&[META, kind]),
        }
        if event.form != Form::Channel {
            write_number(track, bytes.len() as u64);
        }
        track.extend_from_slice(bytes);
    }

    fn odd(&mut self, track: Option<usize>, tick: u64, kind: OddityKind) {
        self.oddity_count += 1;
        if self.oddities.len() < ODDITIES {
            self.oddities.push(Oddity { track, tick, kind });
        }
    }

    fn track(&mut self, chunk: &TrackChunk<'_>, count: &mut usize) -> Result<(), FileError> {
        let number = self.tracks.len() + 1;
        let mut reader =
            Reader { sheet: self, number, track: SheetTrack::default(), open: None, held: HashMap::new() };
        reader.read(chunk, count)?;
        reader.finish();
        let track = reader.track;
        self.tracks.push(track);
        Ok(())
    }
}

/// A delta time or a length: seven bits in a byte, the highest first.
fn write_number(track: &mut Vec<u8>, number: u64) {
    // What was read from four bytes fits in four.
    for shift in [21, 14, 7] {
        if number >> shift > 0 {
            track.push((number >> shift) as u8 | 0x80);
        }
    }
    track.push(number as u8 & 0x7f);
}

struct Reader<'s> {
    sheet: &'s mut Sheet,
    number: usize,
    track: SheetTrack,
    /// The packet of a SysEx that has not ended: its place among the events.
    open: Option<usize>,
    /// How often each (channel, key) was struck and not yet released.
    held: HashMap<(u8, u8), u32>,
}

impl Reader<'_> {
    fn read(&mut self, chunk: &TrackChunk<'_>, count: &mut usize) -> Result<(), FileError> {
        let mut rest = chunk.bytes;
        if rest.is_empty() {
            self.odd(OddityKind::EmptyTrack);
            return Ok(());
        }
        let (track, mut status, mut was_meta, mut index) = (self.number, None, false, 0);
        while !rest.is_empty() {
            index += 1;
            *count += 1;
            let offset_bytes = chunk.offset + chunk.bytes.len() - rest.len();
            let place = |fault| FileError { offset_bytes, track: Some(track), event: Some(index), fault };
            if *count > EVENT_LIMIT {
                return Err(place(Fault::TooManyEvents));
            }
            let shape = Shape::of(rest, status).map_err(place)?;
            let (_, delta_bytes) = number(rest, 0).map_err(place)?;
            self.track.end_tick += u64::from(shape.delta);
            if rest[0] == 0x80 {
                self.odd(OddityKind::LongDelta);
            }
            if was_meta && shape.data == delta_bytes {
                self.odd(OddityKind::RunningStatusOverMeta);
            }
            let (event, after) = rest.split_at(shape.length);
            rest = after;
            was_meta = shape.status == META;
            match shape.status {
                META => {
                    let kind = event[shape.data];
                    let (length, _) = number(event, shape.data + 1).map_err(place)?;
                    let data = &event[event.len() - length as usize..];
                    if kind == END_OF_TRACK {
                        if !rest.is_empty() {
                            self.odd(OddityKind::AfterEndOfTrack { bytes: rest.len() });
                        }
                        return Ok(());
                    }
                    self.meta(kind, data);
                }
                SYSEX_PACKET | ESCAPE => {
                    status = None;
                    let (length, _) = number(event, shape.data).map_err(place)?;
                    self.packet(shape.status == SYSEX_PACKET, &event[event.len() - length as usize..]);
                }
                channel => {
                    status = Some(channel);
                    self.channel(channel, &event[shape.data..]);
                }
            }
        }
        self.odd(OddityKind::NoEndOfTrack);
        Ok(())
    }

    fn odd(&mut self, kind: OddityKind) {
        self.sheet.odd(Some(self.number), self.track.end_tick, kind);
    }

    fn push(&mut self, form: Form, parts: &[&[u8]]) {
        let bytes = &mut self.sheet.bytes;
        // The file's limit keeps both far below 2^32.
        let start = bytes.len() as u32;
        for part in parts {
            bytes.extend_from_slice(part);
        }
        let length = bytes.len() as u32 - start;
        self.track.events.push(SheetEvent { tick: self.track.end_tick, form, start, length });
    }

    fn meta(&mut self, kind: u8, data: &[u8]) {
        let length = data.len();
        let is_right = match kind {
            0x00 => length == 2 || length == 0,
            0x20 | 0x21 => length == 1,
            TEMPO => length == 3,
            0x54 => length == 5,
            0x58 => length == 4,
            0x59 => length == 2,
            _ => true,
        };
        if !is_right {
            self.odd(OddityKind::MetaLength { kind, bytes: length });
        }
        if kind == TEMPO && data == [0; 3] {
            self.odd(OddityKind::NoTempo);
        }
        if !matches!(kind, 0x00..=0x0f | 0x20 | 0x21 | TEMPO | 0x54 | 0x58 | 0x59 | 0x7f) {
            self.odd(OddityKind::UnknownMeta { kind });
        }
        self.push(Form::Meta(kind), &[data]);
    }

    fn packet(&mut self, is_first: bool, data: &[u8]) {
        if is_first {
            self.close();
        }
        self.push(if is_first { Form::Sysex } else { Form::Escape }, &[data]);
        if is_first || self.open.is_some() {
            let has_end = data.last() == Some(&SYSEX_END);
            self.open = (!has_end).then(|| self.track.events.len() - 1);
        }
    }

    fn channel(&mut self, status: u8, data: &[u8]) {
        self.close();
        self.push(Form::Channel, &[&[status], data]);
        let second = data.get(1).copied().unwrap_or(0);
        match Message::decode([status, data[0], second]) {
            Some(Message::NoteOn { channel, key, .. }) => {
                let held = self.held.entry((channel, key)).or_default();
                *held += 1;
                if *held > 1 {
                    self.odd(OddityKind::StruckTwice { channel, key });
                }
            }
            Some(Message::NoteOff { channel, key, .. }) => {
                let held = self.held.entry((channel, key)).or_default();
                let was_held = *held > 0;
                *held = held.saturating_sub(1);
                if !was_held {
                    self.odd(OddityKind::NeverStruck { channel, key });
                }
            }
            _ => {}
        }
    }

    /// Gives a SysEx that the file left open its end, in its last packet.
    fn close(&mut self) {
        let Some(event) = self.open.take().map(|index| &mut self.track.events[index]) else { return };
        let bytes = &mut self.sheet.bytes;
        let (start, end) = (event.start as usize, (event.start + event.length) as usize);
        event.start = bytes.len() as u32;
        bytes.extend_from_within(start..end);
        bytes.push(SYSEX_END);
        event.length += 1;
        self.odd(OddityKind::OpenSysex);
    }

    fn finish(&mut self) {
        self.close();
        let mut held: Vec<(u8, u8)> =
            self.held.iter().filter(|(_, count)| **count > 0).map(|(key, _)| *key).collect();
        held.sort_unstable();
        for (channel, key) in held {
            self.odd(OddityKind::NeverReleased { channel, key });
        }
    }
}
