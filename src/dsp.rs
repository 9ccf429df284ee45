//! Tiny state machines on plain slices: what instruments and stages are made of.
