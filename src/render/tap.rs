//! The recording door: what the master plays, on its way to the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::rt::{ring, stream};
use crate::unit::{Frame, QUANTUM_FRAMES};

/// Stretches of lost frames that may wait to be read. When even they are too
/// many, what would separate the last two is lost too, and the two become one.
const GAPS: usize = 256;

/// A stretch that did not fit.
#[derive(Clone, Copy)]
struct Gap {
    /// Its first frame, counted from the first one pushed.
    at_frame: Frame,
    frames: u64,
}

/// What both ends may read.
#[derive(Default)]
struct Shared {
    pushed: AtomicU64,
    lost: AtomicU64,
    closed: AtomicBool,
}

/// Makes a tap for so many channels that holds `capacity_frames` while the
/// reader is slow. Real-time: no (allocates).
pub fn tap(channels: usize, capacity_frames: usize) -> (Tap, TapReader) {
    let channels = channels.max(1);
    let (samples, sample_reader) = stream::stream(channels * capacity_frames.max(QUANTUM_FRAMES));
    let (gaps, gap_receiver) = ring::ring(GAPS);
    let shared = Arc::new(Shared::default());
    let tap = Tap {
        samples,
        gaps,
        pending: Gap { at_frame: 0, frames: 0 },
        interleaved: vec![0.0; channels * QUANTUM_FRAMES].into_boxed_slice(),
        channels,
        frame: 0,
        shared: Arc::clone(&shared),
    };
    (tap, TapReader { samples: sample_reader, gaps: gap_receiver, channels, frame: 0, end: None, shared })
}

/// The Renderer's end. Real-time: yes.
///
/// What does not fit is lost and counted; the reader gets zeros in its place, so
/// that everything after it stays where it belongs.
pub struct Tap {
    samples: stream::Writer<f32>,
    gaps: ring::Sender<Gap>,
    /// The gap that is still growing. It is sent before the first sample after
    /// it is written, so whoever sees that sample sees the gap.
    pending: Gap,
    interleaved: Box<[f32]>,
    channels: usize,
    frame: Frame,
    shared: Arc<Shared>,
}

impl Tap {
    /// Records the first `frames` frames (at most [`QUANTUM_FRAMES`]) of each
    /// channel. A channel that is not given is recorded as zeros. Real-time: yes.
    pub fn push(&mut self, channels: &[[f32; QUANTUM_FRAMES]], frames: usize) {
        let frames = frames.min(QUANTUM_FRAMES);
        let samples = frames * self.channels;
        if self.samples.vacant() >= samples && self.gap_is_told() {
            let interleaved = &mut self.interleaved[..samples];
            for (index, frame) in interleaved.chunks_exact_mut(self.channels).enumerate() {
                for (channel, place) in frame.iter_mut().enumerate() {
                    *place = channels.get(channel).map_or(0.0, |samples| samples[index]);
                }
            }
            self.samples.write(interleaved);
        } else {
            if self.pending.frames == 0 {
                self.pending.at_frame = self.frame;
            }
            self.pending.frames += frames as u64;
            self.shared.lost.fetch_add(frames as u64, Ordering::Relaxed);
        }
        self.frame += frames as u64;
        self.shared.pushed.store(self.frame, Ordering::Release);
    }

    /// How many frames fit now, at least. Where waiting is allowed (offline,
    /// freewheeling), wait until a block fits and nothing is lost. Real-time: yes.
    pub fn vacant_frames(&self) -> usize {
        self.samples.vacant() / self.channels
    }

    /// How many frames did not fit so far. Real-time: yes.
    pub fn lost_frames(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Whether nobody reads any more. Real-time: yes.
    pub fn is_abandoned(&self) -> bool {
        self.samples.is_abandoned()
    }

    fn gap_is_told(&mut self) -> bool {
        if self.pending.frames > 0 && self.gaps.send(self.pending).is_ok() {
            self.pending.frames = 0;
        }
        self.pending.frames == 0
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
    }
}

/// The disk writer's end. Real-time: yes.
pub struct TapReader {
    samples: stream::Reader<f32>,
    gaps: ring::Receiver<Gap>,
    channels: usize,
    frame: Frame,
    end: Option<Frame>,
    shared: Arc<Shared>,
}

impl TapReader {
    /// Reads what waits, interleaved, as whole frames; gives their number. Lost
    /// frames come as zeros in their place. Real-time: yes.
    pub fn read(&mut self, into: &mut [f32]) -> usize {
        // The order of these looks matters: the end before the samples, because
        // after it there are no more; the samples before the gaps, because a gap
        // is sent before the first sample that follows it.
        if self.end.is_none() && self.shared.closed.load(Ordering::Acquire) {
            self.stop();
        }
        let end = self.end.unwrap_or(Frame::MAX);
        let room = into.len() / self.channels;
        let mut waiting = self.samples.waiting() / self.channels;
        let mut read = 0;
        while read < room {
            let until_end = end - self.frame;
            let gap = self.gaps.peek().copied();
            let until_gap = gap.map_or(u64::MAX, |gap| gap.at_frame.saturating_sub(self.frame));
            let here = &mut into[read * self.channels..room * self.channels];
            let frames = match gap {
                Some(gap) if until_gap == 0 => {
                    let left = (gap.at_frame + gap.frames).saturating_sub(self.frame);
                    let frames = self.zeros(here, left.min(until_end));
                    if frames as u64 == left {
                        self.gaps.receive();
                    }
                    frames
                }
                // What is pending on the other side: lost, and never told.
                _ if waiting == 0 && self.end.is_some() => self.zeros(here, until_end),
                _ => {
                    let frames = shorter(waiting, until_gap.min(until_end), here.len() / self.channels);
                    self.samples.read(&mut here[..frames * self.channels]);
                    waiting -= frames;
                    frames
                }
            };
            if frames == 0 {
                break;
            }
            read += frames;
            self.frame += frames as u64;
        }
        read
    }

    /// Ends the recording at what has been pushed until now: [`TapReader::read`] gives
    /// exactly so many frames in all, and then none. Happens by itself when the
    /// [`Tap`] is dropped. Real-time: yes.
    pub fn stop(&mut self) {
        let pushed = self.shared.pushed.load(Ordering::Acquire);
        self.end.get_or_insert(pushed.max(self.frame));
    }

    /// Whether everything has been read, and no more will come. Real-time: yes.
    pub fn is_finished(&self) -> bool {
        self.end == Some(self.frame)
    }

    /// Channels in each frame. Real-time: yes.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// How many frames were lost so far because the reader was slow. Real-time: yes.
    pub fn lost_frames(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    fn zeros(&self, into: &mut [f32], frames: u64) -> usize {
        let frames = shorter(usize::MAX, frames, into.len() / self.channels);
        into[..frames * self.channels].fill(0.0);
        frames
    }
}

fn shorter(a: usize, b: u64, c: usize) -> usize {
    a.min(c).min(usize::try_from(b).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels that count frames: 1, 2, 3 … and −1, −2, −3 …
    fn ramp(from: u64) -> [[f32; QUANTUM_FRAMES]; 2] {
        let left = std::array::from_fn(|i| (from + i as u64 + 1) as f32);
        [left, left.map(|sample| -sample)]
    }

    fn push(tap: &mut Tap, frames: usize) {
        let from = tap.frame;
        tap.push(&ramp(from), frames);
    }

    fn read_all(reader: &mut TapReader, into: &mut Vec<f32>, at_once_frames: usize) {
        let mut buffer = vec![9.0; at_once_frames * 2];
        loop {
            let frames = reader.read(&mut buffer);
            if frames == 0 {
                break;
            }
            into.extend_from_slice(&buffer[..frames * 2]);
        }
    }

    /// Every frame is its own, or zero; gives the ranges of zeros.
    fn zeros(samples: &[f32]) -> Vec<std::ops::Range<usize>> {
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        for (index, frame) in samples.chunks_exact(2).enumerate() {
            if frame == [0.0, 0.0] {
                match ranges.last_mut() {
                    Some(range) if range.end == index => range.end += 1,
                    _ => ranges.push(index..index + 1),
                }
            } else {
                let own = (index + 1) as f32;
                assert_eq!(frame, [own, -own], "frame {index}");
            }
        }
        ranges
    }

    #[test]
    fn what_a_stalled_reader_loses_is_zeros_in_its_place() {
        let (mut tap, mut reader) = tap(2, 100);
        let mut out = Vec::new();
        for _ in 0..4 {
            push(&mut tap, 32); // the fourth does not fit
        }
        push(&mut tap, 3); // fits, after a gap
        read_all(&mut reader, &mut out, 7);
        push(&mut tap, 32);
        for _ in 0..5 {
            push(&mut tap, 31); // two fit
        }
        assert_eq!((tap.lost_frames(), reader.lost_frames()), (32 + 93, 32 + 93));
        drop(tap);
        read_all(&mut reader, &mut out, 11);
        assert_eq!(zeros(&out), [96..128, 225..318]);
        assert_eq!(out.len(), 318 * 2);
        assert!(reader.is_finished());
    }

    #[test]
    fn too_many_gaps_become_one_and_nothing_moves() {
        let (mut tap, mut reader) = tap(2, 32);
        let mut one = [0.0; 2];
        push(&mut tap, 32);
        for _ in 0..GAPS + 20 {
            push(&mut tap, 1); // lost: full
            // A frame's room, by throwing the sample away behind the gap's back.
            reader.samples.skip(2);
            push(&mut tap, 1);
        }
        let told = tap.gaps.refused();
        assert!(told > 0, "the ring of gaps was full");
        let lost = tap.lost_frames();
        assert_eq!(lost, (GAPS + 2 * 20) as u64);
        // The reader's samples are misplaced by what was thrown away, but the count is right.
        drop(tap);
        let mut frames = 0;
        while reader.read(&mut one) == 1 {
            frames += 1;
        }
        assert_eq!(frames, 32 + 2 * (GAPS + 20));
    }

    #[test]
    fn stopping_ends_at_what_was_pushed_even_inside_a_gap() {
        let (mut tap, mut reader) = tap(2, 32);
        push(&mut tap, 32);
        push(&mut tap, 10); // lost, and not told
        reader.stop();
        let mut out = Vec::new();
        read_all(&mut reader, &mut out, 5);
        push(&mut tap, 10);
        read_all(&mut reader, &mut out, 5);
        assert_eq!(out.len(), 84);
        assert_eq!(zeros(&out).first(), Some(&(32..42)));
        assert!(reader.is_finished());
    }

    #[test]
    fn channels_not_given_are_zeros() {
        let (mut tap, mut reader) = tap(3, 64);
        tap.push(&ramp(0)[..1], 2);
        let mut out = [9.0; 6];
        assert_eq!(reader.read(&mut out), 2);
        assert_eq!(out, [1.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
        assert!(!reader.is_finished());
    }

    #[test]
    fn across_threads_every_frame_is_its_own_or_a_counted_zero() {
        let pushes = if cfg!(miri) { 200 } else { 40_000 };
        let (mut tap, mut reader) = tap(2, 96);
        let writer = std::thread::spawn(move || {
            for i in 0..pushes {
                push(&mut tap, 1 + i % QUANTUM_FRAMES);
                if i % 7 == 0 {
                    std::thread::yield_now();
                }
            }
            (tap.frame, tap.lost_frames())
        });
        let mut out = Vec::new();
        while !reader.is_finished() {
            read_all(&mut reader, &mut out, 19);
            std::thread::yield_now();
        }
        let (pushed, lost) = writer.join().expect("the writer ends");
        assert_eq!(out.len() as u64, pushed * 2);
        assert_eq!(zeros(&out).iter().map(|range| range.len() as u64).sum::<u64>(), lost);
    }
}
