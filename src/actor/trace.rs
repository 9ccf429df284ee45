//! What happened in a system whose order is drawn from a seed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::cell::Phase;
use super::fault::FaultKind;
use super::identity::{ActorId, Stamp};
use super::sync::{Mutex, lock};

/// Entries that are kept; later ones are left out.
const ENTRIES: usize = 1_000_000;

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceEntry {
    /// Since the system began, by tokio's clock.
    pub at: Duration,
    /// To whom.
    pub path: Arc<str>,
    /// What.
    pub kind: TraceKind,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TraceKind {
    /// It took a message.
    Delivered {
        /// Who sent it; `None` for a sender that is no actor.
        from: Option<Arc<str>>,
        /// Its number among the sender's messages.
        sequence: u64,
    },
    /// It failed.
    Failed(FaultKind),
    /// It came to another state.
    Phase(Phase),
}

pub(super) struct Trace {
    state: Mutex<State>,
}

struct State {
    random: u64,
    entries: Vec<TraceEntry>,
    /// Ids of actors differ from run to run; their paths do not.
    paths: HashMap<ActorId, Arc<str>>,
}

impl Trace {
    pub(super) fn new(seed: u64) -> Trace {
        Trace {
            state: Mutex::new(State {
                random: seed ^ 0x9e37_79b9_7f4a_7c15,
                entries: Vec::new(),
                paths: HashMap::new(),
            }),
        }
    }

    /// A number below `bound`, by xorshift64*.
    pub(super) fn draw(&self, bound: u64) -> u64 {
        let mut state = lock(&self.state);
        let mut x = state.random.max(1);
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.random = x;
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    pub(super) fn introduce(&self, id: ActorId, path: &Arc<str>) {
        lock(&self.state).paths.insert(id, Arc::clone(path));
    }

    pub(super) fn deliver(&self, at: Duration, path: &Arc<str>, stamp: Stamp) {
        let from = lock(&self.state).paths.get(&stamp.sender).cloned();
        self.push(at, path, TraceKind::Delivered { from, sequence: stamp.sequence });
    }

    pub(super) fn push(&self, at: Duration, path: &Arc<str>, kind: TraceKind) {
        let mut state = lock(&self.state);
        if state.entries.len() < ENTRIES {
            state.entries.push(TraceEntry { at, path: Arc::clone(path), kind });
        }
    }

    pub(super) fn entries(&self) -> Vec<TraceEntry> {
        lock(&self.state).entries.clone()
    }
}
