//! Which voice plays which note: allocation, pedals, stealing.

/// What a pool needs of a voice. Real-time: yes.
pub trait Voice {
    /// The key is up (and no pedal holds it).
    fn release(&mut self);
    /// Fade out within milliseconds: the voice is wanted, or all sound is off.
    fn cut(&mut self);
    /// How loud it is now; the quietest is stolen first.
    fn level(&self) -> f32;
    /// Whether nothing more will come out of it.
    fn is_done(&self) -> bool;
}

/// Which note a voice plays. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Note {
    /// The Renderer's number for it; 0 where it has none, and then channel and
    /// key tell which one is meant.
    pub id: u32,
    /// The rig's index of the source that played it.
    pub source: u16,
    /// 0 to 15.
    pub channel: u8,
    /// 0 to 127.
    pub key: u8,
}

impl Note {
    /// Whether a message about `other` (a release, a pressure) means this note.
    fn is_meant_by(&self, other: &Note) -> bool {
        if other.id != 0 {
            return self.id == other.id;
        }
        self.channel == other.channel && self.key == other.key
    }
}

/// A voice and what holds it.
#[derive(Clone, Debug)]
struct Slot<V> {
    voice: V,
    note: Note,
    /// The key is down.
    held: bool,
    /// The sostenuto pedal went down while the key was.
    caught: bool,
    /// It has been told to release.
    released: bool,
    /// It fades out and no longer counts.
    cut: bool,
}

/// A fixed number of voices, and as many again that may still be fading out
/// after they were stolen, so that stealing never clicks.
///
/// Voices sound in the order in which they began, so that their sum does not
/// depend on when a finished one was swept. Real-time: yes, after `new`.
#[derive(Debug)]
pub struct VoicePool<V> {
    slots: Vec<Slot<V>>,
    /// Indices of sounding slots, in the order in which they began.
    sounding: Vec<u16>,
    idle: Vec<u16>,
    limit: usize,
}

impl<V: Voice + Clone> VoicePool<V> {
    /// Room for `limit` voices (1 to 1,024). Real-time: no.
    pub fn new(limit: usize, idle: V) -> VoicePool<V> {
        let limit = limit.clamp(1, 1_024);
        let slot = Slot {
            voice: idle,
            note: Note::default(),
            held: false,
            caught: false,
            released: true,
            cut: true,
        };
        let count = 2 * limit;
        VoicePool {
            slots: vec![slot; count],
            sounding: Vec::with_capacity(count),
            idle: (0..count as u16).rev().collect(),
            limit,
        }
    }

    /// Ends all at once, without a fade. Real-time: yes.
    pub fn clear(&mut self) {
        while let Some(index) = self.sounding.pop() {
            self.idle.push(index);
        }
    }

    /// Begins a note: `voice` takes the place of one that is free, or stolen.
    ///
    /// Stolen is, when all are taken, the quietest of those released; where none
    /// is, the oldest. Real-time: yes.
    pub fn start(&mut self, note: Note, voice: V) {
        self.start_with(note, |place| *place = voice);
    }

    /// Begins a note in the place of a voice that keeps what it owns (a delay line):
    /// as [`start`](VoicePool::start), but `begin` makes the old voice the new one. Real-time: yes.
    pub fn start_with(&mut self, note: Note, begin: impl FnOnce(&mut V)) {
        if self.count() >= self.limit {
            self.steal();
        }
        let index = match self.idle.pop() {
            Some(index) => index,
            None => self.quietest_cut(),
        };
        let slot = &mut self.slots[usize::from(index)];
        begin(&mut slot.voice);
        slot.note = note;
        (slot.held, slot.caught, slot.released, slot.cut) = (true, false, false, false);
        self.sounding.push(index);
    }

    fn steal(&mut self) {
        let slots = &mut self.slots;
        let mut chosen: Option<usize> = None;
        for &index in &self.sounding {
            let index = usize::from(index);
            let slot = &slots[index];
            if slot.cut {
                continue;
            }
            let better = match chosen {
                None => true,
                // In order of age: only a quieter released one beats an older.
                Some(best) => {
                    let best = &slots[best];
                    slot.released && (!best.released || slot.voice.level() < best.voice.level())
                }
            };
            if better {
                chosen = Some(index);
            }
        }
        if let Some(index) = chosen {
            slots[index].cut = true;
            slots[index].voice.cut();
        }
    }

    /// Takes the slot of the quietest voice that is fading out already: only
    /// when more than the whole pool is stolen within one fade.
    fn quietest_cut(&mut self) -> u16 {
        let mut place = 0;
        for (i, &index) in self.sounding.iter().enumerate() {
            let (slot, best) =
                (&self.slots[usize::from(index)], &self.slots[usize::from(self.sounding[place])]);
            if slot.cut && (!best.cut || slot.voice.level() < best.voice.level()) {
                place = i;
            }
        }
        self.sounding.remove(place)
    }

    /// The key is up; `pedal` says whether the sustain pedal of its channel is down.
    /// Real-time: yes.
    pub fn note_off(&mut self, note: &Note, pedal: bool) {
        self.let_go(pedal, |slot| slot.held && slot.note.is_meant_by(note));
    }

    /// All keys of a channel are up. Real-time: yes.
    pub fn all_notes_off(&mut self, channel: u8, pedal: bool) {
        self.let_go(pedal, |slot| slot.note.channel == channel);
    }

    fn let_go(&mut self, pedal: bool, which: impl Fn(&Slot<V>) -> bool) {
        for &index in &self.sounding {
            let slot = &mut self.slots[usize::from(index)];
            if which(slot) {
                slot.held = false;
                release_if_free(slot, pedal);
            }
        }
    }

    /// The sustain pedal of a channel went up. Real-time: yes.
    pub fn pedal_up(&mut self, channel: u8) {
        self.let_pedal_go(channel, false, |_| ());
    }

    /// The sostenuto pedal went down: it catches the keys that are down. Real-time: yes.
    pub fn sostenuto_down(&mut self, channel: u8) {
        for &index in &self.sounding {
            let slot = &mut self.slots[usize::from(index)];
            if slot.note.channel == channel && slot.held {
                slot.caught = true;
            }
        }
    }

    /// The sostenuto pedal went up. Real-time: yes.
    pub fn sostenuto_up(&mut self, channel: u8, pedal: bool) {
        self.let_pedal_go(channel, pedal, |slot| slot.caught = false);
    }

    fn let_pedal_go(&mut self, channel: u8, pedal: bool, change: impl Fn(&mut Slot<V>)) {
        for &index in &self.sounding {
            let slot = &mut self.slots[usize::from(index)];
            if slot.note.channel == channel {
                change(slot);
                release_if_free(slot, pedal);
            }
        }
    }

    /// All sound of a channel fades out within milliseconds. Real-time: yes.
    pub fn all_sound_off(&mut self, channel: u8) {
        self.cut_where(|note, _| note.channel == channel);
    }

    /// Fades out within milliseconds what `which` names. Real-time: yes.
    pub fn cut_where(&mut self, which: impl Fn(&Note, &V) -> bool) {
        for &index in &self.sounding {
            let slot = &mut self.slots[usize::from(index)];
            if !slot.cut && which(&slot.note, &slot.voice) {
                slot.cut = true;
                slot.held = false;
                slot.voice.cut();
            }
        }
    }

    /// A source is gone: what it plays is released, pedals or not. Real-time: yes.
    pub fn end_source(&mut self, source: u16) {
        for &index in &self.sounding {
            let slot = &mut self.slots[usize::from(index)];
            if slot.note.source == source {
                slot.held = false;
                slot.caught = false;
                release_if_free(slot, false);
            }
        }
    }

    /// The sounding voices and their notes, in the order in which they began. Real-time: yes.
    pub fn for_each(&mut self, mut f: impl FnMut(&Note, &mut V)) {
        for &index in &self.sounding {
            let slot = &mut self.slots[usize::from(index)];
            f(&slot.note, &mut slot.voice);
        }
    }

    /// The voices that a message about a note means. Real-time: yes.
    pub fn for_each_meant(&mut self, note: &Note, mut f: impl FnMut(&mut V)) {
        self.for_each(|own, voice| {
            if own.is_meant_by(note) {
                f(voice);
            }
        });
    }

    /// Frees the voices that are done. Call after each segment. Real-time: yes.
    pub fn sweep(&mut self) {
        let (slots, idle) = (&self.slots, &mut self.idle);
        self.sounding.retain(|&index| {
            let done = slots[usize::from(index)].voice.is_done();
            if done {
                idle.push(index);
            }
            !done
        });
    }

    /// Whether nothing sounds. Real-time: yes.
    pub fn is_empty(&self) -> bool {
        self.sounding.is_empty()
    }

    /// Whether a channel sounds. Real-time: yes.
    pub fn sounds_on(&self, channel: u8) -> bool {
        self.sounding.iter().any(|&index| self.slots[usize::from(index)].note.channel == channel)
    }

    /// Voices that sound and were not stolen. Real-time: yes.
    pub fn count(&self) -> usize {
        self.sounding.iter().filter(|&&index| !self.slots[usize::from(index)].cut).count()
    }
}

fn release_if_free<V: Voice>(slot: &mut Slot<V>, pedal: bool) {
    if !slot.held && !slot.caught && !pedal && !slot.released {
        slot.released = true;
        slot.voice.release();
    }
}

#[cfg(test)]
mod tests;
