//! The cache alone: what is found, what goes, what is damaged.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use antiphon::actor::Options;
use antiphon::actor::kit::Kit;
use antiphon::library::{Cache, Entry, Evict, Fingerprint, FlightError, Key, LibraryError, Limits, Source};
use antiphon::unit::Random;
use serde_json::json;

#[derive(Clone, Debug)]
pub(crate) struct Never;

impl FlightError for Never {}

pub(crate) fn key(number: u64) -> Key {
    Key::of(&number).unwrap()
}

pub(crate) fn content(number: u64, bytes: usize) -> Vec<u8> {
    let mut random = Random::new(number);
    (0..bytes).map(|_| random.draw() as u8).collect()
}

pub(crate) fn entry(number: u64, bytes: usize) -> Entry {
    Entry::new(json!({"description": format!("piece {number}")}))
        .part("audio.wav", content(number, bytes))
        .part("chart.json", b"{}".to_vec())
}

/// The files of all entries.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for shelf in std::fs::read_dir(folder.join("files")).unwrap() {
        found.extend(std::fs::read_dir(shelf.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    found.sort();
    found
}

pub(crate) fn file_of(cache: &Cache, folder: &Path, bytes: usize) -> PathBuf {
    assert_eq!(cache.verify().unwrap().bad(), 0);
    let is_it = |path: &PathBuf| std::fs::metadata(path).unwrap().len() == bytes as u64;
    files(folder).into_iter().find(is_it).expect("a file of that size")
}

#[tokio::test]
async fn what_was_put_is_found_in_memory_and_by_the_next_process_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    let put = entry(1, 50_000).tag("waltz").fingerprint(Fingerprint::from(7));
    cache.put(key(1), put.clone()).await.unwrap();
    assert_eq!(*cache.get(&key(1)).await.unwrap(), put);
    assert!(cache.get(&key(2)).await.is_none());
    drop(cache);

    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    assert_eq!(*cache.get(&key(1)).await.unwrap(), put, "from its files");
    let served = cache.get_or::<Never, _>(key(1), || async { unreachable!() }).await.unwrap();
    assert!(served.source == Source::Memory && served.from_cache());
    let stats = cache.stats();
    assert_eq!((stats.counts.memory_hits, stats.counts.file_hits, stats.counts.misses), (2, 1, 0));
    assert_eq!((stats.entries, stats.bytes, stats.stored), (1, 50_002, 1));
    let listed = &cache.list()[0];
    assert_eq!((listed.uses, listed.bytes, &listed.meta["description"]), (1, 50_002, &json!("piece 1")));
    assert_eq!(cache.find_fingerprint(&Fingerprint::from(5), 2), Some((key(1), 1)));
    assert_eq!(cache.find_fingerprint(&Fingerprint::from(0), 2), None);
    assert_eq!(cache.verify().unwrap().entries, 1);
}

/// Equal contents are one file, which stays as long as an entry needs it.
#[tokio::test]
async fn equal_parts_are_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    for number in 0..5 {
        let same = Entry::new(json!({})).part("a", vec![1; 100]).part("b", vec![1; 100]);
        cache.put(key(number), same.part("own", vec![2; 10 + number as usize])).await.unwrap();
    }
    assert_eq!((files(folder.path()).len(), cache.stats().bytes), (6, 100 + 10 + 11 + 12 + 13 + 14));
    cache.evict(&Evict::Key(key(0))).unwrap();
    cache.put(key(1), Entry::new(json!({})).part("a", vec![3; 7])).await.unwrap();
    assert_eq!((files(folder.path()).len(), cache.stats().bytes), (5, 100 + 7 + 12 + 13 + 14));
    assert_eq!(cache.clear().unwrap(), 4);
    assert_eq!((files(folder.path()).len(), cache.stats().bytes), (0, 0));
    assert!(cache.get(&key(3)).await.is_none(), "not in memory either");
}

#[tokio::test]
async fn what_was_used_the_longest_ago_goes_first_and_the_bounds_hold() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { memory_bytes: 30_000, file_bytes: 100_000, ttl: None };
    let cache = Cache::open(folder.path(), limits).unwrap();
    for number in 0..9 {
        cache.put(key(number), entry(number, 10_000)).await.unwrap();
    }
    // The memory holds two of them: this is read from its file, and counts as used all the same.
    assert!(cache.get(&key(0)).await.is_some());
    for number in 9..12 {
        cache.put(key(number), entry(number, 10_000)).await.unwrap();
    }
    let left: BTreeSet<Key> = cache.list().iter().map(|listed| listed.key).collect();
    assert_eq!(left, [0, 4, 5, 6, 7, 8, 9, 10, 11].map(key).into_iter().collect());
    let stats = cache.stats();
    assert!(stats.bytes <= 100_000 && stats.memory_bytes <= 30_000, "{stats:?}");
    assert_eq!((stats.evicted, files(folder.path()).len()), (3, 9 + 1));
    let error = cache.put(key(99), entry(99, 200_000)).await.unwrap_err();
    assert!(matches!(error, LibraryError::TooLarge { .. }), "{error}");
    assert_eq!(cache.evict(&Evict::To(25_000)).unwrap(), 7);
    assert_eq!(cache.verify().unwrap().bad(), 0);
}

#[tokio::test(start_paused = true)]
async fn old_entries_are_not_found_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let cache = Cache::open(folder.path(), Limits { ttl: Some(day), ..Limits::default() }).unwrap();
    cache.put(key(1), entry(1, 100).tag("old")).await.unwrap();
    tokio::time::advance(day / 2).await;
    cache.put(key(2), entry(2, 100).tag("young")).await.unwrap();
    tokio::time::advance(day / 2).await;
    assert!(cache.get(&key(1)).await.is_some(), "just in time");
    assert_eq!(cache.list().iter().map(|listed| listed.age_seconds.round()).sum::<f64>(), 129_600.0);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(cache.get(&key(1)).await.is_none(), "too old in memory");
    cache.tidy();
    assert_eq!((cache.stats().entries, cache.stats().evicted), (1, 1));
    tokio::time::advance(day / 4).await;
    assert_eq!(cache.evict(&Evict::OlderThan(day)).unwrap(), 0);
    assert_eq!(cache.evict(&Evict::Tag("old".to_owned())).unwrap(), 0);
    assert_eq!(cache.evict(&Evict::OlderThan(day / 2)).unwrap(), 1);
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn tags_are_changed_and_evicted_by() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    for number in 0..4 {
        cache.put(key(number), entry(number, 100).tag("draft")).await.unwrap();
    }
    assert_eq!(cache.tag(&key(2), BTreeSet::from(["keep".to_owned()])), Ok(true));
    assert_eq!(cache.tag(&key(9), BTreeSet::new()), Ok(false));
    assert_eq!(cache.evict(&Evict::Tag("draft".to_owned())), Ok(3));
    assert_eq!(cache.get(&key(2)).await.unwrap().tags, BTreeSet::from(["keep".to_owned()]));
}

/// Also in the memory of another process, and however many ask.
#[tokio::test]
async fn who_finds_an_entry_may_add_tags_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    let other = Cache::open(folder.path(), Limits::default()).unwrap();
    cache.put(key(1), entry(1, 100).tag("a")).await.unwrap();
    assert!(other.get(&key(1)).await.is_some());
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<BTreeSet<_>>();
    cache.add_tags(&key(1), &tags(&["a", "b"])).await.unwrap();
    other.tidy();
    for cache in [&cache, &other] {
        assert_eq!(cache.get(&key(1)).await.unwrap().tags, tags(&["a", "b"]));
    }
    // Who generates the same at the same time takes none away.
    other.put(key(1), entry(1, 100).tag("c")).await.unwrap();
    assert_eq!(other.list()[0].tags, tags(&["a", "b", "c"]));
    for number in 0..61 {
        cache.add_tags(&key(1), &tags(&[&number.to_string()])).await.unwrap();
    }
    let error = cache.add_tags(&key(1), &tags(&["one more"])).await.unwrap_err();
    assert!(error.to_string().contains("no more than 64 tags") && !error.retry_helps(), "{error}");
    cache.add_tags(&key(9), &tags(&["of nothing"])).await.unwrap();
    assert_eq!(other.evict(&Evict::Tag("b".to_owned())), Ok(1));
}

/// A glance takes no long part into memory, but sees that it is whole, and that it is gone.
#[tokio::test]
async fn a_glance_reads_what_it_does_not_keep() {
    let folder = tempfile::tempdir().unwrap();
    let (long, short) = (entry(0, 1_000_000), entry(1, 3_000));
    let writer = Cache::open(folder.path(), Limits::default()).unwrap();
    writer.put(key(0), long.clone()).await.unwrap();
    writer.put(key(1), short.clone()).await.unwrap();
    // All is at hand where it was written.
    assert_eq!(*writer.glance(&key(0)).await.unwrap(), long);

    let reader = Cache::open(folder.path(), Limits::default()).unwrap();
    for counts in [(1, 0), (1, 1)] {
        let seen = reader.glance(&key(0)).await.unwrap();
        assert!(seen.meta == long.meta && seen.parts.keys().eq(["chart.json"]));
        assert_eq!((reader.stats().counts.file_hits, reader.stats().counts.memory_hits), counts);
    }
    assert_eq!(reader.stats().memory_entries, 0);
    assert_eq!(*reader.glance(&key(1)).await.unwrap(), short);
    assert_eq!(*reader.get(&key(0)).await.unwrap(), long);
    assert!(reader.glance(&key(2)).await.is_none());

    // Another process lets go of one and stores another in its place.
    let other = Cache::open(folder.path(), Limits::default()).unwrap();
    assert!(other.glance(&key(1)).await.is_some());
    writer.remove(&key(1)).unwrap();
    other.tidy();
    assert!(other.glance(&key(1)).await.is_none());

    let path = file_of(&writer, folder.path(), 1_000_000);
    let mut bytes = std::fs::read(&path).unwrap();
    for change in 0..3 {
        bytes[999_999 * change / 2] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let fresh = Cache::open(folder.path(), Limits::default()).unwrap();
        assert!(fresh.glance(&key(0)).await.is_none(), "{change}");
        assert_eq!(fresh.stats().damaged, change as u64 + 1);
        bytes[999_999 * change / 2] ^= 1;
        fresh.put(key(0), long.clone()).await.unwrap();
    }
}

/// Whatever byte of a file changes, and where it is cut off or gone: it counts as not there, and is made anew.
#[tokio::test]
async fn a_damaged_entry_is_a_miss_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { memory_bytes: 0, ..Limits::default() };
    let cache = Cache::open(folder.path(), limits).unwrap();
    let mut random = Random::new(2);
    for round in 0..20 {
        cache.put(key(0), entry(0, 3_000)).await.unwrap();
        cache.put(key(1), entry(1, 2_000)).await.unwrap();
        let path = file_of(&cache, folder.path(), 3_000);
        let mut bytes = std::fs::read(&path).unwrap();
        match round {
            0 => std::fs::remove_file(&path).unwrap(),
            1 => std::fs::write(&path, &bytes[..2_999]).unwrap(),
            2 => std::fs::write(&path, [&bytes[..], b"more"].concat()).unwrap(),
            3 => std::fs::write(&path, b"").unwrap(),
            _ => {
                bytes[random.below(3_000) as usize] ^= 1 << random.below(8);
                std::fs::write(&path, &bytes).unwrap();
            }
        }
        let verified = cache.verify().unwrap();
        assert_eq!((verified.entries, verified.bad(), verified.damage[0].key), (2, 1, key(0)));
        let generate = || async { Ok::<_, Never>(entry(0, 3_000)) };
        let served = cache.get_or(key(0), generate).await.unwrap();
        assert_eq!((served.source, served.warning), (Source::Generated, None));
        assert_eq!(cache.stats().damaged, round + 1);
        assert_eq!(cache.verify().unwrap().bad(), 0);
        assert_eq!(cache.get(&key(0)).await.unwrap().parts["audio.wav"][..], content(0, 3_000));
    }
}

#[tokio::test]
async fn a_damaged_index_is_set_aside_and_its_files_are_swept_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    cache.put(key(0), entry(0, 3_000)).await.unwrap();
    drop(cache);
    std::fs::write(folder.path().join("index.sqlite"), b"nothing of the kind").unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    let verified = cache.verify().unwrap();
    assert!(verified.bad() == 1 && verified.index.unwrap().contains("damaged"));
    assert!(cache.get(&key(0)).await.is_none() && files(folder.path()).len() == 2);
    cache.put(key(1), entry(1, 3_000)).await.unwrap();
    drop(cache);
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    assert_eq!((cache.verify().unwrap().bad(), files(folder.path()).len()), (0, 2));
}

/// Only making the index anew tells that an event from before its snapshot is damaged; clearing mends it.
#[tokio::test]
async fn an_index_that_cannot_be_made_anew_is_seen_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    for number in 0..3 {
        cache.put(key(number), entry(number, 100)).await.unwrap();
    }
    rusqlite::Connection::open(folder.path().join("index.sqlite"))
        .unwrap()
        .execute("UPDATE events SET body = x'00' WHERE number = 2", [])
        .unwrap();
    let verified = cache.verify().unwrap();
    assert!((verified.entries, verified.bad()) == (3, 1), "{verified:?}");
    assert_eq!(cache.clear(), Ok(3));
    cache.put(key(1), entry(1, 100)).await.unwrap();
    drop(cache);
    let verified = Cache::open(folder.path(), Limits::default()).unwrap().verify().unwrap();
    assert_eq!((verified.entries, verified.bytes, verified.bad()), (1, 102, 0));
}

/// What one process that has died was writing is swept; what another still writes is not.
#[test]
fn leftovers_are_swept_but_not_those_of_the_living() {
    let folder = tempfile::tempdir().unwrap();
    let alive = Cache::open(folder.path(), Limits::default()).unwrap();
    let session = std::fs::read_dir(folder.path().join("sessions")).unwrap().next().unwrap().unwrap();
    let session = session.file_name().into_string().unwrap();
    let shelf = folder.path().join("files/ab");
    std::fs::create_dir_all(&shelf).unwrap();
    let (dead, living) = (shelf.join(".tmp-1-999-0"), shelf.join(format!(".tmp-{session}-77")));
    let orphan = shelf.join(Key::of(&"nobody's").unwrap().to_string());
    for path in [&dead, &living, &orphan] {
        std::fs::write(path, b"half").unwrap();
    }
    drop(Cache::open(folder.path(), Limits::default()).unwrap());
    assert!(living.exists() && !dead.exists() && !orphan.exists());
    drop(alive);
    drop(Cache::open(folder.path(), Limits::default()).unwrap());
    assert!(!living.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn where_no_file_can_be_written_the_product_is_given_with_a_warning() {
    let nowhere = Path::new("/dev/null/cache");
    let error = Cache::open(nowhere, Limits::default()).map(drop).unwrap_err();
    assert!(error.to_string().contains("/dev/null/cache") && error.retry_helps(), "{error}");
    let cache = Cache::open_or_memory(nowhere, Limits::default());
    let generate = || async { Ok::<_, Never>(entry(0, 3_000)) };
    let served = cache.get_or(key(0), generate).await.unwrap();
    assert!(served.warning.is_some());
    assert_eq!(*served.entry, entry(0, 3_000));
    let served = cache.get_or::<Never, _>(key(0), || async { unreachable!() }).await.unwrap();
    assert_eq!(served.source, Source::Memory);
    assert_eq!((cache.stats().counts.unwritten, cache.stats().memory_entries), (1, 1));
}

/// Two caches in one folder are what two processes are: the one's entries are found by the other, and
/// what the one clears goes from the other's memory.
#[test]
fn another_process_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    Kit::run(1, async |kit| {
        let one = Cache::open(folder.path(), Limits::default()).unwrap();
        let other = Cache::open(folder.path(), Limits::default()).unwrap();
        let keeper = kit.system.spawn("cache", Options::new(), other.keeper()).unwrap();
        for number in 0..10 {
            one.put(key(number), entry(number, 100)).await.unwrap();
            assert!(other.get(&key(number)).await.is_some(), "{number}");
            if number % 4 == 1 {
                keeper.erased().kill("on purpose");
            }
        }
        assert_eq!(other.stats().memory_entries, 10);
        one.clear().unwrap();
        kit.pass(Duration::from_secs(10)).await;
        assert_eq!((other.stats().memory_entries, other.stats().entries), (0, 0));
        assert!(other.get(&key(1)).await.is_none());
        kit.pass(Duration::from_secs(60)).await;
        assert_eq!(one.stats().counts.file_hits, 10, "the other's keeper wrote it down");
    });
}

#[test]
fn many_at_once_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let cache = Cache::open(folder.path(), Limits::default()).unwrap();
        let puts: Vec<_> = (0..100)
            .map(|number| {
                let cache = cache.clone();
                tokio::spawn(async move { cache.put(key(number), entry(number, 500)).await })
            })
            .collect();
        let mut kept: Vec<Arc<Entry>> = Vec::new();
        for put in puts {
            kept.push(put.await.unwrap().unwrap());
        }
        let verified = cache.verify().unwrap();
        assert_eq!((kept.len(), verified.entries, verified.bad()), (100, 100, 0));
    });
}

/// Neither an entry of which too much is said, nor what waits for the disk with it.
#[tokio::test]
async fn what_does_not_fit_into_one_event_harms_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    let wordy = Entry::new(json!({"description": "x".repeat(300_000)})).part("a", vec![1]);
    let (refused, kept) = tokio::join!(cache.put(key(1), wordy), cache.put(key(2), entry(2, 100)));
    assert!(matches!(refused, Err(LibraryError::Wordy { .. })), "{refused:?}");
    assert!(kept.is_ok() && cache.get(&key(1)).await.is_some(), "in memory it is");
    assert!(files(folder.path()).len() == 2 && cache.stats().entries == 1);
}

/// 50 prompts, each asked for the less the further back it stands, in a cache that has room for 30 of them.
#[tokio::test]
async fn a_stages_workload_is_mostly_hits() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { memory_bytes: 0, file_bytes: 30 * 10_000, ttl: None };
    let cache = Cache::open(folder.path(), limits).unwrap();
    let weights: Vec<u32> = (1..=50).map(|rank| 1_000_000 / rank).collect();
    let mut random = Random::new(4);
    for _ in 0..600 {
        let prompt = random.weighed(&weights) as u64;
        let made = Entry::new(json!({})).part("audio.wav", content(prompt, 10_000));
        let served = cache.get_or(key(prompt), || async { Ok::<_, Never>(made.clone()) }).await.unwrap();
        assert_eq!(*served.entry, made);
    }
    let stats = cache.stats();
    assert_eq!(stats.hits() + stats.counts.misses, 600);
    assert!(stats.hit_ratio().unwrap() >= 0.7, "{stats:?}");
    assert!(stats.bytes <= 300_000 && stats.evicted > 0, "{stats:?}");
}
