/// Which key of which source started a note. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Strike {
    /// The source's index in the rig.
    pub source: u16,
    /// Incoming channel, 0–15.
    pub channel: u8,
    /// Incoming key.
    pub key: u8,
}

/// Set in the channel of a strike that no hand made.
const GENERATED: u8 = 0x80;

impl Strike {
    /// The same, as an arpeggiator or a delay made it: no key's release finds it. Real-time: yes.
    #[must_use]
    pub const fn generated(self) -> Strike {
        Strike { channel: self.channel | GENERATED, ..self }
    }

    /// Whether it was made so. Real-time: yes.
    pub const fn is_generated(self) -> bool {
        self.channel & GENERATED != 0
    }
}

/// A strike as it leaves a cable. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Struck {
    /// What started it.
    pub strike: Strike,
    /// The channel it leaves on, 0–15.
    pub channel: u8,
    /// The key it leaves with.
    pub key: u8,
    /// 1–127.
    pub velocity: u8,
}

/// A note that sounds because of a strike, and where. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// What started it.
    pub strike: Strike,
    /// The cable that carried it.
    pub cable: u32,
    /// Where it went (the Renderer's number of a destination).
    pub destination: u16,
    /// The channel it left on, 0–15.
    pub channel: u8,
    /// The key it left with.
    pub key: u8,
    /// Its id, never 0.
    pub note: u32,
}

const NONE: u16 = u16::MAX;
const BUCKETS: usize = 2_048;

/// The notes that every cable started and that are not yet released.
///
/// A release follows its note's original route, transpose and channel, whatever
/// has become of the cable. One table serves all cables: each entry knows its
/// own, and outlives it. Fixed capacity, chained buckets, no allocation after
/// [`NoteTable::new`]. Real-time: yes.
pub struct NoteTable {
    heads: Box<[u16]>,
    entries: Box<[(Held, u16)]>,
    free: u16,
    held: usize,
    next_note: u32,
}

impl NoteTable {
    /// How many notes may be held at once.
    pub const CAPACITY: usize = 4_096;

    /// An empty table. Real-time: no (allocates).
    #[allow(clippy::new_without_default)]
    pub fn new() -> NoteTable {
        let strike = Strike { source: 0, channel: 0, key: 0 };
        let empty = Held { strike, cable: 0, destination: 0, channel: 0, key: 0, note: 0 };
        let entries: Vec<_> = (0..Self::CAPACITY as u16)
            .map(|i| (empty, if usize::from(i) + 1 < Self::CAPACITY { i + 1 } else { NONE }))
            .collect();
        NoteTable {
            heads: vec![NONE; BUCKETS].into_boxed_slice(),
            entries: entries.into_boxed_slice(),
            free: 0,
            held: 0,
            next_note: 0,
        }
    }

    fn bucket(strike: Strike) -> usize {
        let mixed =
            usize::from(strike.source) * 37 + usize::from(strike.channel) * 128 + usize::from(strike.key);
        mixed % BUCKETS
    }

    /// An id for a new note. Real-time: yes.
    pub fn fresh_note(&mut self) -> u32 {
        self.next_note = self.next_note.wrapping_add(1).max(1);
        self.next_note
    }

    /// Remembers a note. A strike repeated on the same cable with the same
    /// outcome takes the old entry's place, whose note is given back. Real-time: yes.
    ///
    /// # Errors
    /// The note itself, where the table is full.
    pub fn hold(&mut self, note: Held) -> Result<Option<Held>, Held> {
        let bucket = Self::bucket(note.strike);
        let mut at = self.heads[bucket];
        while at != NONE {
            let (old, next) = &mut self.entries[usize::from(at)];
            if old.strike == note.strike
                && old.cable == note.cable
                && (old.destination, old.channel, old.key) == (note.destination, note.channel, note.key)
            {
                return Ok(Some(std::mem::replace(old, note)));
            }
            at = *next;
        }
        let slot = self.free;
        if slot == NONE {
            return Err(note);
        }
        self.free = self.entries[usize::from(slot)].1;
        self.entries[usize::from(slot)] = (note, self.heads[bucket]);
        self.heads[bucket] = slot;
        self.held += 1;
        Ok(None)
    }

    /// How many notes a strike holds. Real-time: yes.
    pub fn count(&self, strike: Strike) -> usize {
        let mut at = self.heads[Self::bucket(strike)];
        let mut count = 0;
        while at != NONE {
            let (held, next) = self.entries[usize::from(at)];
            count += usize::from(held.strike == strike);
            at = next;
        }
        count
    }

    /// Forgets one note of a strike and gives it back; call until `None`.
    /// The order is that in which the notes were started, latest first. Real-time: yes.
    pub fn release(&mut self, strike: Strike) -> Option<Held> {
        self.take_from(Self::bucket(strike), |held| held.strike == strike)
    }

    /// Forgets this note of a strike and gives it back; `None` where it has ended. Real-time: yes.
    pub fn take(&mut self, strike: Strike, note: u32) -> Option<Held> {
        self.take_from(Self::bucket(strike), |held| held.note == note)
    }

    /// Forgets one note for which `choose` says yes, anywhere; call until `None`.
    /// Costs a walk over the table: for the loss of a source, not for every note. Real-time: yes.
    pub fn release_any(&mut self, choose: impl Fn(&Held) -> bool) -> Option<Held> {
        if self.held == 0 {
            return None;
        }
        (0..BUCKETS).find_map(|bucket| self.take_from(bucket, &choose))
    }

    /// The notes of a strike, for messages that follow them (pressure). Real-time: yes.
    pub fn of(&self, strike: Strike) -> impl Iterator<Item = &Held> {
        let mut at = self.heads[Self::bucket(strike)];
        std::iter::from_fn(move || {
            let (held, next) = self.entries.get(usize::from(at))?;
            at = *next;
            Some(held)
        })
        .filter(move |held| held.strike == strike)
    }

    /// How many notes are held. Real-time: yes.
    pub fn len(&self) -> usize {
        self.held
    }

    /// Whether none is held. Real-time: yes.
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    fn take_from(&mut self, bucket: usize, choose: impl Fn(&Held) -> bool) -> Option<Held> {
        let mut before = NONE;
        let mut at = self.heads[bucket];
        while at != NONE {
            let (held, next) = self.entries[usize::from(at)];
            if choose(&held) {
                if before == NONE {
                    self.heads[bucket] = next;
                } else {
                    self.entries[usize::from(before)].1 = next;
                }
                self.entries[usize::from(at)].1 = self.free;
                self.free = at;
                self.held -= 1;
                return Some(held);
            }
            before = at;
            at = next;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(source: u16, key: u8, cable: u32, id: u32) -> Held {
        let strike = Strike { source, channel: 0, key };
        Held { strike, cable, destination: 3, channel: 1, key: key + 12, note: id }
    }

    #[test]
    fn a_release_finds_every_note_of_its_strike_and_no_other() {
        let mut table = NoteTable::new();
        for held in [note(0, 60, 1, 1), note(0, 60, 2, 2), note(1, 60, 1, 3), note(0, 61, 1, 4)] {
            assert_eq!(table.hold(held), Ok(None));
        }
        let strike = Strike { source: 0, channel: 0, key: 60 };
        assert_eq!(table.count(strike), 2);
        let mut ended: Vec<u32> = std::iter::from_fn(|| table.release(strike)).map(|h| h.note).collect();
        ended.sort_unstable();
        assert_eq!(ended, [1, 2]);
        assert_eq!(table.len(), 2);
        assert_eq!(table.release_any(|held| held.strike.source == 1).map(|h| h.note), Some(3));
        assert_eq!(table.release_any(|held| held.strike.source == 1), None);
    }

    #[test]
    fn a_repeated_strike_replaces_its_own_note() {
        let mut table = NoteTable::new();
        assert_eq!(table.hold(note(0, 60, 1, 1)), Ok(None));
        assert_eq!(table.hold(note(0, 60, 1, 2)).map(|old| old.map(|h| h.note)), Ok(Some(1)));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn a_full_table_gives_the_note_back_and_recovers() {
        let mut table = NoteTable::new();
        for i in 0..NoteTable::CAPACITY as u32 {
            assert_eq!(table.hold(note((i / 100) as u16, (i % 100) as u8, i, i + 1)), Ok(None));
        }
        let extra = note(99, 1, 9_999, 9_999);
        assert_eq!(table.hold(extra), Err(extra));
        assert!(table.release(Strike { source: 0, channel: 0, key: 0 }).is_some());
        assert_eq!(table.hold(extra), Ok(None));
        while table.release_any(|_| true).is_some() {}
        assert!(table.is_empty());
    }
}
