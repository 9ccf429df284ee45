use std::io::Read;
use std::path::Path;

use super::chunk::{Division, read_header};
use super::track::{self, Gathered};
use super::{FILE_LIMIT_BYTES, Fault, FileError, LENGTH_LIMIT_SECONDS};
use crate::midi::{Event, Message, SYSEX_CHUNK_BYTES};
use crate::transport::TempoMap;
use crate::unit::{Frame, SampleRate};

/// A MIDI file, all tracks in one line, in ticks. Real-time: no.
#[derive(Clone, PartialEq, Debug)]
pub struct Score {
    /// What sounds or sets, in order of ticks; at one tick in order of tracks.
    pub events: Vec<ScoreEvent>,
    /// The bytes of every SysEx, to which [`Body::Sysex`] points.
    pub sysex: Vec<u8>,
    /// When a tick is. Tempo events of all tracks count.
    pub tempo: TempoMap,
    /// The latest end of a track.
    pub end_tick: u64,
    /// The first track's name.
    pub name: Option<String>,
}

/// One event of a [`Score`]. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScoreEvent {
    /// Ticks from the beginning.
    pub tick: u64,
    /// What happens there.
    pub body: Body,
}

/// What an event of a score says. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body {
    /// A whole message but SysEx.
    Message {
        /// Status and data bytes.
        bytes: [u8; 3],
        /// How many of them count.
        length: u8,
    },
    /// A whole SysEx, `F0` and `F7` included.
    Sysex {
        /// Where in the score's blob it begins.
        start: u32,
        /// How many bytes it has.
        length: u32,
    },
}

impl Body {
    pub(super) fn message(message: &[u8]) -> Body {
        let mut bytes = [0; 3];
        let length = message.first().map_or(0, |&status| Message::length_of(status)).min(message.len());
        bytes[..length].copy_from_slice(&message[..length]);
        Body::Message { bytes, length: length as u8 }
    }
}

/// A score on the engine's timeline, ready to be played without a further
/// allocation. Real-time: no.
#[derive(Clone, PartialEq, Debug)]
pub struct Performance {
    /// In order of frames. A SysEx is a row of chunk events at one frame.
    pub events: Box<[Event]>,
    /// The bytes of the SysEx chunks, one after the other, in their order.
    pub sysex: Box<[u8]>,
    /// round(end of the last track · rate).
    pub end_frame: Frame,
}

impl Score {
    /// Reads a file from a disk. Real-time: no.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read, or is no playable MIDI file.
    pub fn open(path: &Path) -> Result<Score, FileError> {
        let unreadable = |error: std::io::Error| FileError::at(0, Fault::Unreadable(error.to_string()));
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        // One byte more than the limit tells a file that is too large; the
        // length that the file system names may be a lie (a pipe, a device).
        file.take(FILE_LIMIT_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        Score::read(&bytes)
    }

    /// Reads the bytes of a file of format 0 or 1. Real-time: no.
    ///
    /// # Errors
    /// [`FileError`] with the place of what is wrong.
    pub fn read(bytes: &[u8]) -> Result<Score, FileError> {
        if bytes.len() > FILE_LIMIT_BYTES {
            return Err(FileError::at(0, Fault::TooLarge));
        }
        let (division, mut chunks) = read_header(bytes)?;
        let mut gathered = Gathered::default();
        let mut number = 0;
        while let Some(chunk) = chunks.next_track()? {
            number += 1;
            track::read(&chunk, number, &mut gathered)?;
        }
        // Both sorts are stable: the order of tracks decides inside a tick.
        gathered.events.sort_by_key(|event| event.tick);
        gathered.tempos.sort_by_key(|&(tick, _)| tick);
        let tempo = match division {
            Division::Beat { ticks } => TempoMap::beats(ticks, &gathered.tempos),
            Division::Smpte { rate, ticks } => TempoMap::smpte(rate, ticks),
        }
        .map_err(|_| FileError::at(12, Fault::NoDivision))?;
        let seconds = tempo.whole_seconds(gathered.end_tick);
        if seconds > LENGTH_LIMIT_SECONDS {
            return Err(FileError::at(bytes.len(), Fault::TooLong { hours: seconds / 3_600 }));
        }
        Ok(Score {
            events: gathered.events,
            sysex: gathered.sysex,
            tempo,
            end_tick: gathered.end_tick,
            name: gathered.name.filter(|name| !name.is_empty()),
        })
    }

    /// The score on the timeline of an engine that runs at `rate`, each event
    /// at round(t · rate), marked as coming from `source`. Real-time: no.
    pub fn at(&self, rate: SampleRate, source: u16) -> Performance {
        let mut events = Vec::with_capacity(self.events.len());
        let mut sysex = Vec::with_capacity(self.sysex.len());
        for event in &self.events {
            let frame = self.tempo.frame(event.tick, rate);
            match event.body {
                Body::Message { bytes, length } => {
                    events.push(Event::from_bytes(frame, source, &bytes[..usize::from(length)]));
                }
                Body::Sysex { start, length } => {
                    // Tracks take turns, so the blob's order is not time's.
                    let bytes = &self.sysex[start as usize..(start + length) as usize];
                    sysex.extend_from_slice(bytes);
                    let chunks = bytes.chunks(SYSEX_CHUNK_BYTES);
                    let last = chunks.len() - 1;
                    for (index, chunk) in chunks.enumerate() {
                        let bytes = chunk.len() as u32;
                        events.push(Event::sysex(frame, source, bytes, index == 0, index == last));
                    }
                }
            }
        }
        let end_frame = self.tempo.frame(self.end_tick, rate);
        Performance { events: events.into(), sysex: sysex.into(), end_frame }
    }
}
