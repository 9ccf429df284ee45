//! `antiphon rig learn` beside an engine that plays, on a real JACK server: what is
//! turned is written into the rig, and the engine takes it.
#![cfg(target_os = "linux")]

mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use antiphon::midi::Message;
use antiphon::midi::file::Transcript;
use antiphon::unit::SampleRate;
use support::jack::JackServer;
use support::program::{Running, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_antiphon");
const SOON: Duration = Duration::from_secs(60);

const RIG: &str = r#"# My evening
name = "Evening" # in the park

[midi.keys]
in = "nothing of this name"
[midi.knobs]
out = "nothing of this name"   # they are heard from here
[instrument.bass]
kind = "synth"   # the low one
[[cable]]
from = "keys"
to = "knobs"
[[cable]]
from = "keys"
to = "bass"
[[cable]]
from = "bass"
to = "out"
# the end
"#;

/// A minute of a knob that is turned to and fro, among other things.
fn turning(path: &Path) {
    let mut song = Transcript::new(SampleRate::DEFAULT);
    for step in 0..2_400_u64 {
        let way = (step % 100) as u8;
        let value = if way < 50 { way } else { 100 - way };
        let messages = [
            Message::ControlChange { channel: 1, controller: 20, value: 64 + (step % 3) as u8 },
            Message::ControlChange { channel: 1, controller: 74, value },
            Message::NoteOn { channel: 1, key: 40, velocity: 9 },
            Message::NoteOff { channel: 1, key: 40, velocity: 0 },
        ];
        for (at, message) in messages.into_iter().enumerate() {
            let (bytes, length) = message.encode();
            song.push(step * 1_200 + 100 * at as u64, &bytes[..length]);
        }
    }
    std::fs::write(path, song.finish(2_400 * 1_200).expect("a short song")).expect("written");
}

fn learn(jack: &JackServer, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = jack.client(PROGRAM);
    command.current_dir(folder).args(["rig", "learn", "rig.toml"]).args(arguments);
    command.args(["--driver", "jack", "--json"]).output().expect("the program starts")
}

#[test]
fn a_knob_is_learned_beside_an_engine_which_takes_it_at_once() {
    let Some(jack) = JackServer::start("learn", 48_000, 256) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let rig = folder.path().join("rig.toml");
    std::fs::write(&rig, RIG).expect("written");
    turning(&folder.path().join("knob.mid"));
    let log = folder.path().join("log");
    let mut play: Command = jack.client(PROGRAM);
    play.current_dir(folder.path()).args(["play", "rig.toml", "--driver", "jack", "--midi", "knob.mid"]);
    let mut play = Running::start(&mut play, Some(&log));
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    wait_for("the engine", SOON, || said().contains("ready driver=jack").then_some(()));

    let output = learn(&jack, folder.path(), &["bass.cutoff_hertz", "--timeout", "50"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["heard"], &report["from"]), (&"controller 74".into(), &serde_json::Value::Null));
    let text = std::fs::read_to_string(&rig).expect("it is there");
    let added = "\n[[control]]\ncontroller = 74\nset = \"bass.cutoff_hertz\"\n";
    assert_eq!(text.replacen(added, "", 1), RIG, "nothing else was touched");
    wait_for("the change", SOON, || said().contains("the changed rig plays").then_some(()));

    let output = learn(&jack, folder.path(), &["panic", "--timeout", "50"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&rig).expect("it is there");
    assert!(
        text.contains("[[control]]\nnote = 40\ndo = \"panic\"")
            || text.contains("controller = 20\ndo = \"panic\""),
        "{text}"
    );

    let before = text;
    let output = learn(&jack, folder.path(), &["bass.cutof", "--timeout", "50"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("`bass` has no parameter `cutof`; did you mean `bass.cutoff_hertz`?"),
        "{errors}"
    );
    let output = learn(&jack, folder.path(), &["bass.gain", "--from", "keys", "--timeout", "0.2"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("nothing was moved within 0.2 s"), "{errors}");
    assert_eq!(std::fs::read_to_string(&rig).expect("it is there"), before);
    play.terminate();
    play.end(SOON);
}
