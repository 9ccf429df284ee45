//! What drafts the music: servers and programs.

mod asked;
mod charted;
mod chat;
mod discreet;
mod hf;
mod program;

pub(super) use asked::seconds;
pub use chat::Chat;
pub(super) use discreet::Discreet;
pub use hf::Hf;
#[cfg(fuzzing)]
pub use hf::sound_of;
#[cfg(fuzzing)]
pub use program::draft_of;
pub use program::{Program, split_command};
