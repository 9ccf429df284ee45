mod open;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::entry::Entry;
use super::error::LibraryError;
use super::files::{self, Aside, Files, ReadError};
use super::index::{Index, IndexEvent, Item, Reason};
use super::key::Key;
use super::stats::Listed;
use super::tally::Tally;
use crate::persistence::{CommitError, Journal, JournalError, Seen, View};

pub(super) use open::{empty, is_begun};

#[cfg(test)]
mod tests;

/// Which entries go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Evict {
    /// Those used the longest ago, until the rest is no larger than this.
    To(u64),
    /// Those stored longer ago than this.
    OlderThan(Duration),
    /// Those with a tag.
    Tag(String),
    /// One.
    Key(Key),
    /// All.
    All,
}

/// Entries in the index, however small they are: of more those used the longest ago go, a sixteenth at a time.
pub const ENTRIES_AT_MOST: usize = 10_000;
/// Tags of an entry, from all who asked for it.
pub const TAGS_AT_MOST: usize = 64;
/// The most that may be said of an entry in the index, as JSON.
const ITEM_BYTES: usize = 256 << 10;

/// An entry whose files are written aside, and which waits for its place in the index.
struct Waiting {
    key: Key,
    item: Item,
    aside: Mutex<Vec<Aside>>,
    done: Mutex<Option<Result<(), LibraryError>>>,
}

/// The tier of files. Its calls block.
pub(super) struct Store {
    folder: PathBuf,
    journal: Mutex<Journal<Index>>,
    view: View<Index>,
    files: Files,
    queue: Mutex<Vec<Arc<Waiting>>>,
    tally: Arc<Tally>,
    limit_bytes: u64,
    ttl: Option<Duration>,
    /// What was set aside when it was opened.
    set_aside: Option<String>,
    /// Why nothing can be written, where it is only read.
    unwritable: Option<LibraryError>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn index_error(error: CommitError<LibraryError>) -> LibraryError {
    LibraryError::from(error)
}

impl Store {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of an entry's part.
    pub(super) fn part_path(&self, key: &Key, part: &str) -> Option<PathBuf> {
        let name = self.view().read(|index| Some(index.entries.get(key)?.item.parts.get(part)?.sha256))?;
        Some(self.files.path(&name))
    }

    pub(super) fn view(&self) -> &View<Index> {
        &self.view
    }

    pub(super) fn observe(&self, observer: impl FnMut(Seen<'_, Index>) + Send + 'static) {
        lock(&self.journal).observe(observer);
    }

    /// Whether an entry is too old to be found.
    fn is_over(&self, stored_ms: u64, now_ms: u64) -> bool {
        self.ttl.is_some_and(|ttl| u128::from(now_ms.saturating_sub(stored_ms)) > ttl.as_millis())
    }

    /// An entry that is kept in files, and when it was stored. Of parts that are longer it is only looked at
    /// whether they are what was written; they are not in what is given.
    pub(super) fn read(&self, key: &Key, now_ms: u64, bytes_at_most: u64) -> Option<(Entry, u64)> {
        let find = || self.view.read(|index| index.entries.get(key).map(|kept| kept.item.clone()));
        let item = find().or_else(|| {
            // Another process may have stored it.
            self.refresh();
            find()
        });
        let item = item.filter(|item| !self.is_over(item.stored_ms, now_ms))?;
        let mut parts = BTreeMap::new();
        for (name, part) in &item.parts {
            let read = if part.bytes > bytes_at_most {
                self.files.check(part).map(|()| None)
            } else {
                self.files.read(part).map(Some)
            };
            match read {
                Ok(bytes) => parts.extend(bytes.map(|bytes| (name.clone(), bytes))),
                Err(ReadError::Damaged(reason)) => {
                    self.evict_damaged(key, &reason);
                    return None;
                }
                Err(ReadError::Io(error)) => {
                    tracing::warn!(%key, part = name, %error, "a file of the cache could not be read");
                    return None;
                }
            }
        }
        let Item { meta, tags, fingerprint, stored_ms, .. } = item;
        Some((Entry { parts, meta, tags, fingerprint }, stored_ms))
    }

    /// Whether anything can be written.
    fn may_write(&self) -> Result<(), LibraryError> {
        self.unwritable.clone().map_or(Ok(()), Err)
    }

    /// Looks once more, where nobody else can write, and lets go of an entry that is damaged indeed.
    fn evict_damaged(&self, key: &Key, reason: &str) {
        if self.unwritable.is_some() {
            tracing::warn!(%key, reason, "a damaged entry of a cache that is only read is passed over");
            return;
        }
        let evicted = lock(&self.journal).commit::<LibraryError>(|index| {
            let Some(kept) = index.entries.get(key) else { return Ok(Vec::new()) };
            let mut is_damaged = false;
            for part in kept.item.parts.values() {
                if matches!(self.files.read(part), Err(ReadError::Damaged(_))) {
                    self.files.remove(&part.sha256);
                    is_damaged = true;
                }
            }
            let event = IndexEvent::Evicted { key: *key, reason: Reason::Damaged };
            Ok(if is_damaged { vec![event] } else { Vec::new() })
        });
        match evicted {
            Ok(_) => tracing::warn!(%key, reason, "a damaged entry of the cache was removed"),
            Err(error) => tracing::warn!(%key, reason, %error, "a damaged entry could not be removed"),
        }
    }

    /// Keeps an entry in files. Those that wait at the same time go into one transaction.
    pub(super) fn put(&self, key: Key, entry: &Entry, stored_ms: u64) -> Result<(), LibraryError> {
        self.may_write()?;
        if entry.bytes() > self.limit_bytes {
            return Err(LibraryError::TooLarge { bytes: entry.bytes(), limit_bytes: self.limit_bytes });
        }
        let mut parts = BTreeMap::new();
        for (name, bytes) in &entry.parts {
            parts.insert(name.clone(), files::describe(bytes));
        }
        let Entry { meta, tags, fingerprint, .. } = entry.clone();
        let item = Item { parts, meta, tags, fingerprint, stored_ms };
        // Else it could not be written down, nor could those that are written down together with it.
        match serde_json::to_vec(&item) {
            Ok(json) if json.len() <= ITEM_BYTES => {}
            Ok(json) => return Err(LibraryError::Wordy { bytes: json.len(), limit_bytes: ITEM_BYTES }),
            Err(error) => return Err(LibraryError::Index(JournalError::Event(error.to_string()))),
        }
        let mut aside: Vec<Aside> = Vec::new();
        let mut written = BTreeSet::new();
        for (name, part) in &item.parts {
            if let Some(bytes) = entry.parts.get(name).filter(|_| written.insert(part.sha256)) {
                let file = self.files.write_aside(*part, bytes);
                aside.push(file.map_err(|(path, error)| LibraryError::file(&path, "written", &error))?);
            }
        }
        let waiting = Arc::new(Waiting { key, item, aside: Mutex::new(aside), done: Mutex::default() });
        lock(&self.queue).push(Arc::clone(&waiting));
        let mut journal = lock(&self.journal);
        if lock(&waiting.done).is_none() {
            let together = std::mem::take(&mut *lock(&self.queue));
            self.store(&mut journal, &together);
        }
        drop(journal);
        let done = lock(&waiting.done).take();
        done.unwrap_or_else(|| Err(LibraryError::Fault("it ended while it was writing".to_owned())))
    }

    fn store(&self, journal: &mut Journal<Index>, together: &[Arc<Waiting>]) {
        let tallied = self.tally.take();
        let mut unneeded = BTreeSet::new();
        let committed = journal.commit::<LibraryError>(|index| {
            let mut events: Vec<IndexEvent> = tallied.events();
            let mut coming = 0_u64;
            for waiting in together {
                if let Err((path, error)) = self.files.place(&mut lock(&waiting.aside)) {
                    *lock(&waiting.done) = Some(Err(LibraryError::file(&path, "written", &error)));
                    continue;
                }
                coming = coming.saturating_add(index.taken_by(&waiting.item));
                let mut item = waiting.item.clone();
                // What it stands in the place of: who tagged that finds this by it.
                if let Some(before) = index.entries.get(&waiting.key) {
                    unneeded.extend(before.item.parts.values().map(|part| part.sha256));
                    let room = TAGS_AT_MOST.saturating_sub(item.tags.len());
                    item.tags.extend(before.item.tags.iter().take(room).cloned());
                }
                events.push(IndexEvent::Stored { key: waiting.key, item });
            }
            let is_many = index.entries.len() + together.len() > ENTRIES_AT_MOST;
            if index.bytes().saturating_add(coming) > self.limit_bytes || is_many {
                let mut after = index.clone();
                events.iter().for_each(|event| crate::persistence::EventSourced::apply(&mut after, event));
                let spared: BTreeSet<Key> = together.iter().map(|waiting| waiting.key).collect();
                let entries = if is_many { ENTRIES_AT_MOST - ENTRIES_AT_MOST / 16 } else { ENTRIES_AT_MOST };
                let victims = victims(&after, self.limit_bytes, entries, &spared);
                for (key, item) in victims {
                    unneeded.extend(item.parts.values().map(|part| part.sha256));
                    events.push(IndexEvent::Evicted { key, reason: Reason::Room });
                }
            }
            Ok(events)
        });
        if let Err(error) = &committed {
            self.tally.give_back(tallied);
            for waiting in together {
                unneeded.extend(waiting.item.parts.values().map(|part| part.sha256));
                lock(&waiting.done).get_or_insert_with(|| Err(index_error(error.clone())));
            }
        }
        for waiting in together {
            lock(&waiting.done).get_or_insert(Ok(()));
        }
        self.remove(journal, &unneeded);
    }

    /// Removes those files that no entry needs, where nobody else can come to need them meanwhile. What is
    /// left, by an error or a kill, is swept when a cache is opened.
    fn remove(&self, journal: &mut Journal<Index>, unneeded: &BTreeSet<Key>) {
        if unneeded.is_empty() {
            return;
        }
        let removed = journal.commit::<LibraryError>(|index| {
            unneeded.iter().filter(|file| !index.needs(file)).for_each(|file| self.files.remove(file));
            Ok(Vec::new())
        });
        if let Err(error) = removed {
            tracing::warn!(%error, "files that no entry needs are left");
        }
    }

    /// Removes entries, and writes down what was tallied; gives how many went.
    pub(super) fn evict(&self, which: &Evict, now_ms: u64) -> Result<u64, LibraryError> {
        self.may_write()?;
        let reason = match which {
            Evict::To(_) => Reason::Room,
            Evict::OlderThan(_) => Reason::Age,
            Evict::Tag(_) | Evict::Key(_) | Evict::All => Reason::Asked,
        };
        let chosen = |index: &Index| -> Vec<(Key, Item)> {
            let matching = |matches: &dyn Fn(&Key, &Item) -> bool| {
                let all = index.entries.iter().map(|(key, kept)| (*key, &kept.item));
                all.filter(|(key, item)| matches(key, item)).map(|(key, item)| (key, item.clone())).collect()
            };
            match which {
                Evict::To(bytes) => victims(index, *bytes, usize::MAX, &BTreeSet::new()),
                Evict::OlderThan(age) => {
                    matching(&|_, item| u128::from(now_ms.saturating_sub(item.stored_ms)) > age.as_millis())
                }
                Evict::Tag(tag) => matching(&|_, item| item.tags.contains(tag)),
                Evict::Key(key) => matching(&|other, _| other == key),
                Evict::All => matching(&|_, _| true),
            }
        };
        let tallied = self.tally.take();
        let mut unneeded = BTreeSet::new();
        let mut count = 0;
        let mut journal = lock(&self.journal);
        let committed = journal.commit::<LibraryError>(|index| {
            let mut events: Vec<IndexEvent> = tallied.events();
            let mut after = index.clone();
            events.iter().for_each(|event| crate::persistence::EventSourced::apply(&mut after, event));
            for (key, item) in chosen(&after) {
                unneeded.extend(item.parts.values().map(|part| part.sha256));
                events.push(IndexEvent::Evicted { key, reason });
                count += 1;
            }
            Ok(events)
        });
        if let Err(error) = committed {
            self.tally.give_back(tallied);
            return Err(index_error(error));
        }
        self.remove(&mut journal, &unneeded);
        Ok(count)
    }

    /// Removes all entries; an index whose events cannot all be read is set aside, and a new one begun.
    pub(super) fn clear(&self, now_ms: u64) -> Result<u64, LibraryError> {
        let cleared = self.evict(&Evict::All, now_ms)?;
        let mut journal = lock(&self.journal);
        if let Err(error) = journal.rebuild() {
            journal.begin_anew(&error.to_string())?;
        }
        // Also what an index knew that was set aside.
        let swept = journal.commit::<LibraryError>(|index| {
            self.files.sweep(index).map_err(|error| LibraryError::folder(&self.folder, &error))?;
            Ok(Vec::new())
        });
        swept.map_err(index_error)?;
        Ok(cleared)
    }

    /// Gives an entry other tags, as they come from those that it has; `false` where there is none of that key.
    pub(super) fn tag(
        &self,
        key: Key,
        tags: impl FnOnce(&BTreeSet<String>) -> BTreeSet<String>,
    ) -> Result<bool, LibraryError> {
        self.may_write()?;
        let mut is_there = false;
        let committed = lock(&self.journal).commit::<LibraryError>(|index| {
            let Some(kept) = index.entries.get(&key) else { return Ok(Vec::new()) };
            is_there = true;
            let tags = tags(&kept.item.tags);
            if tags.len() > TAGS_AT_MOST {
                return Err(LibraryError::Tags { limit: TAGS_AT_MOST });
            }
            let is_other = tags != kept.item.tags;
            Ok(if is_other { vec![IndexEvent::Tagged { key, tags }] } else { Vec::new() })
        });
        committed.map_err(index_error).map(|_| is_there)
    }

    /// Whether an entry has all of these tags, as far as is known here.
    pub(super) fn has_tags(&self, key: &Key, tags: &BTreeSet<String>) -> bool {
        self.view.read(|index| index.entries.get(key).is_some_and(|kept| tags.is_subset(&kept.item.tags)))
    }

    /// Catches up with other processes.
    pub(super) fn refresh(&self) {
        if let Err(error) = lock(&self.journal).refresh() {
            tracing::warn!(%error, "the cache's index could not be looked at");
        }
    }

    /// Writes down what was tallied.
    pub(super) fn flush(&self) -> Result<(), LibraryError> {
        if self.tally.is_empty() || self.unwritable.is_some() {
            return Ok(());
        }
        let mut journal = lock(&self.journal);
        let tallied = self.tally.take();
        let committed = journal.commit::<LibraryError>(|_| Ok(tallied.events()));
        committed.map(drop).map_err(|error| {
            self.tally.give_back(tallied);
            index_error(error)
        })
    }

    /// Removes what is too old to be found.
    pub(super) fn expire(&self, now_ms: u64) -> Result<u64, LibraryError> {
        let Some(ttl) = self.ttl.filter(|_| self.unwritable.is_none()) else { return Ok(0) };
        let any = self
            .view
            .read(|index| index.entries.values().any(|kept| self.is_over(kept.item.stored_ms, now_ms)));
        if any { self.evict(&Evict::OlderThan(ttl), now_ms) } else { Ok(0) }
    }

    pub(super) fn list(&self, now_ms: u64) -> Vec<Listed> {
        self.refresh();
        let listed = |(key, kept): (&Key, &super::index::Kept)| Listed {
            key: *key,
            bytes: kept.item.bytes(),
            parts: kept.item.parts.iter().map(|(name, part)| (name.clone(), part.bytes)).collect(),
            age_seconds: now_ms.saturating_sub(kept.item.stored_ms) as f64 / 1_000.0,
            stored_ms: kept.item.stored_ms,
            uses: kept.uses.times,
            meta: kept.item.meta.clone(),
            tags: kept.item.tags.clone(),
        };
        self.view.read(|index| index.entries.iter().map(listed).collect())
    }

    /// The size of the index's own files.
    pub(super) fn index_bytes(&self) -> u64 {
        lock(&self.journal).size_bytes()
    }
}

/// The entries that were used the longest ago, as many as must go so that the rest is no larger than this, and
/// no more than so many.
fn victims(index: &Index, bytes: u64, entries: usize, spared: &BTreeSet<Key>) -> Vec<(Key, Item)> {
    let mut rest = index.clone();
    let mut by_order: Vec<(u64, Key)> = index.entries.iter().map(|(key, kept)| (kept.order, *key)).collect();
    by_order.sort_unstable();
    let mut gone = Vec::new();
    for (_, key) in by_order {
        if rest.bytes() <= bytes && rest.entries.len() <= entries {
            break;
        }
        if spared.contains(&key) {
            continue;
        }
        if let Some(kept) = index.entries.get(&key) {
            let event = IndexEvent::Evicted { key, reason: Reason::Room };
            crate::persistence::EventSourced::apply(&mut rest, &event);
            gone.push((key, kept.item.clone()));
        }
    }
    gone
}
