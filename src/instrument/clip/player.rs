use std::sync::Arc;

use super::Samples;
use super::kind::{AUTOPLAY, FADE, LOOP, MODE, PARAMETERS, PLAY, SYNC};
use crate::midi::{Event, Message, controller};
use crate::stage::{Block, Context, Input, Processor, Status, change, segments};
use crate::unit::{Frame, SampleRate};

const GATE: u32 = 1;
const TOGGLE: u32 = 2;
const BEAT: u32 = 1;
const BAR: u32 = 2;

/// What is launched again fades out under its new beginning in this time at most.
const RELAUNCH_SECONDS: f64 = 0.010;
/// Endings that fade at once.
const ENDINGS: usize = 4;

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

/// A clip that plays from memory. Real-time: yes.
pub(super) struct Clip {
    samples: Arc<Samples>,
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
    pub(super) fn new(samples: Arc<Samples>, manner: Manner, plays: bool, rate: SampleRate) -> Clip {
        Clip {
            samples,
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
        self.fade_frames().min(self.samples.frames() / 2)
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
                self.head = Some(Head { at: 0, edge: self.edge_frames(), ending: None });
            }
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
                && !playing.add(&self.samples, loops, edge, left, right)
            {
                *head = None;
            }
        }
    }
}

impl Head {
    /// Adds its sound; `false` where it is over.
    fn add(
        &mut self,
        samples: &Samples,
        loops: bool,
        edge: usize,
        left: &mut [f32],
        right: &mut [f32],
    ) -> bool {
        let length = samples.frames();
        let (from_left, from_right) = (samples.side(false), samples.side(true));
        let mut done = 0;
        while done < left.len() {
            if self.at >= length {
                if !loops {
                    return false;
                }
                (self.at, self.edge) = (0, edge);
            }
            let frames = (left.len() - done).min(length - self.at);
            let is_plain = self.ending.is_none()
                && (self.edge == 0 || self.at >= self.edge && self.at + frames <= length - self.edge);
            let to = done..done + frames;
            let from = self.at..self.at + frames;
            let sides = [(&mut *left, from_left), (&mut *right, from_right)];
            if is_plain {
                for (out, samples) in sides {
                    for (out, sample) in out[to.clone()].iter_mut().zip(&samples[from.clone()]) {
                        *out += sample;
                    }
                }
                self.at += frames;
            } else {
                for frame in 0..frames {
                    let Some(gain) = self.next_gain(length) else { return false };
                    left[done + frame] += from_left[self.at] * gain;
                    right[done + frame] += from_right[self.at] * gain;
                    self.at += 1;
                }
            }
            done += frames;
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

    fn voices(&self) -> u32 {
        (self.head.iter().count() + self.endings.iter().flatten().count()) as u32
    }
}
