//! What is played by MIDI.
//!
//! An instrument hears all sixteen channels and keeps each one's controllers
//! apart ([`channel`]). Its voices live in a pool of fixed size ([`voice_pool`]).

pub mod channel;
pub mod synth;
pub mod voice_pool;

use crate::stage::Kinds;

/// Adds the instruments of the engine. Real-time: no.
pub fn register(kinds: &mut Kinds) {
    kinds.register(synth::SynthKind);
}
