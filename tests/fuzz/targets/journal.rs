//! A journal's file of which bytes were changed: it is read, or set aside with a reason and begun anew; what
//! is committed afterwards is kept.
#![no_main]

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use antiphon::library::{Counts, Index, IndexEvent};
use antiphon::persistence::Journal;
use libfuzzer_sys::fuzz_target;

/// One folder per process, in memory where the system has such a place.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("antiphon-fuzz-journal-{}", std::process::id()))
});

/// A whole file, with some events in it.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    emptied();
    let path = FOLDER.join("whole.sqlite");
    let mut journal = Journal::<Index>::open(&path, "fuzz").expect("a new one");
    for misses in 0..5 {
        commit(&mut journal, misses);
    }
    drop(journal);
    std::fs::read(&path).expect("it was written")
});

fn emptied() {
    let _ = std::fs::remove_dir_all(&*FOLDER);
    std::fs::create_dir_all(&*FOLDER).expect("there is room");
}

fn commit(journal: &mut Journal<Index>, misses: u64) {
    let event =
        || IndexEvent::Used { uses: Default::default(), counts: Counts { misses, ..Counts::default() } };
    journal.commit(|_| Ok::<_, Infallible>(vec![event()])).expect("it is kept");
}

/// Changes the file: three bytes are a place and what stands there now; or the bytes are all there is.
fn changed(data: &[u8]) -> Vec<u8> {
    let (Some(&how), rest) = (data.first(), data.get(1..).unwrap_or_default()) else { return Vec::new() };
    if how % 4 == 0 {
        return rest.to_vec();
    }
    let mut bytes = WHOLE.clone();
    for change in rest.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
        bytes[place] = change[2];
    }
    bytes
}

fn open(path: &Path) -> Option<Journal<Index>> {
    match Journal::<Index>::open(path, "fuzz") {
        Ok(journal) => Some(journal),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let bytes = changed(data);
    emptied();
    let path = FOLDER.join("journal.sqlite");
    std::fs::write(&path, &bytes).expect("there is room");
    let Some(mut journal) = open(&path) else { return };
    let before = journal.number();
    if journal.commit(|_| Ok::<_, Infallible>(Vec::new())).is_err() {
        return;
    }
    let event =
        IndexEvent::Used { uses: Default::default(), counts: Counts { misses: 7, ..Counts::default() } };
    let Ok(number) = journal.commit(|_| Ok::<_, Infallible>(vec![event])) else { return };
    assert!(number >= before);
    let hash = journal.state_hash().expect("a state has a hash");
    drop(journal);
    // What nobody looked at so far may be found damaged now.
    if let Some(journal) = open(&path).filter(|journal| journal.set_aside().is_none()) {
        assert_eq!((journal.number(), journal.state_hash().expect("a hash")), (number, hash));
    }
});
