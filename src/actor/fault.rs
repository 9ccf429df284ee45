use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// What sort of failure it is: what a supervisor's table of directives goes by.
/// Those here are the kernel's own; an actor may have its own words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FaultKind(pub &'static str);

impl FaultKind {
    /// It panicked.
    pub const PANIC: FaultKind = FaultKind("panic");
    /// Its `started` failed.
    pub const START: FaultKind = FaultKind("start");
    /// It handled one message for too long.
    pub const STUCK: FaultKind = FaultKind("stuck");
    /// It did not answer a health check in time.
    pub const UNRESPONSIVE: FaultKind = FaultKind("unresponsive");
    /// Somebody killed it.
    pub const KILLED: FaultKind = FaultKind("killed");
    /// An actor that it is linked with failed.
    pub const LINKED: FaultKind = FaultKind("linked");
    /// One of its children failed more often than its supervision allows.
    pub const ESCALATED: FaultKind = FaultKind("escalated");
    /// It ended by itself though it is permanent.
    pub const DONE: FaultKind = FaultKind("done");
    /// Any other error that it reported.
    pub const FAILED: FaultKind = FaultKind("failed");
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How an actor failed. One pointer, since it stands in everything that may fail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault(Box<FaultDetail>);

/// What there is to say of a [`Fault`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultDetail {
    /// What sort it is.
    pub kind: FaultKind,
    /// What happened.
    pub message: Cow<'static, str>,
    /// Where in the source a panic came from, as `FILE:LINE`.
    pub place: Option<Arc<str>>,
}

impl Fault {
    /// A failure of a sort, in words.
    pub fn new(kind: FaultKind, message: impl Into<Cow<'static, str>>) -> Fault {
        Fault(Box::new(FaultDetail { kind, message: message.into(), place: None }))
    }

    /// The same, with the place where it happened.
    #[must_use]
    pub fn at(mut self, place: Option<Arc<str>>) -> Fault {
        self.0.place = place;
        self
    }
}

impl Deref for Fault {
    type Target = FaultDetail;
    fn deref(&self) -> &FaultDetail {
        &self.0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)?;
        match &self.place {
            Some(place) => write!(f, " ({place})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// What an actor says after each message: an error is a fault, and its
/// supervisor decides what becomes of it.
pub type Outcome = Result<(), Fault>;

/// Why an incarnation of an actor ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StopReason {
    /// It was done, or was asked to stop.
    Normal,
    /// Its parent stopped.
    Shutdown,
    /// It failed.
    Fault(Fault),
    /// It did not stop in time and was cut off at a point where it waited.
    Aborted,
    /// It did not stop in time and could not be cut off: it holds its thread.
    Hung,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Normal => f.write_str("normal"),
            StopReason::Shutdown => f.write_str("shutdown"),
            StopReason::Fault(fault) => write!(f, "{fault}"),
            StopReason::Aborted => f.write_str("aborted"),
            StopReason::Hung => f.write_str("hung"),
        }
    }
}
