//! Players: files turned into events and samples ahead of time.

pub mod demo;
pub mod tape;
pub mod wav;
