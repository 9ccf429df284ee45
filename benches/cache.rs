//! What keeping costs: a commit that is on the disk, alone and together with others; a hit in memory and in
//! files; a workload as a stage has it (50 prompts by Zipf's law); and a hundred equal requests at once.
//!
//! Prints a line for each. The disk's time is that of the folder for temporary files: set TMPDIR to
//! measure another.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use antiphon::actor::{Options, Settings, System};
use antiphon::generate::{Audio, SOUND_PART};
use antiphon::library::{Cache, Entry, FlightError, Key, Limits, Source};
use antiphon::persistence::{EventSourced, Journal, KeeperSettings, Ledger};
use antiphon::unit::{Random, SampleRate};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// 8 bars at 120 BPM, in frames.
const CLIP_FRAMES: usize = 16 * 48_000;
const PROMPTS: usize = 50;
const REQUESTS: usize = 2_000;
const COMMITS: usize = 200;
const WAITING: usize = 64;
const HITS: usize = 200;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Counter(u64);

impl EventSourced for Counter {
    type Event = u64;
    const KIND: &'static str = "counter";
    const VERSION: u32 = 1;

    fn apply(&mut self, event: &u64) {
        self.0 += event;
    }
}

#[derive(Clone, Debug)]
struct Never;

impl FlightError for Never {}

fn say(what: &str, mut times: Vec<Duration>, note: &str) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{what:<44} median {:>8.3} ms   p99 {:>8.3} ms   {note}", at(0.5), at(0.99));
}

fn main() {
    // Without `cargo bench` it is asked only whether it runs.
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    runtime.block_on(async {
        commits(folder.path(), if is_test { 2 } else { COMMITS }).await;
        hits(folder.path(), if is_test { 2 } else { HITS }).await;
        zipf(folder.path(), if is_test { 100 } else { REQUESTS }).await;
        at_once(folder.path()).await;
    });
}

async fn commits(folder: &Path, count: usize) {
    let path = folder.join("counter.sqlite");
    let mut journal = Journal::<Counter>::open(&path, "alone").expect("it opens");
    let alone = (0..count).map(|_| {
        let begun = Instant::now();
        journal.commit::<()>(|_| Ok(vec![1])).expect("kept");
        begun.elapsed()
    });
    say("commit/alone", alone.collect(), "on the disk (synchronous=FULL)");

    let system = System::new(Settings::default());
    let journal = Journal::<Counter>::open(&path, "together").expect("it opens");
    let ledger = Ledger::of(journal, KeeperSettings::default(), |build| {
        system.spawn("counter", Options::new(), build)
    });
    let ledger = ledger.expect("spawned");
    let mut each = Vec::new();
    for _ in 0..count.div_ceil(10) {
        let begun = Instant::now();
        let asked: Vec<_> = (0..WAITING)
            .map(|_| {
                let ledger = ledger.clone();
                tokio::spawn(async move { ledger.commit::<()>(|_| Ok(vec![1])).await })
            })
            .collect();
        for asked in asked {
            asked.await.expect("it ends").expect("kept");
        }
        each.push(begun.elapsed() / WAITING as u32);
    }
    say("commit/64 that wait together, each", each, "by the keeper");
    drop(system.stop().await);
}

fn clip(number: u64) -> Entry {
    let mut random = Random::new(number);
    let mut channel = || (0..CLIP_FRAMES).map(|_| random.unit() as f32 - 0.5).collect();
    let audio = Audio { rate: SampleRate::DEFAULT, channels: vec![channel(), channel()] };
    let meta = json!({"description": format!("piece {number}")});
    Entry::new(meta).part(SOUND_PART, audio.to_wav().expect("a WAV")).part("midi.mid", vec![1; 2_000])
}

fn key(number: u64) -> Key {
    Key::of(&number).expect("a key")
}

async fn hits(folder: &Path, count: usize) {
    let folder = folder.join("hits");
    let cache = Cache::open(&folder, Limits::default()).expect("it opens");
    let without_memory = Limits { memory_bytes: 0, ..Limits::default() };
    let files = Cache::open(&folder, without_memory).expect("it opens");
    let mut stored = Vec::new();
    for number in 0..4 {
        let clip = clip(number);
        let begun = Instant::now();
        cache.put(key(number), clip).await.expect("kept");
        stored.push(begun.elapsed());
    }
    say("store/8 bars of sound (6.1 MB)", stored, "on the disk");
    for (what, cache) in [("hit/memory", &cache), ("hit/files, 8 bars of sound (6.1 MB)", &files)] {
        let mut times = Vec::new();
        for number in 0..count as u64 {
            let begun = Instant::now();
            cache.get(&key(number % 4)).await.expect("a hit");
            times.push(begun.elapsed());
        }
        say(what, times, "at most 5 ms");
        let mut times = Vec::new();
        for number in 0..count as u64 {
            let begun = Instant::now();
            let entry = cache.get(&key(number % 4)).await.expect("a hit");
            Audio::from_wav(&entry.parts[SOUND_PART]).expect("sound");
            times.push(begun.elapsed());
        }
        say("  and its samples, as a clip plays them", times, "at most 5 ms");
    }
}

/// Prompt `k` is asked for as often as 1/k.
fn zipf_draw(random: &mut Random) -> u64 {
    let weights: Vec<u32> = (1..=PROMPTS as u32).map(|rank| 1_000_000 / rank).collect();
    random.weighed(&weights) as u64
}

async fn zipf(folder: &Path, count: usize) {
    for (name, limits) in [
        ("room for all", Limits::default()),
        ("room for 30 of 50", Limits { memory_bytes: 0, file_bytes: 30 * 100_000, ttl: None }),
    ] {
        let cache = Cache::open(&folder.join(name), limits).expect("it opens");
        let mut random = Random::new(1);
        let begun = Instant::now();
        for _ in 0..count {
            let prompt = zipf_draw(&mut random);
            let generate = || async {
                Ok::<_, Never>(Entry::new(json!({})).part("audio.wav", vec![prompt as u8; 100_000]))
            };
            cache.get_or(key(prompt), generate).await.expect("served");
        }
        let stats = cache.stats();
        let ratio = stats.hit_ratio().unwrap_or_default() * 100.0;
        println!(
            "zipf/50 prompts, {name:<27} {ratio:>5.1} % hits of {count}   {:>6.0} requests/s   at least 70 %",
            count as f64 / begun.elapsed().as_secs_f64()
        );
    }
}

async fn at_once(folder: &Path) {
    let cache = Cache::open(&folder.join("at once"), Limits::default()).expect("it opens");
    let generations = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let asked: Vec<_> = (0..100)
        .map(|_| {
            let (cache, generations) = (cache.clone(), Arc::clone(&generations));
            tokio::spawn(async move {
                let generate = || async move {
                    generations.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Ok::<_, Never>(Entry::new(json!({})).part("audio.wav", vec![1; 1_000_000]))
                };
                cache.get_or(key(0), generate).await.expect("served").source
            })
        })
        .collect();
    let mut joined = 0;
    for asked in asked {
        joined += usize::from(asked.await.expect("it ends") == Source::Joined);
    }
    let generations = generations.load(Ordering::Relaxed);
    println!(
        "at once/100 equal requests                   {generations} generation of 50 ms, {joined} joined, all served after {:.1} ms",
        begun.elapsed().as_secs_f64() * 1e3
    );
    assert_eq!((generations, joined), (1, 99));
}
