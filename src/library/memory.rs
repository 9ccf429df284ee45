use std::collections::BTreeSet;
use std::sync::Arc;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::entry::Entry;
use super::key::Key;

/// What an entry costs beside its parts: its names and what is said of it, roughly.
const OVERHEAD_BYTES: u32 = 1_024;

/// An entry in memory.
#[derive(Clone)]
pub(super) struct Remembered {
    pub(super) entry: Arc<Entry>,
    pub(super) stored_ms: u64,
}

/// All that is kept of entries that were only looked at.
const GLANCES_BYTES: u64 = 1 << 20;

/// The entries that are at hand, bounded by their bytes; the ones used longest ago go first.
#[derive(Clone)]
pub(super) struct Memory {
    whole: Cache<Key, Remembered>,
    /// Of those that were looked at, without their long parts.
    glances: Cache<Key, Remembered>,
}

impl Memory {
    pub(super) fn new(bytes: u64) -> Memory {
        let bounded = |bytes| {
            let weigh = |_: &Key, kept: &Remembered| {
                u32::try_from(kept.entry.bytes()).unwrap_or(u32::MAX).saturating_add(OVERHEAD_BYTES)
            };
            Cache::builder().max_capacity(bytes).weigher(weigh).eviction_policy(EvictionPolicy::lru()).build()
        };
        Memory { whole: bounded(bytes), glances: bounded(GLANCES_BYTES) }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Remembered> {
        self.whole.get(key)
    }

    pub(super) fn put(&self, key: Key, entry: &Arc<Entry>, stored_ms: u64) {
        self.whole.insert(key, Remembered { entry: Arc::clone(entry), stored_ms });
        // Else the bound would be kept only now and then.
        self.whole.run_pending_tasks();
    }

    /// What was seen of an entry when it was looked at.
    pub(super) fn glance(&self, key: &Key) -> Option<Remembered> {
        self.glances.get(key)
    }

    pub(super) fn put_glance(&self, key: Key, entry: &Arc<Entry>, stored_ms: u64) {
        self.glances.insert(key, Remembered { entry: Arc::clone(entry), stored_ms });
        self.glances.run_pending_tasks();
    }

    /// An entry has other tags now.
    pub(super) fn retag(&self, key: &Key, tags: &BTreeSet<String>) {
        for tier in [&self.whole, &self.glances] {
            if let Some(kept) = tier.get(key).filter(|kept| kept.entry.tags != *tags) {
                let entry = Arc::new(Entry { tags: tags.clone(), ..Entry::clone(&kept.entry) });
                tier.insert(*key, Remembered { entry, ..kept });
            }
        }
    }

    /// Something else is stored now.
    pub(super) fn forget_glance(&self, key: &Key) {
        self.glances.invalidate(key);
    }

    pub(super) fn forget(&self, key: &Key) {
        self.whole.invalidate(key);
        self.forget_glance(key);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.whole.run_pending_tasks();
        self.whole.weighted_size()
    }

    pub(super) fn entries(&self) -> u64 {
        self.whole.run_pending_tasks();
        self.whole.entry_count()
    }

    pub(super) fn keys(&self) -> Vec<(Key, u64)> {
        self.whole.iter().chain(self.glances.iter()).map(|(key, kept)| (*key, kept.stored_ms)).collect()
    }
}
