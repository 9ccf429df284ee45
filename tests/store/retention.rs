//! Journals are shortened, whoever else has them open, and nothing is lost by it.

use std::path::Path;

use antiphon::persistence::{EventSourced, Journal, JournalError, Seen, canonical_json};
use serde::{Deserialize, Serialize};

use crate::{Word, Words, said};

const SNAPSHOT_EVERY: u64 = 500;

/// A state that stays small, of events that are not.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Sum {
    sum: u64,
    times: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Added {
    number: u64,
    why: String,
}

impl EventSourced for Sum {
    type Event = Added;
    const KIND: &'static str = "sum";
    const VERSION: u32 = 1;
    const SNAPSHOT_EVERY: u64 = SNAPSHOT_EVERY;

    fn apply(&mut self, event: &Added) {
        self.sum += event.number;
        self.times += 1;
    }
}

fn added(number: u64) -> Added {
    Added { number, why: format!("for {number} good reasons, of which none is short enough to be left out") }
}

/// What a file holds of its streams.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) events: u64,
    pub(crate) last: u64,
    pub(crate) snapshots: u64,
}

pub(crate) fn kept(path: &Path) -> Kept {
    let file = rusqlite::Connection::open(path).unwrap();
    let number = |sql: &str| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as u64;
    Kept {
        events: number("SELECT count(*) FROM events"),
        last: number("SELECT coalesce(max(number), 0) FROM events"),
        snapshots: number("SELECT count(*) FROM snapshots"),
    }
}

fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

#[test]
fn a_hundred_thousand_events_leave_a_small_file() {
    const FILE_BYTES: u64 = 2 << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sum");
    let mut journal = Journal::<Sum>::open(&path, "main").unwrap();
    let mut number = 0;
    let mut say = |journal: &mut Journal<Sum>, many: u64| {
        let events = (number..number + many).map(added).collect();
        number += many;
        assert_eq!(journal.commit::<()>(|_| Ok(events)), Ok(number));
    };
    let mut largest = 0;
    for _ in 0..100 {
        say(&mut journal, 997);
        largest = largest.max(journal.size_bytes());
        let kept = kept(&path);
        assert!(kept.events <= 2 * 997 && kept.snapshots <= 2, "{kept:?}");
    }
    for _ in 0..300 {
        say(&mut journal, 1);
    }
    // Of events alone it would be more than ten megabytes; its log has four at most.
    assert!(file_bytes(&path) <= FILE_BYTES && largest <= FILE_BYTES + (4 << 20), "{largest}");
    assert_eq!(journal.rebuild().unwrap(), *journal.state());
    let (state, hash) = (journal.state().clone(), journal.state_hash().unwrap());
    assert_eq!(state, Sum { sum: (0..100_000).sum(), times: 100_000 });
    drop(journal);
    assert!(file_bytes(&path) <= FILE_BYTES / 2);
    let mut journal = Journal::<Sum>::open(&path, "main").unwrap();
    assert_eq!((journal.number(), journal.state_hash().unwrap()), (100_000, hash));
    assert_eq!(journal.rebuild().unwrap(), state);
}

/// One that is behind what is kept goes on from a snapshot: by looking, and by committing.
#[test]
fn who_is_behind_catches_up_and_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let open = || Journal::<Words>::open(&path, "main").unwrap();
    let (mut one, mut looks, mut commits, mut stays) = (open(), open(), open(), open());
    let (tell, heard) = std::sync::mpsc::channel();
    looks.observe(move |seen| {
        tell.send(match seen {
            Seen::Event(Word::Said { word }) => word.clone(),
            Seen::Event(Word::Forgotten { at }) => format!("forgot {at}"),
            Seen::Anew(state) => format!("{} words", state.said.len()),
        })
        .unwrap();
    });
    for n in 1..=55 {
        one.commit::<()>(|_| Ok(vec![said(format!("{n}"))])).unwrap();
        if n <= 3 {
            looks.refresh().unwrap();
        }
    }
    let kept = kept(&path);
    assert!(kept.events == 15 && kept.last == 55 && kept.snapshots == 2, "{kept:?}");
    assert_eq!(looks.refresh(), Ok(52));
    let heard: Vec<String> = heard.try_iter().collect();
    assert_eq!(heard, ["1", "2", "3", "50 words", "51", "52", "53", "54", "55"]);
    commits
        .commit::<()>(|state| {
            assert_eq!(state.said.len(), 55);
            Ok(vec![said("56")])
        })
        .unwrap();
    assert_eq!(stays.rebuild().unwrap().said.len(), 56);
    for journal in [&mut one, &mut looks, &mut stays] {
        journal.refresh().unwrap();
        assert_eq!(journal.state_hash().unwrap(), commits.state_hash().unwrap());
        assert_eq!((journal.number(), journal.set_aside()), (56, None));
    }
}

fn damage(path: &Path, which: &str) {
    let sql =
        format!("UPDATE snapshots SET body = x'7b7d' WHERE number = (SELECT {which}(number) FROM snapshots)");
    assert_eq!(rusqlite::Connection::open(path).unwrap().execute(&sql, []), Ok(1));
}

#[test]
fn where_the_last_snapshot_is_damaged_the_one_before_and_the_events_say_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let open = || Journal::<Words>::open(&path, "main").unwrap();
    let mut journal = open();
    for n in 0..37 {
        journal.commit::<()>(|_| Ok(vec![said(format!("{n}"))])).unwrap();
    }
    let hash = journal.state_hash().unwrap();
    drop(journal);
    damage(&path, "max");
    let mut journal = open();
    assert_eq!((journal.set_aside(), journal.state_hash().unwrap()), (None, hash));
    let error = journal.rebuild().unwrap_err();
    assert!(error.to_string().contains("the snapshot of event 30"), "{error}");
    // The next commit writes another in its place.
    journal.commit::<()>(|_| Ok(vec![said("37")])).unwrap();
    assert_eq!(journal.rebuild().unwrap(), *journal.state());
    for n in 38..45 {
        journal.commit::<()>(|_| Ok(vec![said(format!("{n}"))])).unwrap();
    }
    let hash = journal.state_hash().unwrap();
    drop(journal);
    // The older one is not needed to go on; to begin anew it is.
    damage(&path, "min");
    let mut journal = open();
    assert_eq!((journal.set_aside(), journal.state_hash().unwrap()), (None, hash));
    assert!(journal.rebuild().is_err());
    drop(journal);
    damage(&path, "max");
    let journal = open();
    let aside = journal.set_aside().expect("nothing says what was before");
    assert!(aside.reason.contains("snapshot") && journal.number() == 0, "{aside:?}");
}

fn checksum(stream: &str, number: u64, version: u32, body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for part in [stream.as_bytes(), &number.to_le_bytes(), &version.to_le_bytes(), body] {
        crc.update(part);
    }
    crc.finalize()
}

fn insert(
    file: &rusqlite::Connection,
    table: &str,
    stream: &str,
    (number, version): (u64, u32),
    body: &[u8],
) {
    let sql =
        format!("INSERT INTO {table} (stream, number, version, checksum, body) VALUES (?1, ?2, ?3, ?4, ?5)");
    let checksum = checksum(stream, number, version, body);
    file.execute(&sql, rusqlite::params![stream, number as i64, version, checksum, body]).unwrap();
}

/// A file as it was before: one snapshot, every event there ever was, and free pages are kept for ever. It
/// is shortened step by step while it is used.
#[test]
fn a_file_of_the_layout_before_is_read_and_shortened() {
    const EVENTS: u64 = 4_400;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(
        "PRAGMA journal_mode = wal;
        CREATE TABLE events (stream TEXT NOT NULL, number INTEGER NOT NULL, version INTEGER NOT NULL,
            checksum INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (stream, number)) STRICT, WITHOUT ROWID;
        CREATE TABLE snapshots (stream TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL,
            version INTEGER NOT NULL, checksum INTEGER NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
        PRAGMA user_version = 1; PRAGMA application_id = 1095652425; BEGIN",
    )
    .unwrap();
    let mut state = Sum::default();
    for number in 1..=EVENTS {
        let event = Added { number, why: "x".repeat(700) };
        state.apply(&event);
        insert(&old, "events", "sum/main", (number, 1), &serde_json::to_vec(&event).unwrap());
        if number == 4_000 {
            insert(&old, "snapshots", "sum/main", (number, 1), &canonical_json(&state).unwrap());
        }
    }
    old.execute_batch("COMMIT").unwrap();
    drop(old);
    let before = file_bytes(&path);
    let mut journal = Journal::<Sum>::open(&path, "main").unwrap();
    assert_eq!((journal.set_aside(), &*journal.state()), (None, &state));
    let mut events = EVENTS;
    let mut shrank = 0;
    for n in 0..200_u64 {
        journal.commit::<()>(|_| Ok(vec![added(n)])).unwrap();
        let now = kept(&path).events;
        assert!(now + 1_000 >= events, "{} at once", events - now);
        shrank += u64::from(now < events);
        events = now;
    }
    assert!(shrank >= 4 && events == EVENTS + 200 - 4_000, "{shrank} steps, {events} left");
    assert_eq!(journal.rebuild().unwrap(), *journal.state());
    drop(journal);
    assert!(file_bytes(&path) < before / 3, "{} of {before} bytes", file_bytes(&path));
    let file = rusqlite::Connection::open(&path).unwrap();
    let mode: i64 = file.query_row("PRAGMA auto_vacuum", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, 2, "from now on it gives back bit by bit");
}

/// The events before it are gone: so a snapshot of the version before is read as events of it are.
#[test]
fn a_snapshot_of_the_version_before_is_read_and_others_are_refused_clearly() {
    let folder = tempfile::tempdir().unwrap();
    for (version, words) in [(2, ""), (1, "older Antiphon"), (4, "newer Antiphon")] {
        let path = folder.path().join(format!("{version}"));
        drop(Journal::<Words>::open(&path, "main").unwrap());
        let file = rusqlite::Connection::open(&path).unwrap();
        insert(&file, "snapshots", "words/main", (20, version), br#"["an old word"]"#);
        insert(&file, "events", "words/main", (20, version), br#""an old word""#);
        insert(&file, "events", "words/main", (21, 2), br#""the next""#);
        drop(file);
        let opened = Journal::<Words>::open(&path, "main");
        if words.is_empty() {
            let mut journal = opened.unwrap();
            assert_eq!(journal.state().said, ["an old word", "the next"]);
            journal.commit::<()>(|_| Ok((0..20).map(|n| said(format!("{n}"))).collect())).unwrap();
            assert_eq!(journal.rebuild().unwrap(), *journal.state());
            continue;
        }
        let error = opened.map(drop).unwrap_err();
        assert!(
            matches!(error, JournalError::Version { .. }) && error.to_string().contains(words),
            "{error}"
        );
        assert_eq!(kept(&path).last, 21, "what another version wrote is not touched");
    }
}
