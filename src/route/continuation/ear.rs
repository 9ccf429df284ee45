use std::sync::atomic::Ordering;

use super::ContinuationCount;
use super::memory::{Context, Memory, Note};
use crate::transport::Time;
use crate::unit::Frame;

/// Keys that are held at once; the release of more is not noticed.
const HELD: usize = 64;

/// A key that is down, and the note that it became.
#[derive(Clone, Copy, Debug)]
struct Held {
    channel: u8,
    key: u8,
    number: u64,
    since: u64,
}

/// Listens: puts together what is struck at once, and measures how long keys are
/// held. Real-time: yes, but for `new`.
#[derive(Debug)]
pub(super) struct Ear {
    pub(super) memory: Memory,
    held: Vec<Held>,
    /// When the first note of the chord that is being struck was.
    struck: Frame,
    /// How long strikes still make one chord.
    window: Frame,
}

impl Ear {
    pub(super) fn new(memory: Memory, window: Frame) -> Ear {
        Ear { memory, held: Vec::with_capacity(HELD), struck: 0, window }
    }

    /// A key goes down.
    pub(super) fn strike(&mut self, time: Frame, mut note: Note, clock: &Time, count: &ContinuationCount) {
        self.release(time, note.channel, note.key, clock);
        count.heard.fetch_add(1, Ordering::Relaxed);
        let at = clock.grid.beat_at(time).0;
        if self.memory.open_since().is_none() {
            self.struck = time;
        }
        note.duration = 0;
        let (number, forgotten) = self.memory.strike(at, note);
        count.forgotten.fetch_add(forgotten, Ordering::Relaxed);
        match number {
            Some(number) if self.held.len() < HELD => {
                self.held.push(Held { channel: note.channel, key: note.key, number, since: at });
            }
            // Never released, it lasts a beat.
            Some(number) => self.memory.release(number, 1 << 32),
            None => {
                count.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A key goes up.
    pub(super) fn release(&mut self, time: Frame, channel: u8, key: u8, clock: &Time) {
        if let Some(at) = self.held.iter().position(|held| (held.channel, held.key) == (channel, key)) {
            let held = self.held.remove(at);
            let duration = clock.grid.beat_at(time).0.saturating_sub(held.since);
            self.memory.release(held.number, duration);
        }
    }

    /// All keys go up.
    pub(super) fn release_all(&mut self, time: Frame, clock: &Time) {
        while let Some(Held { channel, key, .. }) = self.held.last().copied() {
            self.release(time, channel, key, clock);
        }
    }

    /// Whether any key is down.
    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Learns the chord that was being struck, where nothing joins it any more.
    pub(super) fn settle(&mut self, time: Frame, count: &ContinuationCount) {
        if self.memory.open_since().is_some() && time > self.struck + self.window {
            self.close(count);
        }
    }

    /// Learns the chord that was being struck, whole or not.
    pub(super) fn close(&mut self, count: &ContinuationCount) {
        let forgotten = self.memory.close();
        count.forgotten.fetch_add(forgotten, Ordering::Relaxed);
    }

    /// The phrase is over; gives its last chords.
    pub(super) fn end_phrase(&mut self, count: &ContinuationCount) -> Context {
        self.close(count);
        self.memory.end_phrase()
    }
}
