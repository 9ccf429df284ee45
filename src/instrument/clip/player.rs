mod bookmark;

use std::sync::Arc;

use super::Samples;
use super::kind::{AUTOPLAY, FADE, LOOP, MODE, PARAMETERS, PLAY, SYNC};
use crate::midi::{Event, Message, controller};
use crate::rt::reel::{LANES, Reel};
use crate::stage::{Block, Bookmark, Context, Input, Processor, Status, change, segments};
use crate::unit::{Frame, QUANTUM_FRAMES, SampleRate};

const GATE: u32 = 1;
const TOGGLE: u32 = 2;
const BEAT: u32 = 1;
const BAR: u32 = 2;

/// What is launched again fades out under its new beginning in this time at most.
const RELAUNCH_SECONDS: f64 = 0.010;
/// Endings that fade at once.
const ENDINGS: usize = 4;
/// One more lane than endings: for what plays.
const _: () = assert!(ENDINGS < LANES);

/// What it plays. Real-time: yes.
pub(super) enum Sound {
    /// All of it is in memory.
    Whole(Arc<Samples>),
    /// Most of it is on a disk.
    Reel(Box<Reel>),
}

/// How a clip plays. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) sync: u32,
    pub(super) loops: bool,
    pub(super) fade_seconds: f64,
    pub(super) mode: u32,
    pub(super) autoplay: bool,
}

/// What plays: where in the clip, and how it ends. Real-time: yes.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// The next frame of the clip.
    at: usize,
    /// Frames of the fades at the clip's edges, this time round.
    edge: usize,
    ending: Option<Ending>,
    /// Its lane of the reel, where there is one.
    lane: usize,
}

/// It is on its way out.
#[derive(Clone, Copy, Debug)]
struct Ending {
    done: usize,
    frames: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    Launch,
    Stop,
}

/// What waits for its beat.
#[derive(Clone, Copy, Debug)]
struct Pending {
    turn: Turn,
    beat: u64,
}

/// A clip that plays. Real-time: yes.
pub(super) struct Clip {
    sound: Sound,
    manner: Manner,
    rate: SampleRate,
    head: Option<Head>,
    /// What was launched again before it had ended.
    endings: [Option<Head>; ENDINGS],
    pending: Option<Pending>,
    /// It is to play as soon as it is called.
    plays_first: bool,
    rolls: bool,
    jumps: u32,
    /// A bit for each key that is down.
    keys: u128,
}

impl Clip {
    pub(super) fn new(sound: Sound, manner: Manner, plays: bool, rate: SampleRate) -> Clip {
        Clip {
            sound,
            manner,
            rate,
            head: None,
            endings: [None; ENDINGS],
            pending: None,
            plays_first: plays,
            rolls: false,
            jumps: 0,
            keys: 0,
        }
    }

    fn fade_frames(&self) -> usize {
        self.rate.frames(self.manner.fade_seconds) as usize
    }

    /// The fades at both edges: no longer than half of it.
    fn edge_frames(&self) -> usize {
        self.fade_frames().min(self.sound.frames() / 2)
    }

    /// Whether it plays, or will.
    fn is_wanted(&self) -> bool {
        match self.pending {
            Some(pending) => pending.turn == Turn::Launch,
            None => self.head.is_some_and(|head| head.ending.is_none()),
        }
    }

    /// Does something on the beat that it waits for: at once, where that is now or the transport stands.
    fn ask(&mut self, turn: Turn, frame: Frame, context: &Context<'_>) {
        let beats = match self.manner.sync {
            _ if !context.time.moves() => 0,
            0 => 0,
            BEAT => 1,
            bars => (bars - BAR + 1) * context.time.beats_per_bar.max(1),
        };
        if beats == 0 {
            return self.turn(turn);
        }
        self.pending = Some(Pending { turn, beat: context.time.multiple_at(frame, beats) });
        self.settle(frame, context);
    }

    fn settle(&mut self, frame: Frame, context: &Context<'_>) {
        if let Some(pending) = self.pending
            && context.time.frame_of_beat(pending.beat) <= frame
        {
            self.turn(pending.turn);
        }
    }

    /// Does it now.
    fn turn(&mut self, turn: Turn) {
        self.pending = None;
        match turn {
            Turn::Stop => {
                let frames = self.fade_frames();
                match &mut self.head {
                    Some(head) if frames > 0 && head.ending.is_none() => {
                        head.ending = Some(Ending { done: 0, frames });
                    }
                    Some(head) if head.ending.is_some() => {}
                    _ => self.head = None,
                }
            }
            Turn::Launch => {
                let frames = self.fade_frames().min(self.rate.frames(RELAUNCH_SECONDS) as usize);
                if let Some(head) = self.head.take().filter(|_| frames > 0) {
                    let ending = head.ending.unwrap_or(Ending { done: 0, frames });
                    // Where there is no room the oldest, which is the softest, is given up.
                    self.endings.rotate_right(1);
                    self.endings[0] = Some(Head { ending: Some(ending), ..head });
                }
                let lane = self.lane();
                self.head = Some(Head { at: 0, edge: self.edge_frames(), ending: None, lane });
            }
        }
    }

    /// A lane that nothing plays from.
    fn lane(&mut self) -> usize {
        let Sound::Reel(reel) = &mut self.sound else { return 0 };
        let used = self.endings.iter().flatten().fold(0, |used, head| used | 1 << head.lane);
        reel.start(used)
    }

    /// A quantum begins: is there enough to play in it?
    fn look_ahead(&mut self, frame: Frame) {
        let Sound::Reel(reel) = &mut self.sound else { return };
        reel.tick();
        for head in self.endings.iter().chain([&self.head]).flatten() {
            reel.judge(head.lane, head.at as u64, head.left(reel.frames(), self.manner.loops), frame);
        }
    }

    /// The transport started, stopped or jumped since the last piece.
    fn follow(&mut self, context: &Context<'_>) {
        let (rolls, jumps) = (context.time.state.is_rolling(), context.time.grid.jumps());
        let has_jumped = std::mem::replace(&mut self.jumps, jumps) != jumps;
        let did_roll = std::mem::replace(&mut self.rolls, rolls);
        if has_jumped && let Some(pending) = self.pending {
            self.ask(pending.turn, context.frame, context);
        }
        if self.manner.autoplay {
            if rolls && (!did_roll || has_jumped) {
                self.ask(Turn::Launch, context.frame, context);
            } else if did_roll && !rolls {
                self.turn(Turn::Stop);
            }
        }
        if std::mem::take(&mut self.plays_first) {
            self.ask(Turn::Launch, context.frame, context);
        }
    }

    fn hear(&mut self, event: &Event, frame: Frame, context: &Context<'_>) {
        if let Some((index, value)) = change(PARAMETERS, event) {
            let is_on = value >= 0.5;
            match index {
                PLAY => self.ask(if is_on { Turn::Launch } else { Turn::Stop }, frame, context),
                SYNC => self.manner.sync = value as u32,
                LOOP => self.manner.loops = is_on,
                FADE => self.manner.fade_seconds = f64::from(value),
                MODE => self.manner.mode = value as u32,
                AUTOPLAY => self.manner.autoplay = is_on,
                _ => {}
            }
            return;
        }
        match event.message() {
            Some(Message::NoteOn { key, .. }) => {
                self.keys |= 1 << (key & 127);
                let stops = self.manner.mode == TOGGLE && self.is_wanted();
                self.ask(if stops { Turn::Stop } else { Turn::Launch }, frame, context);
            }
            Some(Message::NoteOff { key, .. }) => {
                self.keys &= !(1 << (key & 127));
                if self.manner.mode == GATE && self.keys == 0 {
                    self.turn(Turn::Stop);
                }
            }
            Some(Message::ControlChange {
                controller: controller::ALL_SOUND_OFF | controller::ALL_NOTES_OFF,
                ..
            }) => {
                self.keys = 0;
                self.turn(Turn::Stop);
            }
            _ => {}
        }
    }

    /// Adds what sounds in a stretch without anything due in it.
    fn play(&mut self, left: &mut [f32], right: &mut [f32]) {
        let edge = self.edge_frames();
        let loops = self.manner.loops;
        for head in self.endings.iter_mut().chain([&mut self.head]) {
            if let Some(playing) = head
                && !playing.add(&mut self.sound, loops, edge, left, right)
            {
                *head = None;
            }
        }
    }
}

impl Sound {
    fn frames(&self) -> usize {
        match self {
            Sound::Whole(samples) => samples.frames(),
            Sound::Reel(reel) => usize::try_from(reel.frames()).unwrap_or(usize::MAX),
        }
    }
}

impl Head {
    /// How many frames it may still play: for ever, unless it ends.
    fn left(&self, length: u64, loops: bool) -> u64 {
        match self.ending {
            Some(ending) => (ending.frames - ending.done) as u64,
            None if loops => u64::MAX,
            None => length.saturating_sub(self.at as u64),
        }
    }

    /// Adds its sound; `false` where it is over.
    fn add(
        &mut self,
        sound: &mut Sound,
        loops: bool,
        edge: usize,
        left: &mut [f32],
        right: &mut [f32],
    ) -> bool {
        let length = sound.frames();
        let mut done = 0;
        while done < left.len() {
            if self.at >= length {
                if !loops {
                    return false;
                }
                (self.at, self.edge) = (0, edge);
            }
            let frames = (left.len() - done).min(length - self.at);
            let goes_on = match sound {
                Sound::Whole(samples) => {
                    let from = self.at..self.at + frames;
                    let sides = [&samples.side(false)[from.clone()], &samples.side(true)[from]];
                    let to = done..done + frames;
                    done += frames;
                    self.mix(length, sides, &mut left[to.clone()], &mut right[to])
                }
                Sound::Reel(reel) => {
                    // What is not played is not taken off the stream: it may not be there.
                    let ends_in = self.ending.map_or(frames, |ending| ending.frames - ending.done);
                    let frames = frames.min(QUANTUM_FRAMES).min(ends_in);
                    if frames == 0 {
                        return false;
                    }
                    let [mut from_left, mut from_right] = [[0.0; QUANTUM_FRAMES]; 2];
                    let (from_left, from_right) = (&mut from_left[..frames], &mut from_right[..frames]);
                    reel.read(self.lane, self.at as u64, from_left, from_right);
                    let to = done..done + frames;
                    done += frames;
                    self.mix(length, [from_left, from_right], &mut left[to.clone()], &mut right[to])
                }
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// Adds the frames that it is at, with its fades; `false` where it is over.
    fn mix(&mut self, length: usize, from: [&[f32]; 2], left: &mut [f32], right: &mut [f32]) -> bool {
        let [from_left, from_right] = from;
        let frames = from_left.len();
        let is_plain = self.ending.is_none()
            && (self.edge == 0 || self.at >= self.edge && self.at + frames <= length - self.edge);
        if is_plain {
            for (to, from) in [(left, from_left), (right, from_right)] {
                for (out, sample) in to.iter_mut().zip(from) {
                    *out += sample;
                }
            }
            self.at += frames;
            return true;
        }
        for frame in 0..frames {
            let Some(gain) = self.next_gain(length) else { return false };
            left[frame] += from_left[frame] * gain;
            right[frame] += from_right[frame] * gain;
            self.at += 1;
        }
        true
    }

    /// The gain of the next frame; `None` where its ending is over.
    fn next_gain(&mut self, length: usize) -> Option<f32> {
        let mut gain = 1.0;
        if self.edge > 0 {
            let near = self.at.min(length - 1 - self.at);
            if near < self.edge {
                gain = ease(near, self.edge);
            }
        }
        if let Some(ending) = &mut self.ending {
            if ending.done >= ending.frames {
                return None;
            }
            gain *= ease(ending.frames - ending.done, ending.frames);
            ending.done += 1;
        }
        Some(gain)
    }
}

/// From 0 to 1 without a corner: 3t² - 2t³.
fn ease(now: usize, frames: usize) -> f32 {
    let t = now as f32 / frames as f32;
    t * t * (3.0 - 2.0 * t)
}

impl Processor for Clip {
    fn reset(&mut self) {
        self.head = None;
        self.endings = [None; ENDINGS];
        self.pending = None;
        self.keys = 0;
    }

    fn process(&mut self, context: &Context<'_>, _: Input<'_>, output: &mut Block<'_>) -> Status {
        output.clear();
        if context.is_tick() {
            self.look_ahead(context.frame);
        }
        self.follow(context);
        for segment in segments(context, output.frames()) {
            let begin = context.frame + segment.range.start as Frame;
            for event in segment.events {
                self.hear(event, begin, context);
            }
            let mut from = segment.range.start;
            while from < segment.range.end {
                let frame = context.frame + from as Frame;
                self.settle(frame, context);
                let due = self.pending.map_or(Frame::MAX, |pending| context.time.frame_of_beat(pending.beat));
                let until = (due.saturating_sub(context.frame).min(segment.range.end as Frame)) as usize;
                let until = until.max(from + 1);
                self.play(&mut output.left[from..until], &mut output.right[from..until]);
                from = until;
            }
        }
        let sounds = self.head.is_some() || self.endings.iter().any(Option::is_some);
        if sounds || self.pending.is_some() || self.manner.autoplay { Status::Active } else { Status::Silent }
    }

    fn bookmark(&self) -> Option<Bookmark> {
        Some(self.place())
    }

    fn resume(&mut self, bookmark: Bookmark, from: Frame, to: Frame) {
        self.go_on(bookmark, from, to);
    }

    fn voices(&self) -> u32 {
        (self.head.iter().count() + self.endings.iter().flatten().count()) as u32
    }

    fn reel(&mut self) -> Option<&mut Reel> {
        match &mut self.sound {
            Sound::Whole(_) => None,
            Sound::Reel(reel) => Some(reel),
        }
    }
}
