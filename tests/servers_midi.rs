//! MIDI through a real JACK server, judged by independent programs: `jack_midiseq`,
//! and peers in Python by JACK-Client and by RtMidi.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::ears::read_wav;
use support::jack::JackServer;
use support::play::{ONE_SYNTH, Play, SOON};
use support::program::{Running, is_installed, wait_for};
use support::python::peer;

const PROGRAM: &str = env!("CARGO_BIN_EXE_antiphon");
const THRU: &str = "[midi.a]\nin = \"nothing of this name\"\n[midi.b]\nout = \"nothing of this name\"\n\
                    [[cable]]\nfrom = \"a\"\nto = \"b\"\n";

/// A thru cable on a server of its own.
fn thru(jack: &JackServer, folder: &Path) -> Play {
    let mut command = Play::command(jack.client(PROGRAM), folder, THRU);
    command.args(["--driver", "jack", "--for", "600"]);
    let play = Play::start(command, folder);
    // The library of JACK may hang where two clients start at once: the peer starts when we play.
    wait_for("it plays", SOON, || play.said().contains("ready driver=").then_some(()));
    play
}

/// A client command in the surroundings of this server.
fn on(jack: &JackServer, mut command: Command) -> Command {
    command.env("JACK_DEFAULT_SERVER", &jack.name).env("JACK_NO_START_SERVER", "1");
    command
}

fn lines(text: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(text).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn is_clean(report: &Value) {
    for count in ["rt_violations", "late_events", "dropped_events"] {
        assert_eq!(report[count], 0, "{count} in {report}");
    }
}

#[test]
fn a_minute_of_a_thousand_messages_a_second_comes_back_whole_each_at_its_frame() {
    let Some(jack) = JackServer::start("minute", 48_000, 512) else { return };
    let Some(mut stream) = peer("jack_stream.py") else { return };
    let folder = tempfile::tempdir().unwrap();
    let play = thru(&jack, folder.path());
    // Freewheeling: the same minute in frames, as fast as it goes.
    stream.args(["60000", "48", "freewheel"]);
    let log = folder.path().join("stream.log");
    let mut stream = Running::start(&mut on(&jack, stream), Some(&log));
    jack.connect("peer:out", "antiphon:a");
    jack.connect("antiphon:b", "peer:in");
    stream.end(SOON * 8);
    let said = std::fs::read_to_string(&log).unwrap();
    let result: Value = serde_json::from_str(said.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!((&result["sent"], &result["received"]), (&60_000.into(), &60_000.into()), "{result}");
    assert!(result["first_wrong"].is_null(), "{result}");
    assert_eq!(result["offsets"].as_array().unwrap().len(), 1, "jitter: {result}");
    is_clean(&play.stop());
}

#[test]
fn rtmidi_sends_and_receives_whole_messages_and_sysex() {
    let Some(jack) = JackServer::start("rtmidi", 48_000, 512) else { return };
    if peer("rtmidi_thru.py").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let play = thru(&jack, folder.path());
    let log = folder.path().join("rtmidi.log");
    let attempt = || {
        let script = peer("rtmidi_thru.py").expect("it was there");
        let mut running = Running::start(&mut on(&jack, script), Some(&log));
        jack.connect("rtout:out", "antiphon:a");
        jack.connect("antiphon:b", "rtin:in");
        running.end(SOON * 4);
        let said = std::fs::read_to_string(&log).unwrap();
        let result: Value = serde_json::from_str(said.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {said}"));
        (result, said)
    };
    // The peer's own input is deaf now and then; what the engine sends is the same for all its starts.
    let heard = (0..8).map(|_| attempt()).find(|(result, _)| result["deaf"] != true);
    let (result, said) = heard.expect("the peer hears what is sent to it");
    assert_eq!(result["sent"], 504, "{said}");
    assert_eq!(result["received"], result["sent"], "{said}");
    assert!(result["first_wrong"].is_null(), "{said}");
    is_clean(&play.stop());
}

/// Two notes, 12,000 frames apart, again and again.
fn sequencer(jack: &JackServer) -> Running {
    let mut command = jack.client("jack_midiseq");
    command.args(["Seq", "24000", "0", "60", "6000", "12000", "64", "6000"]).stdout(Stdio::null());
    Running::start(&mut command, None)
}

#[test]
fn the_monitor_says_what_jack_midiseq_plays_at_its_frames_before_and_after_a_cable() {
    let Some(jack) = JackServer::start("monitor", 48_000, 512) else { return };
    if !is_installed("jack_midiseq") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let play = thru(&jack, folder.path());
    let _sequencer = sequencer(&jack);
    jack.connect("Seq:out", "antiphon:a");
    let mut monitor = jack.client(PROGRAM);
    let output = monitor.args(["monitor", "--driver", "jack", "--for", "3", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = lines(&output.stdout);
    let summary = &lines.last().unwrap()["summary"];
    assert_eq!((&summary["lost"], &summary["not_shown"]), (&0.into(), &0.into()), "{summary}");
    let strikes = |port: &str| -> Vec<(i64, u64)> {
        let strikes =
            lines.iter().filter(|line| line["port"] == port && line["message"] == "note-on").map(|line| {
                let frame = (line["seconds"].as_f64().unwrap() * 48_000.0).round() as i64;
                (frame, line["key"].as_u64().unwrap())
            });
        strikes.collect()
    };
    let (played, sent) = (strikes("Seq:out"), strikes("antiphon:b"));
    assert!(played.len() > 8 && sent.len() > 8, "{played:?} {sent:?}");
    for strikes in [&played, &sent] {
        assert!(strikes.windows(2).all(|pair| pair[1].0 - pair[0].0 == 12_000), "{strikes:?}");
        assert!(strikes.windows(2).all(|pair| pair[1].1 + pair[0].1 == 124), "{strikes:?}");
    }
    // Within a period, always the same.
    let delay = (sent[1].0 - played[1].0).rem_euclid(24_000);
    assert!(delay == 0 || delay == 512 || delay == 12_000 || delay == 12_512, "{delay}");
    let kinds = summary["regularity"].as_array().unwrap();
    let strikes =
        kinds.iter().find(|kind| kind["message"] == "note-on" && kind["port"] == "Seq:out").unwrap();
    assert!((strikes["mean_ms"].as_f64().unwrap() - 250.0).abs() < 1e-6, "{strikes}");
    // A frame's time is cut off at the nanosecond.
    assert!(strikes["deviation_us"]["max"].as_f64().unwrap() < 0.1, "{strikes}");
    is_clean(&play.stop());
}

#[test]
fn jack_midiseq_is_heard_at_its_frames() {
    let Some(jack) = JackServer::start("heard", 48_000, 512) else { return };
    if !is_installed("jack_midiseq") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Play::command(jack.client(PROGRAM), folder.path(), ONE_SYNTH);
    command.args(["--driver", "jack", "--for", "600", "--record", "rec.wav"]);
    let play = Play::start(command, folder.path());
    let _sequencer = sequencer(&jack);
    jack.connect("Seq:out", "antiphon:keys_in");
    std::thread::sleep(std::time::Duration::from_secs(4));
    is_clean(&play.stop());
    let (samples, _) = read_wav(&folder.path().join("rec.wav"), 0);
    // An onset is the first sample that is not silent after 2,000 that are.
    let (mut onsets, mut silent) = (Vec::new(), 0);
    for (frame, sample) in samples.iter().enumerate() {
        if sample.abs() > 1e-5 {
            if silent > 2_000 {
                onsets.push(frame);
            }
            silent = 0;
        } else {
            silent += 1;
        }
    }
    assert!(onsets.len() > 6, "{onsets:?}");
    // Of the same key the waveform begins the same.
    assert!(onsets.windows(3).all(|three| three[2] - three[0] == 24_000), "{onsets:?}");
}

#[test]
fn dumps_go_out_and_come_in_whole_and_one_too_long_names_the_limit() {
    let Some(jack) = JackServer::start("sysex", 48_000, 512) else { return };
    let folder = tempfile::tempdir().unwrap();
    let play = thru(&jack, folder.path());
    let mut dump = Vec::new();
    for (number, length) in [0_usize, 1, 254, 255, 256, 1_000, 20_000, 300].into_iter().enumerate() {
        dump.extend_from_slice(&[0xf0, 0x7d, number as u8]);
        dump.extend((0..length).map(|byte| (byte * 31 + number) as u8 & 0x7f));
        dump.push(0xf7);
    }
    std::fs::write(folder.path().join("out.syx"), &dump).unwrap();
    let log = folder.path().join("receive.log");
    let mut receive = jack.client(PROGRAM);
    receive.current_dir(folder.path()).args(["sysex", "receive", "in.syx", "--driver", "jack"]);
    receive.args(["--from", "antiphon:b", "--until-silence", "2"]);
    let mut receive = Running::start(&mut receive, Some(&log));
    wait_for("the ear's connection", SOON, || {
        jack.connections("antiphon:b").iter().any(|port| port.starts_with("antiphon-monitor")).then_some(())
    });
    let send = |file: &str, to: &str| {
        let mut send = jack.client(PROGRAM);
        send.current_dir(folder.path()).args(["sysex", "send", file, "--driver", "jack", "--to", to]);
        let output = send.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, said) = send("out.syx", "antiphon:a");
    assert!(status == Some(0) && said.contains("8 messages"), "{said}");
    let status = receive.end(SOON);
    assert!(status.success(), "{}", std::fs::read_to_string(&log).unwrap());
    assert!(std::fs::read(folder.path().join("in.syx")).unwrap() == dump, "the dump changed on its way");

    let mut long = vec![0x11; 100_000];
    (long[0], long[99_999]) = (0xf0, 0xf7);
    std::fs::write(folder.path().join("long.syx"), &long).unwrap();
    let (status, said) = send("long.syx", "antiphon:a");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("100000 bytes; this port takes 32"), "{said}");
    let (status, said) = send("out.syx", "no such port");
    assert!(status == Some(1) && said.contains("no port fits") && said.contains("antiphon:a"), "{said}");
    std::fs::write(folder.path().join("bad.syx"), [0xf0, 1]).unwrap();
    let (status, said) = send("bad.syx", "antiphon:a");
    assert!(status == Some(1) && said.contains("message 1 has no end"), "{said}");

    let mut nothing = jack.client(PROGRAM);
    nothing
        .current_dir(folder.path())
        .args(["sysex", "receive", "none.syx", "--driver", "jack", "--for", "1"]);
    let output = nothing.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no SysEx came in 1 s"));
    assert!(!folder.path().join("none.syx").exists());
    is_clean(&play.stop());
}

#[test]
fn a_sysex_too_long_for_a_port_is_refused_and_the_player_says_so() {
    let Some(jack) = JackServer::start("toolong", 48_000, 512) else { return };
    let folder = tempfile::tempdir().unwrap();
    // 60,000 bytes: a MIDI file may hold them, a JACK port's buffer not.
    let mut track = vec![0, 0xf0, 0x83, 0xd4, 0x60];
    track.extend(std::iter::repeat_n(5, 59_999));
    track.extend_from_slice(&[0xf7, 0, 0x90, 60, 1, 96, 0x80, 60, 0, 0, 0xff, 0x2f, 0]);
    let mut file = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk".to_vec();
    file.extend_from_slice(&(track.len() as u32).to_be_bytes());
    file.extend_from_slice(&track);
    std::fs::write(folder.path().join("long.mid"), file).unwrap();
    let mut command = Play::command(jack.client(PROGRAM), folder.path(), THRU);
    command.args(["--driver", "jack", "--midi", "a=long.mid", "--for", "2"]);
    let play = Play::start(command, folder.path());
    wait_for("the news", SOON, || play.said().contains("SysEx of 60001 bytes").then_some(()));
    assert!(play.said().contains("at most 32"), "{}", play.said());
    let report = play.finish();
    assert_eq!(report["dropped_events"], 1, "{report}");
}
