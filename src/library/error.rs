use std::path::{Path, PathBuf};

use crate::persistence::{CommitError, JournalError};

/// Why something cannot be kept or found.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LibraryError {
    /// What is no key.
    #[error("{0}")]
    Key(String),
    /// A file of the cache cannot be read or written.
    #[error("the cache's {path} cannot be {what}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// `written` or the like.
        what: &'static str,
        /// What the system says.
        reason: String,
    },
    /// It is larger than all the room that there is.
    #[error("{bytes} bytes are more than the cache may hold ({limit_bytes}); it is kept in memory only")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The room in files.
        limit_bytes: u64,
    },
    /// More is said of it than fits into the index.
    #[error(
        "what is said of an entry ({bytes} bytes of JSON) is more than {limit_bytes}; it is kept in memory only"
    )]
    Wordy {
        /// Its size.
        bytes: usize,
        /// How much may be said.
        limit_bytes: usize,
    },
    /// An entry has as many tags as it may have.
    #[error("an entry has no more than {limit} tags: no other is added")]
    Tags {
        /// How many it may have.
        limit: usize,
    },
    /// The index cannot be read or written.
    #[error("the cache's index: {0}")]
    Index(#[from] JournalError),
    /// The disk took nothing for too long.
    #[error("the cache's disk took nothing for {seconds} s; what was generated is in memory only")]
    Slow {
        /// How long it was waited for.
        seconds: u64,
    },
    /// A part of the cache failed.
    #[error("the cache failed: {0}; try again")]
    Fault(String),
}

impl LibraryError {
    pub(super) fn file(path: &Path, what: &'static str, error: &std::io::Error) -> LibraryError {
        LibraryError::File { path: path.to_owned(), what, reason: error.to_string() }
    }

    /// Of the cache's folder as a whole.
    pub(super) fn folder(folder: &Path, error: &std::io::Error) -> LibraryError {
        use std::io::ErrorKind as K;
        let (path, reason) = (folder.to_owned(), error.to_string());
        match error.kind() {
            K::ReadOnlyFilesystem | K::PermissionDenied => JournalError::ReadOnly { path, reason }.into(),
            K::StorageFull | K::QuotaExceeded => JournalError::Full { path }.into(),
            _ => LibraryError::File { path, what: "used", reason },
        }
    }

    /// Whether nothing can be written, and what is there may be read.
    pub fn is_read_only(&self) -> bool {
        matches!(self, LibraryError::Index(JournalError::ReadOnly { .. }))
    }

    /// Whether the disk has no room.
    pub fn is_full(&self) -> bool {
        matches!(self, LibraryError::Index(JournalError::Full { .. }))
    }

    /// What is wrong with the index, where that is damaged and not only out of reach.
    pub fn damage(&self) -> Option<&str> {
        match self {
            LibraryError::Index(JournalError::Unsound { reason, .. }) => Some(reason),
            _ => None,
        }
    }

    /// Whether the same call may succeed later.
    pub fn retry_helps(&self) -> bool {
        match self {
            LibraryError::Key(_)
            | LibraryError::TooLarge { .. }
            | LibraryError::Wordy { .. }
            | LibraryError::Tags { .. } => false,
            LibraryError::Index(error) => error.retry_helps(),
            LibraryError::File { .. } | LibraryError::Slow { .. } | LibraryError::Fault(_) => true,
        }
    }
}

impl From<CommitError<LibraryError>> for LibraryError {
    fn from(error: CommitError<LibraryError>) -> LibraryError {
        match error {
            CommitError::Refused(error) => error,
            CommitError::Journal(error) => LibraryError::Index(error),
        }
    }
}
