use super::{Clip, GATE, Head, Pending, Sound, Turn};
use crate::stage::Bookmark;
use crate::unit::Frame;

const PLAYS: u64 = 1;
const WAITS: u64 = 1 << 1;
const LAUNCHES: u64 = 1 << 2;
const ROLLS: u64 = 1 << 3;
const PLAYS_FIRST: u64 = 1 << 4;

impl Clip {
    /// What plays, what waits for its beat, and what it last saw of the transport. What is held by keys is left
    /// out: nobody would hear them being released.
    pub(super) fn place(&self) -> Bookmark {
        let is_held = self.manner.mode == GATE && self.keys != 0;
        let head = self.head.filter(|head| head.ending.is_none() && !is_held);
        let pending = self.pending.filter(|_| !is_held);
        let mut flags = u64::from(self.jumps) << 32 | if self.rolls { ROLLS } else { 0 };
        flags |= if self.plays_first { PLAYS_FIRST } else { 0 };
        flags |= if head.is_some() { PLAYS } else { 0 };
        flags |= match pending {
            None => 0,
            Some(Pending { turn: Turn::Launch, .. }) => WAITS | LAUNCHES,
            Some(Pending { turn: Turn::Stop, .. }) => WAITS,
        };
        let at = head.map_or(0, |head| head.at as u64);
        Bookmark([flags, at, pending.map_or(0, |pending| pending.beat), 0])
    }

    /// Goes on where another would be by now.
    pub(super) fn go_on(&mut self, bookmark: Bookmark, from: Frame, to: Frame) {
        let [flags, at, beat, _] = bookmark.0;
        // Unless the other never came to it.
        self.plays_first = flags & PLAYS_FIRST != 0;
        (self.rolls, self.jumps) = (flags & ROLLS != 0, (flags >> 32) as u32);
        if flags & WAITS != 0 {
            let turn = if flags & LAUNCHES != 0 { Turn::Launch } else { Turn::Stop };
            self.pending = Some(Pending { turn, beat });
        }
        let length = self.sound.frames() as u64;
        let by_now = at.saturating_add(to.saturating_sub(from));
        let at = match by_now {
            at if at < length => at,
            at if self.manner.loops && length > 0 => at % length,
            _ => return,
        };
        if flags & PLAYS != 0 {
            let lane = match &mut self.sound {
                Sound::Whole(_) => 0,
                Sound::Reel(reel) => reel.resume(at, to),
            };
            self.head = Some(Head { at: at as usize, edge: self.edge_frames(), ending: None, lane });
        }
    }
}
