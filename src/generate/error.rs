use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::Retryable;
use crate::library::{FlightError, LibraryError};

/// What sort of failure a generation ended with, and so whether trying again may help.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The request does not make sense: change it.
    Usage,
    /// The configuration does: mend it.
    Config,
    /// A server could not be reached, or the line broke: trying again may help.
    Network,
    /// Not done in time: trying again may help.
    Timeout,
    /// The server cannot now (429, 5xx): trying again later may help.
    Unavailable,
    /// The server said no for good (400, 401, 404 and the like).
    Refused,
    /// Too much at once here, or the breaker is open: trying again later may help.
    Busy,
    /// What came back is no music that can be used.
    Unfit,
    /// It was cancelled.
    Cancelled,
    /// The cache or the journal could not be written: trying again may help.
    Storage,
    /// A part of the pipeline failed; it was started anew: trying again may help.
    Fault,
}

impl FailureKind {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            FailureKind::Usage => "usage",
            FailureKind::Config => "config",
            FailureKind::Network => "network",
            FailureKind::Timeout => "timeout",
            FailureKind::Unavailable => "unavailable",
            FailureKind::Refused => "refused",
            FailureKind::Busy => "busy",
            FailureKind::Unfit => "unfit",
            FailureKind::Cancelled => "cancelled",
            FailureKind::Storage => "storage",
            FailureKind::Fault => "fault",
        }
    }

    /// Whether the same request may succeed later.
    pub const fn retry_helps(self) -> bool {
        !matches!(
            self,
            FailureKind::Usage
                | FailureKind::Config
                | FailureKind::Refused
                | FailureKind::Unfit
                | FailureKind::Cancelled
        )
    }
}

/// Why there is no music: what is wrong, and what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What sort it is.
    pub kind: FailureKind,
    /// For a musician. Never a key or a password.
    pub message: String,
    /// How long another try would be in vain (a 503's `estimated_time`, an open breaker).
    pub wait: Duration,
    /// How many times a backend was asked.
    pub tries: u32,
}

impl Failure {
    /// A failure of a kind, in a musician's words.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into(), wait: Duration::ZERO, tries: 0 }
    }

    /// After so many tries.
    pub fn after(mut self, tries: u32) -> Failure {
        self.tries = tries;
        self
    }

    /// Not again before this has passed.
    pub fn waiting(mut self, wait: Duration) -> Failure {
        self.wait = wait;
        self
    }
}

impl Retryable for Failure {
    fn helps(&self) -> bool {
        self.kind.retry_helps()
    }

    fn wait(&self) -> Duration {
        self.wait
    }
}

impl FlightError for Failure {
    /// Whoever else waits for the same is not cancelled with it, and may have more time.
    fn is_own(&self) -> bool {
        matches!(self.kind, FailureKind::Cancelled | FailureKind::Timeout)
    }
}

impl From<LibraryError> for Failure {
    fn from(error: LibraryError) -> Failure {
        Failure::new(FailureKind::Storage, error.to_string())
    }
}
