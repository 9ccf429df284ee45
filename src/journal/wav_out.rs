//! WAV files written offline, complete or not at all.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::wav_series::{LIMIT_BYTES, to_io};
use crate::unit::SampleRate;

/// How a sample is kept: `16`, `24` or `32f`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub enum BitDepth {
    Int16,
    Int24,
    /// As the engine computed it, over 0 dBFS too.
    #[default]
    Float32,
}

/// Not a depth.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no bit depth: use 16, 24 or 32f")]
pub struct BitDepthError(pub String);

impl FromStr for BitDepth {
    type Err = BitDepthError;

    fn from_str(text: &str) -> Result<BitDepth, BitDepthError> {
        match text {
            "16" => Ok(BitDepth::Int16),
            "24" => Ok(BitDepth::Int24),
            "32f" => Ok(BitDepth::Float32),
            other => Err(BitDepthError(other.to_owned())),
        }
    }
}

impl fmt::Display for BitDepth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BitDepth::Int16 => "16",
            BitDepth::Int24 => "24",
            BitDepth::Float32 => "32f",
        })
    }
}

impl BitDepth {
    const fn bits(self) -> u16 {
        match self {
            BitDepth::Int16 => 16,
            BitDepth::Int24 => 24,
            BitDepth::Float32 => 32,
        }
    }
}

/// Why a WAV file could not be written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum WavOutError {
    #[error(
        "{} would grow past 4 GiB, where a WAV file ends: at this rate and with {channels} channels it holds \
         {limit_seconds} s at {bits} bits; render in fewer bits, or a shorter piece with --for",
        path.display()
    )]
    TooLong { path: PathBuf, channels: usize, bits: BitDepth, limit_seconds: u64 },
    #[error("cannot write {}: {source}; check that the directory exists, is yours and has room", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// A WAV file under way. It has a name of its own until [`WavOut::finish`], so that
/// a render that fails leaves what was there before as it was.
///
/// Integer samples are rounded to the nearest, without dither, and clipped at
/// full scale. Real-time: no.
pub struct WavOut {
    writer: Option<WavWriter<BufWriter<File>>>,
    path: PathBuf,
    /// Where it is written, if not at `path` itself.
    temporary: Option<PathBuf>,
    rate: SampleRate,
    channels: usize,
    bits: BitDepth,
    frames: u64,
    limit_frames: u64,
}

impl WavOut {
    /// Opens a file for so many channels. `expected_frames`, where known, refuses
    /// at once what would be too long in the end.
    ///
    /// # Errors
    /// [`WavOutError`] where the file cannot be made, or would pass 4 GiB.
    pub fn create(
        path: &Path,
        rate: SampleRate,
        channels: usize,
        bits: BitDepth,
        expected_frames: Option<u64>,
    ) -> Result<WavOut, WavOutError> {
        let io_error = |source| WavOutError::Io { path: path.to_owned(), source };
        let wide = u16::try_from(channels.max(1))
            .map_err(|_| io_error(io::Error::new(io::ErrorKind::InvalidInput, "more than 65535 channels")))?;
        let frame_bytes = u64::from(wide) * u64::from(bits.bits() / 8);
        let mut out = WavOut {
            writer: None,
            path: path.to_owned(),
            temporary: None,
            rate,
            channels: usize::from(wide),
            bits,
            frames: 0,
            limit_frames: LIMIT_BYTES / frame_bytes,
        };
        if expected_frames.is_some_and(|frames| frames > out.limit_frames) {
            return Err(out.too_long());
        }
        // Through a link to the file that it names; never over a device.
        let place = match fs::metadata(path) {
            Ok(there) if there.is_dir() => return Err(io_error(io::ErrorKind::IsADirectory.into())),
            Ok(there) if !there.is_file() => None,
            Ok(_) => Some(fs::canonicalize(path).map_err(io_error)?),
            Err(_) => Some(path.to_owned()),
        };
        if let Some(place) = place {
            let mut name = place.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}.part", std::process::id()));
            out.temporary = Some(place.with_file_name(name));
            out.path = place;
        }
        let file = File::create(out.temporary.as_ref().unwrap_or(&out.path)).map_err(io_error)?;
        let spec = WavSpec {
            channels: wide,
            sample_rate: rate.hertz(),
            bits_per_sample: bits.bits(),
            sample_format: if bits == BitDepth::Float32 { SampleFormat::Float } else { SampleFormat::Int },
        };
        let buffered = BufWriter::with_capacity(1 << 16, file);
        out.writer = Some(WavWriter::new(buffered, spec).map_err(|e| io_error(to_io(e)))?);
        Ok(out)
    }

    /// Appends one slice for each channel, all of the same length; a channel
    /// that is not given is written as zeros.
    ///
    /// # Errors
    /// [`WavOutError`] where the disk refuses, or the file would pass 4 GiB.
    pub fn write(&mut self, channels: &[&[f32]]) -> Result<(), WavOutError> {
        let frames = channels.first().map_or(0, |samples| samples.len());
        self.write_frames(frames, |frame, channel| {
            channels.get(channel).and_then(|samples| samples.get(frame)).copied().unwrap_or(0.0)
        })
    }

    /// Appends whole frames, their channels taking turns.
    ///
    /// # Errors
    /// As [`WavOut::write`].
    pub fn write_interleaved(&mut self, samples: &[f32]) -> Result<(), WavOutError> {
        let channels = self.channels;
        self.write_frames(samples.len() / channels, |frame, channel| samples[frame * channels + channel])
    }

    /// Completes the file and gives it its name, in place of what had it.
    ///
    /// # Errors
    /// [`WavOutError::Io`] where the disk refuses.
    pub fn finish(mut self) -> Result<(), WavOutError> {
        if let Some(writer) = self.writer.take() {
            writer.finalize().map_err(|e| self.io(to_io(e)))?;
        }
        if let Some(temporary) = &self.temporary {
            fs::rename(temporary, &self.path).map_err(|e| self.io(e))?;
        }
        self.temporary = None;
        Ok(())
    }

    /// Frames written so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    fn write_frames(
        &mut self,
        frames: usize,
        sample_at: impl Fn(usize, usize) -> f32,
    ) -> Result<(), WavOutError> {
        if self.frames + frames as u64 > self.limit_frames {
            return Err(self.too_long());
        }
        let Some(writer) = self.writer.as_mut() else { return Ok(()) };
        for frame in 0..frames {
            for channel in 0..self.channels {
                let sample = sample_at(frame, channel);
                let written = match self.bits {
                    BitDepth::Int16 => writer.write_sample(to_integer(sample, 32_768.0)),
                    BitDepth::Int24 => writer.write_sample(to_integer(sample, 8_388_608.0)),
                    BitDepth::Float32 => writer.write_sample(sample),
                };
                if let Err(error) = written {
                    return Err(self.io(to_io(error)));
                }
            }
        }
        self.frames += frames as u64;
        Ok(())
    }

    fn io(&self, source: io::Error) -> WavOutError {
        WavOutError::Io { path: self.path.clone(), source }
    }

    fn too_long(&self) -> WavOutError {
        WavOutError::TooLong {
            path: self.path.clone(),
            channels: self.channels,
            bits: self.bits,
            limit_seconds: self.limit_frames / u64::from(self.rate.hertz()),
        }
    }
}

impl Drop for WavOut {
    fn drop(&mut self) {
        drop(self.writer.take());
        if let Some(temporary) = &self.temporary {
            // Nothing more can be done about a file that will not go.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// The nearest integer, clipped; the product is exact because the scale is a
/// power of two. A sample that is not a number is silence.
fn to_integer(sample: f32, scale: f32) -> i32 {
    (sample * scale).round_ties_even().clamp(-scale, scale - 1.0) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::DEFAULT;

    fn write(bits: BitDepth, samples: &[f32]) -> (hound::WavSpec, Vec<u8>) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out.wav");
        let mut out = WavOut::create(&path, RATE, 1, bits, None).expect("creates");
        out.write(&[samples]).expect("writes");
        out.finish().expect("finishes");
        let names: Vec<_> = fs::read_dir(directory.path()).expect("lists").collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
        let spec = hound::WavReader::open(&path).expect("opens").spec();
        (spec, fs::read(&path).expect("reads"))
    }

    fn integers(bits: BitDepth, samples: &[f32]) -> Vec<i32> {
        let (_, bytes) = write(bits, samples);
        let mut reader = hound::WavReader::new(&bytes[..]).expect("opens");
        reader.samples::<i32>().map(|sample| sample.expect("a sample")).collect()
    }

    #[test]
    fn integers_are_the_nearest_and_clip() {
        let step = 1.0 / 32_768.0;
        let samples =
            [0.0, 0.49 * step, 0.51 * step, -0.51 * step, 1.49 * step, 0.5, -1.0, 1.0, 7.0, -7.0, f32::NAN];
        assert_eq!(
            integers(BitDepth::Int16, &samples),
            [0, 0, 1, -1, 1, 16_384, -32_768, 32_767, 32_767, -32_768, 0]
        );
        assert_eq!(
            integers(BitDepth::Int24, &[0.5, -1.0, 1.0, 1.0 / 8_388_608.0, -0.4 / 8_388_608.0]),
            [4_194_304, -8_388_608, 8_388_607, 1, 0]
        );
    }

    #[test]
    fn floats_are_kept_as_they_are() {
        let samples = [0.1, -3.5, 1.0e-30, 0.0];
        let (spec, bytes) = write(BitDepth::Float32, &samples);
        assert_eq!(
            (spec.bits_per_sample, spec.sample_format, spec.sample_rate),
            (32, SampleFormat::Float, 48_000)
        );
        let read: Vec<f32> = hound::WavReader::new(&bytes[..])
            .expect("opens")
            .samples::<f32>()
            .map(|s| s.expect("a sample"))
            .collect();
        assert_eq!(read, samples);
    }

    #[test]
    fn planar_and_interleaved_write_the_same_and_a_missing_channel_is_silent() {
        let directory = tempfile::tempdir().expect("a directory");
        let [a, b] = ["a.wav", "b.wav"].map(|name| directory.path().join(name));
        let mut planar = WavOut::create(&a, RATE, 3, BitDepth::Int24, Some(2)).expect("creates");
        planar.write(&[&[0.1, 0.2], &[0.3, 0.4]]).expect("writes");
        assert_eq!(planar.frames(), 2);
        planar.finish().expect("finishes");
        let mut turns = WavOut::create(&b, RATE, 3, BitDepth::Int24, None).expect("creates");
        turns.write_interleaved(&[0.1, 0.3, 0.0, 0.2, 0.4, 0.0]).expect("writes");
        turns.finish().expect("finishes");
        assert_eq!(fs::read(a).expect("reads"), fs::read(b).expect("reads"));
    }

    #[test]
    fn a_render_that_fails_leaves_the_old_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out.wav");
        fs::write(&path, b"the old one").expect("writes");
        let mut out = WavOut::create(&path, RATE, 1, BitDepth::Float32, None).expect("creates");
        out.write(&[&[0.5; 100_000]]).expect("writes");
        drop(out);
        assert_eq!(fs::read(&path).expect("reads"), b"the old one");
        assert_eq!(fs::read_dir(directory.path()).expect("lists").count(), 1);
    }

    #[test]
    fn what_would_pass_four_gibibytes_is_refused_at_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out.wav");
        let frames = RATE.frames(4.0 * 3_600.0);
        let error = WavOut::create(&path, RATE, 2, BitDepth::Float32, Some(frames)).err().expect("refused");
        assert!(error.to_string().contains("fewer bits"), "{error}");
        assert_eq!(fs::read_dir(directory.path()).expect("lists").count(), 0);
        assert!(WavOut::create(&path, RATE, 2, BitDepth::Int16, Some(frames)).is_ok());
    }

    #[test]
    fn places_that_are_no_files_are_not_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let error = WavOut::create(directory.path(), RATE, 2, BitDepth::Int16, None).err().expect("refused");
        assert!(error.to_string().contains("cannot write"), "{error}");
        if cfg!(unix) {
            let link = directory.path().join("null");
            #[cfg(unix)]
            std::os::unix::fs::symlink("/dev/null", &link).expect("links");
            let mut out = WavOut::create(&link, RATE, 2, BitDepth::Int16, None).expect("opens");
            out.write(&[&[0.1; 64], &[0.1; 64]]).expect("writes");
            out.finish().expect("finishes");
            assert!(!fs::metadata("/dev/null").expect("it is there").is_file());
        }
    }
}
