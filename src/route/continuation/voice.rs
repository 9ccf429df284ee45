use super::memory::Note;
use super::{CHORD_NOTES, SHORTEST};
use crate::midi::Message;
use crate::transport::{Beats, Time};
use crate::unit::Frame;

/// Notes that wait for their strike: two whole chords.
const DUE: usize = 2 * CHORD_NOTES;
/// Notes that sound at once; the one that ends first makes room for one more.
const SOUNDING: usize = 64;
/// The end of a note that is to end whatever the time.
const AT_ONCE: u64 = 0;

/// A note on its way.
#[derive(Clone, Copy, Debug)]
struct Due {
    channel: u8,
    key: u8,
    velocity: u8,
    at: u64,
    end: u64,
}

/// Plays notes and ends each. Real-time: yes, but for `new`.
#[derive(Debug)]
pub(super) struct Voice {
    due: Vec<Due>,
    sounding: Vec<Due>,
}

impl Voice {
    pub(super) fn new() -> Voice {
        Voice { due: Vec::with_capacity(DUE), sounding: Vec::with_capacity(SOUNDING) }
    }

    /// A note will be played as long after `at` as it was in its chord, and end at `limit`
    /// at the latest; `false` where there is no room.
    pub(super) fn add(&mut self, at: u64, limit: u64, note: Note) -> bool {
        let Note { channel, key, velocity, offset, duration } = note;
        let at = at + offset;
        let end = at.saturating_add(duration.max(SHORTEST)).min(limit);
        let is_room = self.due.len() < DUE;
        if is_room {
            self.due.push(Due { channel, key, velocity, at, end });
        }
        is_room
    }

    /// When it strikes or ends a note next.
    pub(super) fn next(&self, clock: &Time) -> Option<Frame> {
        let strikes = self.due.iter().map(|due| due.at);
        let next = strikes.chain(self.sounding.iter().map(|note| note.end)).min()?;
        Some(frame_of(next, clock))
    }

    /// What is due at a frame: ends before beginnings, call until `None`.
    pub(super) fn take(&mut self, now: Frame, clock: &Time) -> Option<Message> {
        let is_due = |at: u64| frame_of(at, clock) <= now;
        let ended = self.sounding.iter().position(|note| is_due(note.end));
        if let Some(ended) = ended {
            return Some(self.end(ended));
        }
        let first = (0..self.due.len()).min_by_key(|index| self.due[*index].at)?;
        let Due { channel, key, velocity, at, .. } = self.due[first];
        if !is_due(at) {
            return None;
        }
        let again = self.sounding.iter().position(|note| (note.channel, note.key) == (channel, key));
        let full = self.sounding.len() == SOUNDING;
        let soonest = || (0..self.sounding.len()).min_by_key(|index| self.sounding[*index].end);
        if let Some(ended) = again.or_else(|| if full { soonest() } else { None }) {
            return Some(self.end(ended));
        }
        let struck = self.due.remove(first);
        self.sounding.push(struck);
        Some(Message::NoteOn { channel, key, velocity })
    }

    fn end(&mut self, index: usize) -> Message {
        let Due { channel, key, .. } = self.sounding.remove(index);
        Message::NoteOff { channel, key, velocity: 64 }
    }

    /// Plays nothing more, and ends at once what sounds.
    pub(super) fn stop(&mut self) {
        self.due.clear();
        for note in &mut self.sounding {
            note.end = AT_ONCE;
        }
    }

    /// Forgets what sounds: somebody else has ended it.
    pub(super) fn clear(&mut self) {
        self.due.clear();
        self.sounding.clear();
    }
}

fn frame_of(beat: u64, clock: &Time) -> Frame {
    if beat == AT_ONCE { 0 } else { clock.grid.frame_of(Beats(beat)) }
}
