//! What a parent does when a child fails: all of it declared, none of it code.

use std::time::Duration;

use super::backoff::Backoff;
use super::fault::FaultKind;
use super::window::Window;

/// Which children are started anew when one fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Strategy {
    /// The one that failed.
    #[default]
    OneForOne,
    /// All.
    OneForAll,
    /// The one that failed, and those started after it.
    RestForOne,
}

/// What to do about a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Directive {
    /// Go on with the next message; the actor keeps its state.
    Resume,
    /// Start anew with fresh state; messages that wait are kept.
    Restart,
    /// End the child for good.
    Stop,
    /// Fail oneself: let the parent's parent decide.
    Escalate,
}

/// Directives by kind of fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Directives {
    otherwise: Directive,
    table: Vec<(FaultKind, Directive)>,
}

impl Directives {
    /// The same for every kind.
    pub const fn all(otherwise: Directive) -> Directives {
        Directives { otherwise, table: Vec::new() }
    }

    /// Another for one kind; of two for the same kind the later holds.
    #[must_use]
    pub fn on(mut self, kind: FaultKind, directive: Directive) -> Directives {
        self.table.retain(|(k, _)| *k != kind);
        self.table.push((kind, directive));
        self
    }

    /// What holds for a kind.
    pub fn of(&self, kind: FaultKind) -> Directive {
        self.table.iter().find(|(k, _)| *k == kind).map_or(self.otherwise, |(_, directive)| *directive)
    }
}

impl Default for Directives {
    fn default() -> Directives {
        Directives::all(Directive::Restart)
    }
}

/// How an actor supervises its children.
#[derive(Clone, PartialEq, Debug)]
pub struct Supervision {
    /// Which are started anew with the one that failed.
    pub strategy: Strategy,
    /// What to do about which fault.
    pub directives: Directives,
    /// How many restarts in what time are borne; one more, and it escalates.
    pub window: Window,
    /// How long to wait before a restart. Siblings do not wait with it.
    pub backoff: Backoff,
}

impl Default for Supervision {
    fn default() -> Supervision {
        Supervision {
            strategy: Strategy::OneForOne,
            directives: Directives::default(),
            window: Window::default(),
            backoff: Backoff {
                first: Duration::from_millis(10),
                factor: 2.0,
                longest: Duration::from_secs(5),
                jitter: 0.1,
            },
        }
    }
}

/// When an actor that ended is started anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lifetime {
    /// However it ended.
    #[default]
    Permanent,
    /// Where it failed, not where it was done.
    Transient,
    /// Never.
    Temporary,
}

/// Asks an actor now and then whether it still answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HealthCheck {
    /// How often.
    pub every: Duration,
    /// How long it may take to answer; after that it counts as
    /// [`FaultKind::UNRESPONSIVE`].
    pub within: Duration,
}

/// What an actor is started with.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// How many messages may wait.
    pub capacity: usize,
    /// When it is started anew.
    pub lifetime: Lifetime,
    /// How long it may take to stop; then it is cut off.
    pub shutdown: Duration,
    /// Longer than this for one message is [`FaultKind::STUCK`].
    pub handling_limit: Option<Duration>,
    /// Regular health checks.
    pub health: Option<HealthCheck>,
}

impl Options {
    /// Messages that may wait where nothing else is said.
    pub const CAPACITY: usize = 1_000;
    /// How long stopping may take where nothing else is said.
    pub const SHUTDOWN: Duration = Duration::from_secs(5);

    /// The defaults: permanent, 1,000 messages, 5 s to stop, no checks.
    pub const fn new() -> Options {
        Options {
            capacity: Options::CAPACITY,
            lifetime: Lifetime::Permanent,
            shutdown: Options::SHUTDOWN,
            handling_limit: None,
            health: None,
        }
    }

    /// Another capacity.
    #[must_use]
    pub const fn capacity(self, capacity: usize) -> Options {
        Options { capacity, ..self }
    }

    /// Another lifetime.
    #[must_use]
    pub const fn lifetime(self, lifetime: Lifetime) -> Options {
        Options { lifetime, ..self }
    }

    /// Another limit for stopping.
    #[must_use]
    pub const fn shutdown(self, shutdown: Duration) -> Options {
        Options { shutdown, ..self }
    }

    /// A limit for handling one message.
    #[must_use]
    pub const fn handling_limit(self, limit: Duration) -> Options {
        Options { handling_limit: Some(limit), ..self }
    }

    /// Regular health checks.
    #[must_use]
    pub const fn health(self, every: Duration, within: Duration) -> Options {
        Options { health: Some(HealthCheck { every, within }), ..self }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}
