//! The disk writer: what the master plays, into WAV files, while it plays.

mod error;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{self, Receiver, RecvTimeoutError, Sender};

pub use error::RecordError;

use super::wav_series::{LIMIT_BYTES, Open, WavSeries, real_files};
use crate::actor::Heirloom;
use crate::render::TapReader;
use crate::unit::SampleRate;
use writer::DiskWriter;

/// How long the end of a recording may take.
const FINISH: Duration = Duration::from_secs(10);
/// News that may wait; a disk that comes and goes faster is heard of less.
const NEWS: usize = 64;

/// Frames that are in no file, because the disk took nothing for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordGap {
    /// The file that begins after it.
    pub path: PathBuf,
    /// Its first frame, counted from the first of the recording.
    pub at_frame: u64,
    /// Its length.
    pub frames: u64,
}

/// What becomes of a recording while it runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordNews {
    /// The disk takes nothing; it is tried again and again.
    Stopped(RecordError),
    /// It goes on in another file, after a gap.
    Resumed(RecordGap),
}

/// What a recording came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordSummary {
    /// The files, in order; more than one past 4 GiB, or after a gap.
    pub files: Vec<PathBuf>,
    /// Frames in the files, zeros in place of lost ones included.
    pub frames: u64,
    /// Frames lost: zeros, for a disk slower than the tap can bear, and gaps.
    pub lost_frames: u64,
    /// Where the next file does not begin where the one before ends.
    pub gaps: Vec<RecordGap>,
    /// Why its end is missing, if it is.
    pub error: Option<RecordError>,
}

/// A recording under way, owned by the control world. A thread of its own
/// writes, so a slow disk holds up nothing but itself; what it writes outlives
/// it, so that one that fails is followed by another. Real-time: no.
pub struct Recorder {
    writer: Heirloom<DiskWriter>,
    running: Running,
    restarts: u64,
    news: Receiver<RecordNews>,
    path: PathBuf,
    channels: usize,
    progress: Arc<Progress>,
}

/// A thread that writes.
struct Running {
    orders: Sender<Order>,
    done: Receiver<RecordSummary>,
}

enum Order {
    Finish,
    /// Fails, as by a fault of its own.
    Fail,
}

/// Readable while it runs.
#[derive(Default)]
struct Progress {
    frames: AtomicU64,
    lost: AtomicU64,
}

impl Progress {
    fn set(&self, frames: u64, lost: u64) {
        self.frames.store(frames, Ordering::Relaxed);
        self.lost.store(lost, Ordering::Relaxed);
    }
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
        let cannot = |error| RecordError::create(path.to_owned(), &error);
        let channels = reader.channels();
        let series = WavSeries::create(path, rate, channels, limit_bytes, open).map_err(cannot)?;
        let (tell, news) = channel::bounded(NEWS);
        let progress = Arc::new(Progress::default());
        let writer = Heirloom::new(DiskWriter::new(reader, series, tell, Arc::clone(&progress)));
        let running = run(&writer).map_err(cannot)?;
        Ok(Recorder { writer, running, restarts: 0, news, path: path.to_owned(), channels, progress })
    }

    /// Starts the writing thread again where it failed. Call it again and again;
    /// gives what became of the recording since.
    pub fn attend(&mut self) -> Vec<RecordNews> {
        // It says what it came to only when it is told to finish.
        if matches!(self.running.done.try_recv(), Err(channel::TryRecvError::Disconnected)) {
            self.restart();
        }
        self.news.try_iter().collect()
    }

    fn restart(&mut self) {
        match run(&self.writer) {
            Ok(running) => {
                self.restarts += 1;
                self.running = running;
            }
            Err(error) => tracing::warn!(%error, "the disk writer cannot be started again"),
        }
    }

    /// How often the writing thread was started again.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Makes the writing thread fail, for trying out that nobody hears of it.
    pub fn fail(&self) {
        // Full: it is to end anyway.
        let _ = self.running.orders.try_send(Order::Fail);
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

    fn finish_within(mut self, patience: Duration) -> RecordSummary {
        let limit = Instant::now() + patience;
        loop {
            // Full or gone: it has been told, or has ended.
            let _ = self.running.orders.try_send(Order::Finish);
            match self.running.done.recv_deadline(limit) {
                Ok(summary) => return summary,
                Err(RecvTimeoutError::Disconnected) if Instant::now() < limit => self.restart(),
                Err(_) => {
                    return RecordSummary {
                        files: vec![self.path.clone()],
                        frames: self.frames(),
                        lost_frames: self.lost_frames(),
                        gaps: Vec::new(),
                        error: Some(RecordError::Stalled { path: self.path.clone() }),
                    };
                }
            }
        }
    }
}

/// A thread that goes on with the writing where the one before ended.
fn run(writer: &Heirloom<DiskWriter>) -> std::io::Result<Running> {
    let (orders, received) = channel::bounded(2);
    let (tell_done, done) = channel::bounded(1);
    let writer = writer.clone();
    thread::Builder::new().name("antiphon-recorder".into()).spawn(move || {
        if let Some(mut held) = writer.take() {
            // Nobody waits for it after a timeout, so nobody may be there.
            let _ = tell_done.send(DiskWriter::run(&mut held, &received));
        }
    })?;
    Ok(Running { orders, done })
}

#[cfg(test)]
mod tests;
