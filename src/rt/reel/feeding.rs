use std::sync::Arc;

use super::lane::{LaneEnd, Mark};
use super::{LANES, Reading, ReelCount, Stereo, Tape};

/// Frames that are read at a time, at most …
const MOST_FRAMES: usize = 8_192;
/// … and at least, but at a sound's end: less room is left alone.
const LEAST_FRAMES: usize = 2_048;

/// The control world's end of a long sound: fetches what is asked for. Real-time: no.
pub struct Feeding {
    tape: Arc<Tape>,
    lanes: Vec<Filled>,
    count: Arc<ReelCount>,
    lane_frames: usize,
    part: Vec<Stereo>,
}

/// A lane, and how far it is filled.
struct Filled {
    end: LaneEnd,
    /// What is being filled in; 0 for nothing.
    epoch: u32,
    written: u64,
    /// The next frame of the sound.
    at: u64,
    reading: Option<Box<dyn Reading>>,
    /// Whether the reading stands there.
    is_placed: bool,
}

impl Feeding {
    pub(super) fn new(
        tape: Arc<Tape>,
        ends: Vec<LaneEnd>,
        count: Arc<ReelCount>,
        lane_frames: usize,
    ) -> Feeding {
        let filled = |end| Filled { end, epoch: 0, written: 0, at: 0, reading: None, is_placed: false };
        let lanes = ends.into_iter().map(filled).collect();
        Feeding { tape, lanes, count, lane_frames, part: Vec::new() }
    }

    /// Fills what has room, a part at a time; gives whether there was anything to do. Blocks as long as the
    /// disk does. Real-time: no.
    ///
    /// # Errors
    /// Why the sound cannot be read; it may be tried again.
    pub fn pass(&mut self) -> Result<bool, String> {
        let Feeding { tape, lanes, part, .. } = self;
        let mut has_moved = false;
        for lane in lanes {
            has_moved |= lane.fill(tape, part)?;
        }
        Ok(has_moved)
    }

    /// Whether whoever plays it is gone. Real-time: no.
    pub fn is_abandoned(&self) -> bool {
        self.lanes.iter().all(|lane| lane.end.samples.is_abandoned())
    }

    /// What is counted. Real-time: no.
    pub fn count(&self) -> &Arc<ReelCount> {
        &self.count
    }

    /// How much memory the sound has, at most: its beginning, and what all its lanes hold. Real-time: no.
    pub fn memory_bytes(&self) -> u64 {
        let frames = self.tape.opening.len() + LANES * self.lane_frames;
        (frames * size_of::<Stereo>()) as u64
    }
}

impl Filled {
    fn fill(&mut self, tape: &Tape, part: &mut Vec<Stereo>) -> Result<bool, String> {
        let ordered = self.end.orders.read();
        if ordered.epoch != self.epoch {
            let mark = Mark { epoch: ordered.epoch, begins: self.written };
            if self.end.marks.send(mark).is_err() {
                return Ok(false);
            }
            (self.epoch, self.at, self.is_placed) = (ordered.epoch, tape.rest_at() + ordered.from, false);
        }
        let room = self.end.samples.vacant();
        if self.epoch == 0 || room < LEAST_FRAMES {
            return Ok(false);
        }
        let left = usize::try_from(tape.frames - self.at).unwrap_or(usize::MAX);
        let frames = room.min(MOST_FRAMES).min(left);
        let read = self.read(frames, tape, part);
        if read.is_err() {
            // Opened anew when it is tried again.
            (self.reading, self.is_placed) = (None, false);
        }
        read?;
        let written = self.end.samples.write(&part[..frames.min(part.len())]);
        self.written += written as u64;
        self.at += written as u64;
        self.is_placed &= written == frames;
        if self.at == tape.frames {
            (self.at, self.is_placed) = (tape.rest_at(), false);
        }
        Ok(true)
    }

    fn read(&mut self, frames: usize, tape: &Tape, part: &mut Vec<Stereo>) -> Result<(), String> {
        let reading = match &mut self.reading {
            Some(reading) => reading,
            None => self.reading.insert(tape.medium.open()?),
        };
        if !self.is_placed {
            reading.seek(self.at)?;
            self.is_placed = true;
        }
        part.clear();
        reading.read(frames, part)?;
        if part.len() == frames { Ok(()) } else { Err("it ends before its time".to_owned()) }
    }
}
