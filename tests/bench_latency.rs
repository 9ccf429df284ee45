//! `antiphon bench latency` on real servers, judged by an independent meter on the same
//! path and by delays that are known. Frames are judged exactly, the clock is not.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::jack::JackServer;
use support::play::{Play, SOON};
use support::program::{Running, is_installed, wait_for};
use support::pulse::PulseServer;

const PROGRAM: &str = env!("CARGO_BIN_EXE_antiphon");
/// As near as two meters must come to each other.
const FRAMES: f64 = 0.1;

/// The report of a measurement.
fn bench(command: Command, arguments: &[&str]) -> Value {
    ended(command, arguments, 0)
}

/// The same of one that ends with a certain status.
fn ended(mut command: Command, arguments: &[&str], status: i32) -> Value {
    command.args(["bench", "latency", "--json", "-", "--for", "1"]).args(arguments);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("{} {} {said}", report["latency"]["audio"], report["not_measured"]);
    report
}

fn round_trip(report: &Value) -> f64 {
    let audio = &report["latency"]["audio"];
    audio["round_trip_frames"].as_f64().unwrap_or_else(|| panic!("{audio} {}", report["not_measured"]))
}

/// Where the figure must be `frames`, and the engine must not add to it.
fn is_exact(report: &Value, frames: f64) {
    let audio = &report["latency"]["audio"];
    assert!((round_trip(report) - frames).abs() < 0.01, "{frames} {audio}");
    assert_eq!(audio["engine_frames"], 0.0, "{audio}");
    assert!(audio["spread_frames"].as_f64().unwrap() < 0.01, "{audio}");
    assert!(audio["gain_decibels"].as_f64().unwrap().abs() < 0.1, "{audio}");
    assert_eq!(report["latency"]["budget"]["engine_blocks"], 0.0, "{}", report["latency"]["budget"]);
}

/// What `jack_iodelay` reads between these two ports, in frames: three times the same. It tells
/// delays apart up to 65,536 frames; an xrun between its tones makes it read nonsense once.
fn iodelay(jack: &JackServer, folder: &Path, to: &str, from: &str) -> f64 {
    let log = folder.join("delay.log");
    let _meter = Running::start(jack.client("stdbuf").args(["-oL", "jack_iodelay"]), Some(&log));
    jack.connect("jack_delay:out", to);
    jack.connect(from, "jack_delay:in");
    wait_for("three equal readings of jack_iodelay", SOON, || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let is_reading = |line: &&str| line.contains("total roundtrip latency");
        let readings: Vec<f64> = text
            .lines()
            .rev()
            .filter(is_reading)
            .take(3)
            .filter_map(|line| line.split_whitespace().next()?.parse().ok())
            .collect();
        let [newest, before, first] = readings[..] else { return None };
        ((newest - before).abs() < 0.05 && (newest - first).abs() < 0.05).then_some(newest)
    })
}

/// An input through a delay of so many frames (0 for none) to an output.
fn rig(delay_frames: u32) -> String {
    let ports = "[input.line_in]\nchannels = [1]\n[output.line_out]\nchannels = [1]\n";
    if delay_frames == 0 {
        return format!("{ports}[[cable]]\nfrom = \"line_in\"\nto = \"line_out\"\n");
    }
    format!(
        "{ports}[stage.planted]\nkind = \"delay\"\nseconds = {:.9}\nmix = 1\nfeedback = 0\n\
         [[cable]]\nfrom = \"line_in\"\nto = \"planted\"\n[[cable]]\nfrom = \"planted\"\nto = \"line_out\"\n",
        f64::from(delay_frames) / 48_000.0
    )
}

/// Our own loop, and through another program with delays planted, beside the meter.
fn agrees(period: u32, delays: &[u32]) {
    let Some(jack) = JackServer::start(&format!("bench{period}"), 48_000, period) else { return };
    if !is_installed("jack_iodelay") || !is_installed("stdbuf") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let report = bench(jack.client(PROGRAM), &["--driver", "jack"]);
    // What a client sends itself comes back in the next period.
    is_exact(&report, f64::from(period));
    assert_eq!(report["latency"]["audio"]["path"], "antiphon-bench:out_1 -> antiphon-bench:in_1");
    let metered = iodelay(&jack, folder.path(), "jack_delay:in", "jack_delay:out");
    assert!((metered - round_trip(&report)).abs() < FRAMES, "{metered} {}", report["latency"]["audio"]);
    for delay in delays {
        let mut command = Play::command(jack.client(PROGRAM), folder.path(), &rig(*delay));
        command.args(["--driver", "jack", "--for", "600"]);
        let play = Play::start(command, folder.path());
        let arguments = ["--driver", "jack", "--out", "antiphon:in_1", "--in", "antiphon:out_1"];
        let report = bench(jack.client(PROGRAM), &arguments);
        // The engine between adds what is planted, and nothing to the loop's own period.
        is_exact(&report, f64::from(period + delay));
        let metered = iodelay(&jack, folder.path(), "antiphon:in_1", "antiphon:out_1");
        assert!((metered - round_trip(&report)).abs() < FRAMES, "{metered} {}", report["latency"]["audio"]);
        play.stop();
    }
}

#[test]
fn at_512_frames_it_agrees_with_the_meter_over_every_planted_delay() {
    agrees(512, &[0, 4_000]);
}

#[test]
fn at_64_and_1024_frames_it_agrees_with_the_meter() {
    // A delay stage has at least 48 frames: these are one frame apart.
    for (period, delay) in [(64, 48), (1_024, 49)] {
        agrees(period, &[delay]);
    }
}

#[test]
fn what_others_connect_is_measured_and_an_end_that_leads_nowhere_is_told() {
    let Some(jack) = JackServer::start("bench-ends", 48_000, 512) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut command = Play::command(jack.client(PROGRAM), folder.path(), &rig(777));
    command.args(["--driver", "jack", "--for", "600"]);
    let play = Play::start(command, folder.path());
    // A script at the patchbay while the measurement runs on its own loop: it begins again.
    let json = folder.path().join("report.json");
    let mut command = jack.client(PROGRAM);
    command.args(["bench", "latency", "--driver", "jack", "--for", "3", "--json"]).arg(&json);
    let mut running = Running::start(&mut command, Some(&folder.path().join("bench.log")));
    wait_for("its own loop", SOON, || {
        (jack.connections("antiphon-bench:out_1") == ["antiphon-bench:in_1"]).then_some(())
    });
    jack.connect("antiphon-bench:out_1", "antiphon:in_1");
    jack.connect("antiphon:out_1", "antiphon-bench:in_1");
    assert!(running.end(SOON + SOON).success());
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    is_exact(&report, 512.0 + 777.0);
    // Out, and never in: no figure, but what to do.
    let arguments = ["--driver", "jack", "--out", "system:playback_1", "--in", "system:capture_1"];
    let report = bench(jack.client(PROGRAM), &arguments);
    assert_eq!(report["latency"]["audio"]["round_trip_frames"], Value::Null);
    let why = report["not_measured"]["latency.audio"].as_str().unwrap();
    assert!(why.contains("nothing came back") && why.contains("cable"), "{why}");
    assert!(report["latency"]["audio"]["lost"].as_u64().is_some_and(|lost| lost > 0), "{report}");
    let report = ended(jack.client(PROGRAM), &["--driver", "jack", "--out", "hdmi:nowhere"], 2);
    let why = report["not_measured"]["latency"].as_str().unwrap();
    assert!(why.contains("hdmi:nowhere") && why.contains("system:playback_1"), "{why}");
    play.stop();
}

#[test]
fn ctrl_c_keeps_what_there_is_and_a_dead_server_ends_it_soon() {
    let Some(mut jack) = JackServer::start("bench-end", 48_000, 512) else { return };
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let start = |jack: &JackServer| {
        let mut command = jack.client(PROGRAM);
        command.args(["bench", "latency", "--driver", "jack", "--for", "600", "--json"]).arg(&json);
        let running = Running::start(&mut command, Some(&folder.path().join("bench.log")));
        wait_for("its own loop", SOON, || {
            (jack.connections("antiphon-bench:out_1") == ["antiphon-bench:in_1"]).then_some(())
        });
        running
    };
    let read = || -> Value { serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap() };
    let mut running = start(&jack);
    std::thread::sleep(std::time::Duration::from_secs(6));
    running.terminate();
    assert!(running.end(SOON).success());
    let report = read();
    assert_eq!(report["stopped"], true);
    assert!((round_trip(&report) - 512.0).abs() < 0.01, "{}", report["latency"]["audio"]);
    let mut running = start(&jack);
    jack.server.kill();
    assert!(running.end(SOON).success());
    let report = read();
    let audio = &report["latency"]["audio"];
    let why = &report["not_measured"]["latency.audio"];
    assert!(
        audio["round_trip_frames"].is_f64() || why.as_str().is_some_and(|why| why.contains("JACK")),
        "{report}"
    );
}

#[test]
fn pulse_is_measured_over_the_monitor_of_its_sink_and_the_null_clock_is_not() {
    let report = bench(Command::new(PROGRAM), &["--driver", "null"]);
    assert_eq!(report["latency"]["audio"]["round_trip_frames"], Value::Null);
    assert!(report["not_measured"]["latency.audio"].as_str().unwrap().contains("null clock"));
    let Some(pulse) = PulseServer::start(48_000) else { return };
    let arguments = ["--driver", "pulse", "--out", "nsink", "--in", "nsink.monitor"];
    let report = bench(pulse.client(PROGRAM), &arguments);
    let audio = &report["latency"]["audio"];
    // A block each way at least, and no more than a second.
    let block = audio["block_frames"].as_f64().unwrap();
    assert!((block..48_000.0).contains(&round_trip(&report)), "{audio}");
    assert!(audio["gain_decibels"].as_f64().unwrap().abs() < 0.2, "{audio}");
    // A server on a busy machine moves the path under way: then nothing is said of the engine.
    match audio["engine_frames"].as_f64() {
        Some(frames) => assert_eq!(frames, 0.0, "{audio}"),
        None => assert!(report["not_measured"]["latency.audio.engine_frames"].is_string(), "{report}"),
    }
}
