//! What drafts the music: servers and programs.

mod asked;
mod hf;
mod program;

pub use hf::Hf;
pub use program::{Program, split_command};
