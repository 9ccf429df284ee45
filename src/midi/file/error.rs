use std::fmt;

use super::{EVENT_LIMIT, FILE_LIMIT_BYTES, LENGTH_LIMIT_SECONDS};
use crate::midi::SYSEX_LIMIT_BYTES;

/// Why a MIDI file cannot be played, and where in it. Real-time: no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError {
    /// Bytes from the file's beginning.
    pub offset_bytes: usize,
    /// The track, counted from 1; `None` outside tracks.
    pub track: Option<usize>,
    /// The event in the track, counted from 1.
    pub event: Option<usize>,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a MIDI file. Real-time: no.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages say it.
pub enum Fault {
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    #[error("the file is larger than {} MiB; no MIDI file is", FILE_LIMIT_BYTES >> 20)]
    TooLarge,
    #[error("this is no MIDI file: it does not begin with \"MThd\"")]
    NoMidi,
    #[error("the file ends here, in the middle of its header: it was cut off; get a whole copy")]
    HeaderCut,
    #[error("the header has {0} bytes instead of 6")]
    HeaderShort(u32),
    #[error(
        "format 2 (independent patterns) is not played: export the song from your sequencer as format 0 or 1"
    )]
    Format2,
    #[error("MIDI file format {0} does not exist; only 0, 1 and 2 do")]
    UnknownFormat(u16),
    #[error("a division of 0 ticks gives no tick a length")]
    NoDivision,
    #[error("a SMPTE rate of {0} frames a second does not exist; only 24, 25, 29 and 30 do")]
    UnknownSmpteRate(u8),
    #[error("the header announces no tracks")]
    NoTracks,
    #[error(
        "the file ends here, after {found} of the {announced} tracks that its header announces: it was cut off; get a whole copy"
    )]
    TracksMissing { announced: u16, found: usize },
    #[error(
        "the file ends {missing_bytes} bytes before the end of this track: it was cut off; get a whole copy"
    )]
    TrackCut { missing_bytes: usize },
    #[error("the track ends in the middle of an event")]
    EventCut,
    #[error("a number has more than four bytes")]
    LongNumber,
    #[error("a data byte comes before any status byte")]
    NoRunningStatus,
    #[error("status {0:#04x} may not stand in a MIDI file")]
    ForbiddenStatus(u8),
    #[error("{0:#04x} stands where a data byte (below 0x80) belongs")]
    StatusInsideMessage(u8),
    #[error("the event cannot be decoded ({0})")]
    Undecodable(String),
    #[error("a SysEx is longer than {} KiB", SYSEX_LIMIT_BYTES >> 10)]
    LongSysex,
    #[error("the file has more than {EVENT_LIMIT} events")]
    TooManyEvents,
    #[error("the song would last {hours} hours; at most {} are played", LENGTH_LIMIT_SECONDS / 3_600)]
    TooLong { hours: u64 },
}

impl FileError {
    pub(super) fn at(offset_bytes: usize, fault: Fault) -> FileError {
        FileError { offset_bytes, track: None, event: None, fault }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.fault, Fault::Unreadable(_) | Fault::TooLarge | Fault::NoMidi) {
            return self.fault.fmt(f);
        }
        write!(f, "byte {}", self.offset_bytes)?;
        if let Some(track) = self.track {
            write!(f, ", track {track}")?;
        }
        if let Some(event) = self.event {
            write!(f, ", event {event}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for FileError {}
