use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::entry::{Entry, Header};
use super::format::{CHUNK_LIMIT_BYTES, ChunkKind, HEAD_BYTES, LogError, head, put_begin, put_chunk};
use crate::render::Record;

/// Records in one chunk, in bytes, about: what is lost where it is damaged.
const RECORDS_BYTES: usize = 64 << 10;

/// One segment under way: chunks, numbered, as bytes that are still to be written.
pub(super) struct Segment {
    number: u32,
    bytes: Vec<u8>,
}

impl Segment {
    /// Begins one.
    pub(super) fn begin(header: &Header) -> Segment {
        let mut segment = Segment { number: 0, bytes: Vec::new() };
        put_begin(&mut segment.bytes);
        segment.json(ChunkKind::Header, header, CHUNK_LIMIT_BYTES);
        segment
    }

    /// What waits goes to a new segment, as far as it fits into so many bytes.
    pub(super) fn go_on(&mut self, header: &Header, limit_bytes: usize) {
        let old = std::mem::replace(self, Segment::begin(header));
        let mut rest = &old.bytes[..];
        while let Some((bytes, after)) = rest.split_first_chunk() {
            // What was put in is whole.
            let Some(head) = head(bytes) else { break };
            let Some((payload, after)) = after.split_at_checked(head.length) else { break };
            if head.kind != ChunkKind::Header && self.bytes.len() + HEAD_BYTES + payload.len() <= limit_bytes
            {
                self.chunk(head.kind, payload);
            }
            rest = after;
        }
    }

    /// An entry; where it is too long, that it is missing.
    pub(super) fn entry(&mut self, entry: &Entry) {
        if !self.entry_up_to(entry, CHUNK_LIMIT_BYTES) {
            self.entry_up_to(&Entry::Lost { entries: 1 }, CHUNK_LIMIT_BYTES);
        }
    }

    /// An entry, where its payload is not longer than this; else gives `false`.
    pub(super) fn entry_up_to(&mut self, entry: &Entry, limit_bytes: usize) -> bool {
        self.json(ChunkKind::Entry, entry, limit_bytes)
    }

    fn json(&mut self, kind: ChunkKind, value: &impl serde::Serialize, limit_bytes: usize) -> bool {
        let payload = serde_json::to_vec(value).ok().filter(|payload| payload.len() <= limit_bytes);
        if let Some(payload) = &payload {
            self.chunk(kind, payload);
        }
        payload.is_some()
    }

    /// Whole records, cut into chunks between them.
    pub(super) fn records(&mut self, records: &[u8]) {
        let (mut rest, mut begin) = (records, records);
        while !rest.is_empty() {
            match Record::decode(rest) {
                Ok((_, after)) => rest = after,
                // What the Renderer wrote is whole; a byte of it that is not would
                // make all that follows unreadable.
                Err(_) => {
                    tracing::error!("bytes in the log's ring that are no record");
                    break;
                }
            }
            let taken = begin.len() - rest.len();
            if taken >= RECORDS_BYTES || rest.is_empty() {
                self.chunk(ChunkKind::Records, &begin[..taken]);
                begin = rest;
            }
        }
    }

    fn chunk(&mut self, kind: ChunkKind, payload: &[u8]) {
        put_chunk(kind, self.number, payload, &mut self.bytes);
        self.number += 1;
    }

    /// Bytes that are to be written.
    pub(super) fn waiting(&self) -> usize {
        self.bytes.len()
    }

    /// Writes what waits, and `after` it.
    pub(super) fn write_to(&mut self, file: &mut impl Write, after: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(after);
        let result = file.write_all(&self.bytes);
        self.bytes.clear();
        result
    }
}

/// A log that is being written.
pub struct LogFile {
    path: PathBuf,
    file: File,
    segment: Segment,
    written: u64,
}

impl LogFile {
    /// Begins a log, in place of what had its name.
    ///
    /// # Errors
    /// [`LogError::Io`] where the file cannot be made.
    pub fn create(path: &Path, header: &Header) -> Result<LogFile, LogError> {
        let io = |source| LogError::Io { path: path.to_owned(), verb: "written", source };
        let file = File::create(path).map_err(io)?;
        let mut log = LogFile { path: path.to_owned(), file, segment: Segment::begin(header), written: 0 };
        log.flush()?;
        Ok(log)
    }

    /// Appends an entry.
    pub fn entry(&mut self, entry: &Entry) {
        self.segment.entry(entry);
    }

    /// Appends whole records.
    pub fn records(&mut self, records: &[u8]) {
        self.segment.records(records);
    }

    /// Hands what was appended to the system: from then on it outlives this process.
    ///
    /// # Errors
    /// [`LogError::Io`] where the disk refuses.
    pub fn flush(&mut self) -> Result<(), LogError> {
        let bytes = self.segment.waiting() as u64;
        self.segment.write_to(&mut self.file, &[]).map_err(|source| self.io(source))?;
        self.written += bytes;
        Ok(())
    }

    /// Waits until it is on the disk: from then on it outlives the machine's power.
    ///
    /// # Errors
    /// [`LogError::Io`] where the disk refuses.
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.flush()?;
        self.file.sync_data().map_err(|source| self.io(source))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.written
    }

    fn io(&self, source: io::Error) -> LogError {
        LogError::Io { path: self.path.clone(), verb: "written", source }
    }
}
