use std::collections::BTreeSet;
use std::path::PathBuf;

use super::index::Counts;
use super::key::Key;

/// How the cache fares. Counts are of all processes since its folder was made, as far as they were
/// written down.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CacheStats {
    /// The folder; none where it is in memory only.
    pub folder: Option<PathBuf>,
    /// Entries in files.
    pub entries: u64,
    /// The size of the files.
    pub bytes: u64,
    /// How large they may become.
    pub limit_bytes: u64,
    /// How many entries there may be.
    pub limit_entries: u64,
    /// The size of the index, with the events and snapshots that it is made of.
    pub index_bytes: u64,
    /// Entries in this process's memory.
    pub memory_entries: u64,
    /// Their size.
    pub memory_bytes: u64,
    /// How large that may become.
    pub memory_limit_bytes: u64,
    /// What became of questions.
    pub counts: Counts,
    /// Entries stored.
    pub stored: u64,
    /// Entries that went for want of room, by age, or because somebody wanted it.
    pub evicted: u64,
    /// Entries that were damaged.
    pub damaged: u64,
    /// Generations under way.
    pub in_flight: u64,
}

impl CacheStats {
    /// Questions that were answered without generating.
    pub fn hits(&self) -> u64 {
        self.counts.memory_hits + self.counts.file_hits + self.counts.joined
    }

    /// Hits of all questions, from 0 to 1; `None` before the first.
    pub fn hit_ratio(&self) -> Option<f64> {
        let all = self.hits() + self.counts.misses;
        (all > 0).then(|| self.hits() as f64 / all as f64)
    }
}

/// One entry, as it is listed.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// The size of its files.
    pub bytes: u64,
    /// Its parts and their sizes.
    pub parts: Vec<(String, u64)>,
    /// How long ago it was stored, in seconds.
    pub age_seconds: f64,
    /// When it was stored, in milliseconds since 1970.
    pub stored_ms: u64,
    /// How often it was found.
    pub uses: u64,
    /// What is said of it.
    pub meta: serde_json::Value,
    /// Its tags.
    pub tags: BTreeSet<String>,
}

/// What is wrong with an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Its key.
    pub key: Key,
    /// Which part.
    pub part: String,
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub reason: String,
}

/// What looking through the cache came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Entries looked at.
    pub entries: u64,
    /// The size of their files.
    pub bytes: u64,
    /// Parts that are not what was written.
    pub damage: Vec<Damage>,
    /// What is wrong with the index itself.
    pub index: Option<String>,
}

impl Verified {
    /// How many entries are damaged; a damaged index counts as one more.
    pub fn bad(&self) -> u64 {
        let keys: BTreeSet<Key> = self.damage.iter().map(|damage| damage.key).collect();
        keys.len() as u64 + u64::from(self.index.is_some())
    }
}
