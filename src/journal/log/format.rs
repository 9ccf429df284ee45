//! How a log lies on the disk. All numbers are little-endian.
//!
//! A log is a row of segments, a black box of several and any other of one. A
//! segment begins with [`MAGIC`] (8 bytes) and the format's version (`u32`), and
//! goes on in chunks:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | kind: 1 header, 2 records, 3 entry |
//! | 3 | zeros |
//! | 4 | number of the chunk in its segment, from 0 |
//! | 4 | length of the payload, up to [`CHUNK_LIMIT_BYTES`] |
//! | 4 | CRC-32 (IEEE) of the 12 bytes before and of the payload |
//! | length | payload |
//!
//! The first chunk is the header and there is no other: [`Header`](super::Header)
//! as JSON. Records are [`Record`](crate::render::Record)s, whole ones, in the
//! order in which the Renderer met them. An entry is one
//! [`Entry`](super::Entry) as JSON: what the control world knew. A parcel's entry
//! stands before the record of its exchange.
//!
//! What is cut off, at whatever byte, is readable up to its last whole chunk.

use std::io;
use std::path::PathBuf;

/// What every segment begins with. The first byte is no text.
pub(super) const MAGIC: [u8; 8] = *b"\x89ANTILOG";
/// The version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: u32 = 1;
/// The longest payload of a chunk: a rig's longest text, every character escaped.
pub const CHUNK_LIMIT_BYTES: usize = 8 << 20;
/// Of a chunk's head.
pub(super) const HEAD_BYTES: usize = 16;

/// What a chunk holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ChunkKind {
    Header,
    Records,
    Entry,
}

/// The head of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) kind: ChunkKind,
    pub(super) number: u32,
    pub(super) length: usize,
    crc: u32,
}

/// Why a log cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system refused.
    #[error("{} cannot be {verb}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was to be done with it.
        verb: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is no log of Antiphon", path.display())]
    NoLog {
        /// The file.
        path: PathBuf,
    },
    /// A later program wrote it.
    #[error("{} is a log of format {version}, and this program reads format {FORMAT_VERSION}; use the program that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// It is whole, but what it says cannot be.
    #[error("the log is damaged: {0}")]
    Damaged(String),
}

impl LogError {
    pub(super) fn damaged(what: impl Into<String>) -> LogError {
        LogError::Damaged(what.into())
    }
}

/// A whole chunk, appended to `to`. The payload is not longer than the limit.
pub(super) fn put_chunk(kind: ChunkKind, number: u32, payload: &[u8], to: &mut Vec<u8>) {
    let kind = match kind {
        ChunkKind::Header => 1_u8,
        ChunkKind::Records => 2,
        ChunkKind::Entry => 3,
    };
    let begin = to.len();
    to.extend_from_slice(&[kind, 0, 0, 0]);
    to.extend_from_slice(&number.to_le_bytes());
    to.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    let crc = crc(&to[begin..], payload);
    to.extend_from_slice(&crc.to_le_bytes());
    to.extend_from_slice(payload);
}

/// What a segment begins with, appended to `to`.
pub(super) fn put_begin(to: &mut Vec<u8>) {
    to.extend_from_slice(&MAGIC);
    to.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
}

/// What a chunk's head says; `None` where it is none.
pub(super) fn head(bytes: &[u8; HEAD_BYTES]) -> Option<Head> {
    let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let kind = match bytes[..4] {
        [1, 0, 0, 0] => ChunkKind::Header,
        [2, 0, 0, 0] => ChunkKind::Records,
        [3, 0, 0, 0] => ChunkKind::Entry,
        _ => return None,
    };
    let length = number(8) as usize;
    (length <= CHUNK_LIMIT_BYTES).then(|| Head { kind, number: number(4), length, crc: number(12) })
}

impl Head {
    /// Whether this is the payload that was written after this head.
    pub(super) fn fits(&self, head: &[u8; HEAD_BYTES], payload: &[u8]) -> bool {
        // A fuzzer would guess no sum, and see little.
        cfg!(fuzzing) || crc(&head[..HEAD_BYTES - 4], payload) == self.crc
    }
}

fn crc(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}
