//! The file's outer shape: a header, then tracks, each with its length.

use super::{Fault, FileError};
use crate::transport::SmpteRate;

const HEADER_BYTES: u32 = 6;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Division {
    Beat { ticks: u16 },
    Smpte { rate: SmpteRate, ticks: u8 },
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
    match two_bytes(body, 0) {
        0 | 1 => {}
        2 => return Err(FileError::at(8, Fault::Format2)),
        other => return Err(FileError::at(8, Fault::UnknownFormat(other))),
    }
    let tracks = two_bytes(body, 2);
    if tracks == 0 {
        return Err(FileError::at(10, Fault::NoTracks));
    }
    let division = read_division([body[4], body[5]]).map_err(|fault| FileError::at(12, fault))?;
    Ok((division, Chunks { file, offset: end, announced: tracks, found: 0 }))
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
}
