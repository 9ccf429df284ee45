use super::trie::{Chord, Drawn, NO_RUNS, ORDER_MAX, Runs, Trie};
use super::{CHORD_NOTES, SHORTEST};

/// Notes remembered for each chord, on average.
const NOTES_PER_CHORD: usize = 4;

/// One note of a chord, as it was played. Positions are beats in 32.32.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Note {
    pub(super) channel: u8,
    pub(super) key: u8,
    pub(super) velocity: u8,
    /// From the chord's first note to it.
    pub(super) offset: u64,
    /// How long it was held; 0 while it is.
    pub(super) duration: u64,
}

/// A chord where it was heard.
#[derive(Clone, Copy, Default, Debug)]
struct Moment {
    chord: Chord,
    /// When its first note was struck.
    at: u64,
    /// From the chord before it, or, for the first of a phrase, to the one after it.
    gap: u64,
    /// Its first note, counted from the first of all, and how many it has.
    first_note: u64,
    notes: u8,
    /// It begins a phrase.
    is_first: bool,
}

/// What was heard: the model, and how each chord was played.
///
/// Nothing of a phrase is a context for the next. Full, it forgets the chords that
/// were heard first. Real-time: yes, but for `new`.
#[derive(Debug)]
pub(super) struct Memory {
    trie: Trie,
    moments: Box<[Moment]>,
    /// Chords heard so far; the last ones of them are remembered.
    heard: u64,
    oldest: u64,
    notes: Box<[Note]>,
    notes_heard: u64,
    notes_oldest: u64,
    /// The runs that end with the newest chord of the phrase.
    runs: Runs,
    /// The last chords of the phrase, newest last.
    recent: Context,
    /// The first note of the chord that is being struck.
    open: Option<Moment>,
}

/// The last few chords, oldest first: what the next one depends on.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Context {
    chords: [Chord; ORDER_MAX],
    length: usize,
}

impl Context {
    pub(super) fn push(&mut self, chord: Chord) {
        if self.length == ORDER_MAX {
            self.chords.rotate_left(1);
            self.length -= 1;
        }
        self.chords[self.length] = chord;
        self.length += 1;
    }

    pub(super) fn chords(&self) -> &[Chord] {
        &self.chords[..self.length]
    }
}

impl Memory {
    /// For so many chords, 64 at least. Real-time: no (allocates).
    pub(super) fn new(order: usize, chords: usize) -> Memory {
        let chords = chords.max(64);
        Memory {
            trie: Trie::new(order, chords),
            moments: vec![Moment::default(); chords].into(),
            heard: 0,
            oldest: 0,
            notes: vec![Note::default(); chords * NOTES_PER_CHORD].into(),
            notes_heard: 0,
            notes_oldest: 0,
            runs: NO_RUNS,
            recent: Context::default(),
            open: None,
        }
    }

    pub(super) fn order(&self) -> usize {
        self.trie.order()
    }

    /// When the chord that is being struck began.
    pub(super) fn open_since(&self) -> Option<u64> {
        self.open.map(|open| open.at)
    }

    /// A note joins the chord that is being struck, or begins one. Gives its number, and
    /// how many chords were forgotten for it; `None` where it is in the chord already or
    /// the chord is full.
    pub(super) fn strike(&mut self, at: u64, mut note: Note) -> (Option<u64>, u64) {
        let bit = 1 << (note.key & 127);
        let mut open = match self.open {
            Some(open) if open.chord & bit != 0 || usize::from(open.notes) == CHORD_NOTES => {
                return (None, 0);
            }
            Some(open) => open,
            None => Moment { at, first_note: self.notes_heard, ..Moment::default() },
        };
        let mut forgotten = 0;
        while self.notes_heard - self.notes_oldest == self.notes.len() as u64 {
            self.forget_oldest();
            forgotten += 1;
        }
        note.offset = at.saturating_sub(open.at);
        let number = self.notes_heard;
        *self.note_mut(number) = note;
        self.notes_heard += 1;
        open.chord |= bit;
        open.notes += 1;
        self.open = Some(open);
        (Some(number), forgotten)
    }

    /// The chord that is being struck is whole: learns it. Says how many chords were
    /// forgotten for it.
    pub(super) fn close(&mut self) -> u64 {
        let Some(mut moment) = self.open.take() else { return 0 };
        let mut forgotten = 0;
        while self.heard - self.oldest >= self.moments.len() as u64 {
            self.forget_oldest();
            forgotten += 1;
        }
        moment.is_first = self.recent.chords().is_empty();
        if let Some(before) = self.heard.checked_sub(1).filter(|_| !moment.is_first) {
            let size = self.moments.len() as u64;
            let before = &mut self.moments[(before % size) as usize];
            moment.gap = moment.at.saturating_sub(before.at).max(SHORTEST);
            if before.is_first {
                before.gap = moment.gap;
            }
        } else {
            moment.gap = 1 << 32;
        }
        let place = (self.heard % self.moments.len() as u64) as usize;
        self.moments[place] = moment;
        self.heard += 1;
        self.trie.learn(&mut self.runs, moment.chord, place as u32);
        self.recent.push(moment.chord);
        forgotten
    }

    /// The phrase is over; gives its last chords.
    pub(super) fn end_phrase(&mut self) -> Context {
        self.runs = NO_RUNS;
        std::mem::take(&mut self.recent)
    }

    fn forget_oldest(&mut self) {
        let size = self.moments.len() as u64;
        let oldest = self.moments[(self.oldest % size) as usize];
        let same_phrase =
            |number: &u64| *number == self.oldest || !self.moments[(*number % size) as usize].is_first;
        let chords = (self.oldest..self.heard)
            .take_while(same_phrase)
            .map(|number| self.moments[(number % size) as usize].chord);
        self.trie.forget(chords);
        self.oldest += 1;
        self.notes_oldest = oldest.first_note + u64::from(oldest.notes);
    }

    fn note_mut(&mut self, number: u64) -> &mut Note {
        let size = self.notes.len() as u64;
        &mut self.notes[(number % size) as usize]
    }

    /// A note that was struck is released after so long, unless it is forgotten.
    pub(super) fn release(&mut self, number: u64, duration: u64) {
        if number >= self.notes_oldest {
            self.note_mut(number).duration = duration.max(1);
        }
    }

    /// Draws what comes after a context.
    pub(super) fn draw(&self, context: &Context, below: impl FnOnce(u64) -> u64) -> Option<Drawn> {
        self.trie.draw(context.chords(), below)
    }

    /// How long after the chord before it a chord came where it was heard.
    pub(super) fn gap(&self, place: u32) -> u64 {
        self.moments[place as usize].gap
    }

    /// The notes of a chord where it was heard; `now` is what those that are held until now
    /// are measured by.
    pub(super) fn notes(&self, place: u32, now: u64) -> impl Iterator<Item = Note> {
        let Moment { at, first_note, notes, .. } = self.moments[place as usize];
        let size = self.notes.len() as u64;
        (first_note..first_note + u64::from(notes)).map(move |number| {
            let note = self.notes[(number % size) as usize];
            let held = now.saturating_sub(at + note.offset);
            Note { duration: if note.duration == 0 { held } else { note.duration }, ..note }
        })
    }

    #[cfg(test)]
    pub(super) fn trie(&self) -> &Trie {
        &self.trie
    }

    /// The chords that are remembered, phrase by phrase.
    #[cfg(test)]
    pub(super) fn phrases(&self) -> Vec<Vec<Chord>> {
        let mut phrases: Vec<Vec<Chord>> = Vec::new();
        for number in self.oldest..self.heard {
            let moment = &self.moments[(number % self.moments.len() as u64) as usize];
            if moment.is_first || phrases.is_empty() {
                phrases.push(Vec::new());
            }
            if let Some(phrase) = phrases.last_mut() {
                phrase.push(moment.chord);
            }
        }
        phrases
    }
}
