use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::index::{Counts, IndexEvent, Use};
use super::key::Key;

/// Entries whose uses are remembered until they are written down; of more only the counts are.
pub(super) const USES_AT_MOST: usize = 10_000;
/// Uses in one event.
pub(super) const USES_TOGETHER: usize = 1_000;

/// What was found since that was written down last.
#[derive(Default)]
pub(super) struct Tally(Mutex<Tallied>);

#[derive(Default)]
pub(super) struct Tallied {
    uses: BTreeMap<Key, Use>,
    counts: Counts,
}

impl Tally {
    fn hold(&self) -> MutexGuard<'_, Tallied> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.hold().counts);
    }

    pub(super) fn used(&self, key: Key, now_ms: u64, count: impl FnOnce(&mut Counts)) {
        let mut tallied = self.hold();
        if tallied.uses.len() < USES_AT_MOST || tallied.uses.contains_key(&key) {
            let used = tallied.uses.entry(key).or_default();
            used.times += 1;
            used.last_ms = used.last_ms.max(now_ms);
        }
        count(&mut tallied.counts);
    }

    pub(super) fn counts(&self) -> Counts {
        self.hold().counts
    }

    pub(super) fn is_empty(&self) -> bool {
        let tallied = self.hold();
        tallied.uses.is_empty() && tallied.counts == Counts::default()
    }

    pub(super) fn take(&self) -> Tallied {
        std::mem::take(&mut *self.hold())
    }

    /// What could not be written down after all.
    pub(super) fn give_back(&self, tallied: Tallied) {
        let mut held = self.hold();
        held.counts.add(&tallied.counts);
        for (key, used) in tallied.uses {
            let now = held.uses.entry(key).or_default();
            now.times += used.times;
            now.last_ms = now.last_ms.max(used.last_ms);
        }
    }
}

impl Tallied {
    pub(super) fn events(&self) -> Vec<IndexEvent> {
        let uses: Vec<(Key, Use)> = self.uses.iter().map(|(key, used)| (*key, *used)).collect();
        let used = |(at, uses): (usize, &[(Key, Use)])| IndexEvent::Used {
            uses: uses.iter().copied().collect(),
            counts: if at == 0 { self.counts } else { Counts::default() },
        };
        let mut events: Vec<IndexEvent> = uses.chunks(USES_TOGETHER).enumerate().map(used).collect();
        if events.is_empty() && self.counts != Counts::default() {
            events.push(IndexEvent::Used { uses: BTreeMap::new(), counts: self.counts });
        }
        events
    }
}
