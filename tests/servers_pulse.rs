//! The program at a real PulseAudio server, heard by `parec`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::process::{Command, Stdio};

use support::ears::{cents, key_hertz, peak, pitch_hertz, read_wav, sounding};
use support::play::{ONE_SYNTH, Play, SOON};
use support::program::{Running, wait_for};
use support::pulse::PulseServer;
use support::score::hold_key;

const PROGRAM: &str = env!("CARGO_BIN_EXE_antiphon");
const KEY: u8 = 57;
const HALF_SECONDS_FRAMES: usize = 24_000;

/// Records what the sink plays until a second of it sounds.
fn listen(pulse: &PulseServer) -> Vec<f32> {
    let raw = pulse.folder().join("heard.raw");
    let mut parec = pulse.client("parec");
    parec.args(["-d", "nsink.monitor", "--format=float32le", "--rate=48000", "--channels=1", "--raw"]);
    parec.stdin(Stdio::null()).stdout(std::fs::File::create(&raw).unwrap()).stderr(Stdio::null());
    let _parec = Running(parec.spawn().unwrap());
    wait_for("a second of sound", SOON, || {
        let bytes = std::fs::read(&raw).ok()?;
        let samples: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        let heard = sounding(&samples, 4_800, 2 * HALF_SECONDS_FRAMES).to_vec();
        (peak(&heard) > 0.01 && heard.len() == 2 * HALF_SECONDS_FRAMES).then_some(heard)
    })
}

fn play(pulse: &PulseServer, folder: &std::path::Path, arguments: &[&str]) -> Play {
    hold_key(&folder.join("score.mid"), KEY, 3_600_000);
    let command: Command = pulse.client(PROGRAM);
    let mut command = Play::command(command, folder, ONE_SYNTH);
    command.args(["--midi", "score.mid"]).args(arguments);
    Play::start(command, folder)
}

/// On a machine too busy the server itself drops out, so the best of the
/// stretches that were heard is judged.
fn best_cents(heard: &[f32]) -> f64 {
    let off = |part: &[f32]| cents(pitch_hertz(part, 48_000), key_hertz(KEY));
    heard
        .windows(HALF_SECONDS_FRAMES)
        .step_by(4_800)
        .map(off)
        .min_by(|a, b| a.abs().total_cmp(&b.abs()))
        .unwrap()
}

#[test]
fn a_note_is_heard_at_its_pitch_by_auto_and_with_resampling() {
    let Some(pulse) = PulseServer::start(48_000) else { return };
    for arguments in [&["--for", "600"][..], &["--rate", "44100", "--block", "1024", "--for", "600"]] {
        let folder = tempfile::tempdir().unwrap();
        let play = play(&pulse, folder.path(), arguments);
        assert!(play.said().contains("ready driver=pulse"), "{}", play.said());
        let off = best_cents(&listen(&pulse));
        assert!(off.abs() < 3.0, "{off} cents from the key's pitch");
    }
}

#[test]
fn a_killed_server_leaves_the_null_clock_playing() {
    let Some(mut pulse) = PulseServer::start(48_000) else { return };
    let folder = tempfile::tempdir().unwrap();
    let play = play(&pulse, folder.path(), &["--driver", "pulse", "--for", "6", "--record", "rec.wav"]);
    pulse.server.kill();
    wait_for("the news", SOON, || play.said().contains("playing goes on without").then_some(()));
    let report = play.finish();
    assert_eq!((&report["driver"], &report["stopped_by"]), (&"null".into(), &"for".into()));
    for count in ["rt_violations", "late_events", "dropped_events", "record_lost_frames"] {
        assert_eq!(report[count], 0, "{count} in {report}");
    }
    let (samples, rate) = read_wav(&folder.path().join("rec.wav"), 0);
    let heard = sounding(&samples, 4_800, 5 * 48_000);
    let off = cents(pitch_hertz(heard, rate), key_hertz(KEY));
    assert!(off.abs() < 1.0, "{off} cents");
}

#[test]
fn a_server_that_comes_back_is_played_on_again_without_a_hole() {
    let Some(mut pulse) = PulseServer::start(48_000) else { return };
    let folder = tempfile::tempdir().unwrap();
    let play = play(&pulse, folder.path(), &["--driver", "pulse", "--for", "600", "--record", "rec.wav"]);
    pulse.server.kill();
    wait_for("the null clock", SOON, || play.said().contains("playing goes on without").then_some(()));
    pulse.restart();
    wait_for("the device's return", SOON, || play.said().contains("is back and plays").then_some(()));
    let off = best_cents(&listen(&pulse));
    assert!(off.abs() < 3.0, "{off} cents from the key's pitch");
    let report = play.stop();
    assert_eq!((&report["driver"], &report["stopped_by"]), (&"pulse".into(), &"signal".into()));
    for count in ["rt_violations", "late_events", "dropped_events", "record_lost_frames"] {
        assert_eq!(report[count], 0, "{count} in {report}");
    }
    let (samples, rate) = read_wav(&folder.path().join("rec.wav"), 0);
    let end = samples.len() - 4_800;
    let heard = sounding(&samples[..end], 4_800, end);
    assert!(cents(pitch_hertz(heard, rate), key_hertz(KEY)).abs() < 1.0);
    let quietest = heard.chunks_exact(480).map(peak).fold(1.0, f32::min);
    assert!(quietest > 0.5 * peak(heard), "a hole of {quietest} in {}", peak(heard));
}
