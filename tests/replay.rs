//! What was played live, from its log: the same bytes, whatever happened.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::Command;

use antiphon::journal::{BitDepth, WavOut};
use antiphon::unit::SampleRate;
use support::gig::{PROGRAM, RIG, is_the_same, play, play_rig, replay, write_song};
use support::play::{Play, SOON};
use support::program::wait_for;

/// Faults of every kind, keepers that die, and a rig that is saved twice.
fn a_rough_gig(block: &str) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_song(&folder.join("song.mid"), 6);
    let faults = [
        "lead:panic@0.7",
        "echo:nan@1.1",
        "bass:stall:20@1.4",
        "room:stall:30@1.6",
        "room:hang@2",
        "lead:kill@2.2",
        "recorder:kill@2.3",
        "log:kill@2.4",
        "bass:loud@2.6",
        "rig:kill@3.2",
    ];
    let mut arguments = vec!["--driver", "null", "--block", block, "--for", "6", "--midi", "song.mid"];
    faults.iter().for_each(|fault| arguments.extend(["--inject", fault]));
    let gig = play(Command::new(PROGRAM), folder, &arguments);
    wait_for("the first fault", SOON, || gig.said().contains("`lead` failed").then_some(()));
    let first = RIG
        .replace("transpose = -12", "transpose = 7")
        .replace("gain = -6.0", "gain = -9.0")
        .replace("\"gm\"", "\"organ\"");
    std::fs::write(folder.join("rig.toml"), &first).unwrap();
    wait_for("the change", SOON, || gig.said().contains("the changed rig plays").then_some(()));
    let second = first.replace("kind = \"delay\"", "kind = \"delay\"\nmix = 0.9\nseconds = 0.25");
    std::fs::write(folder.join("rig.toml"), second).unwrap();
    let played = gig.finish();
    // A stage that is silent for being late may miss what is injected into it.
    assert!(played["faults"].as_array().unwrap().len() >= 3, "{played}");
    assert_eq!(played["frames"], 6 * 48_000);
    is_the_same(folder, &played);

    // What went to gear, and what each actor put out, is there too.
    let replayed = replay(folder, &["--stems", "stems", "--midi-out", "midi"]);
    assert_eq!(replayed["frames"], played["frames"]);
    for name in ["stems/lead.wav", "stems/bass.wav", "stems/echo.wav", "stems/room.wav", "midi/gear.mid"] {
        assert!(std::fs::metadata(folder.join(name)).unwrap().len() > 5_000, "{name}");
    }
}

#[test]
fn a_rough_gig_in_blocks_of_17() {
    a_rough_gig("17");
}

#[test]
fn a_rough_gig_in_blocks_of_64() {
    a_rough_gig("64");
}

#[test]
fn a_rough_gig_in_blocks_of_512() {
    a_rough_gig("512");
}

#[test]
fn scenes_come_at_the_same_frames() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_song(&folder.join("song.mid"), 4);
    let rig = include_str!("../assets/rigs/two-scenes.toml");
    let arguments = ["--driver", "null", "--for", "4", "--midi", "song.mid", "--scene", "chorus"];
    let played = play_rig(Command::new(PROGRAM), folder, rig, &arguments).finish();
    assert!(played["scenes"].as_array().unwrap().len() >= 4, "{played}");
    is_the_same(folder, &played);
}

#[test]
fn a_player_that_is_asked_to_end_logs_to_the_last_frame() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_song(&folder.join("song.mid"), 60);
    let gig = play(Command::new(PROGRAM), folder, &["--driver", "null", "--midi", "song.mid"]);
    wait_for("two seconds", SOON, || {
        (std::fs::metadata(folder.join("live.wav")).unwrap().len() > 2 * 8 * 48_000).then_some(())
    });
    let played = gig.stop();
    is_the_same(folder, &played);
}

#[test]
fn a_killed_player_leaves_a_log_of_all_but_its_last_moment() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_song(&folder.join("song.mid"), 60);
    let gig = play(Command::new(PROGRAM), folder, &["--driver", "null", "--midi", "song.mid"]);
    let frames = |path: &Path| hound::WavReader::open(path).map_or(0, |wav| wav.duration());
    wait_for("three seconds", SOON, || (frames(&folder.join("live.wav")) > 3 * 48_000).then_some(()));
    // Dropped, it is killed.
    drop(gig);
    let replayed = replay(folder, &[]);
    assert!(replayed["breaks_off"].is_string(), "{replayed}");
    assert!(replayed["frames"].as_u64().unwrap() > 3 * 48_000 - 9_600, "{replayed}");
    let samples = |name: &str| {
        let mut wav = hound::WavReader::open(folder.join(name)).unwrap();
        wav.samples::<f32>().map(|sample| sample.unwrap().to_bits()).collect::<Vec<u32>>()
    };
    let (live, again) = (samples("live.wav"), samples("replay.wav"));
    let both = live.len().min(again.len());
    assert!(both > 2 * 2 * 48_000 && live[..both] == again[..both], "{} and {}", live.len(), again.len());
}

/// What `antiphon log` prints.
fn shown(folder: &Path, file: &Path) -> String {
    let output = Command::new(PROGRAM).current_dir(folder).arg("log").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_black_box_is_kept_around_a_fault_and_outlives_a_killed_player() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_song(&folder.join("song.mid"), 60);
    let arguments = ["--driver", "null", "--midi", "song.mid", "--black-box", "box.anti"];
    let begin = |more: &[&str]| {
        let mut command = Play::command(Command::new(PROGRAM), folder, RIG);
        command.args(arguments).args(more);
        Play::start(command, folder)
    };
    let gig = begin(&["--inject", "lead:panic@1"]);
    let kept = wait_for("the copy", SOON, || {
        let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        files.into_iter().find(|path| path.to_string_lossy().contains("antiphon-fault-"))
    });
    wait_for("the news", SOON, || gig.said().contains("what led to the fault is kept in").then_some(()));
    let text = shown(folder, &kept);
    for part in ["black box of Antiphon", "keys: note on", "`lead` failed (panic)", "null plays", "rig `gig`"]
    {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    // Killed, it leaves the box as it was; the next player sets it aside.
    drop(gig);
    let text = shown(folder, Path::new("box.anti"));
    assert!(text.contains("`lead` failed (panic)"), "{text}");
    let gig = begin(&["--for", "1"]);
    wait_for("the news", SOON, || gig.said().contains("the last player was killed").then_some(()));
    let played = gig.finish();
    assert_eq!((&played["rt_violations"], &played["log"]), (&0.into(), &serde_json::Value::Null));
    let crash = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let crash = crash.into_iter().find(|path| path.to_string_lossy().contains("antiphon-crash-")).unwrap();
    assert!(shown(folder, &crash).contains("`lead` failed (panic)"));
    // One that ended as it should leaves nothing to set aside, and a box cannot be played.
    let output = Command::new(PROGRAM)
        .current_dir(folder)
        .args(["replay", "box.anti", "-o", "replay.wav"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is a black box"));
}

#[test]
fn a_folder_that_takes_no_black_box_is_said_once_and_playing_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("blocked"), "a file, no folder").unwrap();
    let mut command = Play::command(Command::new(PROGRAM), folder, RIG);
    command.args(["--driver", "null", "--for", "1", "--black-box", "blocked/box.anti"]);
    let gig = Play::start(command, folder);
    wait_for("the news", SOON, || gig.said().contains("there is no black box").then_some(()));
    assert_eq!(gig.finish()["frames"], 48_000);
}

#[test]
fn what_is_no_log_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gig.anti"), "not a log at all, but long enough to be one").unwrap();
    let output = Command::new(PROGRAM)
        .current_dir(folder.path())
        .args(["replay", "gig.anti", "-o", "replay.wav"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("gig.anti is no log of Antiphon"), "{said}");
    assert!(!folder.path().join("replay.wav").exists());
}

/// 4.5 s in which each sample is another, as floats.
fn write_long(path: &Path) {
    let frames = SampleRate::DEFAULT.frames(4.5) as u32;
    let samples: Vec<f32> = (0..frames).map(|n| 0.25 + n as f32 / (1 << 22) as f32).collect();
    let mut wav = WavOut::create(path, SampleRate::DEFAULT, 2, BitDepth::Float32, None).unwrap();
    wav.write(&[&samples, &samples]).unwrap();
    wav.finish().unwrap();
}

#[test]
fn a_log_whose_clip_was_edited_anywhere_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.join("long.wav");
    write_long(&path);
    let clip = |name| {
        format!(
            "[clip.{name}]\nfile = 'long.wav'\nstream = true\nautoplay = true\n\
             [[cable]]\nfrom = '{name}'\nto = 'out'\n"
        )
    };
    let rig = format!("[transport]\nstart = true\n{}", clip("tape"));
    let gig = play_rig(Command::new(PROGRAM), folder, &rig, &["--driver", "null", "--for", "5"]);
    // What is saved while it plays is known by all of its files, too.
    std::fs::write(folder.join("rig.toml"), format!("{rig}{}", clip("more"))).unwrap();
    wait_for("the change", SOON, || gig.said().contains("the changed rig plays").then_some(()));
    let played = gig.finish();
    is_the_same(folder, &played);
    let bytes = std::fs::read(&path).unwrap();
    // Each is but one sample of 4.5 s, and not all of them are in what is read at once.
    for at in [800_000, bytes.len() / 63 + 20_000, bytes.len() - 20_000] {
        let mut edited = bytes.clone();
        edited[at] ^= 1;
        std::fs::write(&path, edited).unwrap();
        let mut command = Command::new(PROGRAM);
        let output =
            command.current_dir(folder).args(["replay", "gig.anti", "-o", "no.wav"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("the sound of the clip `tape`"), "{at}: {said}");
    }
    std::fs::write(&path, bytes).unwrap();
    is_the_same(folder, &played);
}
