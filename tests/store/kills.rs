//! Processes that are killed at any moment, and several at once: the test's own program is the child.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use antiphon::library::{Cache, Entry, FlightError, Key, Limits};
use antiphon::persistence::{Journal, hash_of};
use antiphon::unit::Random;
use serde_json::json;

use crate::{Words, said};

/// What the child does: `FOLDER SEED MODE`.
const CHILD: &str = "ANTIPHON_TEST_STORE_CHILD";
/// Small, so that entries go for want of room.
const TIGHT_BYTES: u64 = 400_000;
const ROUNDS: u64 = 25;

fn limits(mode: &str) -> Limits {
    let file_bytes = if mode == "tight" { TIGHT_BYTES } else { 1 << 30 };
    Limits { memory_bytes: 1 << 20, file_bytes, ttl: None }
}

fn entry(number: u64) -> Entry {
    let mut random = Random::new(number);
    let mut bytes = vec![0; random.below(60_000) as usize];
    bytes.iter_mut().for_each(|byte| *byte = random.draw() as u8);
    // Some parts are the same in many entries.
    let common = vec![(number % 5) as u8; 1_000];
    Entry::new(json!({"number": number})).part("audio.wav", bytes).part("chart.json", common)
}

/// Says what is kept, after it is.
fn acknowledge(what: &str, number: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nkept {what} {number}").and_then(|()| out.flush()).expect("the parent hears");
}

/// Not a test of its own: what a child does that another test starts. Without a parent it has nothing to do.
#[test]
fn child() {
    let Ok(order) = std::env::var(CHILD) else { return };
    let mut words = order.split(' ');
    let (folder, seed, mode) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let (folder, seed): (_, u64) = (Path::new(folder), seed.parse().unwrap());
    #[cfg(unix)]
    if mode == "full" {
        return fill(folder);
    }
    let cache = Cache::open(&folder.join("cache"), limits(mode)).unwrap();
    let mut journal = Journal::<Words>::open(&folder.join("words.sqlite"), "main").unwrap();
    let rounds = if mode == "endless" { u64::MAX } else { ROUNDS };
    let speaker = std::thread::spawn(move || {
        for number in 0..rounds {
            let number = seed * 1_000_000 + number;
            let events = vec![said(format!("{number}")), said(format!("{number} again"))];
            journal.commit::<()>(|_| Ok(events)).expect("it is kept");
            acknowledge("event", number);
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let writers = (0..2).map(|writer| {
            let cache = cache.clone();
            tokio::spawn(async move {
                for number in 0..rounds {
                    let number = seed * 1_000_000 + number * 2 + writer;
                    cache.put(Key::of(&number).unwrap(), entry(number)).await.expect("it is kept");
                    acknowledge("entry", number);
                    cache.get(&Key::of(&(number / 3)).unwrap()).await;
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("it does not panic");
        }
    });
    speaker.join().expect("it does not panic");
}

/// What a child does on a disk that takes no file longer than this.
#[cfg(unix)]
fn fill(folder: &Path) {
    const FILE_BYTES: u64 = 150_000;
    let cache = Cache::open(&folder.join("cache"), limits("full")).unwrap();
    let limit = libc::rlimit { rlim_cur: FILE_BYTES, rlim_max: FILE_BYTES };
    // SAFETY: both take plain values and a struct that lives as long as the call.
    unsafe {
        assert_ne!(libc::signal(libc::SIGXFSZ, libc::SIG_IGN), libc::SIG_ERR);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut kept, mut warned) = (0, 0);
        // The index is the first to be full, some time on.
        for number in 0..120 {
            let bytes = if number % 10 == 9 { 2 * FILE_BYTES as usize } else { 100 };
            let made = Entry::new(json!({"number": number})).part("audio.wav", vec![number as u8; bytes]);
            let generate = || async { Ok::<_, Never>(made.clone()) };
            let served = cache.get_or(Key::of(&number).unwrap(), generate).await.unwrap();
            assert_eq!(*served.entry, made);
            assert_eq!(
                *cache.get(&Key::of(&number).unwrap()).await.unwrap(),
                made,
                "from memory, if need be"
            );
            if let Some(warning) = served.warning {
                assert!(warning.retry_helps() && warning.to_string().contains("cache"), "{warning}");
                warned += 1;
            } else {
                assert!(bytes < FILE_BYTES as usize);
                acknowledge("entry", number);
                kept += 1;
            }
        }
        assert!(kept > 5 && warned > 20, "{kept} were kept and {warned} not");
    });
}

#[derive(Clone, Debug)]
struct Never;

impl FlightError for Never {}

#[cfg(unix)]
#[test]
fn a_full_disk_costs_the_file_and_not_the_product() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), 0, "full");
    let mut kept = Kept::default();
    kept.hear_all(BufReader::new(child.stdout.take().unwrap()));
    assert!(child.wait().unwrap().success());
    assert!(!kept.entries.is_empty());
    kept.judge(folder.path(), "full");
}

fn start(folder: &Path, seed: u64, mode: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["kills::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{} {seed} {mode}", folder.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// What was kept for sure.
#[derive(Default)]
struct Kept {
    events: BTreeSet<u64>,
    entries: BTreeSet<u64>,
}

impl Kept {
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (Some("kept"), Some(what), Some(number)) = (words.next(), words.next(), words.next()) else {
            return;
        };
        // The last line may be cut off; then the number could be another one.
        let Some(number) = number.strip_suffix('\n').and_then(|number| number.parse().ok()) else { return };
        if what == "event" { &mut self.events } else { &mut self.entries }.insert(number);
    }

    fn hear_all(&mut self, mut from: impl BufRead) {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text.split_inclusive('\n').for_each(|line| self.hear(line));
    }

    /// Looks through all that there is.
    fn judge(&self, folder: &Path, mode: &str) {
        let mut journal = Journal::<Words>::open(&folder.join("words.sqlite"), "main").unwrap();
        assert_eq!(journal.set_aside(), None);
        let kept = crate::retention::kept(&folder.join("words.sqlite"));
        // What came since the snapshot before the last, and a step that somebody was killed before.
        assert!(kept.events <= 40 && kept.snapshots <= 2 && kept.last == journal.number(), "{kept:?}");
        assert_eq!(hash_of(&journal.rebuild().unwrap()).unwrap(), journal.state_hash().unwrap());
        let words = &journal.state().said;
        let all: BTreeSet<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(all.len(), words.len(), "nothing is said twice");
        for number in &self.events {
            assert!(all.contains(&*number.to_string()), "event {number} was acknowledged and is lost");
        }
        let whole = words.chunks(2).all(|pair| pair.len() == 2 && pair[1] == format!("{} again", pair[0]));
        assert!(whole, "what is committed together is there together");

        let cache = Cache::open(&folder.join("cache"), limits(mode)).unwrap();
        let verified = cache.verify().unwrap();
        assert_eq!(verified.bad(), 0, "{verified:?}");
        let mut files = 0;
        for shelf in std::fs::read_dir(folder.join("cache/files")).unwrap() {
            for file in std::fs::read_dir(shelf.unwrap().path()).unwrap() {
                files += 1;
                let name = file.unwrap().file_name().into_string().unwrap();
                assert!(!name.starts_with('.'), "{name} is left");
            }
        }
        assert!(files <= 2 * verified.entries, "{files} files of {} entries", verified.entries);
        assert!(cache.stats().bytes <= limits(mode).file_bytes);
        if mode != "tight" {
            let there: BTreeSet<Key> = cache.list().iter().map(|listed| listed.key).collect();
            for number in &self.entries {
                assert!(
                    there.contains(&Key::of(number).unwrap()),
                    "entry {number} was acknowledged and is lost"
                );
            }
        }
    }
}

/// Thirty kills; after each, all that was acknowledged is there, and what is there is whole.
#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(1);
    let mut kept = Kept::default();
    for life in 0..30 {
        let mut child = start(folder.path(), life, "endless");
        let mut out = BufReader::new(child.stdout.take().unwrap());
        // Not before it has begun; then at any moment.
        let mut line = String::new();
        while !line.starts_with("kept") {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "it ended by itself");
        }
        kept.hear(&line);
        std::thread::sleep(Duration::from_micros(random.below(40_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        kept.hear_all(out);
        kept.judge(folder.path(), "endless");
    }
    assert!(kept.events.len() >= 30 && !kept.entries.is_empty(), "{} events", kept.events.len());
}

#[test]
fn two_processes_at_once_harm_each_other_nowhere() {
    for mode in ["roomy", "tight"] {
        let folder = tempfile::tempdir().unwrap();
        let mut children: Vec<Child> = (1..3).map(|seed| start(folder.path(), seed, mode)).collect();
        let mut kept = Kept::default();
        for child in &mut children {
            kept.hear_all(BufReader::new(child.stdout.take().unwrap()));
            assert!(child.wait().unwrap().success());
        }
        assert_eq!((kept.events.len(), kept.entries.len()), (2 * ROUNDS as usize, 4 * ROUNDS as usize));
        kept.judge(folder.path(), mode);
    }
}
