//! `antiphon sysex`: dumps to gear and from it.

mod file;
mod receive;
mod send;

use std::time::Duration;

use super::arguments::{MidiDriver, SysexCommand};
use crate::engine::{Error, ErrorKind};

/// How often the control world looks.
const LOOK: Duration = Duration::from_millis(10);

/// `antiphon sysex send` and `receive`.
///
/// # Errors
/// [`Error`] where the file, the port or what comes is not as it should be.
pub(super) fn sysex(command: &SysexCommand) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Device, format!("the control thread cannot start: {e}")))?;
    match command {
        SysexCommand::Send(arguments) => runtime.block_on(send::send(arguments)),
        SysexCommand::Receive(arguments) => runtime.block_on(receive::receive(arguments)),
    }
}

/// Asks the system's MIDI or JACK's, as the driver says.
fn by_driver<T>(
    driver: MidiDriver,
    system: impl FnOnce() -> Result<T, String>,
    jack: impl FnOnce() -> Result<T, String>,
) -> Result<T, Error> {
    let answer = match driver {
        MidiDriver::System => system(),
        MidiDriver::Jack => jack(),
        MidiDriver::Auto => {
            system().or_else(|system| jack().map_err(|jack| format!("{system}; nor by JACK: {jack}")))
        }
    };
    answer.map_err(|reason| Error::new(ErrorKind::Device, reason))
}
