//! WAV files as audio inputs of an offline render.
//!
//! Read by hound as a stream, a block at a time; a file at another rate than
//! the engine's is resampled. However it is read in blocks, the samples are the
//! same.

mod resample;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hound::{SampleFormat, WavReader};

use self::resample::Resample;
use crate::unit::SampleRate;

/// The most channels that a file may have.
const CHANNEL_LIMIT: u16 = 64;
/// The slowest and the fastest rate that a file may have.
const MIN_HERTZ: u32 = 1_000;
const MAX_HERTZ: u32 = 768_000;
/// Bytes that are asked of the system at a time.
const BUFFER_BYTES: usize = 65_536;
/// Frames that are read at a time where what was read does not count.
const SKIP_FRAMES: usize = 8_192;
/// The largest float (+180 dBFS): beyond, a resampler's sums are no numbers.
const LOUDEST: f32 = 1e9;

/// Why a WAV cannot be played, and where in it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct WavError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub fault: WavFault,
}

/// What is wrong with a WAV.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WavFault {
    /// The system does not let us read it.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// Its header is no WAV's, or of a kind that is not read.
    #[error(
        "byte {offset_bytes}: {reason}; WAV files of 8, 16, 24 or 32 bits, integer or 32-bit float, are read"
    )]
    Header {
        /// How far into the file it made sense.
        offset_bytes: u64,
        /// What is wrong there.
        reason: String,
    },
    /// More channels than anybody has.
    #[error("the file has {0} channels; at most {CHANNEL_LIMIT} are read")]
    Channels(u16),
    /// A rate that no converter has.
    #[error("a rate of {0} Hz is outside {MIN_HERTZ} to {MAX_HERTZ} Hz")]
    Rate(u32),
    /// The samples end before the header says so.
    #[error(
        "byte {offset_bytes}: the file ends here, before the {announced_frames} frames that its header announces: it was cut off; get a whole copy"
    )]
    Cut {
        /// Where the file ends, or could not be read further.
        offset_bytes: u64,
        /// How many frames it should have.
        announced_frames: u64,
    },
    /// A float that is no number, or one that only damage makes so large.
    #[error("frame {frame}, channel {channel}: the sample is not a number, or above +180 dBFS")]
    NoNumber {
        /// From 0.
        frame: u64,
        /// From 1.
        channel: u16,
    },
}

/// A WAV file, read in blocks at the engine's rate. Real-time: no.
pub struct WavInput {
    decoder: Decoder,
    resample: Option<Resample>,
    rate: SampleRate,
    frames: u64,
    left: u64,
}

impl WavInput {
    /// Opens a file for an engine that runs at `rate`.
    ///
    /// # Errors
    /// [`WavError`] where it cannot be played; a file that is shorter than its
    /// header says is told here already.
    pub fn open(path: &Path, rate: SampleRate) -> Result<WavInput, WavError> {
        let decoder = Decoder::open(path)?;
        let (from, to) = (decoder.rate_hertz, rate.hertz());
        let resample = decoder.resample(to)?;
        let frames = (2 * decoder.frames * u64::from(to) + u64::from(from)) / (2 * u64::from(from));
        Ok(WavInput { decoder, resample, rate, frames, left: frames })
    }

    /// Goes to a frame, at the engine's rate: what is read there is the same as if all before it had been
    /// read. Of a file at another rate all before it is read for that.
    ///
    /// # Errors
    /// [`WavError`] where the file is damaged.
    pub fn seek(&mut self, frame: u64) -> Result<(), WavError> {
        let frame = frame.min(self.frames);
        self.left = self.frames;
        if self.resample.is_none() {
            self.decoder.seek(frame)?;
            self.left -= frame;
            return Ok(());
        }
        self.decoder.seek(0)?;
        self.resample = self.decoder.resample(self.rate.hertz())?;
        while self.left > self.frames - frame {
            let frames = usize::try_from(self.left - (self.frames - frame)).unwrap_or(usize::MAX);
            self.read(frames.min(SKIP_FRAMES), &mut [])?;
        }
        Ok(())
    }

    /// What the system says of the file that was opened, whatever is at its path by now.
    ///
    /// # Errors
    /// The system's.
    pub fn metadata(&self) -> std::io::Result<std::fs::Metadata> {
        self.decoder.file.metadata()
    }

    /// Channels in the file.
    pub fn channels(&self) -> usize {
        self.decoder.channels
    }

    /// Frames in the file, at the engine's rate: round(frames · rate / its rate).
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Reads the next `frames` frames, or what is left: each vector of `into`
    /// gets one channel's samples in place of what it held, from the first
    /// channel; one that the file does not have gets silence. Gives how many
    /// frames there were.
    ///
    /// # Errors
    /// [`WavError`] where the file is damaged.
    pub fn read(&mut self, frames: usize, into: &mut [Vec<f32>]) -> Result<usize, WavError> {
        let frames = usize::try_from(self.left).map_or(frames, |left| frames.min(left));
        for channel in into.iter_mut() {
            channel.clear();
        }
        match &mut self.resample {
            None => {
                self.decoder.read(frames, into)?;
            }
            Some(resample) => {
                while resample.ready() < frames {
                    resample.advance(|chunk, input| self.decoder.read(chunk, input))?;
                }
                resample.take(frames, into);
            }
        }
        self.left -= frames as u64;
        for channel in into.iter_mut() {
            channel.resize(frames, 0.0);
        }
        Ok(frames)
    }
}

/// Counts the bytes that were read, for the place in an error.
struct Counted {
    file: BufReader<Arc<File>>,
    position: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.file.read(into)?;
        self.position.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let position = self.file.seek(to)?;
        self.position.store(position, Ordering::Relaxed);
        Ok(position)
    }
}

/// The file at its own rate.
struct Decoder {
    path: PathBuf,
    file: Arc<File>,
    reader: WavReader<Counted>,
    position: Arc<AtomicU64>,
    rate_hertz: u32,
    channels: usize,
    frames: u64,
    /// The next frame.
    frame: u64,
    /// What makes full scale 1 of an integer; `None` for floats.
    scale: Option<f32>,
}

impl Decoder {
    fn open(path: &Path) -> Result<Decoder, WavError> {
        let error = |fault| WavError { path: path.to_owned(), fault };
        let unreadable = |e: std::io::Error| error(WavFault::Unreadable(e.to_string()));
        let file = Arc::new(File::open(path).map_err(unreadable)?);
        let file_bytes = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|data| data.len());
        let position = Arc::new(AtomicU64::new(0));
        let buffered = BufReader::with_capacity(BUFFER_BYTES, Arc::clone(&file));
        let counted = Counted { file: buffered, position: Arc::clone(&position) };
        let reader = WavReader::new(counted).map_err(|e| {
            let offset_bytes = position.load(Ordering::Relaxed);
            let reason = match e {
                hound::Error::IoError(_) => "the file ends in its header".to_owned(),
                hound::Error::Unsupported => "this kind of WAV is not read".to_owned(),
                hound::Error::FormatError(reason) => reason.to_owned(),
                other => other.to_string(),
            };
            error(WavFault::Header { offset_bytes, reason })
        })?;
        let spec = reader.spec();
        if spec.channels > CHANNEL_LIMIT {
            return Err(error(WavFault::Channels(spec.channels)));
        }
        if !(MIN_HERTZ..=MAX_HERTZ).contains(&spec.sample_rate) {
            return Err(error(WavFault::Rate(spec.sample_rate)));
        }
        let is_float = spec.sample_format == SampleFormat::Float;
        if !matches!((is_float, spec.bits_per_sample), (false, 8 | 16 | 24 | 32) | (true, 32)) {
            let reason = format!("{} bits per sample are not read", spec.bits_per_sample);
            return Err(error(WavFault::Header { offset_bytes: position.load(Ordering::Relaxed), reason }));
        }
        let frames = u64::from(reader.duration());
        let data_bytes = u64::from(reader.len()) * u64::from(spec.bits_per_sample / 8);
        if let Some(end) = file_bytes
            && position.load(Ordering::Relaxed) + data_bytes > end
        {
            return Err(error(WavFault::Cut { offset_bytes: end, announced_frames: frames }));
        }
        Ok(Decoder {
            path: path.to_owned(),
            file,
            position,
            rate_hertz: spec.sample_rate,
            channels: usize::from(spec.channels),
            frames,
            frame: 0,
            scale: (!is_float).then(|| 1.0 / (1_u64 << (spec.bits_per_sample - 1)) as f32),
            reader,
        })
    }

    fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    fn error(&self, fault: WavFault) -> WavError {
        WavError { path: self.path.clone(), fault }
    }

    /// What takes it to another rate; `None` where that is its own.
    fn resample(&self, hertz: u32) -> Result<Option<Resample>, WavError> {
        let resample =
            (self.rate_hertz != hertz).then(|| Resample::new(self.rate_hertz, hertz, self.channels));
        resample
            .transpose()
            .map_err(|reason| self.error(WavFault::Header { offset_bytes: self.position(), reason }))
    }

    fn seek(&mut self, frame: u64) -> Result<(), WavError> {
        // A WAV counts its frames in 32 bits.
        let to = frame.min(self.frames) as u32;
        self.reader.seek(to).map_err(|error| self.error(WavFault::Unreadable(error.to_string())))?;
        self.frame = u64::from(to);
        Ok(())
    }

    /// Appends up to `frames` frames to `into`; fewer only at the file's end.
    fn read(&mut self, frames: usize, into: &mut [Vec<f32>]) -> Result<(), WavError> {
        let left = self.frames - self.frame;
        for _ in 0..left.min(frames as u64) {
            for channel in 0..self.channels {
                let sample = self.sample(channel)?;
                if let Some(samples) = into.get_mut(channel) {
                    samples.push(sample);
                }
            }
            self.frame += 1;
        }
        Ok(())
    }

    fn sample(&mut self, channel: usize) -> Result<f32, WavError> {
        let sample = match self.scale {
            Some(scale) => self.reader.samples::<i32>().next().map(|s| s.map(|s| s as f32 * scale)),
            None => self.reader.samples::<f32>().next(),
        };
        match sample {
            Some(Ok(sample)) if sample.abs() <= LOUDEST => Ok(sample),
            Some(Ok(_)) => {
                Err(self.error(WavFault::NoNumber { frame: self.frame, channel: channel as u16 + 1 }))
            }
            Some(Err(_)) | None => {
                Err(self
                    .error(WavFault::Cut { offset_bytes: self.position(), announced_frames: self.frames }))
            }
        }
    }
}

#[cfg(test)]
mod tests;
