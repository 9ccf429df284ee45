//! A gig in which everything happens that may happen to a player.

use std::path::Path;
use std::process::Command;

use antiphon::midi::file::Transcript;
use antiphon::unit::SampleRate;

use super::gig::RIG;
use super::play::{Play, SOON};
use super::program::wait_for;

/// Somebody who answers what is played two seconds later, a band that plays by itself, and a clip.
const BY_THEMSELVES: &str = r#"
[transport]
start = true
[generator.answer]
kind = "continuation"
bars = 1
[generator.band]
kind = "local"
bars = 1
horizon_bars = 2
[clip.tape]
file = "loop.wav"
autoplay = true
loop = true
[[cable]]
from = "keys"
to = "answer"
[[cable]]
from = "answer"
to = "bass"
[[cable]]
from = "band"
to = "bass"
from_channel = 2
[[cable]]
from = "tape"
to = "out"
"#;

/// A gig's rig with what plays by itself, and two scenes.
fn rig() -> String {
    format!(
        "{RIG}\n{BY_THEMSELVES}\n[[scene]]\nname = \"first\"\nprogram = 0\n\
         [[scene]]\nname = \"second\"\nprogram = 1\nmute = [\"bass\"]\nset = {{ \"room.mix\" = 0.9 }}\n"
    )
}

/// A second of a tone.
fn write_loop(path: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).expect("a file");
    for frame in 0..48_000_u32 {
        file.write_sample(((f64::from(frame) * 0.03).sin() * 8_000.0) as i16).expect("written");
    }
    file.finalize().expect("whole");
}

/// Notes, wheels, controllers, programs and dumps, some at one frame.
fn write_storm(path: &Path, seconds: u64) {
    let mut midi = Transcript::new(SampleRate::DEFAULT);
    let end = seconds * 48_000;
    for index in 0..seconds * 400 {
        let at = index * 120;
        let seven = (index * 37 % 128) as u8;
        match index % 6 {
            0 | 1 => midi.push(at, &[0x90, 30 + seven / 2, 1 + seven / 2]),
            2 | 3 => midi.push(at, &[0x80, 30 + seven / 2, 0]),
            4 => midi.push(at, &[0xb0, [1, 7, 64, 74][index as usize % 4], seven]),
            _ => midi.push(at, &[0xe0, 0, seven]),
        }
        if index % 200 == 150 {
            midi.push(at, &[0xc0, (index / 200 % 2) as u8]);
            midi.push(at + 7, &[&[0xf0, 0x7d], &[7; 700][..], &[0xf7]].concat());
        }
    }
    std::fs::write(path, midi.finish(end).expect("it is there")).expect("it is there");
}

const FAULTS: [&str; 8] = [
    "lead:panic@0.7",
    "echo:nan@1.1",
    "bass:loud@1.3",
    "room:panic@1.6",
    "lead:kill@2.2",
    "recorder:kill@2.3",
    "log:kill@2.4",
    "rig:kill@3.2",
];

/// The program plays a storm, records, logs, is told two rigs and loses stages; `during` does more.
pub fn whole_gig(
    mut command: Command,
    folder: &Path,
    driver: &str,
    during: impl FnOnce(&Play),
) -> serde_json::Value {
    write_storm(&folder.join("storm.mid"), 6);
    write_loop(&folder.join("loop.wav"));
    command = Play::command(command, folder, &rig());
    command.args(["--driver", driver, "--for", "6", "--midi", "storm.mid"]);
    command.args(["--record", "live.wav", "--log", "gig.anti"]);
    FAULTS.iter().for_each(|fault| {
        command.args(["--inject", fault]);
    });
    let gig = Play::start(command, folder);
    wait_for("the first fault", SOON, || gig.said().contains("`lead` failed").then_some(()));
    let first = rig().replace("transpose = -12", "transpose = 7").replace("\"gm\"", "\"organ\"");
    std::fs::write(folder.join("rig.toml"), &first).expect("it is there");
    wait_for("the change", SOON, || gig.said().contains("the changed rig plays").then_some(()));
    std::fs::write(folder.join("rig.toml"), first.replace("\"delay\"", "\"delay\"\nmix = 0.9"))
        .expect("it is there");
    during(&gig);
    let played = gig.finish();
    assert_eq!(played["rt_violations"], 0, "{played}");
    assert!(played["faults"].as_array().expect("it is there").len() >= 3, "{played}");
    for generator in played["generators"].as_object().expect("it is there").values() {
        assert!(generator["events"].as_u64().is_some_and(|events| events > 20), "{generator}");
    }
    assert!(played["scenes"].as_array().expect("it is there").len() >= 3, "{played}");
    assert!(std::fs::metadata(folder.join("live.wav")).expect("it is there").len() > 500_000);
    assert!(std::fs::metadata(folder.join("gig.anti")).expect("it is there").len() > 10_000);
    played
}
