//! A soak: faults of every kind while it plays, on the null clock and at a real JACK
//! server. None costs anything but itself.
//!
//! `ANTIPHON_SOAK=1000 cargo test --release --test soak -- --nocapture` injects a thousand.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use antiphon::actor::{Backoff, Window};
use antiphon::device::audio::{AudioRequest, CallbackReport, DriverChoice};
use antiphon::engine::live::{Job, Live, Played};
use antiphon::engine::{Inject, Injection, Mending, NamedScore, StageState};
use antiphon::midi::file::{Score, Transcript};
use antiphon::rig::parse;
use antiphon::unit::SampleRate;

const INSTRUMENTS: usize = 8;
const KINDS: [&str; 4] = ["panic", "nan", "loud", "kill"];
/// Faults of one instrument are further apart than it takes to hear that it is too
/// loud, and to bring it back.
const SPACING_SECONDS: f64 = 0.03;
const BEGIN_SECONDS: f64 = 0.5;
/// After the last fault and the last note.
const REST_SECONDS: f64 = 2.5;
const FAULTS: usize = 48;
const PATIENCE: Duration = Duration::from_secs(600);
/// A heap grows and shrinks by itself; a leak of a processor each time does not.
const FLAT_BYTES: u64 = 24 << 20;

fn faults() -> usize {
    std::env::var("ANTIPHON_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(FAULTS)
}

fn rig() -> String {
    let mut rig = "[midi.keys]\nin = \"nothing of this name\"\n".to_owned();
    for index in 0..INSTRUMENTS {
        let kind = if index % 2 == 0 { "synth" } else { "pluck" };
        write!(
            rig,
            "[instrument.i{index}]\nkind = \"{kind}\"\ngain = -18.0\n[[cable]]\nfrom = \"keys\"\nto = \"i{index}\"\n\
             [[cable]]\nfrom = \"i{index}\"\nto = \"out\"\n"
        )
        .unwrap();
    }
    rig
}

/// Notes all the time, until all of them have ended.
fn score(seconds: f64) -> Score {
    let rate = SampleRate::DEFAULT;
    let mut midi = Transcript::new(rate);
    let (mut at, mut key) = (0.0, 40_u8);
    while at < seconds {
        midi.push(rate.frames(at), &[0x90, key, 90]);
        midi.push(rate.frames(at + 0.24), &[0x80, key, 0]);
        at += 0.25;
        key = 40 + (key - 40 + 7) % 36;
    }
    Score::read(&midi.finish(rate.frames(at)).unwrap()).unwrap()
}

/// Kind after kind, instrument after instrument: the same each time.
fn injections(count: usize) -> Vec<Injection> {
    let one = |index: usize| {
        let kind = KINDS[(index + index / INSTRUMENTS) % KINDS.len()];
        let seconds = BEGIN_SECONDS + index as f64 * SPACING_SECONDS;
        format!("i{}:{kind}@{seconds:.3}", index % INSTRUMENTS).parse().unwrap()
    };
    (0..count).map(one).collect()
}

struct Soaked {
    played: Played,
    voices_left: u32,
    /// Resident bytes after a quarter of it, and at its end.
    resident: (u64, u64),
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    pages * 4_096
}

fn soak(driver: DriverChoice, count: usize, injections: Vec<Injection>) -> Soaked {
    let seconds = BEGIN_SECONDS + count as f64 * SPACING_SECONDS;
    let mut live = Live::start(Job {
        rig: parse(&rig(), &antiphon::engine::kinds()).unwrap(),
        scores: vec![NamedScore { port: None, score: score(seconds) }],
        demo: None,
        request: AudioRequest { driver, block_frames: Some(512), ..AudioRequest::default() },
        record: None,
        log: None,
        black_box: None,
        seconds: Some(seconds + REST_SECONDS),
        injections,
        scene: None,
        watch: None,
        // No quarantine: each fault is to find its instrument playing.
        mending: Mending {
            window: Window { restarts: u32::MAX, within: Duration::from_secs(60) },
            backoff: Backoff { longest: Duration::from_millis(50), jitter: 0.0, ..Backoff::default() },
            ..Mending::default()
        },
    })
    .unwrap();
    let begun = Instant::now();
    let quarter = SampleRate::DEFAULT.frames((seconds + REST_SECONDS) / 4.0);
    let mut resident = (0, 0);
    while !live.is_over() {
        for message in live.attend() {
            assert!(!message.contains("without a device"), "{message}");
        }
        if resident.0 == 0 && live.snapshot().frame >= quarter {
            resident.0 = resident_bytes();
        }
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
    resident.1 = resident_bytes();
    let voices_left = live.snapshot().voices;
    Soaked { played: live.stop(), voices_left, resident }
}

fn shown(report: &CallbackReport) -> String {
    format!(
        "{} callbacks: median {:.0} µs, 99 % {:.0} µs, 99.9 % {:.0} µs, longest {:.0} µs of {:.0} µs; {} too long",
        report.callbacks,
        report.median_micros,
        report.p99_micros,
        report.p999_micros,
        report.max_micros,
        report.budget_micros,
        report.overruns
    )
}

fn judge(driver: DriverChoice) {
    let count = faults();
    let calm = soak(driver, count, Vec::new());
    let all = injections(count);
    let mut kills: BTreeMap<String, u64> = BTreeMap::new();
    for injection in all.iter().filter(|injection| injection.what == Inject::Kill) {
        *kills.entry(injection.actor.clone()).or_default() += 1;
    }
    let wild = soak(driver, count, all);
    let Soaked { played, voices_left, resident } = &wild;
    println!("{driver}: {count} faults injected");
    println!("  without: {}", shown(&calm.played.callbacks));
    println!("  with:    {}", shown(&played.callbacks));
    println!("  resident bytes: {} after a quarter, {} at the end", resident.0, resident.1);

    let summary = &played.summary;
    let killed: u64 = kills.values().sum();
    assert_eq!(
        summary.faults.len() as u64 + killed,
        count as u64,
        "a fault found its instrument silent still"
    );
    assert_eq!(summary.restarts, summary.faults.len() as u64, "each was brought back");
    assert!(summary.quarantined.is_empty());
    assert_eq!((summary.rt_violations, calm.played.summary.rt_violations), (0, 0));
    for index in 0..INSTRUMENTS {
        let path = format!("/engine/instrument/i{index}");
        let keeper = played.actors.iter().find(|actor| actor.path == path).unwrap();
        assert_eq!(keeper.stage.as_ref().unwrap().state, StageState::Playing, "{keeper:?}");
        // A kill while it is being started again counts with the one before.
        assert_eq!(keeper.restarts > 0, kills.contains_key(&format!("i{index}")), "{keeper:?}");
        assert_eq!(keeper.state, "running");
    }
    assert_eq!(*voices_left, 0, "a note hangs");
    assert!(resident.1 < resident.0 + FLAT_BYTES, "memory grows: {resident:?}");
    // Wide limits, for a machine that is shared: what a fault costs is measured alone.
    let (with, without) = (&played.callbacks, &calm.played.callbacks);
    assert!(with.median_micros < 3.0 * without.median_micros + 200.0, "the callback as such costs more");
    assert!(with.p99_micros < with.budget_micros.max(3.0 * without.p99_micros), "callbacks come late");
}

/// One test, because the server is found by the environment of the process.
#[test]
fn faults_while_it_plays_cost_nothing_but_themselves() {
    antiphon::rt::guard::make_fatal();
    let jack = support::jack::JackServer::start("soak", 48_000, 512);
    if let Some(jack) = &jack {
        // SAFETY: the only test of this binary, before any other thread reads it.
        unsafe { std::env::set_var("JACK_DEFAULT_SERVER", &jack.name) };
    }
    judge(DriverChoice::Null);
    if jack.is_some() {
        judge(DriverChoice::Jack);
    }
}
