use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::entry::Fingerprint;
use super::key::Key;
use crate::persistence::EventSourced;

/// A file of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    /// SHA-256 of the content, which is the file's name.
    pub sha256: Key,
    /// CRC-32 of the content: quick to look at whenever it is read.
    pub crc32: u32,
    /// Its length.
    pub bytes: u64,
}

/// An entry, as it was stored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Item {
    /// Its files by name.
    pub parts: BTreeMap<String, Part>,
    /// What is said of it.
    pub meta: serde_json::Value,
    /// Words by which it is found.
    pub tags: BTreeSet<String>,
    /// What it sounds like.
    pub fingerprint: Option<Fingerprint>,
    /// When it was stored, in milliseconds since 1970.
    pub stored_ms: u64,
}

impl Item {
    /// The size of its files.
    pub fn bytes(&self) -> u64 {
        self.parts.values().fold(0, |sum, part| sum.saturating_add(part.bytes))
    }
}

/// Why an entry is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Another needed the room.
    Room,
    /// It was too old.
    Age,
    /// Somebody wanted it gone.
    Asked,
    /// Its files were not what was written.
    Damaged,
}

/// How often an entry was found since that was written down last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Use {
    /// How often.
    pub times: u64,
    /// When last, in milliseconds since 1970.
    pub last_ms: u64,
}

/// What became of questions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Found in memory.
    pub memory_hits: u64,
    /// Found in files.
    pub file_hits: u64,
    /// Waited for one who was generating the same.
    pub joined: u64,
    /// Not found.
    pub misses: u64,
    /// Generated, whatever came of it.
    pub generations: u64,
    /// Generated, and not written to a file.
    pub unwritten: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Counts) {
        self.memory_hits = self.memory_hits.saturating_add(other.memory_hits);
        self.file_hits = self.file_hits.saturating_add(other.file_hits);
        self.joined = self.joined.saturating_add(other.joined);
        self.misses = self.misses.saturating_add(other.misses);
        self.generations = self.generations.saturating_add(other.generations);
        self.unwritten = self.unwritten.saturating_add(other.unwritten);
    }
}

/// What happens to the cache.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexEvent {
    /// An entry is kept, in place of one of the same key.
    Stored {
        /// Its key.
        key: Key,
        /// What it is.
        item: Item,
    },
    /// Entries were found: many uses in one event.
    Used {
        /// Which, and how often.
        uses: BTreeMap<Key, Use>,
        /// What became of all questions since the last such event.
        counts: Counts,
    },
    /// An entry is gone.
    Evicted {
        /// Its key.
        key: Key,
        /// Why.
        reason: Reason,
    },
    /// An entry has other tags.
    Tagged {
        /// Its key.
        key: Key,
        /// All its tags from now on.
        tags: BTreeSet<String>,
    },
}

/// An entry in the index.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// What it is.
    pub item: Item,
    /// How often it was found.
    pub uses: Use,
    /// Counts up over all entries: the lowest was used the longest ago.
    pub order: u64,
}

/// How many entries need a file, and how large it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Needed {
    entries: u64,
    bytes: u64,
}

/// What is in the cache: the state of its journal.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Index {
    /// All entries.
    pub entries: BTreeMap<Key, Kept>,
    files: BTreeMap<Key, Needed>,
    bytes: u64,
    order: u64,
    /// What became of all questions.
    pub counts: Counts,
    /// Entries stored so far.
    pub stored: u64,
    /// Entries that went for want of room, by age, or because somebody wanted it.
    pub evicted: u64,
    /// Entries that went because they were damaged.
    pub damaged: u64,
    /// The newest time that any event said.
    pub newest_ms: u64,
}

impl Index {
    /// The size of all files; one that several entries share counts once.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether any entry needs a file.
    pub fn needs(&self, file: &Key) -> bool {
        self.files.contains_key(file)
    }

    /// How many bytes of files come with an entry.
    pub(super) fn taken_by(&self, item: &Item) -> u64 {
        let mut counted = BTreeSet::new();
        let new = |part: &&Part| !self.needs(&part.sha256);
        let parts = item.parts.values().filter(new).filter(|part| counted.insert(part.sha256));
        parts.fold(0, |sum: u64, part| sum.saturating_add(part.bytes))
    }

    /// One file may be several parts of one entry; it is needed once then.
    fn distinct(item: &Item) -> BTreeMap<Key, u64> {
        item.parts.values().map(|part| (part.sha256, part.bytes)).collect()
    }

    fn take_in(&mut self, item: &Item) {
        for (file, bytes) in Index::distinct(item) {
            let needed = self.files.entry(file).or_insert(Needed { entries: 0, bytes });
            if needed.entries == 0 {
                self.bytes = self.bytes.saturating_add(bytes);
            }
            needed.entries = needed.entries.saturating_add(1);
        }
    }

    fn let_go(&mut self, item: &Item) {
        for file in Index::distinct(item).keys() {
            let Some(needed) = self.files.get_mut(file) else { continue };
            needed.entries = needed.entries.saturating_sub(1);
            if needed.entries == 0 {
                self.bytes = self.bytes.saturating_sub(needed.bytes);
                self.files.remove(file);
            }
        }
    }

    fn next_order(&mut self) -> u64 {
        self.order = self.order.saturating_add(1);
        self.order
    }
}

impl EventSourced for Index {
    type Event = IndexEvent;
    const KIND: &'static str = "cache-index";
    const VERSION: u32 = 1;
    const SNAPSHOT_EVERY: u64 = 500;

    fn apply(&mut self, event: &IndexEvent) {
        match event {
            IndexEvent::Stored { key, item } => {
                if let Some(before) = self.entries.remove(key) {
                    self.let_go(&before.item);
                }
                self.take_in(item);
                self.newest_ms = self.newest_ms.max(item.stored_ms);
                self.stored = self.stored.saturating_add(1);
                let order = self.next_order();
                self.entries.insert(*key, Kept { item: item.clone(), uses: Use::default(), order });
            }
            IndexEvent::Used { uses, counts } => {
                self.counts.add(counts);
                // In the order of their times, so that the last used has the highest number.
                let mut by_time: Vec<(&Key, &Use)> = uses.iter().collect();
                by_time.sort_by_key(|(key, used)| (used.last_ms, **key));
                for (key, used) in by_time {
                    self.newest_ms = self.newest_ms.max(used.last_ms);
                    let order = self.order.saturating_add(1);
                    let Some(kept) = self.entries.get_mut(key) else { continue };
                    kept.uses.times = kept.uses.times.saturating_add(used.times);
                    kept.uses.last_ms = kept.uses.last_ms.max(used.last_ms);
                    kept.order = order;
                    self.order = order;
                }
            }
            IndexEvent::Evicted { key, reason } => {
                let Some(before) = self.entries.remove(key) else { return };
                self.let_go(&before.item);
                match reason {
                    Reason::Damaged => self.damaged = self.damaged.saturating_add(1),
                    Reason::Room | Reason::Age | Reason::Asked => {
                        self.evicted = self.evicted.saturating_add(1)
                    }
                }
            }
            IndexEvent::Tagged { key, tags } => {
                if let Some(kept) = self.entries.get_mut(key) {
                    kept.item.tags.clone_from(tags);
                }
            }
        }
    }
}
