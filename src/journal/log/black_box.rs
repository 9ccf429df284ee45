//! The last minutes of what came in, in a file of bounded size.
//!
//! The file is a ring of slots of one size, each of which holds a segment of a
//! log. The next segment takes the place of the oldest; what is left in its slot
//! of the one before does not fit the numbers and sums of its chunks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::entry::{Entry, Header, Names, Parcel};
use super::format::{ChunkKind, HEAD_BYTES, LogError, MAGIC, head, put_begin, put_chunk};
use super::machine::unix_seconds;
use super::write::Segment;
use crate::render::Record;
use crate::unit::Frame;

/// Segments in the ring. One of them is always about to be overwritten.
const SLOTS: u64 = 16;
/// Room of a slot, for each so many minutes that the whole is to hold.
const SLOT_BYTES: u64 = 512 << 10;
const SLOT_MINUTES: u32 = 10;
/// No ring is larger: what says so is damaged.
const SLOT_LIMIT_BYTES: u64 = 8 * SLOT_BYTES;
/// Boxes kept aside in one folder; the oldest go.
const KEPT: usize = 20;
/// Names that another player may have taken.
const NAMES: usize = 8;
/// What is kept aside begins so.
const KEPT_PREFIX: &str = "antiphon-";

/// A black box that is being written.
pub struct BlackBox {
    path: PathBuf,
    file: File,
    header: Header,
    segment: Segment,
    slot_bytes: u64,
    /// Where in its slot the next byte goes.
    at: u64,
    segment_frames: Frame,
    /// The frame with which the segment began.
    begun: Frame,
}

impl BlackBox {
    /// Begins a black box that holds so many minutes at least, of a log that would
    /// have this header. What a player that was killed left there is kept aside:
    /// its path, where that was so. Where another player has the file, the next
    /// name is taken.
    ///
    /// # Errors
    /// [`LogError::Io`] where the file cannot be made.
    pub fn create(
        path: &Path,
        minutes: u32,
        header: Header,
    ) -> Result<(BlackBox, Option<PathBuf>), LogError> {
        let cannot = |source| LogError::Io { path: path.to_owned(), verb: "written", source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(cannot)?;
        }
        let (path, file) = take(path).map_err(cannot)?;
        let mut kept = None;
        if let Some(left) = gather(&file).filter(|left| !left.is_ended) {
            kept = keep(&path, "crash", &left.bytes).ok();
        }
        let slot_bytes = SLOT_BYTES * u64::from(minutes.div_ceil(SLOT_MINUTES).max(1));
        let seconds = u64::from(minutes) * 60;
        let header =
            Header { black_box: true, slot_bytes: slot_bytes.min(SLOT_LIMIT_BYTES) as u32, ..header };
        let mut black_box = BlackBox {
            path,
            file,
            segment: Segment::begin(&header),
            slot_bytes: u64::from(header.slot_bytes),
            at: 0,
            segment_frames: (seconds * u64::from(header.rate_hertz)).div_ceil(SLOTS - 1).max(1),
            begun: 0,
            header,
        };
        let begin = |black_box: &mut BlackBox| {
            black_box.file.set_len(0)?;
            black_box.flush()
        };
        begin(&mut black_box).map_err(cannot)?;
        Ok((black_box, kept))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who stands where from now on.
    pub fn rename(&mut self, names: &Names) {
        let sources = std::mem::take(&mut self.header.names.sources);
        self.header.names = Names { sources, ..names.clone() };
    }

    /// Appends an entry; one of more than half a slot is left out, and of a parcel
    /// how it is made again.
    pub fn entry(&mut self, entry: &Entry) {
        let limit_bytes = self.slot_bytes as usize / 2;
        if let Entry::Parcel(parcel) = entry {
            parcel.seat(&mut self.header.names);
            let parcel = Parcel { account: None, ..parcel.clone() };
            self.segment.entry_up_to(&Entry::Parcel(parcel), limit_bytes);
        } else {
            self.segment.entry_up_to(entry, limit_bytes);
        }
    }

    /// Appends whole records but for what was heard, which is too much to keep.
    pub fn records(&mut self, records: &[u8]) {
        let mut rest = records;
        let mut kept = Vec::with_capacity(records.len());
        while let Ok((record, after)) = Record::decode(rest) {
            if !matches!(record, Record::Input { .. }) {
                kept.extend_from_slice(&rest[..rest.len() - after.len()]);
            }
            rest = after;
        }
        self.segment.records(&kept);
    }

    /// Hands what was appended to the system, and begins the next segment where the
    /// time of this one is over.
    ///
    /// # Errors
    /// [`io::Error`] where the disk refuses.
    pub fn write(&mut self, frame: Frame) -> io::Result<()> {
        let is_full = self.at + self.segment.waiting() as u64 > self.slot_bytes;
        if is_full || frame >= self.begun + self.segment_frames {
            self.next(frame);
        }
        self.flush()
    }

    /// What waits goes to the next slot.
    fn next(&mut self, frame: Frame) {
        self.header.segment += 1;
        self.header.unix_seconds = unix_seconds();
        (self.at, self.begun) = (0, frame);
        self.segment.go_on(&self.header, self.slot_bytes as usize);
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = self.segment.waiting() as u64;
        let slot = self.header.segment % SLOTS;
        self.file.seek(SeekFrom::Start(slot * self.slot_bytes + self.at))?;
        // What an older segment left there may fit in number and sum: no chunk begins
        // with zeros.
        let has_room = self.at + bytes + HEAD_BYTES as u64 <= self.slot_bytes;
        let end: &[u8] = if has_room { &[0; HEAD_BYTES] } else { &[] };
        self.segment.write_to(&mut self.file, end)?;
        self.at += bytes;
        Ok(())
    }

    /// Keeps a copy of what it holds beside it; gives its path.
    ///
    /// # Errors
    /// [`io::Error`] where the disk refuses.
    pub fn keep(&mut self, why: &str) -> io::Result<PathBuf> {
        self.flush()?;
        let held = gather(&self.file).ok_or(io::ErrorKind::InvalidData)?;
        keep(&self.path, why, &held.bytes)
    }
}

/// Opens the file, or the next one that no other player has.
fn take(path: &Path) -> io::Result<(PathBuf, File)> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = path.extension().map_or(String::new(), |e| format!(".{}", e.to_string_lossy()));
    for number in 1..=NAMES {
        let name =
            if number == 1 { format!("{stem}{extension}") } else { format!("{stem}-{number}{extension}") };
        let path = path.with_file_name(name);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        if is_ours(&file) {
            return Ok((path, file));
        }
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, "other players have it"))
}

/// Locks the file for as long as it is open; `false` where another process has.
fn is_ours(file: &File) -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsRawFd;
        // SAFETY: an open file of ours.
        unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        true
    }
}

/// What a ring holds, as segments one after the other.
pub(super) struct Gathered {
    pub(super) bytes: Vec<u8>,
    /// The newest segment says that nothing comes after it.
    is_ended: bool,
}

/// Reads a ring; `None` where the file is none.
pub(super) fn gather(mut file: &File) -> Option<Gathered> {
    file.seek(SeekFrom::Start(0)).ok()?;
    let mut first = vec![0; SLOT_BYTES as usize];
    let got = read_up_to(file, &mut first).ok()?;
    let slot_bytes = u64::from(segment_in(&first[..got])?.header.slot_bytes);
    if !(SLOT_BYTES..=SLOT_LIMIT_BYTES).contains(&slot_bytes) {
        return None;
    }
    let mut found: Vec<Found> = Vec::new();
    let mut slot = vec![0; slot_bytes as usize];
    for index in 0..SLOTS {
        file.seek(SeekFrom::Start(index * slot_bytes)).ok()?;
        let got = read_up_to(file, &mut slot).ok()?;
        found.extend(segment_in(&slot[..got]));
    }
    found.sort_by_key(|segment| segment.header.segment);
    let is_ended = found.last().is_some_and(|segment| segment.is_ended);
    let mut bytes = Vec::new();
    for Found { header, chunks, .. } in found {
        // Alone it is no ring.
        let header = Header { slot_bytes: 0, ..header };
        put_begin(&mut bytes);
        put_chunk(ChunkKind::Header, 0, &serde_json::to_vec(&header).ok()?, &mut bytes);
        bytes.extend_from_slice(&chunks);
    }
    Some(Gathered { bytes, is_ended })
}

fn read_up_to(mut file: &File, place: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < place.len() {
        match file.read(&mut place[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A segment in its slot.
struct Found {
    header: Header,
    /// Its whole chunks but for the header.
    chunks: Vec<u8>,
    is_ended: bool,
}

fn segment_in(slot: &[u8]) -> Option<Found> {
    let rest = slot.strip_prefix(&MAGIC)?;
    let (_version, rest) = rest.split_at_checked(4)?;
    let mut found: Option<Found> = None;
    let mut rest = rest;
    let mut number = 0;
    while let Some((bytes, after)) = rest.split_first_chunk::<HEAD_BYTES>() {
        let Some(head) = head(bytes).filter(|head| head.number == number) else { break };
        let Some((payload, after)) = after.split_at_checked(head.length) else { break };
        if !head.fits(bytes, payload) {
            break;
        }
        match &mut found {
            None => {
                let header: Header = serde_json::from_slice(payload).ok()?;
                found = Some(Found { header, chunks: Vec::new(), is_ended: false });
            }
            Some(found) => {
                found.chunks.extend_from_slice(bytes);
                found.chunks.extend_from_slice(payload);
                found.is_ended = head.kind == ChunkKind::Entry
                    && matches!(serde_json::from_slice(payload), Ok(Entry::End { .. }));
            }
        }
        rest = after;
        number += 1;
    }
    found
}

/// Writes a copy beside a black box, named by why and when, and lets the oldest go.
fn keep(path: &Path, why: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = format!("{KEPT_PREFIX}{why}-{}.anti", in_utc(unix_seconds()));
    let kept = crate::journal::next_free(&folder.join(name));
    fs::write(&kept, bytes)?;
    let is_kept = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_one = |why: &str| name.starts_with(&format!("{KEPT_PREFIX}{why}-"));
        (is_one("fault") || is_one("crash")) && name.ends_with(".anti")
    };
    let mut all: Vec<(_, PathBuf)> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(is_kept)
        .map(|path| (fs::metadata(&path).and_then(|data| data.modified()).ok(), path))
        .collect();
    all.sort();
    for (_, path) in all.iter().take(all.len().saturating_sub(KEPT)) {
        // Another player may have been faster.
        let _ = fs::remove_file(path);
    }
    Ok(kept)
}

/// Seconds since 1970 as `20261121T173005Z`. The calendar after H. Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms" (2021): years begin in March.
fn in_utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::log::{LogInput, Told};
    use crate::unit::SampleRate;

    fn header() -> Header {
        Header::new(SampleRate::DEFAULT)
    }

    /// The frames of which a black box says that they were reached.
    fn frames(path: &Path) -> Vec<Frame> {
        let (mut input, header) = LogInput::open(path).expect("it opens");
        assert!(header.black_box);
        let mut frames = Vec::new();
        while let Some(told) = input.next().expect("it is whole") {
            if let Told::Entry(Entry::Progress { frame }) = told {
                frames.push(frame);
            }
        }
        frames
    }

    #[test]
    fn it_holds_the_last_minutes_in_bounded_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("box.anti");
        let (mut black_box, kept) = BlackBox::create(&path, 1, header()).expect("made");
        assert_eq!(kept, None);
        let last = 10 * 60;
        for second in 0..=last {
            black_box.entry(&Entry::Progress { frame: second * 48_000 });
            black_box.write(second * 48_000).expect("written");
        }
        let held = frames(&path);
        assert_eq!(held.last(), Some(&(last * 48_000)));
        let minute = held.len();
        assert!((60..=66).contains(&minute), "{minute} s");
        assert!(held.windows(2).all(|pair| pair[1] == pair[0] + 48_000));
        assert!(fs::metadata(&path).expect("there").len() <= SLOTS * SLOT_BYTES);

        // A flood takes the room of what is older, and no more.
        let names = Names { rig: "x".repeat(100_000), ..Names::default() };
        for frame in 0..200 {
            black_box.entry(&Entry::Names { frame, names: names.clone() });
            black_box.write(last * 48_000).expect("written");
        }
        assert!(fs::metadata(&path).expect("there").len() <= SLOTS * SLOT_BYTES);
        black_box.entry(&Entry::Progress { frame: 7 });
        black_box.write(last * 48_000).expect("written");
        assert_eq!(frames(&path), [7]);
    }

    #[test]
    fn what_a_killed_player_left_is_kept_and_what_one_that_ended_left_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("box.anti");
        let (mut black_box, _) = BlackBox::create(&path, 10, header()).expect("made");
        black_box.entry(&Entry::Progress { frame: 5 });
        black_box.write(5).expect("written");
        let (other, _) = BlackBox::create(&path, 10, header()).expect("made beside it");
        assert_eq!(other.path().file_name(), Some("box-2.anti".as_ref()));
        drop((black_box, other));
        let (mut black_box, kept) = BlackBox::create(&path, 10, header()).expect("made");
        let kept = kept.expect("it was not ended");
        assert_eq!(frames(&kept), [5]);
        black_box.entry(&Entry::End { frame: 9 });
        black_box.write(9).expect("written");
        drop(black_box);
        let (mut black_box, kept) = BlackBox::create(&path, 10, header()).expect("made");
        assert_eq!(kept, None);
        for _ in 0..KEPT + 5 {
            black_box.keep("fault").expect("kept");
        }
        let count = fs::read_dir(folder.path()).expect("there").flatten().count();
        assert_eq!(count, KEPT + 2);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(in_utc(0), "19700101T000000Z");
        assert_eq!(in_utc(951_782_400), "20000229T000000Z");
        assert_eq!(in_utc(1_795_282_205), "20261121T173005Z");
    }
}
