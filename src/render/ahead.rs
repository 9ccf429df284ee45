use std::sync::Arc;

use super::{Performer, PerformerCount, Segment};
use crate::midi::Event;
use crate::transport::{Beats, Time};
use crate::unit::{Frame, SampleRate};

/// Segments that are there at once, at most.
pub const SEGMENTS: usize = 16;

/// Plays material that the control world keeps ready ahead of the transport: segment by segment, each at
/// its own place of the song, so that locating finds the same music again. Where the segment that is due
/// is not there, the last good one is played in its place, and this is counted. Real-time: yes, but for the
/// constructor.
pub struct Ahead {
    /// A segment's length.
    length: Beats,
    slots: [Option<Box<Segment>>; SEGMENTS],
    time: Time,
    end: Frame,
    now: Frame,
    rolls: bool,
    /// Which stretch of the song plays, from which slot and event on.
    playing: Option<Playing>,
    /// The stretch that played last.
    at: u64,
    /// The slot that was played last.
    last_good: Option<usize>,
    /// Something was played that may sound on.
    sounds: bool,
    resets: bool,
    count: Arc<PerformerCount>,
}

#[derive(Clone, Copy)]
struct Playing {
    index: u64,
    slot: Option<usize>,
    next: usize,
}

impl Ahead {
    /// For segments of so many whole beats. Real-time: no (allocates).
    pub fn new(beats: u32, rate: SampleRate, count: Arc<PerformerCount>) -> Ahead {
        Ahead {
            length: Beats(u64::from(beats.max(1)) << 32),
            slots: Default::default(),
            time: Time::at_rest(rate),
            end: 0,
            now: 0,
            rolls: false,
            playing: None,
            at: 0,
            last_good: None,
            sounds: false,
            resets: false,
            count,
        }
    }

    fn start_of(&self, index: u64) -> Beats {
        Beats(self.length.0.saturating_mul(index))
    }

    fn slot_of(&self, index: u64) -> Option<usize> {
        self.slots.iter().position(|slot| slot.as_ref().is_some_and(|segment| segment.index() == index))
    }

    /// The nearest of what is there, those before first: what stands in for a segment at a first start or
    /// after a jump.
    fn stand_in(&self, index: u64) -> Option<usize> {
        let held = |slot: &usize| self.slots[*slot].as_ref().map(|segment| segment.index());
        if self.last_good.as_ref().and_then(held).is_some() {
            return self.last_good;
        }
        let there = (0..SEGMENTS).filter(|slot| self.slots[*slot].is_some());
        there.min_by_key(|slot| {
            held(slot).map_or(u64::MAX, |there| there.abs_diff(index) * 2 + u64::from(there > index))
        })
    }

    /// A stretch of the song begins, or is entered at a beat within it.
    fn enter(&mut self, index: u64, from: Beats) {
        self.count.count_segment(self.slot_of(index).is_none());
        self.begin(index, from);
    }

    fn begin(&mut self, index: u64, from: Beats) {
        let slot = self.slot_of(index).or_else(|| self.stand_in(index));
        if slot.is_some() {
            self.last_good = slot;
        }
        let within = Beats(from.0.saturating_sub(self.start_of(index).0));
        let events = slot.and_then(|slot| self.slots[slot].as_deref()).map_or(&[][..], Segment::events);
        let next = events.partition_point(|event| event.at < within);
        self.playing = Some(Playing { index, slot, next });
        self.at = index;
        self.show();
    }

    fn show(&self) {
        self.count.show(self.at, &self.slots);
    }

    /// Ends what sounds, and plays on from where the song stands, if it does.
    fn jump(&mut self) {
        self.resets = self.sounds;
        self.sounds = false;
        self.playing = None;
    }
}

impl Performer for Ahead {
    fn follow(&mut self, now: Frame, end: Frame, time: &Time) {
        let rolls = time.state.is_rolling();
        if rolls != self.rolls || time.grid.jumps() != self.time.grid.jumps() {
            self.jump();
        }
        (self.now, self.end, self.time, self.rolls) = (now, end, *time, rolls);
    }

    fn next(&mut self) -> Option<Frame> {
        self.peek().map(|event| event.time)
    }

    fn take(&mut self, _frame: Frame) -> Option<Event> {
        let event = self.peek();
        self.advance();
        event
    }

    fn exchange(&mut self, segment: &mut Option<Box<Segment>>) {
        let Some(index) = segment.as_ref().map(|segment| segment.index()) else { return };
        let playing = self.playing.and_then(|playing| playing.slot);
        let slot = match self.slot_of(index) {
            // What plays is not changed under it.
            Some(slot) if Some(slot) == playing => return,
            Some(slot) => Some(slot),
            None => (0..SEGMENTS)
                .find(|slot| self.slots[*slot].is_none())
                .or_else(|| self.farthest(index, playing)),
        };
        if let Some(slot) = slot {
            std::mem::swap(&mut self.slots[slot], segment);
            if self.last_good == Some(slot) && Some(slot) != playing {
                self.last_good = playing;
            }
        }
        self.show();
    }
}

impl Ahead {
    /// What it plays next; the same again until [`advance`](Self::advance).
    fn peek(&mut self) -> Option<Event> {
        if self.resets {
            return Some(Event::reset(self.now, 0));
        }
        if !self.rolls {
            return None;
        }
        let grid = self.time.grid;
        if self.playing.is_none() {
            let here = grid.beat_at(self.now);
            if grid.frame_of(here) >= self.end {
                return None;
            }
            self.enter(here.0 / self.length.0, here);
        }
        // Bounded: a segment is longer than a piece.
        for _ in 0..SEGMENTS {
            let Playing { index, slot, next } = self.playing?;
            if slot.is_none() && self.stand_in(index).is_some() {
                // There was nothing at all; now there is.
                self.begin(index, grid.beat_at(self.now));
                continue;
            }
            let start = self.start_of(index);
            let segment = slot.and_then(|slot| self.slots[slot].as_deref());
            if let Some(event) = segment.and_then(|segment| segment.events().get(next)) {
                let frame = grid.frame_of(Beats(start.0.saturating_add(event.at.0)));
                return Some(Event::midi(frame.max(self.now), 0, event.message));
            }
            let after = self.start_of(index + 1);
            if grid.frame_of(after) >= self.end {
                return None;
            }
            self.enter(index + 1, after);
        }
        None
    }

    /// What [`peek`](Self::peek) gave was played.
    fn advance(&mut self) {
        if std::mem::take(&mut self.resets) {
            return;
        }
        self.sounds = true;
        if let Some(playing) = &mut self.playing {
            playing.next += 1;
        }
    }

    /// What is needed last: what was played long ago, but for the song's beginning, where a start leads.
    /// While it stands, who makes segments knows where the song will go on, and this only what is lent: what
    /// is farthest from that.
    fn farthest(&self, lent: u64, playing: Option<usize>) -> Option<usize> {
        let held = |slot: usize| self.slots[slot].as_ref().map_or(0, |segment| segment.index());
        let any = || (0..SEGMENTS).filter(|slot| Some(*slot) != playing && held(*slot) > 1);
        if !self.rolls {
            return any().max_by_key(|slot| held(*slot).abs_diff(lent));
        }
        let old = any().filter(|slot| held(*slot) < self.at);
        old.min_by_key(|slot| held(*slot)).or_else(|| any().max_by_key(|slot| held(*slot).abs_diff(self.at)))
    }
}
