//! Long sound, played from where it lies.
//!
//! Its beginning is kept in memory, and is played while what follows is fetched. The rest comes by
//! streams: a *lane* for each playing of it that may be heard at once, so that what was launched again fades
//! out undisturbed. Whoever plays orders an *epoch*: the rest, from its first frame on. Whoever fetches
//! answers with a mark, which says with which frame of the stream it begins, and from then on fills as
//! much as there is room for; where the sound ends it goes on with the rest again, because a loop plays the
//! beginning from memory. What is left of the epoch before is thrown away by count.
//!
//! Nobody waits. Whether there is enough is decided at each quantum, before it is too late to fade: a
//! lane that is *dry* fades out over what it has still, is silent while its place goes on with the
//! time, and fades in again when that place is there. These decisions are all that time has a say in:
//! a log keeps them, and what follows from them is the same when it is played again.

mod feeding;
mod lane;
#[cfg(all(test, not(loom)))]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub use feeding::Feeding;
use lane::Lane;

use crate::unit::{Frame, QUANTUM_FRAMES, SampleRate};

/// Playings of a sound that may be heard at once.
pub const LANES: usize = 5;

/// What is kept of a sound's beginning, and what each lane holds.
const OPENING_SECONDS: f64 = 2.0;
const LANE_SECONDS: f64 = 2.0;
/// Of both at least so much: an offline render fetches between its calls, of 4,096 frames at most.
const LEAST_FRAMES: u64 = 16_384;
/// What is late fades out, and in again, in this time.
const FADE_SECONDS: f64 = 0.005;
/// What was late comes back when so much more is there, so that it does not stutter.
const RETURN_SECONDS: f64 = 0.050;

/// A frame: left and right.
pub type Stereo = [f32; 2];

/// Where a long sound lies. Real-time: no.
pub trait Medium: Send + Sync {
    /// A place of its own in it, at its first frame.
    ///
    /// # Errors
    /// Why it cannot be read, in a musician's words.
    fn open(&self) -> Result<Box<dyn Reading>, String>;
}

/// A place in a long sound. Real-time: no.
pub trait Reading: Send {
    /// Goes to a frame: what is read there is the same as if all before it had been read.
    ///
    /// # Errors
    /// Why that cannot be.
    fn seek(&mut self, frame: u64) -> Result<(), String>;

    /// Reads so many frames, all of which there are, to the end of `into`.
    ///
    /// # Errors
    /// Why they cannot be read.
    fn read(&mut self, frames: usize, into: &mut Vec<Stereo>) -> Result<(), String>;
}

/// A long sound: its beginning, and where it lies. Real-time: yes, but for the constructor.
pub struct Tape {
    opening: Box<[Stereo]>,
    frames: u64,
    digest: u64,
    medium: Arc<dyn Medium>,
}

impl Tape {
    /// Of so many frames, which begin with `opening`; `None` where that is all of it, or most. Real-time: no
    /// (allocates).
    pub fn new(opening: Vec<Stereo>, frames: u64, digest: u64, medium: Arc<dyn Medium>) -> Option<Arc<Tape>> {
        let is_long = !opening.is_empty() && frames >= 2 * opening.len() as u64;
        is_long.then(|| Arc::new(Tape { opening: opening.into(), frames, digest, medium }))
    }

    /// How much of a sound is to be kept in memory at this rate; a sound of less than twice as much is better
    /// kept in whole. Real-time: yes.
    pub fn opening_frames(rate: SampleRate) -> u64 {
        rate.frames(OPENING_SECONDS).max(LEAST_FRAMES)
    }

    /// How long it is. Real-time: yes.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The same for the same sound. Where all of it was read for this, in all likelihood for no other; else
    /// also for one that differs only where nobody looked. Real-time: yes.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Where what is not in memory begins.
    fn rest_at(&self) -> u64 {
        self.opening.len() as u64
    }

    /// How long that is.
    fn rest_frames(&self) -> u64 {
        self.frames - self.rest_at()
    }
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tape").field("frames", &self.frames).field("digest", &self.digest).finish()
    }
}

/// How often material was late; shared with the control world. Real-time: yes.
#[derive(Default, Debug)]
pub struct ReelCount {
    underruns: AtomicU64,
    lost_frames: AtomicU64,
}

impl ReelCount {
    /// How often. Real-time: yes.
    pub fn underruns(&self) -> u64 {
        self.underruns.load(Relaxed)
    }

    /// Frames that were faded or silent for that. Real-time: yes.
    pub fn lost_frames(&self) -> u64 {
        self.lost_frames.load(Relaxed)
    }
}

/// The audio world's end of a long sound. Real-time: yes, but for the constructor.
pub struct Reel {
    tape: Arc<Tape>,
    lanes: Box<[Lane]>,
    count: Arc<ReelCount>,
    fade_frames: u32,
    return_frames: u64,
    /// Before this frame nothing counts as fetched: an injection.
    held_until: Frame,
    /// A bit for each lane that a log says is dry in this quantum.
    script: Option<u8>,
    /// A bit for each lane that is.
    dry: u8,
    /// The other end, until it is asked for.
    feeding: Option<Box<Feeding>>,
}

impl Reel {
    /// Of a sound whose opening is as long as this rate asks for. Real-time: no (allocates).
    pub fn new(tape: &Arc<Tape>, rate: SampleRate) -> Reel {
        let lane_frames = rate.frames(LANE_SECONDS).max(LEAST_FRAMES) as usize;
        let count = Arc::new(ReelCount::default());
        let (lanes, ends) = (0..LANES)
            .map(|index| lane::lane(lane_frames, tape.rest_frames(), index == 0))
            .unzip::<_, _, Vec<_>, Vec<_>>();
        let feeding = Feeding::new(Arc::clone(tape), ends, Arc::clone(&count), lane_frames);
        let mut reel = Reel {
            tape: Arc::clone(tape),
            lanes: lanes.into(),
            count,
            fade_frames: rate.frames(FADE_SECONDS).max(1) as u32,
            return_frames: rate.frames(RETURN_SECONDS),
            held_until: 0,
            script: None,
            dry: 0,
            feeding: Some(Box::new(feeding)),
        };
        reel.lanes.iter_mut().for_each(|lane| lane.level = reel.fade_frames);
        reel
    }

    /// The other end, once: for whoever fetches. Real-time: no.
    pub fn take_feeding(&mut self) -> Option<Box<Feeding>> {
        self.feeding.take()
    }

    /// How long the sound is. Real-time: yes.
    pub fn frames(&self) -> u64 {
        self.tape.frames
    }

    /// A lane for a playing from the first frame on: one that is not among those whose bits are set, which
    /// must not be all. Real-time: yes.
    pub fn start(&mut self, used: u8) -> usize {
        let index = (0..LANES - 1).find(|lane| used >> lane & 1 == 0).unwrap_or(LANES - 1);
        let lane = &mut self.lanes[index];
        lane.start();
        (lane.is_dry, lane.level) = (false, self.fade_frames);
        index
    }

    /// A lane for a playing that goes on at frame `at` of the sound from `frame` on: the first playing of this
    /// reel. What is in memory sounds at once, the rest is silent until it had time to be fetched.
    /// Real-time: yes.
    pub fn resume(&mut self, at: u64, frame: Frame) -> usize {
        let lane = &mut self.lanes[0];
        lane.order(at.saturating_sub(self.tape.rest_at()));
        (lane.is_dry, lane.level) = (true, 0);
        self.hold(frame + LEAST_FRAMES);
        0
    }

    /// A quantum begins: before [`judge`](Self::judge). Real-time: yes.
    pub fn tick(&mut self) {
        self.dry = 0;
        self.lanes.iter_mut().for_each(Lane::look);
    }

    /// Decides whether a playing has enough for the quantum that begins with `frame`, and to fade out after
    /// it. It is at frame `at` of the sound, and ends after `left` frames where it does not go on
    /// for longer. Real-time: yes.
    pub fn judge(&mut self, lane: usize, at: u64, left: u64, frame: Frame) {
        let bit = 1 << lane;
        let is_held = frame < self.held_until;
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        let fetched = if is_held { 0 } else { lane.ready() };
        let ahead = self.tape.rest_at().saturating_sub(at) + fetched;
        // From its end it goes on in memory.
        let ahead = if at + ahead >= self.tape.frames { u64::MAX } else { ahead };
        let spare = if lane.is_dry { self.return_frames } else { 0 };
        let enough = QUANTUM_FRAMES as u64 + u64::from(self.fade_frames) + spare;
        let is_dry = match self.script {
            Some(script) => script & bit != 0,
            None => ahead < enough.min(left),
        };
        if is_dry {
            self.dry |= bit;
            if !lane.is_dry {
                self.count.underruns.fetch_add(1, Relaxed);
            }
        }
        lane.is_dry = is_dry;
    }

    /// What plays from frame `at` of the sound on, which must not be beyond its end: to both sides, which
    /// are equally long. Real-time: yes.
    pub fn read(&mut self, lane: usize, at: u64, left: &mut [f32], right: &mut [f32]) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        let frames = left.len();
        let known = self.tape.opening.get(at as usize..).unwrap_or_default();
        let known = &known[..known.len().min(frames)];
        for ((l, r), frame) in left.iter_mut().zip(right.iter_mut()).zip(known) {
            [*l, *r] = *frame;
        }
        if known.len() < frames {
            // What fades has no more than this.
            let most = if lane.is_dry { lane.level as usize } else { frames };
            let most = most.saturating_sub(known.len());
            lane.take(most, &mut left[known.len()..], &mut right[known.len()..]);
        }
        if lane.is_dry {
            self.count.lost_frames.fetch_add(frames as u64, Relaxed);
        }
        if !lane.is_dry && lane.level == self.fade_frames {
            return;
        }
        for (l, r) in left.iter_mut().zip(right) {
            if lane.is_dry {
                lane.level = lane.level.saturating_sub(1);
            }
            let gain = ease(lane.level, self.fade_frames);
            if !lane.is_dry {
                lane.level = (lane.level + 1).min(self.fade_frames);
            }
            *l *= gain;
            *r *= gain;
        }
    }

    /// From now on, in this quantum and those after, nothing is decided here: the lanes whose bits are set
    /// are dry. To be told before each quantum. Real-time: yes.
    pub fn script(&mut self, dry: u8) {
        self.script = Some(dry);
    }

    /// The lanes that are dry in this quantum, once; 0 for none. Real-time: yes.
    pub fn take_dry(&mut self) -> u8 {
        std::mem::take(&mut self.dry)
    }

    /// Up to this frame nothing counts as fetched. Real-time: yes.
    pub fn hold(&mut self, until: Frame) {
        self.held_until = self.held_until.max(until);
    }
}

/// From 0 to 1 without a corner: 3t² - 2t³.
fn ease(now: u32, frames: u32) -> f32 {
    let t = now as f32 / frames as f32;
    t * t * (3.0 - 2.0 * t)
}
