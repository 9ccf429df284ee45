//! One recording as a row of WAV files, because a WAV file ends at 4 GiB.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::unit::SampleRate;

/// The sizes in a WAV file's header are 32 bits wide. Below that by more than
/// any header, so that the whole file can be counted too.
pub(super) const LIMIT_BYTES: u64 = u32::MAX as u64 - 1_024;

const BUFFER_BYTES: usize = 1 << 16;
const SAMPLE_BYTES: u64 = 4;

/// What a recording is written on: a file, or a test's idea of one.
pub(super) trait Medium: Write + Seek + Send {}
impl<T: Write + Seek + Send> Medium for T {}

/// Opens the next file of a series.
pub(super) type Open = Box<dyn FnMut(&Path) -> io::Result<Box<dyn Medium>> + Send>;

/// Opens real files, replacing those of the same name.
pub(super) fn real_files() -> Open {
    Box::new(|path| Ok(Box::new(File::create(path)?)))
}

/// 32-bit float samples, as they are, in NAME.wav, NAME-2.wav, NAME-3.wav, ….
pub(super) struct WavSeries {
    open: Open,
    spec: WavSpec,
    first: PathBuf,
    /// Frames in a full file.
    limit_frames: u64,
    writer: Option<WavWriter<BufWriter<Box<dyn Medium>>>>,
    files: Vec<PathBuf>,
    /// Frames in files that are complete.
    frames_before: u64,
    frames_here: u64,
    /// Whether the last of `files` is complete.
    closed: bool,
    /// Whether its header could not be made to say what is in it.
    unmended: bool,
    unflushed: bool,
}

impl WavSeries {
    /// Opens the first file and writes its header, so that it opens from now on.
    pub(super) fn create(
        path: &Path,
        rate: SampleRate,
        channels: usize,
        limit_bytes: u64,
        open: Open,
    ) -> io::Result<WavSeries> {
        let channels = u16::try_from(channels)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "more than 65535 channels"))?;
        let spec = WavSpec {
            channels,
            sample_rate: rate.hertz(),
            bits_per_sample: 32,
            sample_format: SampleFormat::Float,
        };
        let limit_frames = (limit_bytes.min(LIMIT_BYTES) / (SAMPLE_BYTES * u64::from(channels))).max(1);
        let mut series = WavSeries {
            open,
            spec,
            first: path.to_owned(),
            limit_frames,
            writer: None,
            files: Vec::new(),
            frames_before: 0,
            frames_here: 0,
            closed: true,
            unmended: false,
            unflushed: false,
        };
        series.next_file()?;
        Ok(series)
    }

    /// Writes whole interleaved frames, going on in the next file where one is full.
    pub(super) fn write(&mut self, samples: &[f32]) -> io::Result<()> {
        let channels = usize::from(self.spec.channels);
        let mut rest = samples;
        while !rest.is_empty() {
            if self.frames_here >= self.limit_frames {
                self.close()?;
                self.next_file()?;
            }
            let room = usize::try_from(self.limit_frames - self.frames_here).unwrap_or(usize::MAX);
            let frames = (rest.len() / channels).min(room);
            let (now, later) = rest.split_at(frames * channels);
            let writer = self.writer.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            self.unflushed = true;
            for sample in now {
                writer.write_sample(*sample).map_err(to_io)?;
            }
            self.frames_here += frames as u64;
            rest = later;
        }
        Ok(())
    }

    /// Brings what was written, and the header that counts it, to the file.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if let Some(writer) = self.writer.as_mut().filter(|_| self.unflushed) {
            writer.flush().map_err(to_io)?;
            self.unflushed = false;
        }
        Ok(())
    }

    /// Ends the file that is being written.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if let Some(writer) = self.writer.take() {
            writer.finalize().map_err(to_io)?;
            self.frames_before += std::mem::take(&mut self.frames_here);
            self.closed = true;
        }
        Ok(())
    }

    /// After an error: lets go, and makes the header of the file that broke off
    /// count what really is in it.
    pub(super) fn abandon(&mut self) {
        drop(self.writer.take());
        if !self.closed {
            self.frames_here = 0;
            self.closed = true;
            self.unmended = true;
            self.mend();
        }
    }

    /// After [`abandon`](Self::abandon): goes on in the next file.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        self.mend();
        self.next_file()
    }

    fn mend(&mut self) {
        let frame_bytes = SAMPLE_BYTES * u64::from(self.spec.channels);
        let Some(path) = self.files.last().filter(|_| self.unmended) else { return };
        if let Ok(kept) = mend(path, frame_bytes) {
            self.unmended = false;
            self.frames_before += kept;
        }
    }

    /// The files so far, in order.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The file that is written, or was to be opened next.
    pub(super) fn current(&self) -> PathBuf {
        numbered(&self.first, self.files.len() + usize::from(self.closed))
    }

    /// Frames in all files.
    pub(super) fn frames(&self) -> u64 {
        self.frames_before + self.frames_here
    }

    fn next_file(&mut self) -> io::Result<()> {
        let path = self.current();
        let medium = (self.open)(&path)?;
        let buffered = BufWriter::with_capacity(BUFFER_BYTES, medium);
        let mut writer = WavWriter::new(buffered, self.spec).map_err(to_io)?;
        writer.flush().map_err(to_io)?;
        self.files.push(path);
        self.writer = Some(writer);
        self.closed = false;
        Ok(())
    }
}

/// The first path of a series at which there is no file yet, for a recording that
/// must leave alone what was recorded before.
pub fn next_free(first: &Path) -> PathBuf {
    const ATTEMPTS: usize = 10_000;
    let free = (1..ATTEMPTS).map(|number| numbered(first, number)).find(|path| !path.exists());
    free.unwrap_or_else(|| numbered(first, ATTEMPTS))
}

/// The path of the n-th file of a series, from 1: take.wav, take-2.wav, ….
fn numbered(first: &Path, number: usize) -> PathBuf {
    if number <= 1 {
        return first.to_owned();
    }
    let mut name = first.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = first.extension() {
        name.push(".");
        name.push(extension);
    }
    first.with_file_name(name)
}

/// Writes the true sizes into the header of a file that broke off.
fn mend(path: &Path, frame_bytes: u64) -> io::Result<u64> {
    // RIFF size, WAVE, then chunks of (name, size, bytes); `data` is the last.
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut head = [0; 12];
    file.read_exact(&mut head)?;
    let mut at = head.len() as u64;
    loop {
        let mut chunk = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut chunk)?;
        let [name @ .., a, b, c, d] = chunk;
        at += 8;
        if &name == b"data" {
            break;
        }
        at += u64::from(u32::from_le_bytes([a, b, c, d]));
    }
    let frames = length.saturating_sub(at) / frame_bytes;
    let data_bytes = (frames * frame_bytes).min(u64::from(u32::MAX)) as u32;
    file.seek(SeekFrom::Start(at - 4))?;
    file.write_all(&data_bytes.to_le_bytes())?;
    file.seek(SeekFrom::Start(4))?;
    file.write_all(&(data_bytes + (at - 8) as u32).to_le_bytes())?;
    Ok(frames)
}

/// hound's error as the system's.
pub(super) fn to_io(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Vec<f32> {
        let mut reader = hound::WavReader::open(path).expect("the file opens");
        reader.samples::<f32>().map(|sample| sample.expect("a sample")).collect()
    }

    #[test]
    fn a_recording_that_goes_on_takes_the_next_free_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("take.wav");
        assert_eq!(next_free(&path), path);
        for name in ["take.wav", "take-2.wav", "take-4.wav"] {
            std::fs::write(directory.path().join(name), "").expect("written");
        }
        assert_eq!(next_free(&path), directory.path().join("take-3.wav"));
    }

    #[test]
    fn a_full_file_goes_on_in_the_next_without_losing_a_sample() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("take.one.wav");
        let samples: Vec<f32> = (0..2 * 250).map(|i| i as f32).collect();
        // 100 frames of two channels and a bit.
        let mut series =
            WavSeries::create(&path, SampleRate::DEFAULT, 2, 100 * 8 + 5, real_files()).expect("creates");
        for part in samples.chunks(2 * 33) {
            series.write(part).expect("writes");
        }
        series.close().expect("closes");
        let names: Vec<_> = series.files().iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["take.one.wav", "take.one-2.wav", "take.one-3.wav"]);
        let parts: Vec<_> = series.files().iter().map(|path| read(path)).collect();
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [200, 200, 100]);
        assert_eq!(parts.concat(), samples);
    }

    #[test]
    fn a_file_opens_from_the_first_moment_and_holds_what_was_flushed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("take.wav");
        let mut series =
            WavSeries::create(&path, SampleRate::DEFAULT, 1, LIMIT_BYTES, real_files()).expect("creates");
        assert!(read(&path).is_empty());
        series.write(&[0.5; 1_000]).expect("writes");
        series.flush().expect("flushes");
        series.write(&[0.25; 10]).expect("writes");
        assert_eq!(read(&path), [0.5; 1_000]);
        std::mem::forget(series); // as if killed
        assert_eq!(read(&path).len(), 1_000);
    }

    #[test]
    fn a_file_that_broke_off_is_mended() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("take.wav");
        let mut series =
            WavSeries::create(&path, SampleRate::DEFAULT, 2, LIMIT_BYTES, real_files()).expect("creates");
        series.write(&[0.5; 2_000]).expect("writes");
        series.flush().expect("flushes");
        let length = std::fs::metadata(&path).expect("it is there").len();
        let file = OpenOptions::new().write(true).open(&path).expect("opens");
        file.set_len(length - 8 * 300 - 3).expect("cuts");
        // hound puts its own count into the header when it is let go.
        series.abandon();
        assert_eq!(series.frames(), 699);
        assert_eq!(read(&path).len(), 2 * 699);
    }
}
