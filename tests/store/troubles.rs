//! The cache where it cannot be written, where its index is lost, and where other things stand in its files' place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use antiphon::library::{Cache, Evict, Limits, Source};

use crate::cache::{Never, content, entry, file_of, files, key};

/// All files of a folder and what is in them, without those that a database makes to be read.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                open.push(path);
            } else if !name.ends_with("-wal") && !name.ends_with("-shm") {
                let bytes = std::fs::read(&path).unwrap();
                found.insert(path, bytes);
            }
        }
    }
    found
}

#[tokio::test]
async fn a_cache_that_is_only_looked_at_serves_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    cache.put(key(1), entry(1, 5_000)).await.unwrap();
    cache.put(key(2), entry(2, 6_000)).await.unwrap();
    let path = file_of(&cache, folder.path(), 6_000);
    drop(cache);
    std::fs::write(path, content(2, 5_999)).unwrap();
    std::fs::write(folder.path().join("files/ab-of-nobody"), b"left over").unwrap();
    let before = everything(folder.path());

    let cache = Cache::look(folder.path(), Limits::default()).unwrap();
    assert_eq!(*cache.get(&key(1)).await.unwrap(), entry(1, 5_000));
    assert!(cache.glance(&key(2)).await.is_none(), "damaged");
    assert_eq!((cache.list().len(), cache.stats().entries, cache.stats().damaged), (2, 2, 0));
    assert_eq!((cache.verify().unwrap().entries, cache.verify().unwrap().bad()), (2, 1));
    let generate = || async { Ok::<_, Never>(entry(3, 100)) };
    let served = cache.get_or(key(3), generate).await.unwrap();
    assert_eq!((served.source, &*served.entry), (Source::Generated, &entry(3, 100)));
    assert!(served.warning.unwrap().is_read_only());
    assert!(cache.evict(&Evict::All).unwrap_err().is_read_only());
    let tags = BTreeSet::from(["gig".to_owned()]);
    assert!(cache.add_tags(&key(1), &tags).await.unwrap_err().is_read_only());
    cache.tidy();
    assert_eq!(cache.flush(), Ok(()));
    drop(cache);
    assert!(everything(folder.path()) == before);
}

/// An index without a byte in it is no new cache where there are files.
#[tokio::test]
async fn a_lost_index_is_damage_and_its_files_stay_until_the_next_opening() {
    for is_gone in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), Limits::default()).unwrap();
        cache.put(key(1), entry(1, 5_000)).await.unwrap();
        drop(cache);
        let index = folder.path().join("index.sqlite");
        std::fs::remove_file(&index).unwrap();
        if !is_gone {
            std::fs::write(&index, b"").unwrap();
        }
        let before = everything(folder.path());
        let error = Cache::look(folder.path(), Limits::default()).map(drop).unwrap_err();
        assert!(error.damage().unwrap().contains("files of entries are there"), "{error}");
        assert!(everything(folder.path()) == before && Cache::is_in(folder.path()).unwrap());

        let cache = Cache::open(folder.path(), Limits::default()).unwrap();
        assert_eq!(cache.verify().unwrap().bad(), u64::from(!is_gone), "what was set aside");
        assert!(files(folder.path()).len() == 2 && cache.stats().entries == 0);
        if !is_gone {
            assert_eq!((cache.clear(), files(folder.path()).len()), (Ok(0), 0), "what nobody knows goes too");
        }
        drop(cache);
        let cache = Cache::open(folder.path(), Limits::default()).unwrap();
        assert!(files(folder.path()).is_empty() && cache.verify().unwrap().bad() == 0);
    }
    let fresh = tempfile::tempdir().unwrap();
    std::fs::write(fresh.path().join("index.sqlite"), b"").unwrap();
    assert!(!Cache::is_in(fresh.path()).unwrap());
    assert_eq!(Cache::open(fresh.path(), Limits::default()).unwrap().verify().unwrap().bad(), 0);
}

#[test]
fn a_damaged_index_that_is_looked_at_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    drop(Cache::open(folder.path(), Limits::default()).unwrap());
    let index = folder.path().join("index.sqlite");
    std::fs::write(&index, b"nothing of the kind, but long enough to be looked at by whoever asks").unwrap();
    let before = everything(folder.path());
    let error = Cache::look(folder.path(), Limits::default()).map(drop).unwrap_err();
    assert!(error.damage().is_some() && everything(folder.path()) == before, "{error}");
}

/// Emptying needs neither the index nor any room, and who has the cache open goes on.
#[tokio::test]
async fn a_folder_is_emptied_without_being_opened() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    cache.put(key(1), entry(1, 5_000)).await.unwrap();
    assert_eq!(Cache::empty(folder.path()), Ok((2, 5_002)));
    assert!(files(folder.path()).is_empty() && !Cache::is_in(folder.path()).unwrap());
    cache.put(key(2), entry(2, 5_000)).await.unwrap();
    drop(cache);
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    assert_eq!((cache.verify().unwrap().entries, cache.verify().unwrap().bad()), (1, 0));
}

/// Whatever stands in a file's place is damage: it goes, and the entry is kept anew.
#[cfg(unix)]
#[tokio::test]
async fn what_is_no_file_gives_way() {
    use std::os::unix::net::UnixListener;

    let pipe = |path: &Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let in_its_place: [&dyn Fn(&Path); 3] = [
        &|path| {
            std::fs::create_dir(path).unwrap();
            std::fs::write(path.join("something"), b"in it").unwrap();
        },
        &pipe,
        // A socket's name is short: it is made elsewhere and moved.
        &|path| {
            let short = tempfile::tempdir().unwrap();
            drop(UnixListener::bind(short.path().join("s")).unwrap());
            std::fs::rename(short.path().join("s"), path).unwrap();
        },
    ];
    let limits = Limits { memory_bytes: 0, ..Limits::default() };
    for put in in_its_place {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), limits).unwrap();
        cache.put(key(1), entry(1, 5_000)).await.unwrap();
        let path = file_of(&cache, folder.path(), 5_000);
        let spoil = || {
            std::fs::remove_file(&path).unwrap();
            put(&path);
        };
        spoil();
        let verified = cache.verify().unwrap();
        assert!(verified.bad() == 1 && verified.damage[0].reason.contains("no file"), "{verified:?}");
        // Found by who asks for it, and by who writes it all the same.
        let generate = || async { Ok::<_, Never>(entry(1, 5_000)) };
        let served = cache.get_or(key(1), generate).await.unwrap();
        assert_eq!((served.source, served.warning), (Source::Generated, None));
        assert_eq!(cache.verify().unwrap().bad(), 0);
        spoil();
        cache.put(key(1), entry(1, 5_000)).await.unwrap();
        assert_eq!(cache.verify().unwrap().bad(), 0);
        spoil();
        cache.remove(&key(1)).unwrap();
        assert!(files(folder.path()).is_empty());
    }
}
