//! The file's outer shape: a header, then tracks, each with its length.

use super::{Fault, FileError};
use crate::transport::SmpteRate;

const HEADER_BYTES: u32 = 6;

/// What a file counts its time in. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Division {
    /// Parts of a quarter note.
    Beat {
        /// In a quarter note.
        ticks: u16,
    },
    /// Parts of a SMPTE frame.
    Smpte {
        /// Frames a second.
        rate: SmpteRate,
        /// In a frame.
        ticks: u8,
    },
}

impl Division {
    /// As in a file's header.
    pub(super) fn bytes(self) -> [u8; 2] {
        match self {
            Division::Beat { ticks } => ticks.to_be_bytes(),
            Division::Smpte { rate, ticks } => [rate_number(rate).wrapping_neg(), ticks],
        }
    }
}

/// What a file calls a rate; 29 is 30 drop-frame. Real-time: no.
pub const fn rate_number(rate: SmpteRate) -> u8 {
    match rate {
        SmpteRate::Fps24 => 24,
        SmpteRate::Fps25 => 25,
        SmpteRate::Fps2997 => 29,
        SmpteRate::Fps30 => 30,
    }
}

/// A track's bytes and where in the file they begin.
pub(super) struct TrackChunk<'a> {
    pub offset: usize,
    pub bytes: &'a [u8],
}

pub(super) struct Chunks<'a> {
    file: &'a [u8],
    offset: usize,
    announced: u16,
    found: usize,
    /// 0 or 1.
    pub format: u8,
    /// Bytes of the header beyond what it needs.
    pub extra_header_bytes: u32,
    /// Chunks that are no tracks, so far.
    pub foreign: usize,
}

fn two_bytes(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The chunk at `offset`: its name and its announced length, where 8 bytes are left.
fn chunk_head(file: &[u8], offset: usize) -> Option<([u8; 4], u32)> {
    let head = file.get(offset..offset + 8)?;
    Some(([head[0], head[1], head[2], head[3]], u32::from_be_bytes([head[4], head[5], head[6], head[7]])))
}

/// Reads the header; the tracks follow in the `Chunks`.
pub(super) fn read_header(file: &[u8]) -> Result<(Division, Chunks<'_>), FileError> {
    if !file.starts_with(b"MThd") {
        return Err(FileError::at(0, Fault::NoMidi));
    }
    let cut = || FileError::at(file.len(), Fault::HeaderCut);
    let (_, length) = chunk_head(file, 0).ok_or_else(cut)?;
    if length < HEADER_BYTES {
        return Err(FileError::at(4, Fault::HeaderShort(length)));
    }
    let end = 8 + length as usize;
    let body = file.get(8..end).ok_or_else(cut)?;
    let format = match two_bytes(body, 0) {
        format @ (0 | 1) => format as u8,
        2 => return Err(FileError::at(8, Fault::Format2)),
        other => return Err(FileError::at(8, Fault::UnknownFormat(other))),
    };
    let tracks = two_bytes(body, 2);
    if tracks == 0 {
        return Err(FileError::at(10, Fault::NoTracks));
    }
    let division = read_division([body[4], body[5]]).map_err(|fault| FileError::at(12, fault))?;
    let extra_header_bytes = length - HEADER_BYTES;
    let chunks =
        Chunks { file, offset: end, announced: tracks, found: 0, format, extra_header_bytes, foreign: 0 };
    Ok((division, chunks))
}

fn read_division(bytes: [u8; 2]) -> Result<Division, Fault> {
    if bytes[0] < 0x80 {
        return match u16::from_be_bytes(bytes) {
            0 => Err(Fault::NoDivision),
            ticks => Ok(Division::Beat { ticks }),
        };
    }
    let rate = match bytes[0].wrapping_neg() {
        24 => SmpteRate::Fps24,
        25 => SmpteRate::Fps25,
        29 => SmpteRate::Fps2997,
        30 => SmpteRate::Fps30,
        other => return Err(Fault::UnknownSmpteRate(other)),
    };
    match bytes[1] {
        0 => Err(Fault::NoDivision),
        ticks => Ok(Division::Smpte { rate, ticks }),
    }
}

impl<'a> Chunks<'a> {
    /// The next track; `None` after the last that the header announced. What
    /// follows it, and chunks of other kinds, are no music and are passed over.
    pub(super) fn next_track(&mut self) -> Result<Option<TrackChunk<'a>>, FileError> {
        while self.found < usize::from(self.announced) {
            let Some((name, length)) = chunk_head(self.file, self.offset) else {
                let fault = Fault::TracksMissing { announced: self.announced, found: self.found };
                return Err(FileError::at(self.file.len(), fault));
            };
            let begin = self.offset + 8;
            let end = begin.saturating_add(length as usize);
            let is_track = name == *b"MTrk";
            if is_track {
                self.found += 1;
            } else {
                self.foreign += 1;
            }
            let Some(bytes) = self.file.get(begin..end) else {
                let fault = Fault::TrackCut { missing_bytes: end - self.file.len() };
                let track = is_track.then_some(self.found);
                return Err(FileError { offset_bytes: self.file.len(), track, event: None, fault });
            };
            self.offset = end;
            if is_track {
                return Ok(Some(TrackChunk { offset: begin, bytes }));
            }
        }
        Ok(None)
    }

    /// Bytes after the chunks that were read.
    pub(super) fn rest_bytes(&self) -> usize {
        self.file.len().saturating_sub(self.offset)
    }
}
