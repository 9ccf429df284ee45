//! One of eight instruments fails in the middle of a note: the program itself, its
//! stems compared byte by byte, and its mix listened to for a click.

#[path = "support/ears.rs"]
#[allow(dead_code)] // Only its ears for files are used here.
mod ears;
#[path = "harness/measure.rs"]
mod measure;

use std::path::{Path, PathBuf};
use std::process::Command;

use antiphon::midi::Message;
use antiphon::midi::file::Transcript;
use antiphon::unit::SampleRate;
use ears::{peak, read_wav};

const INSTRUMENTS: [(&str, &str); 8] = [
    ("organ", "preset = \"organ\""),
    ("bass", "preset = \"round-bass\""),
    ("lead", "preset = \"gm\""),
    ("pad", "preset = \"init\""),
    ("high", "preset = \"organ\""),
    ("low", "preset = \"round-bass\""),
    ("left", "preset = \"gm\""),
    ("victim", "preset = \"organ\""),
];
/// Where the victim's cable leads; everything else stands alone.
const AFTER_VICTIM: [&str; 2] = ["victim", "echo"];
const FAULT: usize = 48_000;
/// The first quantum that is not before the fault and its 50 ms: both are multiples of 32.
const BACK: usize = FAULT + 2_400;
const NEXT_NOTE: usize = 76_800;

fn rig() -> String {
    let mut text = String::from("[midi.keys]\nin = \"*\"\n");
    for (n, (name, settings)) in INSTRUMENTS.iter().enumerate() {
        text += &format!("[instrument.{name}]\nkind = \"synth\"\n{settings}\ngain = -15\n");
        let transpose = [0, -12, 7, 4, 12, -24, 16, -5][n];
        text += &format!("[[cable]]\nfrom = \"keys\"\nto = \"{name}\"\ntranspose = {transpose}\n");
        let to = match *name {
            "victim" => "echo",
            "lead" | "left" => "room",
            _ => "out",
        };
        text += &format!("[[cable]]\nfrom = \"{name}\"\nto = \"{to}\"\n");
    }
    text + "[stage.echo]\nkind = \"delay\"\nseconds = 0.11\nmix = 0.3\n[stage.room]\nkind = \"reverb\"\n\
            [[cable]]\nfrom = \"echo\"\nto = \"out\"\n[[cable]]\nfrom = \"room\"\nto = \"out\"\n"
}

/// A note over the fault, and the next one.
fn song() -> Vec<u8> {
    let mut transcript = Transcript::new(SampleRate::DEFAULT);
    let on = Message::NoteOn { channel: 0, key: 60, velocity: 90 };
    let off = Message::NoteOff { channel: 0, key: 60, velocity: 64 };
    for (frame, message) in [(4_800, on), (67_200, off), (NEXT_NOTE as u64, on), (110_400, off)] {
        let (bytes, length) = message.encode();
        transcript.push(frame, &bytes[..length]);
    }
    transcript.finish(115_200).expect("a short song")
}

struct Take {
    folder: PathBuf,
    report: serde_json::Value,
    errors: String,
}

impl Take {
    /// Renders the rig with faults, in blocks of so many frames.
    fn new(parent: &Path, name: &str, inject: &[&str], block: u32) -> Take {
        let folder = parent.join(name);
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("rig.toml"), rig()).expect("written");
        std::fs::write(folder.join("song.mid"), song()).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command.current_dir(&folder).args(["render", "rig.toml", "--midi", "song.mid", "-o", "mix.wav"]);
        command.args(["--stems", "stems", "--for", "2.5", "--json", "--block", &block.to_string()]);
        command.args(inject.iter().flat_map(|fault| ["--inject", fault]));
        let output = command.output().expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{inject:?}: {errors}");
        let report = serde_json::from_slice(&output.stdout).expect("an object of JSON");
        Take { folder, report, errors }
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
    }

    fn stem(&self, actor: &str) -> Vec<u8> {
        self.bytes(&format!("stems/{actor}.wav"))
    }

    fn heard(&self, file: &str) -> Vec<f32> {
        read_wav(&self.folder.join(file), 0).0
    }
}

fn actors() -> impl Iterator<Item = &'static str> {
    INSTRUMENTS.iter().map(|(name, _)| *name).chain(["echo", "room"])
}

#[test]
fn survivors_are_identical_and_the_victim_comes_back() {
    let parent = tempfile::tempdir().expect("a folder");
    let healthy = Take::new(parent.path(), "healthy", &[], 64);
    assert_eq!(healthy.report["faults"], serde_json::json!([]));
    for (what, kind) in
        [("panic", "panic"), ("nan", "not_finite"), ("stall:20", "stall"), ("hang", "hang"), ("loud", "loud")]
    {
        let name = what.replace(':', "-");
        let faulty = Take::new(parent.path(), &name, &[&format!("victim:{what}@1")], 64);
        for actor in actors().filter(|actor| !AFTER_VICTIM.contains(actor)) {
            assert!(faulty.stem(actor) == healthy.stem(actor), "{actor} after {what}");
        }
        assert!(faulty.stem("victim") != healthy.stem("victim"), "{what} changed nothing");

        let (report, errors) = (&faulty.report, &faulty.errors);
        let frame = FAULT + if what == "loud" { 2_400 } else { 0 };
        let fault = &report["faults"][0];
        assert_eq!(report["faults"].as_array().map(Vec::len), Some(1), "{report}");
        assert_eq!((&fault["actor"], &fault["kind"]), (&"victim".into(), &kind.into()), "{report}");
        assert_eq!(fault["frame"], frame, "{report}");
        assert_eq!((&report["restarts"], &report["rt_violations"]), (&1.into(), &0.into()), "{report}");
        assert_eq!(fault["message"].as_str().is_some(), what == "panic", "{report}");
        assert_eq!(report["quarantined"], serde_json::json!([]));
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains("victim") && errors.contains(kind), "{errors}");

        let victim = faulty.heard("stems/victim.wav");
        let back = frame + 2_400;
        assert!(victim[frame + 240..back].iter().all(|x| *x == 0.0), "silent while it is rebuilt: {what}");
        let (before, after) = (peak(&victim[FAULT - 4_800..FAULT]), &victim[NEXT_NOTE..NEXT_NOTE + 9_600]);
        assert!(peak(after) > 0.5 * before, "it sounds again at its next note: {what}");

        // The same whatever the block.
        let other = Take::new(parent.path(), &format!("{name}-17"), &[&format!("victim:{what}@1")], 17);
        assert!(other.bytes("mix.wav") == faulty.bytes("mix.wav"), "block 17 after {what}");
    }
}

/// The death of what looks after a stage is not heard in a render.
#[test]
fn killing_a_keeper_changes_no_sample() {
    let parent = tempfile::tempdir().expect("a folder");
    let healthy = Take::new(parent.path(), "healthy", &[], 512);
    let killed = Take::new(parent.path(), "killed", &["victim:kill@1", "bass:kill@1.2"], 512);
    assert!(killed.bytes("mix.wav") == healthy.bytes("mix.wav"));
    assert_eq!(killed.report["faults"], serde_json::json!([]));
}

/// How loud a change of the mix is above 6 kHz, where the music has next to nothing,
/// within 6 ms of a frame: in dB of the mix around it.
fn click_decibels(change: &[f32], mix: &[f32], around: usize) -> f32 {
    let high = measure::band(change, 48_000.0, 6_000.0, 23_000.0);
    let burst = high[around - 48..around + 288].iter().fold(0.0_f64, |most, x| most.max(x.abs())) as f32;
    20.0 * (burst / peak(&mix[around - 2_400..around + 2_400])).log10()
}

#[test]
fn there_is_no_click_where_it_fails_nor_where_it_comes_back() {
    let parent = tempfile::tempdir().expect("a folder");
    let take = Take::new(parent.path(), "healthy", &[], 64);
    let healthy = take.heard("mix.wav");
    for what in ["panic", "nan", "stall:20"] {
        let name = what.replace(':', "-");
        let faulty = Take::new(parent.path(), &name, &[&format!("victim:{what}@1")], 64).heard("mix.wav");
        let change: Vec<f32> = faulty.iter().zip(&healthy).map(|(f, h)| f - h).collect();
        for around in [FAULT, BACK] {
            let decibels = click_decibels(&change, &healthy, around);
            assert!(decibels < -60.0, "{what} at {around}: {decibels} dB");
        }
    }
    // That it would be heard: the same stage cut off without a ramp.
    let mut cut: Vec<f32> = take.heard("stems/echo.wav").iter().map(|x| -x).collect();
    cut[..FAULT].fill(0.0);
    let decibels = click_decibels(&cut, &healthy, FAULT);
    assert!(decibels > -40.0, "{decibels} dB");
}

#[test]
fn what_cannot_be_injected_is_said_before_anything_is_rendered() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rig.toml"), rig()).expect("written");
    for (fault, hint) in [
        ("viktim:panic@1", "did you mean `victim`?"),
        ("nobody-like-it:panic@1", "organ, bass, lead, pad, high, low, left, victim"),
        ("victim:panik@1", "did you mean `panic`?"),
        ("victim:stall@1", "stall:20"),
        ("victim", "ACTOR:KIND[:MS]@SECONDS"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command.current_dir(folder.path()).args(["render", "rig.toml", "-o", "mix.wav", "--for", "1"]);
        let output = command.args(["--inject", fault]).output().expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(hint), "{fault}: {errors}");
        assert!(!folder.path().join("mix.wav").exists());
    }
}
