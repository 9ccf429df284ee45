use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};

use super::{Order, Progress, RecordError, RecordGap, RecordNews, RecordSummary};
use crate::actor::{Backoff, Held};
use crate::journal::wav_series::WavSeries;
use crate::render::TapReader;

/// How often the tap is emptied. It holds seconds.
const POLL: Duration = Duration::from_millis(20);
/// How much a killed process may lose.
const FLUSH: Duration = Duration::from_secs(1);
const READ_FRAMES: usize = 4_096;
/// When a disk that failed is tried again.
const AGAIN: Backoff =
    Backoff { first: Duration::from_millis(500), factor: 2.0, longest: Duration::from_secs(10), jitter: 0.0 };
/// A file that was written for so long shows that the disk is well.
const WELL: Duration = Duration::from_secs(20);
/// Gaps told apart; later ones are counted only.
const GAPS: usize = 1_000;

/// What writes a recording: outlives the thread that runs it.
pub(super) struct DiskWriter {
    reader: TapReader,
    series: WavSeries,
    buffer: Vec<f32>,
    stopping: bool,
    broken: Option<Broken>,
    /// Attempts to go on since the disk was well.
    attempts: u32,
    resumed: Option<Instant>,
    gaps: Vec<RecordGap>,
    /// Frames read from the tap.
    frames_read: u64,
    /// Frames that were read and are in no file, in gaps that have ended.
    missing: u64,
    /// What the tap had lost when it was last looked at, and how much of it is
    /// zeros in the files.
    tap_lost: u64,
    zeros: u64,
    last_flush: Instant,
    news: Sender<RecordNews>,
    progress: Arc<Progress>,
}

struct Broken {
    error: RecordError,
    next: Instant,
}

impl DiskWriter {
    pub(super) fn new(
        reader: TapReader,
        series: WavSeries,
        news: Sender<RecordNews>,
        progress: Arc<Progress>,
    ) -> DiskWriter {
        let buffer = vec![0.0; READ_FRAMES * reader.channels()];
        DiskWriter {
            reader,
            series,
            buffer,
            stopping: false,
            broken: None,
            attempts: 0,
            resumed: None,
            gaps: Vec::new(),
            frames_read: 0,
            missing: 0,
            tap_lost: 0,
            zeros: 0,
            last_flush: Instant::now(),
            news,
            progress,
        }
    }

    /// Empties the tap into the files until it is told to finish.
    pub(super) fn run(this: &mut Held<DiskWriter>, orders: &Receiver<Order>) -> RecordSummary {
        if this.is_salvaged() {
            let error = RecordError::Failed { path: this.series.current() };
            this.break_off(error, Instant::now());
        }
        loop {
            if !this.stopping {
                match orders.recv_timeout(POLL) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(Order::Fail) => std::panic::resume_unwind(Box::new("told to fail")),
                    // The Recorder dropped is an end too.
                    Ok(Order::Finish) | Err(RecvTimeoutError::Disconnected) => {
                        this.stopping = true;
                        this.reader.stop();
                    }
                }
            }
            this.try_again(Instant::now());
            this.drain();
            if this.reader.is_finished() {
                break;
            }
            if this.last_flush.elapsed() >= FLUSH {
                this.last_flush = Instant::now();
                let result = this.series.flush();
                this.judge(result);
            }
        }
        this.finish()
    }

    fn finish(&mut self) -> RecordSummary {
        let result = if self.broken.is_none() { self.series.close() } else { Ok(()) };
        self.judge(result);
        RecordSummary {
            files: self.series.files().to_vec(),
            frames: self.series.frames(),
            lost_frames: self.lost_frames(),
            gaps: self.gaps.clone(),
            error: self.broken.as_ref().map(|broken| broken.error.clone()),
        }
    }

    /// Empties the tap, error or not: a dead disk must not look like a slow one.
    fn drain(&mut self) {
        loop {
            let frames = self.reader.read(&mut self.buffer);
            self.frames_read += frames as u64;
            let lost = self.reader.lost_frames();
            let more = lost - std::mem::replace(&mut self.tap_lost, lost);
            if self.broken.is_none() {
                self.zeros += more;
                if frames > 0 {
                    let samples = frames * self.reader.channels();
                    let result = self.series.write(&self.buffer[..samples]);
                    self.judge(result);
                }
            }
            self.progress.set(self.series.frames(), self.lost_frames());
            if frames == 0 {
                break;
            }
        }
    }

    /// Frames that are zeros in the files, and frames that are in none.
    fn lost_frames(&self) -> u64 {
        self.zeros + self.frames_read.saturating_sub(self.series.frames())
    }

    fn judge(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.break_off(RecordError::write(self.series.current(), &error), Instant::now());
        }
    }

    /// Leaves files that open, and says that the recording is interrupted.
    fn break_off(&mut self, error: RecordError, now: Instant) {
        self.series.abandon();
        if self.resumed.take().is_some_and(|since| now.duration_since(since) > WELL) {
            self.attempts = 0;
        }
        let wait = match error {
            // The disk did nothing wrong.
            RecordError::Failed { .. } => Duration::ZERO,
            _ => AGAIN.delay(self.attempts, 0),
        };
        tracing::warn!(%error, "the recording is interrupted");
        self.tell(RecordNews::Stopped(error.clone()));
        self.broken = Some(Broken { error, next: now + wait });
    }

    /// Goes on in the next file where the disk takes one; at the end at once, for
    /// what is still to be written.
    fn try_again(&mut self, now: Instant) {
        let Some(broken) = self.broken.as_mut().filter(|broken| now >= broken.next || self.stopping) else {
            return;
        };
        self.attempts += 1;
        if let Err(error) = self.series.resume() {
            tracing::debug!(%error, "the disk is not back");
            broken.next = now + AGAIN.delay(self.attempts, 0);
            return;
        }
        self.broken = None;
        self.resumed = Some(now);
        let at_frame = self.series.frames() + self.missing;
        let gap = RecordGap { path: self.path(), at_frame, frames: self.frames_read - at_frame };
        self.missing += gap.frames;
        if self.gaps.len() < GAPS {
            self.gaps.push(gap.clone());
        }
        self.tell(RecordNews::Resumed(gap));
    }

    fn path(&self) -> PathBuf {
        self.series.current()
    }

    fn tell(&self, news: RecordNews) {
        // News that nobody took in time is in the summary too.
        let _ = self.news.try_send(news);
    }
}
