//! What is played by MIDI.
//!
//! An instrument hears all sixteen channels and keeps each one's controllers
//! apart ([`channel`]), and those of MPE together ([`zones`]). Its voices live in a pool of fixed size ([`voice_pool`]).

pub mod channel;
pub mod clip;
mod fade;
mod kit;
mod metronome;
pub mod pluck;
pub mod synth;
pub mod voice_pool;
pub mod zones;

use crate::stage::Kinds;

/// Adds the instruments of the engine. Real-time: no.
pub fn register(kinds: &mut Kinds) {
    kinds.register(synth::SynthKind);
    kinds.register(pluck::PluckKind);
    kinds.register(metronome::MetronomeKind);
}

/// Adds a voice: what it plays, times its own level and its channel's gain.
fn mix(level: &[f32], gain: &[f32], dry: &[f32], output: &mut [f32]) {
    for (((output, dry), level), gain) in output.iter_mut().zip(dry).zip(level).zip(gain) {
        *output += dry * level * gain;
    }
}
