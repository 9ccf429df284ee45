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

/// The entries that are at hand, bounded by their bytes; the ones used longest ago go first.
#[derive(Clone)]
pub(super) struct Memory(Cache<Key, Remembered>);

impl Memory {
    pub(super) fn new(bytes: u64) -> Memory {
        let weigh = |_: &Key, kept: &Remembered| {
            u32::try_from(kept.entry.bytes()).unwrap_or(u32::MAX).saturating_add(OVERHEAD_BYTES)
        };
        let cache =
            Cache::builder().max_capacity(bytes).weigher(weigh).eviction_policy(EvictionPolicy::lru());
        Memory(cache.build())
    }

    pub(super) fn get(&self, key: &Key) -> Option<Remembered> {
        self.0.get(key)
    }

    pub(super) fn put(&self, key: Key, entry: &Arc<Entry>, stored_ms: u64) {
        self.0.insert(key, Remembered { entry: Arc::clone(entry), stored_ms });
        // Else the bound would be kept only now and then.
        self.0.run_pending_tasks();
    }

    pub(super) fn forget(&self, key: &Key) {
        self.0.invalidate(key);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.run_pending_tasks();
        self.0.weighted_size()
    }

    pub(super) fn entries(&self) -> u64 {
        self.0.run_pending_tasks();
        self.0.entry_count()
    }

    pub(super) fn keys(&self) -> Vec<(Key, u64)> {
        self.0.iter().map(|(key, kept)| (*key, kept.stored_ms)).collect()
    }
}
