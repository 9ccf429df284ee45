//! The program at real JACK servers, judged by independent clients. The clock
//! of a shared machine is not judged: content and protocol are.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::process::Stdio;
use std::time::Duration;

use support::ears::{cents, key_hertz, peak, pitch_hertz, read_wav, sounding};
use support::jack::JackServer;
use support::play::{ONE_SYNTH, Play, SOON};
use support::program::{Running, is_installed, wait_for};
use support::score::hold_key;

const PROGRAM: &str = env!("CARGO_BIN_EXE_antiphon");
const KEY: u8 = 64;

fn is_clean(report: &serde_json::Value) {
    for count in ["rt_violations", "late_events", "dropped_events", "record_lost_frames"] {
        assert_eq!(report[count], 0, "{count} in {report}");
    }
}

#[test]
fn a_note_from_a_file_is_recorded_by_another_program_at_its_pitch() {
    let Some(jack) = JackServer::start("pitch", 48_000, 512) else { return };
    if !is_installed("jack_rec") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    hold_key(&folder.path().join("score.mid"), KEY, 60_000);
    let mut command = Play::command(jack.client(PROGRAM), folder.path(), ONE_SYNTH);
    command.args(["--driver", "jack", "--midi", "keys=score.mid", "--for", "5"]);
    let play = Play::start(command, folder.path());
    let wav = folder.path().join("heard.wav");
    let recorded = jack
        .client("jack_rec")
        .arg("-f")
        .arg(&wav)
        .args(["-d", "1", "-b", "16", "antiphon:out_1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(recorded.success());
    let report = play.finish();
    let (samples, rate) = read_wav(&wav, 0);
    let heard = sounding(&samples, 4_800, 32_768);
    assert!(peak(heard) > 0.01, "{}", peak(heard));
    let off = cents(pitch_hertz(heard, rate), key_hertz(KEY));
    assert!(off.abs() < 3.0, "{off} cents from the key's pitch");
    is_clean(&report);
    assert_eq!((&report["driver"], &report["stopped_by"]), (&"jack".into(), &"for".into()));
    let seconds = report["seconds"].as_f64().unwrap();
    assert!(seconds >= 5.0, "{report}");
}

#[test]
fn an_input_reaches_an_output_after_exactly_one_period() {
    let Some(jack) = JackServer::start("delay", 48_000, 512) else { return };
    if !is_installed("jack_iodelay") || !is_installed("stdbuf") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let rig = "[engine]\nlimiter = false\n[input.mic]\nchannels = [1]\n[output.line]\nchannels = [1]\n\
               [[cable]]\nfrom = \"mic\"\nto = \"line\"\n";
    let mut command = Play::command(jack.client(PROGRAM), folder.path(), rig);
    command.args(["--driver", "jack", "--for", "600"]);
    let play = Play::start(command, folder.path());
    let log = folder.path().join("delay.log");
    let _meter = Running::start(jack.client("stdbuf").args(["-oL", "jack_iodelay"]), Some(&log));
    jack.connect("jack_delay:out", "antiphon:in_1");
    jack.connect("antiphon:out_1", "jack_delay:in");
    // The meter needs some periods without an xrun between them.
    wait_for("a delay of 512 frames", SOON, || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let line = text.lines().rev().find(|line| line.contains("total roundtrip latency"))?;
        let frames: f64 = line.split_whitespace().next()?.parse().ok()?;
        ((frames - 512.0).abs() < 0.01).then_some(())
    });
    assert!(!play.said().contains("playing goes on without"), "{}", play.said());
}

#[test]
fn midi_goes_through_without_a_frame_of_jitter() {
    let Some(jack) = JackServer::start("midi", 48_000, 512) else { return };
    if !is_installed("jack_midi_latency_test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let rig = "[midi.a]\nin = \"nothing of this name\"\n[midi.b]\nout = \"nothing of this name\"\n\
               [[cable]]\nfrom = \"a\"\nto = \"b\"\n";
    let mut command = Play::command(jack.client(PROGRAM), folder.path(), rig);
    command.args(["--driver", "jack", "--for", "600"]);
    let play = Play::start(command, folder.path());
    let log = folder.path().join("latency.log");
    let mut test = Running::start(jack.client("jack_midi_latency_test").args(["-s", "200"]), Some(&log));
    jack.connect("jack_midi_latency_test:out", "antiphon:a");
    jack.connect("antiphon:b", "jack_midi_latency_test:in");
    test.end(SOON);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("Messages received: 200"), "{text}");
    let jitter = text.lines().find(|line| line.starts_with("Peak MIDI jitter")).unwrap_or_default();
    assert!(jitter.contains("(0 frames)"), "{text}");
    assert!(!play.said().contains("playing goes on without"), "{}", play.said());
}

#[test]
fn a_killed_server_leaves_the_null_clock_playing_and_the_recording_whole() {
    let Some(mut jack) = JackServer::start("killed", 48_000, 512) else { return };
    let folder = tempfile::tempdir().unwrap();
    hold_key(&folder.path().join("score.mid"), KEY, 60_000);
    let mut command = Play::command(jack.client(PROGRAM), folder.path(), ONE_SYNTH);
    command.args(["--driver", "jack", "--midi", "score.mid", "--for", "5", "--record", "rec.wav"]);
    let play = Play::start(command, folder.path());
    jack.server.kill();
    wait_for("the news", SOON, || play.said().contains("playing goes on without").then_some(()));
    assert!(play.said().contains("JACK server ended"), "{}", play.said());
    let report = play.finish();
    is_clean(&report);
    assert_eq!((&report["driver"], &report["stopped_by"]), (&"null".into(), &"for".into()));
    // The note goes on over the change as if nothing had been.
    let (samples, rate) = read_wav(&folder.path().join("rec.wav"), 0);
    let heard = sounding(&samples, 4_800, 4 * 48_000);
    let off = cents(pitch_hertz(heard, rate), key_hertz(KEY));
    assert!(off.abs() < 1.0, "{off} cents");
    let quietest = heard.chunks_exact(480).map(peak).fold(1.0, f32::min);
    assert!(quietest > 0.5 * peak(heard), "a hole of {quietest} in {}", peak(heard));
}

#[test]
fn a_server_that_comes_back_is_played_on_again_without_a_hole() {
    let Some(mut jack) = JackServer::start("returns", 48_000, 512) else { return };
    if !is_installed("jack_rec") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    hold_key(&folder.path().join("score.mid"), KEY, 600_000);
    let mut command = Play::command(jack.client(PROGRAM), folder.path(), ONE_SYNTH);
    command.args(["--driver", "jack", "--midi", "score.mid", "--for", "600", "--record", "rec.wav"]);
    let play = Play::start(command, folder.path());
    for turn in 1..=2 {
        jack.server.kill();
        let heard = |text: &str| play.said().matches(text).count() == turn;
        wait_for("the null clock", SOON, || heard("playing goes on without").then_some(()));
        jack.restart();
        wait_for("the device's return", SOON, || heard("is back and plays").then_some(()));
        wait_for("its ports", SOON, || {
            let ports = jack.list(&[]);
            ["antiphon:out_1", "antiphon:keys_in"]
                .iter()
                .all(|port| ports.contains(&(*port).into()))
                .then_some(())
        });
    }
    let wav = folder.path().join("heard.wav");
    let mut recorder = jack.client("jack_rec");
    recorder.arg("-f").arg(&wav).args(["-d", "1", "-b", "16", "antiphon:out_1"]);
    assert!(recorder.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    let report = play.stop();
    is_clean(&report);
    assert_eq!((&report["driver"], &report["stopped_by"]), (&"jack".into(), &"signal".into()));
    let (samples, rate) = read_wav(&wav, 0);
    let heard = sounding(&samples, 4_800, 32_768);
    assert!(peak(heard) > 0.01, "{}", peak(heard));
    assert!(cents(pitch_hertz(heard, rate), key_hertz(KEY)).abs() < 3.0);
    // One note over all four changes, in one timeline.
    let (samples, rate) = read_wav(&folder.path().join("rec.wav"), 0);
    assert_eq!(samples.len() as u64, report["frames"].as_u64().unwrap());
    let end = samples.len() - 4_800;
    let heard = sounding(&samples[..end], 4_800, end);
    let off = cents(pitch_hertz(heard, rate), key_hertz(KEY));
    assert!(off.abs() < 1.0, "{off} cents");
    let quietest = heard.chunks_exact(480).map(peak).fold(1.0, f32::min);
    assert!(quietest > 0.5 * peak(heard), "a hole of {quietest} in {}", peak(heard));
}

#[test]
fn freewheeling_loses_and_delays_nothing() {
    let Some(jack) = JackServer::start("freewheel", 48_000, 512) else { return };
    if !is_installed("jack_freewheel") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    hold_key(&folder.path().join("score.mid"), KEY, 3_600_000);
    let mut command = Play::command(jack.client(PROGRAM), folder.path(), ONE_SYNTH);
    command.args(["--driver", "jack", "--midi", "score.mid", "--for", "40", "--record", "rec.wav"]);
    let begin = std::time::Instant::now();
    let play = Play::start(command, folder.path());
    // Past the recorder's ring of some seconds, many times.
    assert!(jack.client("jack_freewheel").arg("y").status().unwrap().success());
    let report = play.finish();
    is_clean(&report);
    assert!(begin.elapsed() < Duration::from_secs(35), "{:?}", begin.elapsed());
    let (samples, rate) = read_wav(&folder.path().join("rec.wav"), 0);
    assert!(samples.len() as u64 >= 40 * u64::from(rate), "{}", samples.len());
    let heard = sounding(&samples, 4_800, 39 * 48_000);
    let off = cents(pitch_hertz(heard, rate), key_hertz(KEY));
    assert!(off.abs() < 1.0, "{off} cents");
    let quietest = heard.chunks_exact(480).map(peak).fold(1.0, f32::min);
    assert!(quietest > 0.5 * peak(heard), "a hole of {quietest} in {}", peak(heard));
}
