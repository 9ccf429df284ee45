//! Long WAV files, played from the disk.

mod known;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use known::Known;
use known::{Fnv, Stamp, of_stretches};

use super::wav::{WavError, WavFault, WavInput};
use crate::rt::reel::{Medium, Reading, Stereo, Tape};
use crate::unit::SampleRate;

/// Opens a file as a tape: reads its beginning, and what it is to be known again by. That is all of it
/// where what was read so is `known`, and stretches of it elsewhere, so that it is there at once. `None`
/// where it is too short to be one.
///
/// # Errors
/// [`WavError`] where it cannot be played.
pub fn open(path: &Path, rate: SampleRate, known: Option<&Known>) -> Result<Option<Arc<Tape>>, WavError> {
    let cannot = |error: std::io::Error| unreadable(path, &error);
    let stamp = stamp_at(path)?;
    let mut wav = WavInput::open(path, rate)?;
    let opening_frames = Tape::opening_frames(rate);
    if wav.frames() < 2 * opening_frames {
        return Ok(None);
    }
    let frames = wav.frames();
    let content = match known {
        Some(known) => known.digest(path, stamp),
        None => of_stretches(path, stamp.bytes),
    };
    let mut digest = Fnv::new();
    [stamp.bytes, frames, content.map_err(cannot)?].iter().for_each(|word| digest.add(&word.to_le_bytes()));
    let mut opening = Vec::new();
    let mut channels = vec![Vec::new(); wav.channels().clamp(1, 2)];
    read(&mut wav, opening_frames as usize, &mut channels, &mut opening)?;
    let medium = WavMedium { path: path.to_owned(), rate, stamp };
    Ok(Tape::new(opening, frames, digest.0, Arc::new(medium)))
}

fn stamp_at(path: &Path) -> Result<Stamp, WavError> {
    std::fs::metadata(path).map(|data| Stamp::of(&data)).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> WavError {
    WavError { path: path.to_owned(), fault: WavFault::Unreadable(error.to_string()) }
}

/// A WAV file, for an engine that runs at this rate.
#[derive(Clone)]
struct WavMedium {
    path: PathBuf,
    rate: SampleRate,
    stamp: Stamp,
}

impl WavMedium {
    /// What is there is what was there when it was loaded.
    fn check(&self, stamp: Stamp) -> Result<(), String> {
        if stamp == self.stamp {
            return Ok(());
        }
        let path = self.path.display();
        Err(format!("{path} is another file than when the rig was loaded; save the rig to have it"))
    }
}

impl Medium for WavMedium {
    fn open(&self) -> Result<Box<dyn Reading>, String> {
        self.check(stamp_at(&self.path).map_err(|error| error.to_string())?)?;
        let wav = WavInput::open(&self.path, self.rate).map_err(|error| error.to_string())?;
        let channels = vec![Vec::new(); wav.channels().clamp(1, 2)];
        Ok(Box::new(WavReading { medium: self.clone(), wav, channels }))
    }
}

struct WavReading {
    medium: WavMedium,
    wav: WavInput,
    channels: Vec<Vec<f32>>,
}

impl WavReading {
    /// After something was read: whether the file was written to before that, whatever it gave. One that only
    /// took its place by name is not what is read here.
    fn unless_overwritten(&self, read: Result<(), WavError>) -> Result<(), String> {
        let data = self.wav.metadata().map_err(|error| unreadable(&self.medium.path, &error).to_string())?;
        self.medium.check(Stamp::of(&data))?;
        read.map_err(|error| error.to_string())
    }
}

impl Reading for WavReading {
    fn seek(&mut self, frame: u64) -> Result<(), String> {
        let gone = self.wav.seek(frame);
        self.unless_overwritten(gone)
    }

    fn read(&mut self, frames: usize, into: &mut Vec<Stereo>) -> Result<(), String> {
        let read = read(&mut self.wav, frames, &mut self.channels, into);
        self.unless_overwritten(read)
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
    use std::io::{Read, Seek, SeekFrom, Write};
    use std::time::Duration;

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
            let tape = open(&path, rate, None).expect("it plays").expect("it is long");
            assert_eq!((tape.frames(), all.len() as u64), (frames, frames));
            let mut reading = medium(&path, rate).open().expect("it plays");
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
        let first = digests(&path, &Known::default());
        assert_eq!(digests(&path, &Known::default()), first);
        let medium = medium(&path, rate);
        write(&path, 400_001);
        let second = digests(&path, &Known::default());
        assert!(first[0] != second[0] && first[1] != second[1]);
        let said = medium.open().err().expect("another file");
        assert!(said.contains("save the rig"), "{said}");
        write(&path, 10_000);
        assert!(open(&path, rate, None).expect("it plays").is_none(), "it is short");
    }

    #[test]
    fn a_byte_anywhere_tells_it_from_another_where_all_of_it_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("long.wav");
        write(&path, 1_000_000);
        let known = Known::default();
        let first = digests(&path, &known);
        let bytes = std::fs::metadata(&path).expect("it is there").len();
        for at in [bytes / 64 + 20_000, 3_200_000, bytes - 20_000] {
            let was = edit(&path, at, None);
            let edited = digests(&path, &known);
            assert!(edited[0] == first[0], "byte {at} is in no stretch");
            assert!(edited[1] != first[1], "byte {at}");
            edit(&path, at, Some(was));
            assert_eq!(digests(&path, &known), first, "byte {at}");
        }
    }

    #[test]
    fn a_file_that_is_overwritten_is_not_read_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("long.wav");
        write(&path, 400_000);
        // At its own rate, and resampled.
        for hertz in [44_100, 48_000] {
            let medium = medium(&path, SampleRate::new(hertz).expect("a rate"));
            let reading = || {
                let mut reading = medium.open().expect("it plays");
                reading.seek(100_000).expect("it plays");
                reading.read(8_192, &mut Vec::new()).expect("it plays");
                reading
            };
            let [mut goes_on, mut goes_back] = [reading(), reading()];
            edit(&path, 2_000_000, None);
            for said in [goes_on.read(8_192, &mut Vec::new()), goes_back.seek(0)] {
                let said = said.expect_err("it was overwritten");
                assert!(said.contains("save the rig"), "{said}");
            }
        }
        // Cut off in the middle, too; one that takes its place is played when it is opened.
        let medium = medium(&path, SampleRate::DEFAULT);
        let mut reading = medium.open().expect("it plays");
        let other = folder.path().join("other.wav");
        write(&other, 400_001);
        std::fs::rename(&other, &path).expect("it is there");
        reading.read(8_192, &mut Vec::new()).expect("it is what it was");
        assert!(medium.open().is_err());
        let medium = self::medium(&path, SampleRate::DEFAULT);
        let mut reading = medium.open().expect("it plays");
        std::fs::File::options().write(true).open(&path).and_then(|file| file.set_len(1_000)).expect("cut");
        let said = reading.read(100_000, &mut Vec::new()).expect_err("it is cut");
        assert!(said.contains("save the rig"), "{said}");
    }

    fn medium(path: &Path, rate: SampleRate) -> WavMedium {
        WavMedium { path: path.to_owned(), rate, stamp: stamp_at(path).expect("it is there") }
    }

    /// By stretches of it, and by all of it.
    fn digests(path: &Path, known: &Known) -> [u64; 2] {
        [None, Some(known)].map(|known| {
            open(path, SampleRate::DEFAULT, known).expect("it plays").expect("it is long").digest()
        })
    }

    /// Writes a byte, another than is there unless it is given; gives what was there.
    fn edit(path: &Path, at: u64, byte: Option<u8>) -> u8 {
        let mut file = std::fs::File::options().read(true).write(true).open(path).expect("it is there");
        let before = file.metadata().and_then(|data| data.modified()).expect("it has a time");
        let mut was = [0];
        file.seek(SeekFrom::Start(at)).expect("it is long");
        file.read_exact(&mut was).expect("it is long");
        file.seek(SeekFrom::Start(at)).expect("it is long");
        file.write_all(&[byte.unwrap_or(!was[0])]).expect("it is long");
        // Some clocks of files are coarse.
        file.set_modified(before + Duration::from_secs(1)).expect("it has a time");
        was[0]
    }
}
