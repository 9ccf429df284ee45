//! The synthesised drum kit: a tone that drops, filtered noise and a cluster of
//! squares, in the proportions that each drum of General MIDI asks for.

mod drums;
mod voice;

use super::voice_pool::{Note, VoicePool};
use crate::dsp::wavetable::Tables;
use crate::unit::{QUANTUM_FRAMES, SampleRate};
use voice::DrumVoice;

/// Drums that sound at once.
const VOICES: usize = 32;

/// The kit, hit by hit. Real-time: yes, after `new`.
pub struct Kit {
    rate: SampleRate,
    tables: &'static Tables,
    pool: VoicePool<DrumVoice>,
}

impl Kit {
    /// A kit of at most `voices` drums at once. Real-time: no.
    pub fn new(rate: SampleRate, voices: usize) -> Kit {
        let tables = Tables::shared();
        let pool = VoicePool::new(voices.min(VOICES), DrumVoice::idle(rate, tables));
        Kit { rate, tables, pool }
    }

    /// Hits the drum of a key; keys beyond the map play its nearest drum. An
    /// open hi-hat ends when another hi-hat is hit. Real-time: yes.
    pub fn strike(&mut self, note: Note, velocity: u8, seed: u64) {
        let drum = drums::drum(note.key);
        if drum.choke != 0 {
            self.pool.cut_where(|other, voice| other.channel == note.channel && voice.choke == drum.choke);
        }
        self.pool.start(note, DrumVoice::start(self.rate, self.tables, &drum, velocity, seed));
    }

    /// One control tick. Real-time: yes.
    pub fn tick(&mut self) {
        self.pool.for_each(|_, voice| voice.tick());
    }

    /// Adds the next frames (at most a quantum), times the gains of each hit's channel.
    /// Real-time: yes.
    pub fn render(&mut self, gains: &[[[f32; QUANTUM_FRAMES]; 2]; 16], left: &mut [f32], right: &mut [f32]) {
        self.pool.for_each(|note, voice| voice.render(&gains[usize::from(note.channel)], left, right));
        self.pool.sweep();
    }

    /// Its voices. Real-time: yes.
    pub fn pool(&mut self) -> &mut VoicePool<DrumVoice> {
        &mut self.pool
    }

    /// Drums that sound. Real-time: yes.
    pub fn count(&self) -> usize {
        self.pool.count()
    }

    /// Whether nothing sounds. Real-time: yes.
    pub fn is_empty(&self) -> bool {
        self.pool.is_empty()
    }

    /// Whether a channel sounds. Real-time: yes.
    pub fn sounds_on(&self, channel: u8) -> bool {
        self.pool.sounds_on(channel)
    }
}
