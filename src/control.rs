//! What people and programs see: the command line, the live status, JSON.

pub mod check;
pub mod devices;
pub mod doctor;
pub mod kinds;
pub mod progress;
pub mod report;
pub mod status;
