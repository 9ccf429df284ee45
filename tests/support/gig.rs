//! A gig that is recorded and logged, and held against its replay.

use std::path::Path;
use std::process::Command;

use antiphon::midi::file::Transcript;
use antiphon::unit::SampleRate;

use super::play::Play;

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_antiphon");
const RATE: SampleRate = SampleRate::DEFAULT;
/// A rig with all that a gig may have.
pub const RIG: &str = r#"
name = "gig"
[midi.keys]
in = "no such keyboard"
[midi.gear]
out = "no such synthesizer"
[input.mic]
channels = [1]
[instrument.lead]
kind = "synth"
preset = "gm"
[instrument.bass]
kind = "pluck"
gain = -6.0
[stage.echo]
kind = "delay"
[stage.room]
kind = "reverb"
isolate = true
[[cable]]
from = "keys"
to = "lead"
[[cable]]
from = "keys"
to = "bass"
transpose = -12
[[cable]]
from = "keys"
to = "gear"
[[cable]]
from = "mic"
to = "room"
[[cable]]
from = "lead"
to = "room"
[[cable]]
from = "bass"
to = "echo"
[[cable]]
from = "echo"
to = "out"
[[cable]]
from = "room"
to = "out"
"#;

/// Chords, controllers, wheels, programs and a dump, for so many seconds.
pub fn write_song(path: &Path, seconds: u64) {
    let mut midi = Transcript::new(RATE);
    let end = seconds * 48_000;
    for index in 0..seconds * 8 {
        let at = index * 6_000;
        let key = 40 + (index * 7 % 40) as u8;
        midi.push(at, &[0xb0, 1, (index * 5 % 128) as u8]);
        midi.push(at + 11, &[0x90, key, 100]);
        midi.push(at + 500, &[0xe0, 0, 64 + (index % 9) as u8]);
        midi.push(at + 5_500, &[0x80, key, 0]);
        if index % 8 == 5 {
            midi.push(at + 600, &[0xc0, (index / 8 % 2) as u8]);
            midi.push(at + 601, &[&[0xf0, 0x7d], &[7; 700][..], &[0xf7]].concat());
        }
    }
    std::fs::write(path, midi.finish(end).expect("it is there")).expect("it is there");
}

/// The same command each time: plays, records, logs.
pub fn play(command: Command, folder: &Path, arguments: &[&str]) -> Play {
    play_rig(command, folder, RIG, arguments)
}

/// The same with another rig.
pub fn play_rig(command: Command, folder: &Path, rig: &str, arguments: &[&str]) -> Play {
    let mut command = Play::command(command, folder, rig);
    command.args(["--record", "live.wav", "--log", "gig.anti"]).args(arguments);
    command.env("XDG_STATE_HOME", folder);
    Play::start(command, folder)
}

/// `antiphon replay --json`.
pub fn replay(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder).args(["replay", "gig.anti", "-o", "replay.wav", "--json"]).args(arguments);
    let output = command.output().expect("it is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it is there")
}

/// Plays the log again, and holds it against the recording.
pub fn is_the_same(folder: &Path, played: &serde_json::Value) -> serde_json::Value {
    for count in ["rt_violations", "record_lost_frames"] {
        assert_eq!(played[count], 0, "{count} in {played}");
    }
    assert_eq!(played["log"]["lost_records"], 0, "{played}");
    let replayed = replay(folder, &[]);
    assert_eq!(replayed["breaks_off"], serde_json::Value::Null, "{replayed}");
    assert_eq!(replayed["foreign"], serde_json::Value::Null, "{replayed}");
    assert_eq!(replayed["frames"], played["log"]["frames"]);
    let (live, again) = (
        std::fs::read(folder.join("live.wav")).expect("it is there"),
        std::fs::read(folder.join("replay.wav")).expect("it is there"),
    );
    let differs = live.iter().zip(&again).position(|(a, b)| a != b);
    assert!(live == again, "{} and {} bytes, which differ from byte {differs:?} on", live.len(), again.len());
    assert!(live.len() > 48_000, "{} bytes", live.len());
    let faults = |report: &serde_json::Value| {
        let mut faults: Vec<String> = report["faults"]
            .as_array()
            .expect("it is there")
            .iter()
            .map(|f| format!("{} {} {} {}", f["frame"], f["actor"], f["kind"], f["message"]))
            .collect();
        faults.sort();
        faults
    };
    assert_eq!(faults(played), faults(&replayed));
    assert_eq!(played["scenes"], replayed["scenes"]);
    replayed
}
