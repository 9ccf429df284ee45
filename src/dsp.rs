//! Tiny state machines on plain slices: what instruments and stages are made of.

mod delay_line;

pub use delay_line::DelayLine;
