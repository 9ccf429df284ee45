use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{Error, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What is read of a file to know it again at once: so many stretches, spread evenly over it …
const STRETCHES: u64 = 64;
/// … of so many bytes each.
const STRETCH_BYTES: u64 = 16_384;
/// What is read of it at a time where all of it is.
const PART_BYTES: u64 = 1 << 20;
/// Files that are remembered; beyond, they are read again.
const FILES: usize = 1_024;

/// When a file was written last, and how long it is: another file has another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    pub(super) bytes: u64,
}

impl Stamp {
    pub(super) fn of(data: &Metadata) -> Stamp {
        Stamp { modified: data.modified().ok(), bytes: data.len() }
    }
}

/// Long files that were read from end to end, each once for as long as nobody writes to it: a rig that is
/// saved while it plays is there at once. Cheap to clone. Real-time: no.
#[derive(Clone, Default, Debug)]
pub struct Known(Arc<Mutex<BTreeMap<PathBuf, (Stamp, u64)>>>);

impl Known {
    /// A digest of every byte of a file.
    pub(super) fn digest(&self, path: &Path, stamp: Stamp) -> Result<u64, Error> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, digest)) = known().get(path)
            && *of == stamp
        {
            return Ok(*digest);
        }
        let digest = of_all(path, stamp.bytes)?;
        let mut known = known();
        if known.len() >= FILES {
            known.clear();
        }
        known.insert(path.to_owned(), (stamp, digest));
        Ok(digest)
    }
}

/// FNV-1a, 64 bits.
pub(super) struct Fnv(pub(super) u64);

impl Fnv {
    pub(super) fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// Of stretches of a file: to read an hour for it would take as long as a song.
pub(super) fn of_stretches(path: &Path, bytes: u64) -> Result<u64, Error> {
    let mut file = File::open(path)?;
    let mut hash = Fnv::new();
    let mut stretch = Vec::new();
    for index in 0..STRETCHES {
        let last = bytes.saturating_sub(STRETCH_BYTES);
        let at = (u128::from(last) * u128::from(index) / u128::from(STRETCHES - 1)) as u64;
        file.seek(SeekFrom::Start(at))?;
        stretch.clear();
        (&file).take(STRETCH_BYTES).read_to_end(&mut stretch)?;
        hash.add(&stretch);
    }
    Ok(hash.0)
}

/// Of all of it, by the CRC-32 of each part: more than 4 GB a second on one processor, so that the disk is
/// what is waited for. A change within one part is missed once in 2^32, in several less often.
fn of_all(path: &Path, bytes: u64) -> Result<u64, Error> {
    let file = File::open(path)?;
    let mut hash = Fnv::new();
    let mut part = Vec::new();
    // No further than it was long: somebody may be writing to it.
    for _ in 0..bytes.div_ceil(PART_BYTES) {
        part.clear();
        (&file).take(PART_BYTES).read_to_end(&mut part)?;
        hash.add(&crc32fast::hash(&part).to_le_bytes());
    }
    Ok(hash.0)
}
