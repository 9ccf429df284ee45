//! The disk writer: what the master plays, into a WAV file, while it plays.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{self, Receiver, RecvTimeoutError, Sender};

use super::wav_series::{LIMIT_BYTES, Open, WavSeries, real_files};
use crate::render::TapReader;
use crate::unit::SampleRate;

/// How often the tap is emptied. It holds seconds.
const POLL: Duration = Duration::from_millis(20);
/// How much a killed process may lose.
const FLUSH: Duration = Duration::from_secs(1);
/// How long the end of a recording may take.
const FINISH: Duration = Duration::from_secs(10);
const READ_FRAMES: usize = 4_096;

/// Why a recording could not begin or go on. What plays is not touched by it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum RecordError {
    #[error("cannot record to {}: {reason}; {}", path.display(), advice(*kind))]
    Create { path: PathBuf, kind: io::ErrorKind, reason: String },
    #[error(
        "recording to {} stopped: {reason}; what came before is kept; {}", path.display(), advice(*kind)
    )]
    Write { path: PathBuf, kind: io::ErrorKind, reason: String },
    #[error(
        "the disk did not finish writing {} in time; the file opens, but its end may be missing", path.display()
    )]
    Stalled { path: PathBuf },
}

fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "make the directory first, or choose another path",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a directory that you may write to"
        }
        io::ErrorKind::IsADirectory => "name a file in it",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or record to another disk"
        }
        _ => "record to another disk or directory",
    }
}

/// What a recording came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordSummary {
    /// The files, in order; more than one past 4 GiB.
    pub files: Vec<PathBuf>,
    /// Frames in the files, zeros in place of lost ones included.
    pub frames: u64,
    /// Frames lost: to a disk slower than the tap can bear, or after an error.
    pub lost_frames: u64,
    /// Why it broke off, if it did.
    pub error: Option<RecordError>,
}

/// A recording under way, owned by the control world. A thread of its own
/// writes, so a slow disk holds up nothing but itself. Real-time: no.
pub struct Recorder {
    stop: Sender<()>,
    done: Receiver<RecordSummary>,
    errors: Receiver<RecordError>,
    path: PathBuf,
    channels: usize,
    progress: Arc<Progress>,
}

/// Readable while it runs.
#[derive(Default)]
struct Progress {
    frames: AtomicU64,
    lost: AtomicU64,
}

impl Recorder {
    /// Opens the file, replacing one of the same name, and starts to empty the
    /// tap into it, as 32-bit float.
    ///
    /// # Errors
    /// [`RecordError::Create`] where the file cannot be made.
    pub fn start(path: &Path, reader: TapReader, rate: SampleRate) -> Result<Recorder, RecordError> {
        Recorder::start_on(path, reader, rate, LIMIT_BYTES, real_files())
    }

    fn start_on(
        path: &Path,
        reader: TapReader,
        rate: SampleRate,
        limit_bytes: u64,
        open: Open,
    ) -> Result<Recorder, RecordError> {
        let cannot = |error: io::Error| RecordError::Create {
            path: path.to_owned(),
            kind: error.kind(),
            reason: error.to_string(),
        };
        let channels = reader.channels();
        let series = WavSeries::create(path, rate, channels, limit_bytes, open).map_err(cannot)?;
        let (stop, stopped) = channel::bounded(1);
        let (tell_done, done) = channel::bounded(1);
        let (tell_error, errors) = channel::bounded(1);
        let progress = Arc::new(Progress::default());
        let mut writer = DiskWriter {
            reader,
            series,
            buffer: vec![0.0; READ_FRAMES * channels],
            error: None,
            frames_read: 0,
            lost_before_error: 0,
            last_flush: Instant::now(),
            tell_error,
            progress: Arc::clone(&progress),
        };
        thread::Builder::new()
            .name("antiphon-recorder".into())
            .spawn(move || {
                // Nobody waits for it after a timeout, so nobody may be there.
                let _ = tell_done.send(writer.run(&stopped));
            })
            .map_err(cannot)?;
        Ok(Recorder { stop, done, errors, path: path.to_owned(), channels, progress })
    }

    /// The error that stopped the writing, once.
    pub fn take_error(&mut self) -> Option<RecordError> {
        self.errors.try_recv().ok()
    }

    /// Frames written so far.
    pub fn frames(&self) -> u64 {
        self.progress.frames.load(Ordering::Relaxed)
    }

    /// Frames lost so far.
    pub fn lost_frames(&self) -> u64 {
        self.progress.lost.load(Ordering::Relaxed)
    }

    /// The path that was asked for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Channels in the file.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Writes what was pushed until now and finalises the file. Waits ten
    /// seconds at most: a disk that hangs must not hang the musician.
    pub fn finish(self) -> RecordSummary {
        self.finish_within(FINISH)
    }

    fn finish_within(self, patience: Duration) -> RecordSummary {
        // Full or gone: it has been told, or has ended.
        let _ = self.stop.try_send(());
        self.done.recv_timeout(patience).unwrap_or_else(|_| RecordSummary {
            files: vec![self.path.clone()],
            frames: self.frames(),
            lost_frames: self.lost_frames(),
            error: Some(RecordError::Stalled { path: self.path.clone() }),
        })
    }
}

struct DiskWriter {
    reader: TapReader,
    series: WavSeries,
    buffer: Vec<f32>,
    error: Option<RecordError>,
    /// Frames read from the tap.
    frames_read: u64,
    /// How many the tap had lost when an error ended the writing; from then on
    /// whatever is read is lost, its zeros too.
    lost_before_error: u64,
    last_flush: Instant,
    tell_error: Sender<RecordError>,
    progress: Arc<Progress>,
}

impl DiskWriter {
    fn run(&mut self, stopped: &Receiver<()>) -> RecordSummary {
        let mut stopping = false;
        loop {
            if !stopping {
                // The Recorder dropped is an end too.
                stopping = !matches!(stopped.recv_timeout(POLL), Err(RecvTimeoutError::Timeout));
                if stopping {
                    self.reader.stop();
                }
            }
            self.drain();
            if self.reader.is_finished() {
                break;
            }
            if self.last_flush.elapsed() >= FLUSH {
                self.last_flush = Instant::now();
                let result = self.series.flush();
                self.judge(result);
            }
        }
        if self.error.is_none() {
            let result = self.series.close();
            self.judge(result);
        }
        RecordSummary {
            files: self.series.files().to_vec(),
            frames: self.series.frames(),
            lost_frames: self.lost_frames(),
            error: self.error.clone(),
        }
    }

    /// Empties the tap, error or not: a dead disk must not look like a slow one.
    fn drain(&mut self) {
        loop {
            let frames = self.reader.read(&mut self.buffer);
            self.frames_read += frames as u64;
            if frames > 0 && self.error.is_none() {
                let samples = frames * self.reader.channels();
                let result = self.series.write(&self.buffer[..samples]);
                self.judge(result);
            }
            self.progress.frames.store(self.series.frames(), Ordering::Relaxed);
            self.progress.lost.store(self.lost_frames(), Ordering::Relaxed);
            if frames == 0 {
                break;
            }
        }
    }

    fn lost_frames(&self) -> u64 {
        match self.error {
            None => self.reader.lost_frames(),
            Some(_) => self.lost_before_error + self.frames_read.saturating_sub(self.series.frames()),
        }
    }

    /// Latches the first error, tells it, and leaves files that open.
    fn judge(&mut self, result: io::Result<()>) {
        let Err(error) = result else { return };
        self.lost_before_error = self.reader.lost_frames();
        self.error = Some(RecordError::Write {
            path: self.series.current(),
            kind: error.kind(),
            reason: error.to_string(),
        });
        self.series.abandon();
        if let Some(error) = self.error.clone() {
            // Room for one, and only one is ever sent.
            let _ = self.tell_error.try_send(error);
        }
    }
}

#[cfg(test)]
mod tests;
