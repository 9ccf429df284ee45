use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::Clock;
use super::entry::{Entry, Fingerprint};
use super::error::LibraryError;
use super::flight::{FlightError, Flights, Landed};
use super::index::{Counts, IndexEvent};
use super::keeper::CacheKeeper;
use super::key::Key;
use super::memory::{Memory, Remembered};
use super::stats::{CacheStats, Listed, Verified};
use super::store::{self, ENTRIES_AT_MOST, Evict, Store};
use super::tally::Tally;
use crate::persistence::Seen;

/// How long the disk may take for an entry.
const WRITE: Duration = Duration::from_secs(30);
/// Parts that are longer are not taken into memory by a glance.
const GLANCE_BYTES: u64 = 64 << 10;
/// No part is longer.
const ALL: u64 = u64::MAX;
/// How often what was found is written down, where nothing else is.
const FLUSH: Duration = Duration::from_secs(15);
/// How often old entries are looked for.
const EXPIRE: Duration = Duration::from_secs(60);

/// How much a cache keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// In memory.
    pub memory_bytes: u64,
    /// In files.
    pub file_bytes: u64,
    /// How long an entry is found after it was stored; for ever where `None`.
    pub ttl: Option<Duration>,
}

impl Default for Limits {
    /// 256 MiB in memory, 2 GiB in files, 90 days.
    fn default() -> Limits {
        Limits {
            memory_bytes: 256 << 20,
            file_bytes: 2 << 30,
            ttl: Some(Duration::from_secs(90 * 24 * 60 * 60)),
        }
    }
}

/// Where an entry came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// It was in memory.
    Memory,
    /// It was in files.
    Files,
    /// Another who asked for the same generated it meanwhile.
    Joined,
    /// It was generated.
    Generated,
}

/// What [`Cache::get_or`] comes to.
#[derive(Clone, Debug)]
pub struct Served {
    /// The entry.
    pub entry: Arc<Entry>,
    /// Where it came from.
    pub source: Source,
    /// Why it is in memory only, where it could not be written.
    pub warning: Option<LibraryError>,
}

impl Served {
    /// Whether this question cost no generation.
    pub fn from_cache(&self) -> bool {
        self.source != Source::Generated
    }
}

/// A cache: clones are the same one. Its `async` calls take the disk's work to threads for blocking; the
/// others block, for milliseconds, and five seconds at most on another process.
#[derive(Clone)]
pub struct Cache(Arc<Shared>);

struct Shared {
    limits: Limits,
    clock: Clock,
    memory: Memory,
    store: Result<Store, LibraryError>,
    tally: Arc<Tally>,
    flights: Flights,
    tidied: Mutex<Tidied>,
}

struct Tidied {
    flushed: Instant,
    expired: Instant,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Ok(store) = &self.store
            && let Err(error) = store.flush()
        {
            tracing::warn!(%error, "how often entries were found could not be written down");
        }
    }
}

impl Cache {
    /// Opens the cache in a folder, which is made where it is not there. What processes that have ended
    /// left half done is swept; a damaged index is set aside and a new one begun, and then nothing is swept yet.
    /// A cache that is there and cannot be written is read.
    ///
    /// # Errors
    /// [`LibraryError`]: the folder cannot be made, or its index not read.
    pub fn open(folder: &Path, limits: Limits) -> Result<Cache, LibraryError> {
        let tally = Arc::default();
        let store = Store::open(folder, limits.file_bytes, limits.ttl, &tally)?;
        Ok(Cache::with(Ok(store), limits, tally))
    }

    /// Opens a cache that is there to look at it: nothing of it is changed, also where it is damaged. What is
    /// found in it is not counted.
    ///
    /// # Errors
    /// [`LibraryError`]: its index cannot be read, or [is damaged](LibraryError::damage).
    pub fn look(folder: &Path, limits: Limits) -> Result<Cache, LibraryError> {
        let tally = Arc::default();
        let store = Store::look(folder, limits.file_bytes, limits.ttl, &tally)?;
        Ok(Cache::with(Ok(store), limits, tally))
    }

    /// Whether there is a cache in a folder, whole or not.
    ///
    /// # Errors
    /// What the system says where that cannot be found out.
    pub fn is_in(folder: &Path) -> std::io::Result<bool> {
        store::is_begun(folder)
    }

    /// Empties a folder without opening its cache, for a disk that has no room for that: the files of all entries
    /// go first, then the index. Gives how many files went, and their bytes. Blocks.
    ///
    /// # Errors
    /// [`LibraryError`] where another process is just opening it, or the index cannot be removed.
    pub fn empty(folder: &Path) -> Result<(u64, u64), LibraryError> {
        store::empty(folder)
    }

    /// As [`open`](Self::open); where that fails, a cache in memory only, whose products come with that
    /// error as a warning.
    pub fn open_or_memory(folder: &Path, limits: Limits) -> Cache {
        let tally = Arc::default();
        let store = Store::open(folder, limits.file_bytes, limits.ttl, &tally);
        if let Err(error) = &store {
            tracing::warn!(%error, "the cache is in memory only");
        }
        Cache::with(store, limits, tally)
    }

    fn with(store: Result<Store, LibraryError>, limits: Limits, tally: Arc<Tally>) -> Cache {
        let memory = Memory::new(limits.memory_bytes);
        let newest_ms = store.as_ref().map_or(0, |store| store.view().read(|index| index.newest_ms));
        if let Ok(store) = &store {
            let memory = memory.clone();
            store.observe(move |seen| match seen {
                Seen::Event(IndexEvent::Evicted { key, .. }) => memory.forget(key),
                Seen::Event(IndexEvent::Stored { key, .. }) => memory.forget_glance(key),
                Seen::Event(IndexEvent::Tagged { key, tags }) => memory.retag(key, tags),
                Seen::Event(IndexEvent::Used { .. }) => {}
                // What went meanwhile is not known one by one.
                Seen::Anew(index) => {
                    let gone = |key: &Key| !index.entries.contains_key(key);
                    memory.keys().iter().filter(|(key, _)| gone(key)).for_each(|(key, _)| memory.forget(key));
                }
            });
        }
        let now = Instant::now();
        Cache(Arc::new(Shared {
            limits,
            clock: Clock::start(newest_ms),
            memory,
            store,
            tally,
            flights: Flights::default(),
            tidied: Mutex::new(Tidied { flushed: now, expired: now }),
        }))
    }

    /// Why it is in memory only, where it is.
    pub fn trouble(&self) -> Option<&LibraryError> {
        self.0.store.as_ref().err()
    }

    /// Its folder.
    pub fn folder(&self) -> Option<PathBuf> {
        self.0.store.as_ref().ok().map(|store| store.folder().to_owned())
    }

    /// An entry that is in memory; counted as found.
    fn remembered(&self, key: &Key) -> Option<Arc<Entry>> {
        self.found(key, self.0.memory.get(key)?)
    }

    fn found(&self, key: &Key, kept: Remembered) -> Option<Arc<Entry>> {
        let now_ms = self.0.clock.now_ms();
        if self.is_over(kept.stored_ms, now_ms) {
            self.0.memory.forget(key);
            return None;
        }
        self.0.tally.used(*key, now_ms, |counts| counts.memory_hits += 1);
        Some(kept.entry)
    }

    fn is_over(&self, stored_ms: u64, now_ms: u64) -> bool {
        self.0.limits.ttl.is_some_and(|ttl| u128::from(now_ms.saturating_sub(stored_ms)) > ttl.as_millis())
    }

    /// An entry that is in files, without parts that are longer; counted as found, and in memory from now on.
    async fn read(&self, key: Key, bytes_at_most: u64) -> Option<Arc<Entry>> {
        self.0.store.as_ref().ok()?;
        let cache = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let now_ms = cache.0.clock.now_ms();
            let (entry, stored_ms) = cache.0.store.as_ref().ok()?.read(&key, now_ms, bytes_at_most)?;
            let entry = Arc::new(entry);
            if bytes_at_most == ALL {
                cache.0.memory.put(key, &entry, stored_ms);
            } else {
                cache.0.memory.put_glance(key, &entry, stored_ms);
            }
            cache.0.tally.used(key, now_ms, |counts| counts.file_hits += 1);
            Some(entry)
        });
        read.await.unwrap_or_else(|error| {
            tracing::error!(%error, "reading from the cache failed");
            None
        })
    }

    /// The entry of a key, if there is one. A damaged one is removed, and counts as none. Only
    /// [`get_or`](Self::get_or) counts misses: who looks first and generates then asks once.
    pub async fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        if let Some(entry) = self.remembered(key) {
            return Some(entry);
        }
        self.read(*key, ALL).await
    }

    /// As [`get`](Self::get), for who needs to know that it is there and whole, and what is said of it: parts
    /// of more than 64 KiB may be missing. Their files are read once by each process, through a little memory.
    pub async fn glance(&self, key: &Key) -> Option<Arc<Entry>> {
        if let Some(entry) = self.remembered(key) {
            return Some(entry);
        }
        if let Some(kept) = self.0.memory.glance(key) {
            return self.found(key, kept);
        }
        self.read(*key, GLANCE_BYTES).await
    }

    /// The entry of a key, or else what `generate` makes, which is kept.
    ///
    /// Of all that ask for the same at once one generates, and the others wait for it; they have its entry, or
    /// its error. Where it is dropped, panics, or fails by an error that [is its own](FlightError::is_own), the
    /// one who waits the longest generates instead. Errors are not kept. How long one waits is up to
    /// the caller: drop the future, at any moment.
    ///
    /// Where the entry cannot be written to a file it is in memory, and given with a warning.
    ///
    /// # Errors
    /// What `generate` says, one's own or that of the one who was waited for.
    pub async fn get_or<E, F>(&self, key: Key, generate: impl FnOnce() -> F) -> Result<Served, E>
    where
        E: FlightError,
        F: Future<Output = Result<Entry, E>>,
    {
        let served = |entry, source| Ok(Served { entry, source, warning: None });
        if let Some(entry) = self.remembered(&key) {
            return served(entry, Source::Memory);
        }
        let seat = self.0.flights.board(key);
        let mut turn = seat.turn().await;
        match &*turn {
            Some(Landed::Entry(entry)) => {
                self.0.tally.used(key, self.0.clock.now_ms(), |counts| counts.joined += 1);
                return served(Arc::clone(entry), Source::Joined);
            }
            // Of another type: it cannot be told, so it is found out again.
            Some(Landed::Error(error)) => {
                if let Some(error) = error.downcast_ref::<E>() {
                    return Err(error.clone());
                }
            }
            None => {}
        }
        // Since it was looked for, another may have landed.
        let found = match self.remembered(&key) {
            Some(entry) => Some((entry, Source::Memory)),
            None => self.read(key, ALL).await.map(|entry| (entry, Source::Files)),
        };
        if let Some((entry, source)) = found {
            *turn = Some(Landed::Entry(Arc::clone(&entry)));
            seat.close();
            return served(entry, source);
        }
        self.0.tally.count(|counts| {
            counts.misses += 1;
            counts.generations += 1;
        });
        let entry = match generate().await {
            Ok(entry) => Arc::new(entry),
            Err(error) => {
                if !error.is_own() {
                    *turn = Some(Landed::Error(Box::new(error.clone())));
                    seat.close();
                }
                return Err(error);
            }
        };
        let warning = self.keep(key, &entry).await;
        *turn = Some(Landed::Entry(Arc::clone(&entry)));
        seat.close();
        Ok(Served { entry, source: Source::Generated, warning })
    }

    /// Keeps an entry: in memory in any case, and in files.
    ///
    /// # Errors
    /// [`LibraryError`] where it is in memory only.
    pub async fn put(&self, key: Key, entry: Entry) -> Result<Arc<Entry>, LibraryError> {
        let entry = Arc::new(entry);
        match self.keep(key, &entry).await {
            None => Ok(entry),
            Some(warning) => Err(warning),
        }
    }

    async fn keep(&self, key: Key, entry: &Arc<Entry>) -> Option<LibraryError> {
        let stored_ms = self.0.clock.now_ms();
        self.0.memory.put(key, entry, stored_ms);
        let written = match &self.0.store {
            Err(error) => Err(error.clone()),
            Ok(_) => {
                let (cache, entry) = (self.clone(), Arc::clone(entry));
                let writing = tokio::task::spawn_blocking(move || match &cache.0.store {
                    Ok(store) => store.put(key, &entry, stored_ms),
                    Err(error) => Err(error.clone()),
                });
                match tokio::time::timeout(WRITE, writing).await {
                    Ok(Ok(written)) => written,
                    Ok(Err(error)) => Err(LibraryError::Fault(error.to_string())),
                    Err(_) => Err(LibraryError::Slow { seconds: WRITE.as_secs() }),
                }
            }
        };
        written.err().inspect(|error| {
            self.0.tally.count(|counts| counts.unwritten += 1);
            tracing::warn!(%key, %error, "a product is in memory only");
        })
    }

    /// The file in which a part of an entry is, where it is in one. It is named by its content's SHA-256, and
    /// only to be read; it is there until the entry is evicted.
    pub fn part_path(&self, key: &Key, part: &str) -> Option<PathBuf> {
        self.0.store.as_ref().ok()?.part_path(key, part)
    }

    /// Lets go of an entry; `false` where there was none. Blocks.
    ///
    /// # Errors
    /// [`LibraryError`] where the index cannot be written.
    pub fn remove(&self, key: &Key) -> Result<bool, LibraryError> {
        self.evict(&Evict::Key(*key)).map(|gone| gone > 0)
    }

    /// Gives an entry other tags; `false` where it is in no file. Blocks.
    ///
    /// # Errors
    /// [`LibraryError`] where the index cannot be written.
    pub fn tag(&self, key: &Key, tags: BTreeSet<String>) -> Result<bool, LibraryError> {
        self.0.store.as_ref().map_or(Ok(false), |store| store.tag(*key, |_| tags))
    }

    /// Gives an entry tags beside those that it has; nothing is done where it has them, or is in no file.
    ///
    /// # Errors
    /// [`LibraryError`] where the index cannot be written, or it would have more than [`TAGS_AT_MOST`].
    ///
    /// [`TAGS_AT_MOST`]: super::TAGS_AT_MOST
    pub async fn add_tags(&self, key: &Key, tags: &BTreeSet<String>) -> Result<(), LibraryError> {
        let Ok(store) = &self.0.store else { return Ok(()) };
        if tags.is_empty() || store.has_tags(key, tags) {
            return Ok(());
        }
        let (cache, key, tags) = (self.clone(), *key, tags.clone());
        let tagged = tokio::task::spawn_blocking(move || match &cache.0.store {
            Ok(store) => store.tag(key, |before| before.union(&tags).cloned().collect()).map(drop),
            Err(_) => Ok(()),
        });
        match tokio::time::timeout(WRITE, tagged).await {
            Ok(Ok(tagged)) => tagged,
            Ok(Err(error)) => Err(LibraryError::Fault(error.to_string())),
            Err(_) => Err(LibraryError::Slow { seconds: WRITE.as_secs() }),
        }
    }

    /// Removes entries; gives how many. Blocks.
    ///
    /// # Errors
    /// [`LibraryError`] where the index cannot be written.
    pub fn evict(&self, which: &Evict) -> Result<u64, LibraryError> {
        if let Evict::All = which {
            // What could not be written is in no index.
            self.0.memory.keys().iter().for_each(|(key, _)| self.0.memory.forget(key));
        }
        if let Evict::Key(key) = which {
            self.0.memory.forget(key);
        }
        let now_ms = self.0.clock.now_ms();
        self.0.store.as_ref().map_or(Ok(0), |store| match which {
            Evict::All => store.clear(now_ms),
            which => store.evict(which, now_ms),
        })
    }

    /// Removes all entries; gives how many were in files. An index that is damaged is set aside. Blocks.
    ///
    /// # Errors
    /// [`LibraryError`] where the index cannot be written.
    pub fn clear(&self) -> Result<u64, LibraryError> {
        self.evict(&Evict::All)
    }

    /// How it fares. Blocks.
    pub fn stats(&self) -> CacheStats {
        let mut stats = CacheStats {
            folder: self.folder(),
            limit_bytes: self.0.limits.file_bytes,
            limit_entries: ENTRIES_AT_MOST as u64,
            memory_entries: self.0.memory.entries(),
            memory_bytes: self.0.memory.bytes(),
            memory_limit_bytes: self.0.limits.memory_bytes,
            counts: self.counts(),
            in_flight: self.0.flights.count() as u64,
            ..CacheStats::default()
        };
        if let Ok(store) = &self.0.store {
            store.refresh();
            stats.index_bytes = store.index_bytes();
            store.view().read(|index| {
                stats.counts.add(&index.counts);
                stats.entries = index.entries.len() as u64;
                stats.bytes = index.bytes();
                (stats.stored, stats.evicted, stats.damaged) = (index.stored, index.evicted, index.damaged);
            });
        }
        stats
    }

    /// What became of the questions of this process that are not written down yet.
    fn counts(&self) -> Counts {
        self.0.tally.counts()
    }

    /// All entries in files, by their keys. Blocks.
    pub fn list(&self) -> Vec<Listed> {
        self.0.store.as_ref().map(|store| store.list(self.0.clock.now_ms())).unwrap_or_default()
    }

    /// Reads every file and holds it against its name, and makes the index anew from the events
    /// that are kept. Changes nothing. Blocks for as long as reading takes.
    ///
    /// # Errors
    /// [`LibraryError`] where the index cannot be read.
    pub fn verify(&self) -> Result<Verified, LibraryError> {
        self.0.store.as_ref().map_or_else(|error| Err(error.clone()), Store::verify)
    }

    /// The entry whose fingerprint differs the least, if by no more than so many bits, and by how many.
    pub fn find_fingerprint(&self, fingerprint: &Fingerprint, within_bits: u32) -> Option<(Key, u32)> {
        self.0.store.as_ref().ok()?.view().read(|index| {
            let near = index.entries.iter().filter_map(|(key, kept)| {
                let bits = kept.item.fingerprint.as_ref()?.distance_bits(fingerprint)?;
                (bits <= within_bits).then_some((bits, *key))
            });
            near.min().map(|(bits, key)| (key, bits))
        })
    }

    /// Writes down how often entries were found. Blocks.
    ///
    /// # Errors
    /// [`LibraryError`] where the index cannot be written; it is tried again later.
    pub fn flush(&self) -> Result<(), LibraryError> {
        self.0.store.as_ref().map_or(Ok(()), Store::flush)
    }

    /// Catches up with other processes, and now and then writes down what was found and removes what is
    /// too old. Called again and again by its [keeper](Self::keeper). Blocks.
    pub fn tidy(&self) {
        let now_ms = self.0.clock.now_ms();
        for (key, stored_ms) in self.0.memory.keys() {
            if self.is_over(stored_ms, now_ms) {
                self.0.memory.forget(&key);
            }
        }
        let Ok(store) = &self.0.store else { return };
        store.refresh();
        let (flush, expire) = {
            let mut tidied = self.0.tidied.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let mut is_due = |last: fn(&mut Tidied) -> &mut Instant, every| {
                let last = last(&mut tidied);
                let is_due = now.duration_since(*last) >= every;
                if is_due {
                    *last = now;
                }
                is_due
            };
            (is_due(|t| &mut t.flushed, FLUSH), is_due(|t| &mut t.expired, EXPIRE))
        };
        let flushed = if flush { store.flush() } else { Ok(()) };
        let expired = if expire { store.expire(now_ms).map(drop) } else { Ok(()) };
        if let Err(error) = flushed.and(expired) {
            tracing::warn!(%error, "the cache could not be tidied; it is tried again");
        }
    }

    /// What builds the actor that looks after it, for `spawn`.
    pub fn keeper(&self) -> impl FnMut() -> CacheKeeper + Send + 'static {
        let cache = self.clone();
        move || CacheKeeper::new(cache.clone())
    }
}
