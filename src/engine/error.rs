use std::fmt;

use crate::device::audio::DriverError;
use crate::feed::wav::WavError;
use crate::journal::log::LogError;
use crate::journal::{RecordError, WavOutError};
use crate::midi::file::FileError;
use crate::rig::DeployError;

/// What sort of failure it is, and so whether trying again may help.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// The request does not make sense: change it.
    Usage,
    /// A rig, a MIDI file or a WAV is damaged or wrong: mend it.
    Input,
    /// A device or a server is not there, or busy: trying again may help.
    Device,
    /// The disk is full or a path cannot be written: trying again may help.
    Disk,
}

/// The one error of the public edge: what is wrong, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// What sort it is.
    pub kind: ErrorKind,
    /// For a musician.
    pub message: String,
}

impl Error {
    /// An error of a kind, in a musician's words.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into() }
    }

    /// Whether the same call may succeed later.
    pub fn retry_helps(&self) -> bool {
        matches!(self.kind, ErrorKind::Device | ErrorKind::Disk)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<WavOutError> for Error {
    fn from(error: WavOutError) -> Error {
        Error::new(ErrorKind::Disk, error.to_string())
    }
}

impl From<RecordError> for Error {
    fn from(error: RecordError) -> Error {
        Error::new(ErrorKind::Disk, error.to_string())
    }
}

impl From<LogError> for Error {
    fn from(error: LogError) -> Error {
        let kind = match &error {
            LogError::Io { .. } => ErrorKind::Disk,
            LogError::NoLog { .. } | LogError::Version { .. } | LogError::Damaged(_) => ErrorKind::Input,
        };
        Error::new(kind, error.to_string())
    }
}

impl From<DriverError> for Error {
    fn from(error: DriverError) -> Error {
        Error::new(ErrorKind::Device, error.to_string())
    }
}

impl From<DeployError> for Error {
    fn from(error: DeployError) -> Error {
        Error::new(ErrorKind::Input, error.to_string())
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Error {
        Error::new(ErrorKind::Input, error.to_string())
    }
}

impl From<WavError> for Error {
    fn from(error: WavError) -> Error {
        Error::new(ErrorKind::Input, error.to_string())
    }
}
