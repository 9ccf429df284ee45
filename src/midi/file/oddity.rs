use std::fmt;

/// Something in a MIDI file that is not as it should be, and where. Real-time: no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Oddity {
    /// The track, counted from 1; `None` outside tracks.
    pub track: Option<usize>,
    /// The tick.
    pub tick: u64,
    /// What it is.
    pub kind: OddityKind,
}

/// What may be odd in a file that can be read nevertheless. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // What they say is in `Display`.
pub enum OddityKind {
    LongHeader { bytes: u32 },
    ForeignChunks { count: usize },
    RestOfFile { bytes: usize },
    Format0WithTracks { tracks: usize },
    EmptyTrack,
    NoEndOfTrack,
    AfterEndOfTrack { bytes: usize },
    RunningStatusOverMeta,
    LongDelta,
    OpenSysex,
    MetaLength { kind: u8, bytes: usize },
    UnknownMeta { kind: u8 },
    NoTempo,
    StruckTwice { channel: u8, key: u8 },
    NeverReleased { channel: u8, key: u8 },
    NeverStruck { channel: u8, key: u8 },
}

impl OddityKind {
    /// Whether it is no more in what is written; else it is kept as it is. Real-time: no.
    pub const fn is_mended(self) -> bool {
        !matches!(
            self,
            OddityKind::MetaLength { .. }
                | OddityKind::UnknownMeta { .. }
                | OddityKind::NoTempo
                | OddityKind::StruckTwice { .. }
                | OddityKind::NeverReleased { .. }
                | OddityKind::NeverStruck { .. }
        )
    }
}

impl fmt::Display for OddityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = |key: u8| crate::unit::Key::new(key).map(|key| key.to_string()).unwrap_or_default();
        match *self {
            OddityKind::LongHeader { bytes } => write!(f, "the header has {bytes} bytes too many"),
            OddityKind::ForeignChunks { count: 1 } => f.write_str("a chunk is no track"),
            OddityKind::ForeignChunks { count } => write!(f, "{count} chunks are no tracks"),
            OddityKind::RestOfFile { bytes } => write!(f, "{bytes} bytes follow the last track"),
            OddityKind::Format0WithTracks { tracks } => {
                write!(f, "format 0 with {tracks} tracks, where it has one: it becomes format 1")
            }
            OddityKind::EmptyTrack => f.write_str("the track is empty: it has not even an end"),
            OddityKind::NoEndOfTrack => f.write_str("the end of the track is missing"),
            OddityKind::AfterEndOfTrack { bytes } => write!(f, "{bytes} bytes follow the end of the track"),
            OddityKind::RunningStatusOverMeta => f.write_str("a running status lasts over a meta event"),
            OddityKind::LongDelta => f.write_str("a delta time has more bytes than it needs"),
            OddityKind::OpenSysex => f.write_str("a SysEx has no end"),
            OddityKind::MetaLength { kind, bytes } => {
                write!(f, "a meta event {kind:#04x} has {bytes} bytes, which it should not")
            }
            OddityKind::UnknownMeta { kind } => write!(f, "a meta event {kind:#04x} is not known"),
            OddityKind::NoTempo => f.write_str("a tempo of 0 µs a beat"),
            OddityKind::StruckTwice { channel, key: k } => {
                write!(f, "{} on channel {} is struck while it sounds", key(k), channel + 1)
            }
            OddityKind::NeverReleased { channel, key: k } => {
                write!(f, "{} on channel {} is never released", key(k), channel + 1)
            }
            OddityKind::NeverStruck { channel, key: k } => {
                write!(f, "{} on channel {} is released but was not struck", key(k), channel + 1)
            }
        }
    }
}
