//! A gig in which everything happens that may happen to a player.

use std::path::Path;
use std::process::Command;

use antiphon::midi::file::Transcript;
use antiphon::unit::SampleRate;

use super::gig::RIG;
use super::play::{Play, SOON};
use super::program::wait_for;

/// Listens to what is played, and answers it two seconds later.
const ANSWERING: &str = "[generator.answer]\nkind = \"continuation\"\nbars = 1\n\
    [[cable]]\nfrom = \"keys\"\nto = \"answer\"\n[[cable]]\nfrom = \"answer\"\nto = \"bass\"\n";

/// A gig's rig with somebody who answers, and two scenes.
fn rig() -> String {
    format!(
        "{RIG}\n{ANSWERING}\n[[scene]]\nname = \"first\"\nprogram = 0\n\
         [[scene]]\nname = \"second\"\nprogram = 1\nmute = [\"bass\"]\nset = {{ \"room.mix\" = 0.9 }}\n"
    )
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
    assert!(played["scenes"].as_array().expect("it is there").len() >= 3, "{played}");
    assert!(std::fs::metadata(folder.join("live.wav")).expect("it is there").len() > 500_000);
    assert!(std::fs::metadata(folder.join("gig.anti")).expect("it is there").len() > 10_000);
    played
}
