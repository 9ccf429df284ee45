//! Generation as its users meet it: the command line, lines of JSON, tasks of another process; and a
//! soak of requests and faults beside an engine that plays.
#![allow(clippy::unwrap_used)]

#[path = "generation/ends.rs"]
mod ends;
mod support;

use std::future::Future;
use std::io::Write as _;
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use antiphon::actor::{Options, Settings, System};
use antiphon::device::audio::{AudioRequest, DriverChoice};
use antiphon::engine::live::{Job, Live, Played};
use antiphon::engine::{BUILT_IN_RIG, Mending, NamedScore};
use antiphon::generate::service::{Backends, Means, Service, ServiceSettings, unwatched};
use antiphon::generate::tasks::{REMEMBERED, Tasks};
use antiphon::generate::{
    Audio, Backend, Draft, Drafted, Drafting, Failure, FailureKind, Identity, Length, Perform, Request,
};
use antiphon::library::{Cache, Limits};
use antiphon::midi::file::{Score, Transcript};
use antiphon::rig::parse;
use antiphon::unit::{Random, SampleRate};
use serde_json::Value;

use support::place::Place;
use support::program::{Running, wait_for};

const PATIENCE: Duration = Duration::from_secs(120);

impl Place {
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// The one object that a command prints.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error}: {text}\n{}", String::from_utf8_lossy(&output.stderr))
        })
    }

    /// The answers to lines, by their ids.
    fn lines(&self, arguments: &[&str], input: &str) -> Vec<Value> {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn words_become_a_file_and_the_same_words_the_same_file() {
    let place = Place::new();
    let out = place.path("blues.wav");
    let arguments = [
        "generate",
        "slow blues",
        "--bars",
        "4",
        "--tempo",
        "120",
        "--key",
        "A minor",
        "--seed",
        "3",
        "--json",
        "-o",
    ];
    let arguments: Vec<&str> = arguments.into_iter().chain([out.to_str().unwrap()]).collect();
    let first = place.json(&arguments);
    assert_eq!(
        (&first["ok"], &first["from_cache"], &first["backend"]),
        (&true.into(), &false.into(), &"local".into())
    );
    // 16 beats at 120 a minute.
    assert_eq!((&first["frames"], &first["rate_hertz"]), (&384_000.into(), &48_000.into()));
    assert_eq!(first["error"], Value::Null);
    assert_eq!(first["sha256"], sha256(&out).as_str());
    let mut reader = hound::WavReader::open(&out).unwrap();
    assert_eq!((reader.duration(), reader.spec().channels), (384_000, 2));
    let samples: Vec<f32> = reader.samples().map(Result::unwrap).collect();
    let loudest = |part: &[f32]| part.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    // It begins at once, and rings out: the last hundredth of a second is all but silent.
    assert!(loudest(&samples[..4_800]) > 0.05, "it begins late");
    assert!(loudest(&samples[samples.len() - 960..]) < 0.003, "it breaks off");
    assert!(loudest(&samples) < 0.9, "it clips");

    std::fs::remove_file(&out).unwrap();
    let again = place.json(&arguments);
    assert_eq!((&again["from_cache"], &again["sha256"]), (&true.into(), &first["sha256"]));
    assert!(out.exists());
    // Generated anew, elsewhere: the same bytes.
    let elsewhere = Place::new();
    let anew = elsewhere.json(&arguments);
    assert_eq!((&anew["from_cache"], &anew["sha256"]), (&false.into(), &first["sha256"]));
    let other: Vec<&str> = arguments.iter().map(|a| if *a == "3" { "4" } else { *a }).collect();
    assert_ne!(place.json(&other)["sha256"], first["sha256"]);

    let midi = place.path("blues.mid");
    let made = place.json(&["generate", "slow blues", "--bars", "4", "--json", "-o", midi.to_str().unwrap()]);
    assert_eq!((&made["ok"], &made["frames"]), (&true.into(), &Value::Null));
    assert!(Score::open(&midi).is_ok());
    assert!(place.run(&["cache", "verify"]).status.success());
}

#[test]
fn what_cannot_be_is_said_with_what_can() {
    let place = Place::new();
    for (arguments, kind, status, words) in [
        (&["generate", "  ", "--json"][..], "usage", 2, "in a few words"),
        (&["generate", "x", "--bars", "0", "--json"], "usage", 2, "1 to 256"),
        (&["generate", "x", "--seconds", "-3", "--json"], "usage", 2, "at most 600"),
        (&["generate", "x", "--key", "H sharp", "--json"], "usage", 2, "H sharp"),
        (&["generate", "x", "-o", "x.ogg", "--json"], "usage", 2, ".wav or .mid"),
        (&["generate", "x", "--backend", "locl", "--json"], "usage", 2, "local"),
        (&["generate", "x", "--backend", "hf", "--json"], "usage", 2, "kind = \"hf\""),
        (&["generate", "x", "-o", "no/such/x.wav", "--json"], "usage", 2, "make it first"),
    ] {
        let output = place.run(arguments);
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["ok"], false, "{said}");
        assert_eq!(said["error"]["kind"], kind, "{said}");
        assert!(said["error"]["message"].as_str().unwrap().contains(words), "{said}");
        assert_eq!(output.status.code(), Some(status), "{said}");
    }
    // What nobody could find again is no success.
    let nowhere = place.path("a file");
    std::fs::write(&nowhere, "").unwrap();
    let asked = ["generate", "funk", "--bars", "1", "--json"];
    let output = place.command(&asked).env("ANTIPHON_CACHE_DIR", nowhere.join("cache")).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["error"]["kind"], output.status.code()), (&"storage".into(), Some(1)), "{said}");
    assert!(said["error"]["message"].as_str().unwrap().contains("name a file for it with -o"), "{said}");
    let output = place.run(&["generate", "x", "--config", "/nowhere/config.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/config.toml"));
}

#[test]
fn what_is_made_otherwise_than_asked_is_said() {
    let place = Place::new();
    let out = place.path("waltz.mid");
    let asked = |words: &'static str| ["generate", words, "--json", "-o", out.to_str().unwrap()];
    let waltz = place.json(&asked("a waltz in C"));
    assert!(waltz["warnings"][0].as_str().unwrap().contains("played in four"), "{waltz}");
    assert_eq!(place.json(&asked("slow blues in F minor, no drums"))["warnings"], serde_json::json!([]));
    let trio = antiphon::midi::file::Sheet::read(&std::fs::read(&out).unwrap()).unwrap();
    // The conductor's, and three players'.
    assert_eq!(trio.tracks.len(), 4);
    let said = place.run(&["generate", "slow blues in F minor", "-o", out.to_str().unwrap()]);
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(words.contains("blues in F minor at 78 BPM"), "{words}");
    // A loop is another request.
    let once = place.json(&asked("swing"))["sha256"].clone();
    let arguments: Vec<&str> = asked("swing").into_iter().chain(["--loop"]).collect();
    assert_ne!(place.json(&arguments)["sha256"], once);
}

#[test]
fn lines_are_answered_each_once_with_its_id() {
    let place = Place::new();
    let mut input = String::new();
    for id in 0..40 {
        input
            .push_str(&format!("{{\"id\":{id},\"description\":\"tune\",\"bars\":1,\"seed\":{}}}\n", id % 10));
    }
    input.push_str("\n{\"id\":\"bad\",\"description\":\"x\",\"bars\":-1}\nnot json\n");
    input.push_str("{\"id\":\"both\",\"description\":\"x\",\"bars\":1,\"seconds\":1}\n");
    input.push_str("{\"id\":\"odd\",\"description\":\"x\",\"colour\":\"red\"}");
    let answers = place.lines(&["generate", "-", "--json"], &input);
    assert_eq!(answers.len(), 44);
    for id in 0..40 {
        let of: Vec<&Value> = answers.iter().filter(|answer| answer["id"] == id).collect();
        assert_eq!(of.len(), 1);
        assert_eq!(of[0]["ok"], true, "{}", of[0]);
        let twin = answers.iter().find(|answer| answer["id"] == id % 10).unwrap();
        assert_eq!(of[0]["sha256"], twin["sha256"]);
        assert_eq!(of[0]["sha256"], sha256(Path::new(of[0]["path"].as_str().unwrap())).as_str());
    }
    assert_eq!(answers.iter().filter(|answer| answer["from_cache"] == true).count(), 30);
    for id in ["bad", "both", "odd"] {
        let answer = answers.iter().find(|answer| answer["id"] == id).unwrap();
        assert_eq!((&answer["ok"], &answer["error"]["kind"]), (&false.into(), &"usage".into()), "{answer}");
    }
    let nobody = answers.iter().find(|answer| answer["id"].is_null()).unwrap();
    assert!(nobody["error"]["message"].as_str().unwrap().contains("no JSON"), "{nobody}");
}

#[cfg(unix)]
#[test]
fn a_task_is_seen_and_cancelled_from_another_process_and_one_that_was_killed_has_failed() {
    let place = Place::new();
    let config = place.path("slow.toml");
    std::fs::write(&config, "[backend.slow]\nkind = \"program\"\ncommand = [\"sleep\", \"60\"]\n").unwrap();
    let config = config.to_str().unwrap();
    let asked = ["generate", "a long one", "--backend", "slow", "--config", config, "--json"];
    let running = || -> Option<u64> {
        let tasks = place.json(&["task", "list", "--json"]);
        let mut running =
            tasks.as_array()?.iter().filter(|task| task["state"] == "running" && task["stage"] == "drafting");
        running.next().and_then(|task| task["id"].as_u64())
    };
    let log = place.path("cancelled.json");
    let mut child = Running::start(&mut place.command(&asked), Some(&log));
    let id = wait_for("the task", PATIENCE, running);
    let cancelled = place.json(&["task", "cancel", &id.to_string(), "--json"]);
    assert_eq!((&cancelled["state"], &cancelled["description"]), (&"cancelled".into(), &"a long one".into()));
    assert_eq!(child.end(PATIENCE).code(), Some(1));
    let said: Value = serde_json::from_str(&std::fs::read_to_string(&log).unwrap()).unwrap();
    assert_eq!(said["error"]["kind"], "cancelled");

    let mut child = Running::start(&mut place.command(&asked), None);
    let second = wait_for("the task", PATIENCE, running);
    assert_ne!(second, id);
    child.kill();
    let status = place.json(&["task", "status", &second.to_string(), "--json"]);
    assert_eq!(status["state"], "failed", "{status}");
    assert!(status["error"]["message"].as_str().unwrap().contains("ask for it again"));
    let unknown = place.run(&["task", "status", "999"]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("no task 999"));
    let late = place.run(&["task", "cancel", &id.to_string()]);
    assert!(!late.status.success() && String::from_utf8_lossy(&late.stderr).contains("ended already"));
}

/// What becomes of a request, by its seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Sounds,
    Fails(FailureKind),
    Hangs,
    Panics,
    Html,
    NotANumber,
    Silent,
}

fn fate(seed: u64) -> Fate {
    match Random::new(seed).below(200) {
        0..=9 => Fate::Fails(FailureKind::Unavailable),
        10..=13 => Fate::Fails(FailureKind::Refused),
        14 => Fate::Fails(FailureKind::Network),
        15 => Fate::Panics,
        16..=17 => Fate::Hangs,
        18..=23 => Fate::Html,
        24..=29 => Fate::NotANumber,
        30..=35 => Fate::Silent,
        _ => Fate::Sounds,
    }
}

struct Wild;

fn samples(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut samples: Vec<f32> = (0..24_000).map(|_| (random.unit() as f32 - 0.5) * 0.5).collect();
    match fate(seed) {
        Fate::NotANumber => samples[5_000] = f32::NAN,
        Fate::Silent => samples.fill(0.0),
        _ => {}
    }
    Audio { rate: SampleRate::DEFAULT, channels: vec![samples] }.to_wav().unwrap()
}

impl Backend for Wild {
    fn draft<'a>(
        &'a self,
        request: &'a Request,
        _: Drafting<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Drafted, Failure>> + Send + 'a>> {
        Box::pin(async move {
            let bytes = match fate(request.seed) {
                Fate::Fails(kind) => return Err(Failure::new(kind, "on purpose").after(1)),
                Fate::Hangs => std::future::pending().await,
                Fate::Panics => panic!("on purpose"),
                Fate::Html => b"<!doctype html><title>No</title>".to_vec(),
                Fate::Sounds | Fate::NotANumber | Fate::Silent => samples(request.seed),
            };
            Ok((Draft::Sound { bytes, content_type: None }, 1))
        })
    }
}

struct WildOnly;

impl Backends for WildOnly {
    fn backend(&self, _: &str) -> Result<Arc<dyn Backend>, Failure> {
        Ok(Arc::new(Wild))
    }

    fn identity(&self, _: &str, _: Option<&str>) -> Result<Identity, Failure> {
        Ok(Identity::new("wild"))
    }
}

struct Mute;

impl Perform for Mute {
    fn perform(&self, _: &[u8], _: SampleRate, _: Option<u64>) -> Result<Audio, Failure> {
        Err(Failure::new(FailureKind::Fault, "no MIDI here"))
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    pages * 4_096
}

fn live() -> Live {
    let rate = SampleRate::DEFAULT;
    let mut midi = Transcript::new(rate);
    for beat in 0..600_u32 {
        let at = f64::from(beat) * 0.25;
        midi.push(rate.frames(at), &[0x90, 48 + (beat % 24) as u8, 90]);
        midi.push(rate.frames(at + 0.2), &[0x80, 48 + (beat % 24) as u8, 0]);
    }
    let score = Score::read(&midi.finish(rate.frames(151.0)).unwrap()).unwrap();
    Live::start(Job {
        rig: parse(BUILT_IN_RIG, &antiphon::engine::kinds()).unwrap(),
        scores: vec![NamedScore { port: None, score }],
        demo: None,
        request: AudioRequest {
            driver: DriverChoice::Null,
            block_frames: Some(512),
            ..AudioRequest::default()
        },
        record: None,
        log: None,
        black_box: None,
        seconds: None,
        injections: Vec::new(),
        scene: None,
        watch: None,
        mending: Mending::default(),
    })
    .unwrap()
}

/// What was measured at the same distances all the way.
struct Curve(Vec<u64>);

impl Curve {
    /// The middle one of those from one part of the way to another.
    fn between(&self, from: f64, to: f64) -> u64 {
        let place = |part: f64| (self.0.len() as f64 * part) as usize;
        let mut stretch = self.0[place(from)..place(to)].to_vec();
        stretch.sort_unstable();
        stretch[stretch.len() / 2]
    }

    fn megabytes(&self) -> String {
        let all: Vec<String> = self.0.iter().map(|bytes| format!("{}", bytes >> 20)).collect();
        all.join(" ")
    }
}

/// `ANTIPHON_SOAK=10000 cargo test --release --test generation soak -- --nocapture` asks ten thousand times.
#[test]
fn a_soak_of_requests_with_faults_is_not_heard() {
    const KILL_EVERY: usize = 97;
    const AT_ONCE: usize = 50;
    /// The index of the cache holds no more: with what is kept, memory grows.
    const TUNES: u64 = 1_000;
    /// The cache in memory may hold eight of them; the rest is what the system's allocator keeps.
    const FLAT_BYTES: u64 = 24 << 20;
    const MEASURED: usize = 30;
    /// All that tasks and index may come to on the disk, with their logs.
    const JOURNAL_BYTES: u64 = 16 << 20;
    let count: usize = std::env::var("ANTIPHON_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    antiphon::rt::guard::make_fatal();
    // As the program does for itself.
    antiphon::device::memory::keep_few_heaps();
    let calm = {
        let live = live();
        std::thread::sleep(Duration::from_secs(2));
        live.stop()
    };
    let live = live();
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let begun = Instant::now();
    let mut resident = Curve(Vec::new());
    runtime.block_on(async {
        let system = System::new(Settings::default());
        let limits = Limits { memory_bytes: 8 << 20, ..Limits::default() };
        let cache = Cache::open(&place.path("cache"), limits).unwrap();
        system.spawn_started("cache", Options::new(), cache.keeper()).await.unwrap();
        let tasks = Tasks::open(&place.path("cache"), &system).await.unwrap();
        let means = Means { backends: Arc::new(WildOnly), perform: Arc::new(Mute), cache: cache.clone() };
        let service = Service::new(means, ServiceSettings::default());
        system.spawn_started("generation", Options::new(), service.supervisor()).await.unwrap();
        let mut under_way = tokio::task::JoinSet::new();
        let (mut asked, mut ended, mut lost) = (0, 0, 0);
        while ended < count {
            while asked < count && under_way.len() < AT_ONCE {
                // Each tune is asked for three times or more.
                let seed = Random::new(asked as u64).below((count as u64 / 3).min(TUNES));
                let (service, tasks) = (service.clone(), tasks.clone());
                under_way.spawn(async move {
                    let request = Request {
                        backend: "wild".to_owned(),
                        seed,
                        length: Length::Seconds(0.5),
                        ..Request::new("soak", SampleRate::DEFAULT)
                    };
                    let ticket = tasks.begin(&request).await.unwrap();
                    let made = service.generate(&request, Duration::from_secs(2), &unwatched()).await;
                    ticket.end(&made);
                    (seed, made)
                });
                asked += 1;
                if asked % KILL_EVERY == 0 {
                    let members = system
                        .snapshot()
                        .into_iter()
                        .flat_map(|root| root.children)
                        .flat_map(|pool| pool.children);
                    for member in members.filter(|actor| actor.path.contains("/generator/")).take(1) {
                        system.find(&member.path).unwrap().kill("on purpose");
                        lost += 1;
                    }
                }
            }
            let (seed, made) = under_way.join_next().await.unwrap().unwrap();
            ended += 1;
            if ended * MEASURED / count > resident.0.len() {
                resident.0.push(resident_bytes());
            }
            match (fate(seed), made) {
                (Fate::Sounds, Ok(product)) => assert_eq!(product.audio.unwrap().frames(), 24_000),
                // Beside what is meant to fail: another's panic or a kill takes its generators along, and
                // on a busy machine all of it takes long.
                (_, Err(failure)) if matches!(failure.kind, FailureKind::Fault | FailureKind::Timeout) => {}
                (Fate::Fails(kind), Err(failure)) => assert_eq!(failure.kind, kind, "{failure}"),
                (Fate::Html | Fate::NotANumber | Fate::Silent, Err(failure)) => {
                    assert_eq!(failure.kind, FailureKind::Unfit, "{failure}");
                }
                (fate, made) => panic!("{fate:?}: {:?}", made.map(|product| product.warnings)),
            }
        }
        assert_eq!((service.counts().requests, asked), (count as u64, count));
        assert!(lost > 0 && service.counts().from_cache > count as u64 / 10, "{:?}", service.counts());
        let verified = cache.verify().unwrap();
        assert_eq!(verified.bad(), 0);
        println!("{count} requests in {:.1} s: {:?}", begun.elapsed().as_secs_f64(), service.counts());
        tasks.close().await;
        let known = tasks.list().await.unwrap();
        assert!(known.len() <= REMEMBERED, "{} tasks are known", known.len());
        let journals = ["tasks.sqlite", "tasks.sqlite-wal", "index.sqlite", "index.sqlite-wal"]
            .map(|name| std::fs::metadata(place.path("cache").join(name)).map_or(0, |file| file.len()));
        println!("  journals and their logs: {journals:?} bytes");
        assert!(journals.iter().sum::<u64>() < JOURNAL_BYTES, "{journals:?}");
        system.stop().await;
    });
    let Played { summary, callbacks: with, .. } = live.stop();
    let without = calm.callbacks;
    println!(
        "  callbacks: p99 {:.0} µs, calm {:.0} µs, of {:.0} µs",
        with.p99_micros, without.p99_micros, with.budget_micros
    );
    println!("  resident megabytes on the way: {}", resident.megabytes());
    assert_eq!(summary.rt_violations, 0);
    assert!(with.p99_micros < with.budget_micros.max(3.0 * without.p99_micros), "callbacks come late");
    // After the first third all is there that stays; the engine that plays is in the same process.
    let (early, late) = (resident.between(0.3, 0.5), resident.between(0.8, 1.0));
    assert!(late < early + FLAT_BYTES, "memory grows: {}", resident.megabytes());
}
