use std::sync::Arc;
use std::time::Duration;

/// Why a message was not taken; it comes back with the answer.
#[derive(PartialEq, Eq, thiserror::Error)]
pub enum TellError<M> {
    /// The mailbox is full: trying later helps.
    #[error("the mailbox is full")]
    Full(M),
    /// The actor has ended for good: trying again does not help.
    #[error("the actor has stopped")]
    Stopped(M),
}

impl<M> std::fmt::Debug for TellError<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TellError::Full(_) => "Full",
            TellError::Stopped(_) => "Stopped",
        })
    }
}

impl<M> TellError<M> {
    /// The message.
    pub fn into_message(self) -> M {
        match self {
            TellError::Full(message) | TellError::Stopped(message) => message,
        }
    }

    /// Whether the same call may succeed later.
    pub fn retry_helps(&self) -> bool {
        matches!(self, TellError::Full(_))
    }
}

/// Why a question was not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AskError {
    /// Not in time; it may be answered yet, and nobody will hear it.
    #[error("no answer within {within:?}")]
    Deadline {
        /// The time it had.
        within: Duration,
    },
    /// The actor let the question fall, or failed over it.
    #[error("the question was dropped without an answer")]
    NoAnswer,
    /// The actor has ended for good.
    #[error("the actor has stopped")]
    Stopped,
}

impl AskError {
    /// Whether the same call may succeed later.
    pub fn retry_helps(&self) -> bool {
        !matches!(self, AskError::Stopped)
    }
}

/// Why there was no sign of life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PingError {
    /// None in time.
    #[error("no sign of life within {within:?}")]
    Deadline {
        /// The time it had.
        within: Duration,
    },
    /// The actor has ended for good.
    #[error("the actor has stopped")]
    Stopped,
}

/// An actor that did not end in time.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{path}` has not stopped within {within:?}")]
pub struct StopError {
    /// Which.
    pub path: Arc<str>,
    /// The time it had.
    pub within: Duration,
}

/// Why an actor could not be started.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SpawnError {
    /// A sibling has the name.
    #[error("there is an actor at `{path}` already")]
    NameTaken {
        /// Where.
        path: Arc<str>,
    },
    /// Names are not empty and hold no `/`.
    #[error("`{name}` is no name for an actor: it must not be empty or hold a `/`")]
    BadName {
        /// The name.
        name: String,
    },
    /// The parent is stopping.
    #[error("`{path}` cannot be started: its parent is stopping")]
    Closed {
        /// Where it would stand.
        path: Arc<str>,
    },
    /// It failed while it started.
    #[error("`{path}` failed to start: {fault}")]
    Start {
        /// Where it stands.
        path: Arc<str>,
        /// How.
        fault: super::Fault,
    },
}
