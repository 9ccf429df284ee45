//! What `antiphon bench latency` says of MIDI and of keys at real JACK servers, against
//! `jack_midi_latency_test` over the same path and against what must come out.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::jack::JackServer;
use support::play::{Play, SOON};
use support::program::{Running, is_installed, wait_for};
use support::python::peer;

const PROGRAM: &str = env!("CARGO_BIN_EXE_antiphon");
/// A machine that misses a period disturbs what is counted in frames: then once more.
const ATTEMPTS: usize = 4;

fn bench(jack: &JackServer, arguments: &[&str]) -> Command {
    let mut command = jack.client(PROGRAM);
    command.args(["bench", "latency", "--driver", "jack", "--json", "-"]).args(arguments);
    command
}

fn report(mut command: Command) -> Value {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// A report of a run in which no period was missed.
fn undisturbed(mut run: impl FnMut() -> Value, is_even: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..ATTEMPTS {
        last = run();
        if is_even(&last["latency"]) {
            break;
        }
    }
    last
}

fn is_one_length(trips: &Value) -> bool {
    trips["min"].is_f64() && trips["min"] == trips["max"]
}

/// `antiphon play` with a thru cable that holds MIDI back by so many frames.
fn thru(jack: &JackServer, folder: &Path, latency_frames: u32) -> Play {
    let rig = format!(
        "[engine]\nmidi_latency_frames = {latency_frames}\n[midi.a]\nin = \"nothing of this name\"\n\
         [midi.b]\nout = \"nothing of this name\"\n[[cable]]\nfrom = \"a\"\nto = \"b\"\n"
    );
    let mut command = Play::command(jack.client(PROGRAM), folder, &rig);
    command.args(["--driver", "jack", "--for", "600"]);
    Play::start(command, folder)
}

/// What `jack_midi_latency_test` says of the way between two ports, in frames.
fn peer_frames(jack: &JackServer, out: &str, input: &str, folder: &Path) -> (u64, u64) {
    let log = folder.join("peer.log");
    let mut test = Running::start(jack.client("jack_midi_latency_test").args(["-s", "200"]), Some(&log));
    jack.connect("jack_midi_latency_test:out", out);
    jack.connect(input, "jack_midi_latency_test:in");
    test.end(SOON);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("Messages received: 200"), "{text}");
    let frames = |name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{text}"));
        let (_, rest) = line.rsplit_once('(').unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    (frames("Highest latency"), frames("Peak MIDI jitter"))
}

#[test]
fn the_round_trip_agrees_with_jack_midi_latency_test_and_thru_adds_exactly_the_fixed_latency() {
    for (period, latency) in [(64_u32, 256_u32), (512, 0), (1_024, 64)] {
        let Some(jack) = JackServer::start("bench-midi", 48_000, period) else { return };
        if !is_installed("jack_midi_latency_test") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let play = thru(&jack, folder.path(), latency);
        let ends = ["--for", "1", "--out", "antiphon:a", "--in", "antiphon:b"];
        let report = undisturbed(
            || report(bench(&jack, &ends)),
            |latency| is_one_length(&latency["midi"]["round_trip_frames"]),
        );
        let midi = &report["latency"]["midi"];
        // A period for the way out and in, as without the engine.
        let expected = f64::from(period + latency);
        let trips = &midi["round_trip_frames"];
        assert_eq!((&trips["min"], &trips["max"]), (&expected.into(), &expected.into()), "{midi}");
        assert_eq!((&trips["lost"], &midi["pairs"][0]["strangers"]), (&0.into(), &0.into()), "{midi}");
        assert_eq!(midi["peak_jitter_us"], 0.0, "{midi}");
        assert!(trips["sent"].as_u64().unwrap() > 100, "{midi}");
        let peer = (0..ATTEMPTS)
            .map(|_| peer_frames(&jack, "antiphon:a", "antiphon:b", folder.path()))
            .find(|(_, jitter)| *jitter == 0);
        assert_eq!(peer, Some((u64::from(period + latency), 0)), "at {period} + {latency}");
        play.stop();
    }
}

#[test]
fn a_key_is_heard_after_two_periods_and_the_fixed_latency_exactly() {
    let cases = [(64_u32, 48_000_u32, 256_u32), (256, 44_100, 64), (512, 48_000, 0)];
    for (period, rate, latency) in cases {
        let Some(jack) = JackServer::start("bench-keys", rate, period) else { return };
        let text = latency.to_string();
        let report = undisturbed(
            || report(bench(&jack, &["--for", "3", "--midi-latency", &text])),
            // The audio's part may have been disturbed too, and be without a figure.
            |latency| {
                is_one_length(&latency["key_to_sound"]["frames"]) && latency["budget"]["engine_ms"].is_f64()
            },
        );
        let found = &report["latency"]["key_to_sound"];
        // MIDI out and in takes a period, sound out and in another.
        let expected = f64::from(2 * period + latency);
        let frames = &found["frames"];
        assert_eq!((&frames["min"], &frames["max"]), (&expected.into(), &expected.into()), "{report}");
        assert_eq!((&frames["lost"], &found["method"]), (&0.into(), &"sent".into()), "{found}");
        assert!(frames["sent"].as_u64().unwrap() >= 3, "{found}");
        let ms = |value: &Value| value.as_f64().unwrap();
        let sum = ms(&found["midi_ms"]) + ms(&found["midi_latency_ms"]) + ms(&found["sound_ms"]);
        let whole = ms(&report["latency"]["key_to_sound_ms"]);
        assert!((sum - whole).abs() < 1e-6, "{found}");
        assert!((whole - expected * 1e3 / f64::from(rate)).abs() < 1e-6, "{found}");
        let budget = &report["latency"]["budget"];
        let parts = ["midi_ms", "midi_latency_ms", "block_ms", "driver_ms", "engine_ms"];
        let sum: f64 = parts.iter().map(|part| ms(&budget[part])).sum();
        assert!((sum - whole).abs() < 1e-3, "{budget} explains not {whole}");
    }
}

#[test]
fn a_server_that_dies_ends_it_with_a_reason_and_what_there_was() {
    let Some(mut jack) = JackServer::start("bench-dies", 48_000, 512) else { return };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("stderr");
    let mut command = bench(&jack, &["--for", "600"]);
    command.stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
    let mut running = command.spawn().unwrap();
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    // Whatever it measures by then.
    wait_for("the first path", SOON, || said().contains("antiphon-bench:").then_some(()));
    std::thread::sleep(std::time::Duration::from_secs(3));
    jack.server.kill();
    let status = wait_for("its end", SOON * 2, || running.try_wait().unwrap());
    assert!(status.success(), "{status}: {}", said());
    let output = running.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let why = report["not_measured"].to_string();
    assert!(why.contains("JACK"), "{why}");
    assert_eq!(report["stopped"], false);
}

#[test]
fn names_that_lead_nowhere_are_refused_with_what_there_is() {
    let Some(jack) = JackServer::start("bench-names", 48_000, 512) else { return };
    let output = bench(&jack, &["--for", "1", "--out", "no such port"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "it was asked for amiss");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let why = report["not_measured"]["latency"].as_str().unwrap();
    assert!(why.contains("no such port") && why.contains("system:playback_1"), "{why}");
    assert!(report["latency"]["midi"]["round_trip_us"].is_null());
}

#[test]
fn a_struck_key_is_timed_from_its_knock_in_the_microphone_to_its_sound_there() {
    let Some(jack) = JackServer::start("bench-struck", 48_000, 512) else { return };
    let (travel, latency) = (331_u32, 64_u32);
    let expected = f64::from(travel + latency + 512);
    let mut last = Value::Null;
    for _ in 0..ATTEMPTS {
        let Some(mut player) = peer("jack_keys.py") else { return };
        player.args([travel.to_string(), "14".to_owned()]);
        player.env("JACK_DEFAULT_SERVER", &jack.name).env("JACK_NO_START_SERVER", "1");
        let _player = Running::start(&mut player, None);
        last = report(bench(
            &jack,
            &["--for", "14", "--microphone", "1", "--midi-latency", &latency.to_string()],
        ));
        if is_one_length(&last["latency"]["key_to_sound"]["frames"]) {
            break;
        }
    }
    let found = &last["latency"]["key_to_sound"];
    assert_eq!(
        (&found["frames"]["min"], &found["frames"]["max"]),
        (&expected.into(), &expected.into()),
        "{last}"
    );
    assert_eq!((&found["method"], &found["lost"]), (&"struck".into(), &0.into()), "{found}");
    assert!(found["sent"].as_u64().unwrap() >= 12, "{found}");
    assert!(found["midi_ms"].is_null(), "{found}");
}
