use std::io;
use std::io::{Cursor, Seek, SeekFrom, Write};

use super::*;
use crate::render::{Tap, tap};
use crate::unit::QUANTUM_FRAMES;

const RATE: SampleRate = SampleRate::DEFAULT;

/// Pushes frames that carry their own number, from 1.
fn push(tap: &mut Tap, next: &mut u64, frames: usize) {
    for start in (0..frames).step_by(QUANTUM_FRAMES) {
        let left: [f32; QUANTUM_FRAMES] = std::array::from_fn(|i| (*next + 1 + i as u64) as f32);
        let samples = [left, left.map(|sample| -sample)];
        let here = (frames - start).min(QUANTUM_FRAMES);
        tap.push(&samples, here);
        *next += here as u64;
    }
}

fn left(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).expect("the file opens");
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 48_000));
    reader.samples::<f32>().step_by(2).map(|sample| sample.expect("a sample")).collect()
}

fn counting(from: u64, to: u64) -> Vec<f32> {
    (from..to).map(|i| (i + 1) as f32).collect()
}

/// What a disk does, told by the test through a channel: each write waits for a word.
struct Told {
    words: Receiver<io::Result<()>>,
    bytes: Cursor<Vec<u8>>,
    out: Sender<Vec<u8>>,
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A closed channel: the disk is well from now on.
        self.words.recv().unwrap_or(Ok(()))?;
        self.bytes.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Told {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.out.send(std::mem::take(&mut self.bytes).into_inner());
    }
}

/// A disk under the test's control: words for its writes, and what was on it at the end.
fn told_disk() -> (Open, Sender<io::Result<()>>, Receiver<Vec<u8>>) {
    let (tell, words) = channel::unbounded();
    let (out, written) = channel::unbounded();
    let open: Open = Box::new(move |_| {
        Ok(Box::new(Told { words: words.clone(), bytes: Cursor::default(), out: out.clone() }))
    });
    (open, tell, written)
}

/// The writes that make the header: its bytes, and its two sizes.
fn let_header_pass(tell: &Sender<io::Result<()>>) {
    for _ in 0..3 {
        tell.send(Ok(())).expect("the disk listens");
    }
}

#[test]
fn what_is_played_is_in_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("take.wav");
    let (mut tap, reader) = tap(2, 48_000);
    let recorder = Recorder::start(&path, reader, RATE).expect("starts");
    let mut next = 0;
    push(&mut tap, &mut next, 20_001);
    // The tap stays: the Renderer may outlive the recording.
    let summary = recorder.finish();
    assert_eq!(
        summary,
        RecordSummary {
            files: vec![path.clone()],
            frames: 20_001,
            lost_frames: 0,
            gaps: Vec::new(),
            error: None
        }
    );
    assert_eq!(left(&path), counting(0, 20_001));
}

#[test]
fn dropping_the_tap_ends_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("take.wav");
    let (mut tap, reader) = tap(2, 48_000);
    let recorder = Recorder::start_on(&path, reader, RATE, 8 * 700, real_files()).expect("starts");
    push(&mut tap, &mut 0, 1_500);
    drop(tap);
    let summary = recorder.running.done.recv_timeout(FINISH).expect("it ends by itself");
    assert_eq!((summary.files.len(), summary.frames, summary.lost_frames), (3, 1_500, 0));
    let parts: Vec<f32> = summary.files.iter().flat_map(|path| left(path)).collect();
    assert_eq!(parts, counting(0, 1_500));
}

#[test]
fn a_slow_disk_loses_nothing_until_the_ring_is_full() {
    let (open, tell, written) = told_disk();
    let (mut tap, reader) = tap(2, 30_000);
    let_header_pass(&tell);
    let recorder =
        Recorder::start_on(Path::new("slow.wav"), reader, RATE, LIMIT_BYTES, open).expect("starts");
    let mut next = 0;
    // The disk blocks at its next write: at most what that write and the
    // reader's buffer hold has left the ring.
    push(&mut tap, &mut next, 30_000);
    assert_eq!(tap.lost_frames(), 0);
    push(&mut tap, &mut next, 60_000);
    let lost = tap.lost_frames();
    assert!(lost > 0, "the ring is finite");
    // The disk recovers.
    drop(tell);
    while tap.vacant_frames() < 10_000 {
        thread::yield_now();
    }
    push(&mut tap, &mut next, 5_000);
    assert_eq!(tap.lost_frames(), lost);
    let summary = recorder.finish();
    assert_eq!((summary.frames, summary.lost_frames, summary.error), (95_000, lost, None));
    let bytes = written.recv().expect("the disk was let go");
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).expect("the file opens");
    let samples: Vec<f32> = reader.samples::<f32>().step_by(2).map(|s| s.expect("a sample")).collect();
    assert_eq!(samples.len(), 95_000);
    let zeros = samples.iter().filter(|sample| **sample == 0.0).count();
    assert_eq!(zeros as u64, lost);
    for (index, sample) in samples.iter().enumerate() {
        assert!(*sample == 0.0 || *sample == (index + 1) as f32, "frame {index}: {sample}");
    }
}

#[test]
fn a_full_disk_is_told_once_and_the_tap_is_still_emptied() {
    let (open, tell, _written) = told_disk();
    let (mut tap, reader) = tap(2, 20_000);
    let_header_pass(&tell);
    let mut recorder =
        Recorder::start_on(Path::new("full.wav"), reader, RATE, LIMIT_BYTES, open).expect("starts");
    for _ in 0..200 {
        let _ = tell.send(Err(io::ErrorKind::StorageFull.into()));
    }
    drop(tell);
    let mut next = 0;
    for _ in 0..10 {
        push(&mut tap, &mut next, 20_000);
        while tap.vacant_frames() < 20_000 {
            thread::yield_now();
        }
    }
    assert_eq!(tap.lost_frames(), 0, "no ring ran over: it is emptied still");
    let told = recorder.news.recv_timeout(FINISH).expect("the error is told");
    let RecordNews::Stopped(error) = told else { panic!("{told:?}") };
    assert!(error.to_string().contains("free some space"), "{error}");
    assert_eq!(recorder.attend(), []);
    let summary = recorder.finish();
    assert_eq!(summary.frames + summary.lost_frames, 200_000);
    assert_eq!(summary.error, Some(error));
}

#[test]
fn a_disk_that_comes_back_goes_on_in_the_next_file_and_the_gap_is_stated() {
    let directory = tempfile::tempdir().expect("a directory");
    let folder = directory.path().join("disk");
    std::fs::create_dir(&folder).expect("made");
    let path = folder.join("take.wav");
    let (mut tap, reader) = tap(2, 20_000);
    // A small limit, so that the next file is opened soon: on a disk that is gone.
    let recorder = Recorder::start_on(&path, reader, RATE, 8 * 1_000, real_files()).expect("starts");
    let away = directory.path().join("away");
    std::fs::rename(&folder, &away).expect("renamed");
    let mut next = 0;
    push(&mut tap, &mut next, 1_500);
    let told = recorder.news.recv_timeout(FINISH).expect("the error is told");
    assert!(matches!(told, RecordNews::Stopped(RecordError::Write { .. })), "{told:?}");
    push(&mut tap, &mut next, 4_000);
    std::fs::rename(&away, &folder).expect("renamed");
    let told = recorder.news.recv_timeout(FINISH).expect("the return is told");
    let RecordNews::Resumed(gap) = told else { panic!("{told:?}") };
    assert_eq!((&gap.path, gap.at_frame), (&folder.join("take-2.wav"), 1_000));
    push(&mut tap, &mut next, 500);
    let summary = recorder.finish();
    assert_eq!((summary.files.len(), summary.error), (2, None));
    assert_eq!(summary.gaps, std::slice::from_ref(&gap));
    assert_eq!(summary.lost_frames, gap.frames);
    assert_eq!(summary.frames + gap.frames, 6_000);
    assert_eq!(left(&path), counting(0, 1_000));
    assert_eq!(left(&gap.path), counting(1_000 + gap.frames, 6_000));
}

#[test]
fn a_writer_that_fails_is_followed_by_another_that_loses_next_to_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("take.wav");
    let (mut tap, reader) = tap(2, 60_000);
    let mut recorder = Recorder::start(&path, reader, RATE).expect("starts");
    let mut next = 0;
    push(&mut tap, &mut next, 10_000);
    while tap.vacant_frames() < 60_000 {
        thread::yield_now();
    }
    recorder.fail();
    push(&mut tap, &mut next, 10_000);
    while recorder.restarts() == 0 {
        recorder.attend();
        thread::yield_now();
    }
    let summary = recorder.finish();
    assert_eq!((summary.files.len(), summary.frames, &summary.error), (2, 20_000, &None));
    // It failed between two reads: the gap is empty, and stated.
    assert_eq!((summary.gaps.len(), summary.gaps[0].frames, summary.lost_frames), (1, 0, 0));
    let parts: Vec<f32> = summary.files.iter().flat_map(|path| left(path)).collect();
    assert_eq!(parts, counting(0, 20_000));
}

#[test]
fn a_disk_that_hangs_does_not_hang_the_end() {
    let (open, tell, _written) = told_disk();
    let (mut tap, reader) = tap(2, 20_000);
    let_header_pass(&tell);
    let recorder =
        Recorder::start_on(Path::new("hung.wav"), reader, RATE, LIMIT_BYTES, open).expect("starts");
    push(&mut tap, &mut 0, 20_000);
    let summary = recorder.finish_within(Duration::from_millis(50));
    assert!(matches!(summary.error, Some(RecordError::Stalled { .. })));
    drop(tell);
}

#[test]
fn a_path_that_cannot_be_written_is_refused_with_advice() {
    let directory = tempfile::tempdir().expect("a directory");
    let start = |path: &Path| {
        let (_tap, reader) = tap(2, 64);
        Recorder::start(path, reader, RATE).err().expect("refused").to_string()
    };
    let missing = start(&directory.path().join("none/take.wav"));
    assert!(missing.contains("make the directory first"), "{missing}");
    let itself = start(directory.path());
    assert!(itself.contains("name a file in it"), "{itself}");
}
