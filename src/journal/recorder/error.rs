use std::io;
use std::path::PathBuf;

/// Why a recording could not begin or go on. What plays is not touched by it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum RecordError {
    #[error("cannot record to {}: {reason}; {}", path.display(), advice(*kind))]
    Create { path: PathBuf, kind: io::ErrorKind, reason: String },
    #[error(
        "recording to {} stopped: {reason}; what came before is kept; {}", path.display(), advice(*kind)
    )]
    Write { path: PathBuf, kind: io::ErrorKind, reason: String },
    #[error("the disk writer failed while recording to {}; what came before is kept", path.display())]
    Failed { path: PathBuf },
    #[error(
        "the disk did not finish writing {} in time; the file opens, but its end may be missing", path.display()
    )]
    Stalled { path: PathBuf },
}

impl RecordError {
    pub(super) fn create(path: PathBuf, error: &io::Error) -> RecordError {
        RecordError::Create { path, kind: error.kind(), reason: error.to_string() }
    }

    pub(super) fn write(path: PathBuf, error: &io::Error) -> RecordError {
        RecordError::Write { path, kind: error.kind(), reason: error.to_string() }
    }
}

fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "make the directory first, or choose another path",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a directory that you may write to"
        }
        io::ErrorKind::IsADirectory => "name a file in it",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or record to another disk"
        }
        _ => "record to another disk or directory",
    }
}
