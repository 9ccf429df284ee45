//! `antiphon rig`: changes to a rig's file, which a rig that plays takes at once.

mod assign;
mod learn;
mod learner;

use clap::Subcommand;

pub use assign::AssignArguments;
pub use learn::LearnArguments;
pub use learner::{Learned, Learner};

use crate::engine::Error;
use crate::stage::Kinds;

/// `antiphon rig`.
#[derive(Subcommand, Debug)]
pub enum RigCommand {
    /// Waits for you to move a knob, and writes into the rig what it moves
    Learn(LearnArguments),
    /// Puts other gear in a MIDI role of a rig
    Assign(AssignArguments),
}

/// Does it.
///
/// # Errors
/// [`Error`], of which nothing has been printed yet.
pub fn rig(command: &RigCommand, kinds: &Kinds) -> Result<(), Error> {
    match command {
        RigCommand::Learn(arguments) => learn::learn(arguments, kinds),
        RigCommand::Assign(arguments) => assign::assign(arguments, kinds),
    }
}
