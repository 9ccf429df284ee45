//! Tiny state machines on plain slices: what instruments and stages are made of.

mod allpass;
mod delay_line;

pub use allpass::Allpass;
pub use delay_line::DelayLine;

pub mod envelope;
pub mod filter;
pub mod lfo;
pub mod line;
pub mod noise;
pub mod oscillator;
pub mod smooth;
pub mod wavetable;
