//! One journal: what is acknowledged, what is refused, what is damaged.

use std::path::{Path, PathBuf};
use std::time::Duration;

use antiphon::persistence::{
    CommitError, DecodeError, EventSourced, Journal, JournalError, Seen, canonical_json, decode_event,
    decode_snapshot, hash_of,
};
use antiphon::unit::Random;
use serde::{Deserialize, Serialize};

use crate::{Word, Words, said};

fn open(path: &Path) -> Journal<Words> {
    Journal::open(path, "main").expect("it opens")
}

fn say(journal: &mut Journal<Words>, word: &str) -> u64 {
    journal.commit::<()>(|_| Ok(vec![said(word)])).expect("it is kept")
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = names.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_was_committed_is_there_again_and_made_anew_it_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a folder that is made").join("words.sqlite");
    let mut random = Random::new(5);
    let hash = {
        let mut journal = open(&path);
        // Over several snapshots, one event and many at a time.
        for n in 0..47_u64 {
            let events = (0..=random.below(3))
                .map(|k| match random.below(4) {
                    0 => Word::Forgotten { at: random.below(9) as usize },
                    _ => said(format!("{n}.{k}")),
                })
                .collect();
            journal.commit::<()>(|_| Ok(events)).expect("it is kept");
        }
        assert_eq!(journal.rebuild().unwrap(), *journal.state());
        journal.state_hash().unwrap()
    };
    let mut journal = open(&path);
    assert!(journal.number() >= 47);
    assert_eq!(journal.state_hash().unwrap(), hash);
    assert_eq!(hash_of(&journal.rebuild().unwrap()).unwrap(), hash);
    assert_eq!(journal.set_aside(), None);
}

#[test]
fn a_decision_that_is_refused_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder.path().join("j"));
    say(&mut journal, "one");
    let refused = journal.commit(|state| if state.said.len() == 1 { Err("enough") } else { Ok(vec![]) });
    assert_eq!(refused, Err(CommitError::Refused("enough")));
    assert_eq!(journal.commit::<()>(|_| Ok(Vec::new())), Ok(1), "no events are no commit");
    let long = "x".repeat(2 << 20);
    let refused = journal.commit::<()>(|_| Ok(vec![said("two"), said(long)]));
    assert!(matches!(refused, Err(CommitError::Journal(JournalError::Event(_)))), "{refused:?}");
    assert_eq!(journal.state().said, ["one"]);
    assert_eq!(say(&mut journal, "two"), 2);
}

/// Two connections are to the database what two processes are.
#[test]
fn each_decides_on_what_the_other_said_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let (mut one, mut other) = (open(&path), open(&path));
    let mut stranger = Journal::<Words>::open(&path, "another stream").unwrap();
    for n in 0..25 {
        let journal = if n % 3 == 0 { &mut one } else { &mut other };
        journal.commit::<()>(|state| Ok(vec![said(format!("{} after {n}", state.said.len()))])).unwrap();
    }
    let before = one.version_of_data().unwrap();
    assert_eq!(one.version_of_data().unwrap(), before);
    say(&mut other, "last");
    assert_ne!(one.version_of_data().unwrap(), before, "others wrote, and it is seen");
    assert!(one.refresh().unwrap() > 0);
    assert_eq!(one.refresh().unwrap(), 0);
    assert_eq!(one.state_hash().unwrap(), other.state_hash().unwrap());
    assert_eq!(one.state().said[24], "24 after 24");
    assert_eq!(stranger.refresh().unwrap(), 0);
    assert_eq!(stranger.state().said.len(), 0);
}

#[test]
fn who_observes_hears_of_each_event_once_and_who_looks_sees_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let (mut one, mut other) = (open(&path), open(&path));
    let (tell, heard) = std::sync::mpsc::channel();
    one.observe(move |seen| match seen {
        Seen::Event(event) => tell.send(event.clone()).unwrap(),
        Seen::Anew(_) => panic!("all events are there"),
    });
    let view = one.view();
    say(&mut one, "mine");
    say(&mut other, "yours");
    say(&mut one, "mine again");
    one.refresh().unwrap();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [said("mine"), said("yours"), said("mine again")]);
    assert_eq!(view.read(|state| state.said.len()), 3);
}

/// The same stream with events of other versions, written by hand.
fn with_version(path: &Path, version: u32, body: &str) {
    drop(open(path));
    let stream = "words/main";
    let mut crc = crc32fast::Hasher::new();
    for part in [stream.as_bytes(), &1_u64.to_le_bytes(), &version.to_le_bytes(), body.as_bytes()] {
        crc.update(part);
    }
    rusqlite::Connection::open(path)
        .unwrap()
        .execute(
            "INSERT INTO events VALUES (?1, 1, ?2, ?3, ?4)",
            rusqlite::params![stream, version, crc.finalize(), body.as_bytes()],
        )
        .unwrap();
}

#[test]
fn events_of_the_version_before_are_read_and_others_are_refused_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let before = folder.path().join("before");
    with_version(&before, 2, r#""an old word""#);
    let mut journal = open(&before);
    say(&mut journal, "a new word");
    assert_eq!(journal.state().said, ["an old word", "a new word"]);
    assert_eq!(journal.rebuild().unwrap(), *journal.state());
    assert_eq!(open(&before).state().said.len(), 2);

    for (version, words) in [(1, "older Antiphon"), (4, "newer Antiphon")] {
        let path = folder.path().join(words);
        with_version(&path, version, r#""a word""#);
        let error = Journal::<Words>::open(&path, "main").map(drop).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.retry_helps());
        assert!(path.exists(), "what another version wrote is not touched");
    }
    assert!(!files(folder.path()).iter().any(|name| name.contains("damaged")));
}

#[test]
fn what_is_no_journal_is_set_aside_and_a_new_one_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    for (n, content) in [b"not a database".to_vec(), vec![0xff; 100_000]].into_iter().enumerate() {
        std::fs::write(&path, &content).unwrap();
        let mut journal = open(&path);
        let aside = journal.set_aside().expect("it says so").path.clone();
        assert_eq!(std::fs::read(&aside).unwrap(), content, "nothing of it is lost");
        assert_eq!(say(&mut journal, "anew"), 1);
        drop(journal);
        assert_eq!(files(folder.path()).iter().filter(|name| name.contains(".damaged-")).count(), n + 1);
        std::fs::remove_file(&path).unwrap();
    }
    // Another program's database is not written into.
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE events (mine TEXT); INSERT INTO events VALUES ('mine')").unwrap();
    drop(other);
    assert!(open(&path).set_aside().is_some());
}

/// Whatever byte of the file changes: it opens, and knows what was said, or says that it was damaged.
#[test]
fn a_byte_that_changed_is_seen_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sound = folder.path().join("sound");
    let mut journal = open(&sound);
    for n in 0..35 {
        say(&mut journal, &format!("word {n}"));
    }
    let hash = journal.state_hash().unwrap();
    drop(journal);
    let bytes = std::fs::read(&sound).unwrap();
    let mut random = Random::new(11);
    let mut seen = 0;
    for n in 0..60 {
        let path = folder.path().join(format!("{n}"));
        let mut changed = bytes.clone();
        // Also each time one of the first page's, which says how all others are laid out.
        for at in [random.below(bytes.len() as u64), random.below(200)] {
            changed[at as usize] ^= 1 << random.below(8);
        }
        std::fs::write(&path, changed).unwrap();
        match Journal::<Words>::open(&path, "main") {
            Ok(mut journal) => {
                if journal.set_aside().is_some() {
                    seen += 1;
                    assert_eq!(say(&mut journal, "anew"), 1);
                } else {
                    assert_eq!(journal.state_hash().unwrap(), hash, "file {n}");
                    // An event from before the snapshot is seen only here.
                    match journal.rebuild() {
                        Ok(rebuilt) => assert_eq!(rebuilt, *journal.state(), "file {n}"),
                        Err(error) => assert!(error.to_string().contains("event"), "{error}"),
                    }
                }
            }
            // The layout's version, say.
            Err(error) => assert!(matches!(error, JournalError::Version { .. }), "{error}"),
        }
    }
    assert!(seen > 10, "{seen} of 60 were seen");
}

/// Found out in the middle of things: the commit fails, the next one is in a new file.
#[test]
fn damage_is_seen_while_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut journal = open(&path);
    say(&mut journal, "one");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute("INSERT INTO events VALUES ('words/main', 2, 3, 0, x'00')", [])
        .unwrap();
    let error = journal.commit::<()>(|_| Ok(vec![said("two")])).unwrap_err();
    let CommitError::Journal(error) = error else { panic!("{error:?}") };
    let JournalError::Damaged { aside, .. } = &error else { panic!("{error:?}") };
    assert!(aside.exists());
    assert!(error.to_string().contains("set aside"), "{error}");
    assert_eq!(say(&mut journal, "anew"), 1);
    assert_eq!(open(&path).state().said, ["anew"]);
}

#[test]
fn a_file_that_is_deleted_while_it_is_open_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    let path: PathBuf = inner.join("j");
    let mut journal = open(&path);
    say(&mut journal, "one");
    std::fs::remove_dir_all(&inner).unwrap();
    assert_eq!(say(&mut journal, "two"), 1);
    assert_eq!(open(&path).state().said, ["two"]);
}

#[test]
fn a_file_that_another_holds_is_waited_for_so_long_and_then_said_to_be_busy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut journal = open(&path);
    let holder = rusqlite::Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = std::time::Instant::now();
    let busy = journal.commit::<()>(|_| Ok(vec![said("one")])).unwrap_err();
    assert!(begun.elapsed() >= Duration::from_secs(4) && begun.elapsed() < Duration::from_secs(30));
    let CommitError::Journal(error) = busy else { panic!("{busy:?}") };
    assert!(matches!(error, JournalError::Busy { .. }) && error.retry_helps(), "{error}");
    assert!(error.to_string().contains("try again"), "{error}");
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(say(&mut journal, "one"), 1);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let error = Journal::<Words>::open(Path::new("/dev/null/j"), "main").map(drop).unwrap_err();
    assert!(error.to_string().contains("/dev/null/j"), "{error}");
}

#[test]
fn any_bytes_are_an_event_or_an_error() {
    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Plain;
    impl EventSourced for Plain {
        type Event = u8;
        const KIND: &'static str = "plain";
        const VERSION: u32 = 2;
        fn apply(&mut self, _: &u8) {}
    }
    let mut random = Random::new(3);
    for length in 0..400 {
        let bytes: Vec<u8> = (0..length).map(|_| random.draw() as u8).collect();
        for version in [0, 1, 2, 3, 4, u32::MAX] {
            let _ = decode_event::<Words>(version, &bytes);
            let _ = decode_snapshot::<Words>(version, &bytes);
        }
    }
    assert_eq!(decode_event::<Words>(3, &serde_json::to_vec(&said("a")).unwrap()), Ok(said("a")));
    assert_eq!(decode_event::<Plain>(2, b"7"), Ok(7));
    let no_way = decode_event::<Plain>(1, b"7");
    assert_eq!(no_way, Err(DecodeError::Older { version: 1, known: 2 }));
    let state = Words { said: vec!["a".to_owned()] };
    assert_eq!(decode_snapshot::<Words>(3, &canonical_json(&state).unwrap()), Ok(state));
}
