use super::Stereo;
use crate::rt::{latest, ring, stream};
use crate::unit::QUANTUM_FRAMES;

/// Marks that may be under way: each is taken at the next quantum.
const MARKS: usize = 8;

/// What is to be fetched.
#[derive(Clone, Copy, Default)]
pub(super) struct Order {
    /// 0 for nothing.
    pub(super) epoch: u32,
    /// With which frame of what is not in memory it begins.
    pub(super) from: u64,
}

/// From which frame of the stream on an epoch is.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) epoch: u32,
    /// Frames that were written before it.
    pub(super) begins: u64,
}

/// The audio world's end of a lane.
pub(super) struct Lane {
    samples: stream::Reader<Stereo>,
    orders: latest::Publisher<Order>,
    marks: ring::Receiver<Mark>,
    /// What was ordered last; 0 for nothing yet.
    epoch: u32,
    /// Where that begins in the stream, once it is known.
    begins: Option<u64>,
    /// Frames read off the stream, those thrown away among them.
    read: u64,
    /// Where it is in what is not in memory, counted on over its end, and where it should be.
    taken: u64,
    wanted: u64,
    /// After so many frames that is again as at its beginning.
    round_frames: u64,
    /// There is not enough: it fades out, or is silent.
    pub(super) is_dry: bool,
    /// How far it is faded in, in frames.
    pub(super) level: u32,
}

/// Both ends of a lane that holds so many frames; `is_first` where it is filled before it is asked for.
pub(super) fn lane(capacity: usize, round_frames: u64, is_first: bool) -> (Lane, LaneEnd) {
    let (writer, samples) = stream::stream(capacity);
    let epoch = u32::from(is_first);
    let (orders, ordered) = latest::latest(Order { epoch, from: 0 });
    let (sender, marks) = ring::ring(MARKS);
    let lane = Lane {
        samples,
        orders,
        marks,
        epoch,
        begins: None,
        read: 0,
        taken: 0,
        wanted: 0,
        round_frames,
        is_dry: false,
        level: 0,
    };
    (lane, LaneEnd { samples: writer, orders: ordered, marks: sender })
}

/// The control world's end of a lane.
pub(super) struct LaneEnd {
    pub(super) samples: stream::Writer<Stereo>,
    pub(super) orders: latest::Latest<Order>,
    pub(super) marks: ring::Sender<Mark>,
}

impl Lane {
    /// Orders an epoch, unless the one before is just at its beginning.
    pub(super) fn start(&mut self) {
        let is_unbroken = self.taken == self.wanted && self.wanted.is_multiple_of(self.round_frames);
        if self.epoch == 0 || !is_unbroken {
            self.order(0);
        }
    }

    /// Orders an epoch that begins there, in what is not in memory.
    pub(super) fn order(&mut self, from: u64) {
        // 0 is nothing.
        self.epoch = self.epoch.wrapping_add(1).max(1);
        self.orders.publish(Order { epoch: self.epoch, from });
        (self.begins, self.taken, self.wanted) = (None, from, from);
    }

    /// Takes what came in: throws away what is of another epoch, or too late.
    pub(super) fn look(&mut self) {
        // Bounded: no more of them find room.
        for _ in 0..MARKS {
            let Some(mark) = self.marks.receive() else { break };
            if mark.epoch == self.epoch {
                self.begins = Some(mark.begins);
            }
        }
        let Some(begins) = self.begins else { return };
        self.read += self.skip(begins.saturating_sub(self.read));
        if self.read >= begins {
            let late = self.skip(self.wanted - self.taken);
            self.taken += late;
            self.read += late;
        }
    }

    fn skip(&mut self, frames: u64) -> u64 {
        if frames == 0 {
            return 0;
        }
        self.samples.skip(usize::try_from(frames).unwrap_or(usize::MAX)) as u64
    }

    /// Frames of the epoch that are there, from where it is to be played on.
    pub(super) fn ready(&self) -> u64 {
        let is_here = self.begins.is_some_and(|begins| self.read >= begins) && self.taken == self.wanted;
        if is_here { self.samples.waiting() as u64 } else { 0 }
    }

    /// Goes on by as many frames as there is room in both sides: up to `most` of the stream, silence else.
    pub(super) fn take(&mut self, most: usize, left: &mut [f32], right: &mut [f32]) {
        let frames = left.len();
        self.wanted += frames as u64;
        let mut done = 0;
        let most = if self.begins.is_some() { most.min(frames) } else { 0 };
        let mut part = [[0.0; 2]; QUANTUM_FRAMES];
        while done < most {
            let room = (most - done).min(QUANTUM_FRAMES);
            let got = self.samples.read(&mut part[..room]);
            if got == 0 {
                break;
            }
            let sides = left[done..].iter_mut().zip(&mut right[done..]);
            for ((l, r), frame) in sides.zip(&part[..got]) {
                [*l, *r] = *frame;
            }
            done += got;
        }
        self.taken += done as u64;
        self.read += done as u64;
        left[done..].fill(0.0);
        right[done..].fill(0.0);
    }
}
