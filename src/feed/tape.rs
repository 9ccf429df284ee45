//! Long WAV files, played from the disk.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::wav::{WavError, WavFault, WavInput};
use crate::rt::reel::{Medium, Reading, Stereo, Tape};
use crate::unit::SampleRate;

/// What is read of a file to know it again: so many stretches, spread evenly over it …
const STRETCHES: u64 = 64;
/// … of so many bytes each.
const STRETCH_BYTES: u64 = 16_384;

/// Opens a file as a tape: reads its beginning. `None` where it is too short to be one.
///
/// # Errors
/// [`WavError`] where it cannot be played.
pub fn open(path: &Path, rate: SampleRate) -> Result<Option<Arc<Tape>>, WavError> {
    let stamp = Stamp::of(path)?;
    let mut wav = WavInput::open(path, rate)?;
    let opening_frames = Tape::opening_frames(rate);
    if wav.frames() < 2 * opening_frames {
        return Ok(None);
    }
    let frames = wav.frames();
    let digest = digest(path, stamp.bytes, frames)?;
    let mut opening = Vec::new();
    let mut channels = vec![Vec::new(); wav.channels().clamp(1, 2)];
    read(&mut wav, opening_frames as usize, &mut channels, &mut opening)?;
    let medium = WavMedium { path: path.to_owned(), rate, stamp };
    Ok(Tape::new(opening, frames, digest, Arc::new(medium)))
}

/// When a file was written last, and how long it is: another file has another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl Stamp {
    fn of(path: &Path) -> Result<Stamp, WavError> {
        let data = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        Ok(Stamp { modified: data.modified().ok(), bytes: data.len() })
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> WavError {
    WavError { path: path.to_owned(), fault: WavFault::Unreadable(error.to_string()) }
}

/// FNV-1a over the file's length, how long it sounds, and stretches of it: to read an hour for it would
/// take as long as a song.
fn digest(path: &Path, bytes: u64, frames: u64) -> Result<u64, WavError> {
    let cannot = |error: std::io::Error| unreadable(path, &error);
    let mut file = File::open(path).map_err(cannot)?;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    add(&bytes.to_le_bytes());
    add(&frames.to_le_bytes());
    let mut stretch = Vec::new();
    for index in 0..STRETCHES {
        let last = bytes.saturating_sub(STRETCH_BYTES);
        let at = (u128::from(last) * u128::from(index) / u128::from(STRETCHES - 1)) as u64;
        file.seek(SeekFrom::Start(at)).map_err(cannot)?;
        stretch.clear();
        (&file).take(STRETCH_BYTES).read_to_end(&mut stretch).map_err(cannot)?;
        add(&stretch);
    }
    Ok(hash)
}

/// A WAV file, for an engine that runs at this rate.
struct WavMedium {
    path: PathBuf,
    rate: SampleRate,
    stamp: Stamp,
}

impl Medium for WavMedium {
    fn open(&self) -> Result<Box<dyn Reading>, String> {
        let stamp = Stamp::of(&self.path).map_err(|error| error.to_string())?;
        if stamp != self.stamp {
            let path = self.path.display();
            return Err(format!(
                "{path} is another file than when the rig was loaded; save the rig to have it"
            ));
        }
        let wav = WavInput::open(&self.path, self.rate).map_err(|error| error.to_string())?;
        let channels = vec![Vec::new(); wav.channels().clamp(1, 2)];
        Ok(Box::new(WavReading { wav, channels }))
    }
}

struct WavReading {
    wav: WavInput,
    channels: Vec<Vec<f32>>,
}

impl Reading for WavReading {
    fn seek(&mut self, frame: u64) -> Result<(), String> {
        self.wav.seek(frame).map_err(|error| error.to_string())
    }

    fn read(&mut self, frames: usize, into: &mut Vec<Stereo>) -> Result<(), String> {
        read(&mut self.wav, frames, &mut self.channels, into).map_err(|error| error.to_string())
    }
}

/// Reads the next frames, one channel or the first two, by way of `channels`, to the end of `into`.
fn read(
    wav: &mut WavInput,
    frames: usize,
    channels: &mut [Vec<f32>],
    into: &mut Vec<Stereo>,
) -> Result<(), WavError> {
    wav.read(frames, channels)?;
    match channels {
        [left, right, ..] => into.extend(left.iter().zip(right.iter()).map(|(l, r)| [*l, *r])),
        [mono] => into.extend(mono.iter().map(|sample| [*sample; 2])),
        [] => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::SampleRate;

    const SPEC: hound::WavSpec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 24,
        sample_format: hound::SampleFormat::Int,
    };

    fn write(path: &Path, frames: i32) {
        let mut wav = hound::WavWriter::create(path, SPEC).expect("a file");
        for frame in 0..frames {
            let value = (frame.wrapping_mul(2_654_435) ^ frame << 7) % 4_000_000;
            wav.write_sample(value).expect("it is there");
            wav.write_sample(-value / 2).expect("it is there");
        }
        wav.finalize().expect("it is there");
    }

    #[test]
    fn wherever_it_is_gone_to_the_samples_are_those_of_one_reading() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("long.wav");
        write(&path, 400_000);
        // At its own rate, and resampled.
        for hertz in [44_100, 48_000] {
            let rate = SampleRate::new(hertz).expect("a rate");
            let mut whole = WavInput::open(&path, rate).expect("it plays");
            let frames = whole.frames();
            let mut channels = vec![Vec::new(); 2];
            let mut all = Vec::new();
            read(&mut whole, frames as usize, &mut channels, &mut all).expect("it plays");
            let tape = open(&path, rate).expect("it plays").expect("it is long");
            assert_eq!((tape.frames(), all.len() as u64), (frames, frames));
            let mut reading = WavMedium { path: path.clone(), rate, stamp: Stamp::of(&path).expect("it") }
                .open()
                .expect("it plays");
            for at in [100_000_u64, 0, 96_000, 96_001, frames - 500] {
                reading.seek(at).expect("it plays");
                let mut part = Vec::new();
                reading.read(333, &mut part).expect("it plays");
                reading.read(100, &mut part).expect("it plays");
                assert!(part == all[at as usize..at as usize + 433], "{hertz} Hz from {at}");
            }
        }
    }

    #[test]
    fn a_file_is_known_again_and_another_is_not_played() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("long.wav");
        let rate = SampleRate::DEFAULT;
        write(&path, 400_000);
        let tape = open(&path, rate).expect("it plays").expect("it is long");
        assert_eq!(open(&path, rate).expect("it plays").expect("it is long").digest(), tape.digest());
        let medium = WavMedium { path: path.clone(), rate, stamp: Stamp::of(&path).expect("it") };
        write(&path, 400_001);
        assert_ne!(open(&path, rate).expect("it plays").expect("it is long").digest(), tape.digest());
        let said = medium.open().err().expect("another file");
        assert!(said.contains("save the rig"), "{said}");
        write(&path, 10_000);
        assert!(open(&path, rate).expect("it plays").is_none(), "it is short");
    }
}
