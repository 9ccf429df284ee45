use std::path::PathBuf;
use std::time::Duration;

use super::record::DecodeError;

/// Why a journal could not be read or written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JournalError {
    /// Another program holds it.
    #[error("{path} was being written by another program for more than {within:?}; try again")]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long it was waited for.
        within: Duration,
    },
    /// The disk is full.
    #[error("the disk is full: {path} cannot be written; make room")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be opened, read or written.
    #[error("{path} cannot be used: {reason}")]
    Storage {
        /// The file.
        path: PathBuf,
        /// What the system or the database says.
        reason: String,
    },
    /// It was damaged; what could not be read was set aside, and a new one begun.
    #[error("{path} was damaged ({reason}); it was set aside as {aside}, and a new one is begun")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it is called now.
        aside: PathBuf,
        /// What was wrong.
        reason: String,
    },
    /// It cannot be written: its disk or its folder is only to be read.
    #[error("{path} cannot be written: {reason}")]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// It is damaged; nothing was changed, for it was only looked at.
    #[error("{path} is damaged: {reason}")]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It was written by another version of this program.
    #[error("{path}: {error}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Which.
        error: DecodeError,
    },
    /// An event that cannot be kept.
    #[error("an event cannot be kept: {0}")]
    Event(String),
    /// The actor that commits did not answer.
    #[error("the journal did not answer ({0}); try again")]
    NoAnswer(String),
}

impl JournalError {
    /// Whether the same call may succeed later.
    pub fn retry_helps(&self) -> bool {
        !matches!(self, JournalError::Version { .. } | JournalError::Event(_))
    }
}

/// Why nothing was committed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommitError<E> {
    /// Whoever decides did not want to.
    #[error("{0}")]
    Refused(E),
    /// The journal could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}
