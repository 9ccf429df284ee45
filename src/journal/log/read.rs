use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use super::black_box::gather;
use super::entry::{Entry, Header};
use super::format::{ChunkKind, FORMAT_VERSION, HEAD_BYTES, Head, LogError, MAGIC, head};
use crate::render::Record;
use crate::unit::Frame;

/// The next thing that a log says.
#[derive(Debug)]
pub enum Told<'a> {
    /// A segment begins.
    Header(Header),
    /// The Renderer met this.
    Record(Record<'a>),
    /// The control world knew this.
    Entry(Entry),
}

/// A log that is being read: never more of it in memory than a chunk.
pub struct LogInput<R = Box<dyn Read>> {
    source: R,
    path: PathBuf,
    /// Of the segment that is being read.
    version: u32,
    number: u32,
    records: Vec<u8>,
    at: usize,
    /// Why there is no more, where that is not the end of a whole segment.
    broken: Option<&'static str>,
    is_over: bool,
}

impl LogInput {
    /// Opens a log or a black box, and reads what it begins with.
    ///
    /// # Errors
    /// [`LogError`] where it cannot be read, or is something else.
    pub fn open(path: &Path) -> Result<(LogInput, Header), LogError> {
        let io = |source| LogError::Io { path: path.to_owned(), verb: "read", source };
        let mut file = File::open(path).map_err(io)?;
        if let Some(gathered) = gather(&file) {
            return LogInput::new(Box::new(Cursor::new(gathered.bytes)), path);
        }
        file.rewind().map_err(io)?;
        LogInput::new(Box::new(BufReader::new(file)), path)
    }
}

impl<R: Read> LogInput<R> {
    /// A log from anywhere; `path` is how it is called in errors.
    ///
    /// # Errors
    /// As [`open`](LogInput::open).
    pub fn new(source: R, path: &Path) -> Result<(LogInput<R>, Header), LogError> {
        let mut log = LogInput {
            source,
            path: path.to_owned(),
            version: FORMAT_VERSION,
            number: 0,
            records: Vec::new(),
            at: 0,
            broken: None,
            is_over: false,
        };
        let no_log = || LogError::NoLog { path: path.to_owned() };
        let mut begin = [0; 12];
        if log.fill(&mut begin)? < begin.len() || begin[..8] != MAGIC {
            return Err(no_log());
        }
        log.begin(&begin)?;
        match log.next()? {
            Some(Told::Header(header)) => Ok((log, header)),
            _ => Err(no_log()),
        }
    }

    fn begin(&mut self, begin: &[u8; 12]) -> Result<(), LogError> {
        let [.., a, b, c, d] = *begin;
        let version = u32::from_le_bytes([a, b, c, d]);
        if version != FORMAT_VERSION {
            return Err(LogError::Version { path: self.path.clone(), version });
        }
        (self.version, self.number) = (version, 0);
        Ok(())
    }

    /// What it says next; `None` at its end, or where what follows is not whole:
    /// see [`broken`](Self::broken).
    ///
    /// # Errors
    /// [`LogError`] where the disk refuses, or a whole chunk says what cannot be.
    #[allow(clippy::should_implement_trait, reason = "what it gives borrows from it")]
    pub fn next(&mut self) -> Result<Option<Told<'_>>, LogError> {
        self.told(None)
    }

    /// As [`next`](Self::next), but only what happened before this frame, as far as
    /// records tell; `None` too where that is all.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn next_before(&mut self, end: Frame) -> Result<Option<Told<'_>>, LogError> {
        self.told(Some(end))
    }

    fn told(&mut self, end: Option<Frame>) -> Result<Option<Told<'_>>, LogError> {
        if self.at == self.records.len() {
            let Some((kind, payload)) = self.chunk()? else { return Ok(None) };
            match kind {
                ChunkKind::Header => return json(&payload).map(|header| Some(Told::Header(header))),
                ChunkKind::Entry => return json(&payload).map(|entry| Some(Told::Entry(entry))),
                ChunkKind::Records => (self.records, self.at) = (payload, 0),
            }
        }
        let rest = &self.records[self.at..];
        let (record, after) = Record::decode(rest).map_err(|e| LogError::damaged(e.to_string()))?;
        if end.is_some_and(|end| record.frame() >= end) {
            return Ok(None);
        }
        self.at = self.records.len() - after.len();
        Ok(Some(Told::Record(record)))
    }

    /// Why it ends before its end, where it does: a write that was cut off.
    pub fn broken(&self) -> Option<&'static str> {
        self.broken
    }

    /// The next chunk that is not empty.
    fn chunk(&mut self) -> Result<Option<(ChunkKind, Vec<u8>)>, LogError> {
        while !self.is_over {
            let mut bytes = [0; HEAD_BYTES];
            // A segment may begin here, with fewer bytes than a head.
            let got = self.fill(&mut bytes[..12])?;
            if got == 0 {
                self.is_over = true;
                break;
            }
            if got < 12 {
                return Ok(self.break_off("it was cut off"));
            }
            if bytes[..8] == MAGIC {
                let [begin @ .., _, _, _, _] = bytes;
                self.begin(&begin)?;
                continue;
            }
            if self.fill(&mut bytes[12..])? < HEAD_BYTES - 12 {
                return Ok(self.break_off("it was cut off"));
            }
            let Some(head) = head(&bytes) else {
                return Ok(self.break_off("what follows is no chunk"));
            };
            let Some(payload) = self.payload(head)? else {
                return Ok(self.break_off("it was cut off"));
            };
            let is_first = self.number == 0;
            if !head.fits(&bytes, &payload) || head.number != self.number {
                return Ok(self.break_off("what follows is damaged"));
            }
            if is_first != (head.kind == ChunkKind::Header) {
                return Err(LogError::damaged("a header is not where it belongs"));
            }
            self.number += 1;
            if !payload.is_empty() {
                return Ok(Some((head.kind, payload)));
            }
        }
        Ok(None)
    }

    /// A head may promise more than there is: memory is taken as bytes come.
    fn payload(&mut self, head: Head) -> Result<Option<Vec<u8>>, LogError> {
        let mut payload = Vec::new();
        let read = (&mut self.source).take(head.length as u64).read_to_end(&mut payload);
        read.map_err(|source| self.io(source))?;
        Ok((payload.len() == head.length).then_some(payload))
    }

    fn break_off<T>(&mut self, why: &'static str) -> Option<T> {
        self.broken = Some(why);
        self.is_over = true;
        None
    }

    fn fill(&mut self, place: &mut [u8]) -> Result<usize, LogError> {
        let mut filled = 0;
        while filled < place.len() {
            match self.source.read(&mut place[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.io(error)),
            }
        }
        Ok(filled)
    }

    fn io(&self, source: std::io::Error) -> LogError {
        LogError::Io { path: self.path.clone(), verb: "read", source }
    }
}

fn json<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, LogError> {
    serde_json::from_slice(payload)
        .map_err(|e| LogError::damaged(format!("an entry that cannot be read: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::log::LogFile;
    use crate::midi::Event;
    use crate::render::RECORD_BYTES;
    use crate::unit::SampleRate;

    /// A log of a few entries and records, as bytes.
    fn written() -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gig.anti");
        let mut file = LogFile::create(&path, &Header::new(SampleRate::DEFAULT)).expect("made");
        for round in 0..3_u64 {
            let mut records = Vec::new();
            let mut place = [0; RECORD_BYTES];
            for index in 0..4 {
                let event = Event::from_bytes(round * 100 + index, 3, &[0x90, 60, 1]);
                let record = Record::Event { event, bytes: &[] };
                records.extend_from_slice(record.encode(&mut place).expect("it fits"));
            }
            file.records(&records);
            file.entry(&Entry::Progress { frame: round * 100 + 50 });
        }
        file.entry(&Entry::End { frame: 250 });
        file.sync().expect("written");
        std::fs::read(&path).expect("there")
    }

    /// What a log says, in words; and whether it is whole.
    fn told(bytes: &[u8]) -> Option<(Vec<String>, bool)> {
        let (mut input, _) = LogInput::new(bytes, Path::new("gig.anti")).ok()?;
        let mut told = Vec::new();
        while let Some(next) = input.next().expect("no whole chunk is wrong") {
            told.push(format!("{next:?}"));
        }
        Some((told, input.broken().is_none()))
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_read_up_to_its_last_whole_chunk() {
        let bytes = written();
        let (all, is_whole) = told(&bytes).expect("a log");
        assert!(is_whole && all.len() == 16, "{all:#?}");
        for cut in 0..bytes.len() {
            if let Some((some, _)) = told(&bytes[..cut]) {
                assert!(some.len() <= all.len() && some[..] == all[..some.len()], "cut at {cut}");
            }
            let mut damaged = bytes.clone();
            damaged[cut] ^= 0x10;
            if let Some((some, is_whole)) = told(&damaged) {
                assert!(!is_whole && some[..] == all[..some.len()], "damaged at {cut}");
            }
        }
    }

    #[test]
    fn what_is_before_a_frame_ends_there_and_goes_on_later() {
        let bytes = written();
        let (mut input, _) = LogInput::new(&bytes[..], Path::new("gig.anti")).expect("a log");
        let mut count = |end: Frame| {
            let mut count = 0;
            while let Some(next) = input.next_before(end).expect("whole") {
                count += usize::from(matches!(next, Told::Record(_)));
            }
            count
        };
        assert_eq!([count(2), count(2), count(102), count(1_000), count(2_000)], [2, 0, 4, 6, 0]);
    }

    #[test]
    fn a_later_format_and_another_file_are_told_apart() {
        let mut bytes = written();
        bytes[8] = 2;
        let open =
            |bytes: &[u8]| LogInput::new(bytes, Path::new("gig.anti")).map(|_| ()).map_err(|e| e.to_string());
        let later = open(&bytes).expect_err("a later format");
        assert!(later.contains("format 2"), "{later}");
        let other = open(b"RIFF and so on, which is a sound").expect_err("a sound");
        assert!(other.contains("is no log of Antiphon"), "{other}");
    }
}
