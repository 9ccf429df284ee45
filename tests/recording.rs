//! `play --record`: what is in the file is what was played, whatever happens.

mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use antiphon::midi::file::Transcript;
use antiphon::unit::SampleRate;
use support::program::{Running, wait_for};

const RATE: SampleRate = SampleRate::DEFAULT;
const RIG: &str = r#"
[midi.keys]
in = "no such gear"

[instrument.lead]
kind = "synth"
preset = "init"

[stage.room]
kind = "reverb"

[[cable]]
from = "keys"
to = "lead"

[[cable]]
from = "lead"
to = "room"

[[cable]]
from = "lead"
to = "out"

[[cable]]
from = "room"
to = "out"
"#;

/// A folder with a rig and a MIDI file whose notes never leave a silence.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().expect("a folder");
    std::fs::write(desk.path().join("rig.toml"), RIG).expect("a rig");
    let mut midi = Transcript::new(RATE);
    for index in 0..40_u64 {
        let key = 48 + (index * 7 % 24) as u8;
        midi.push(index * 24_000, &[0x90, key, 100]);
        midi.push(index * 24_000 + 23_000, &[0x80, key, 0]);
    }
    std::fs::write(desk.path().join("song.mid"), midi.finish(40 * 24_000).expect("a song")).expect("written");
    desk
}

fn antiphon(desk: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    command.current_dir(desk).args(arguments);
    command
}

fn run(desk: &Path, arguments: &[&str]) -> Output {
    antiphon(desk, arguments).output().expect("it runs")
}

fn samples(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).expect("the file opens");
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 48_000));
    reader.samples::<f32>().map(|sample| sample.expect("a sample")).collect()
}

const PLAY: [&str; 10] =
    ["play", "rig.toml", "--midi", "song.mid", "--driver", "null", "--rate", "48000", "--record", "take.wav"];

#[test]
fn a_recording_is_what_a_render_of_the_same_is() {
    let desk = desk();
    let played = run(desk.path(), &[&PLAY[..], &["--for", "2", "--json"]].concat());
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let report: serde_json::Value = serde_json::from_slice(&played.stdout).expect("one object");
    assert_eq!(report["record_lost_frames"], 0, "{report}");
    assert_eq!(report["rt_violations"], 0, "{report}");
    assert_eq!(report["late_events"], 0, "{report}");
    let take = samples(&desk.path().join("take.wav"));
    assert_eq!(report["frames"], 96_000, "as long as asked, to the frame");
    assert_eq!(take.len(), 2 * 96_000);

    let render = ["render", "rig.toml", "--midi", "song.mid", "--for", "2", "-o", "render.wav"];
    let rendered = run(desk.path(), &render);
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let expected = samples(&desk.path().join("render.wav"));
    assert_eq!(expected.len(), 2 * 96_000);
    let different = take.iter().zip(&expected).position(|(a, b)| a.to_bits() != b.to_bits());
    assert_eq!(different, None, "the first sample that is not the render's");
    assert!(expected.iter().any(|sample| sample.abs() > 0.05), "there is something to hear");
}

#[test]
fn a_killed_process_leaves_a_file_that_opens() {
    let desk = desk();
    let take = desk.path().join("take.wav");
    let mut child = Running::start(&mut antiphon(desk.path(), &PLAY), None);
    // The header has been brought up to date once or twice.
    let flushed = wait_for("a second in the file", Duration::from_secs(60), || {
        hound::WavReader::open(&take).ok().map(|reader| reader.duration()).filter(|frames| *frames >= 40_000)
    });
    child.kill();
    let kept = samples(&take);
    assert!(kept.len() >= 2 * flushed as usize);
    assert!(kept.iter().all(|sample| sample.is_finite()) && kept.iter().any(|sample| sample.abs() > 0.05));
}

#[test]
fn a_place_that_cannot_be_written_is_named_and_nothing_plays() {
    let desk = desk();
    let places: &[&str] =
        if cfg!(target_os = "linux") { &["none/take.wav", "/dev/full"] } else { &["none/take.wav"] };
    for place in places {
        let arguments = ["play", "rig.toml", "--driver", "null", "--for", "1", "--record", place];
        let output = run(desk.path(), &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot record to") && said.contains(place), "{said}");
        assert!(!said.contains("ready"), "{said}");
    }
}
