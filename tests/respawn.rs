//! `play --respawn`: whatever ends the player, it plays again, and nothing that
//! was recorded is lost.
#![cfg(target_os = "linux")]

mod support;

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use antiphon::midi::file::Transcript;
use antiphon::unit::SampleRate;
use support::jack::JackServer;
use support::play::SOON;
use support::program::{Running, wait_for};

const RIG: &str = r#"
[midi.keys]
in = "no such gear"
[instrument.lead]
kind = "synth"
preset = "init"
[[cable]]
from = "keys"
to = "lead"
[[cable]]
from = "lead"
to = "out"
"#;

/// A folder with a rig and a MIDI file that is never silent.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().expect("a folder");
    std::fs::write(desk.path().join("rig.toml"), RIG).expect("a rig");
    let mut midi = Transcript::new(SampleRate::DEFAULT);
    for index in 0..100_u64 {
        midi.push(index * 24_000, &[0x90, 60, 100]);
        midi.push(index * 24_000 + 23_000, &[0x80, 60, 0]);
    }
    std::fs::write(desk.path().join("song.mid"), midi.finish(100 * 24_000).expect("a song"))
        .expect("written");
    desk
}

/// A parent and what it says.
struct Kept {
    running: Running,
    desk: tempfile::TempDir,
}

impl Kept {
    fn start(desk: tempfile::TempDir, more: &[&str]) -> Kept {
        let command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        Kept::start_on(command, "null", desk, more)
    }

    fn start_on(mut command: Command, driver: &str, desk: tempfile::TempDir, more: &[&str]) -> Kept {
        let fixed = ["play", "rig.toml", "--respawn", "--driver", driver, "--midi", "song.mid", "--json"];
        command.current_dir(desk.path()).args(fixed).args(more).env("XDG_STATE_HOME", desk.path());
        let file = |name| std::fs::File::create(desk.path().join(name)).expect("a file");
        command.stdout(file("stdout")).stderr(file("stderr"));
        Kept { running: Running::start(&mut command, None), desk }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.desk.path().join("stderr")).unwrap_or_default()
    }

    /// Waits until so many lives have sounded.
    fn lives(&self, count: usize) {
        wait_for(&format!("life {count}"), SOON, || {
            (self.said().matches("ready driver=").count() >= count).then_some(())
        });
    }

    /// The player's own process.
    fn child(&self) -> u32 {
        wait_for("a child", SOON, || child_of(self.running.0.id()))
    }

    fn signal(&self, process: u32, signal: &str) {
        let status = Command::new("kill").args([signal, &process.to_string()]).status().expect("kill runs");
        assert!(status.success(), "{}", self.said());
    }

    fn report(&self) -> serde_json::Value {
        let text = std::fs::read_to_string(self.desk.path().join("stdout")).expect("its output");
        serde_json::from_str(&text).expect("one JSON object")
    }
}

fn child_of(parent: u32) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.find(|number| {
        let text = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        let state: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        state.first() != Some(&"Z") && state.get(1).and_then(|p| p.parse().ok()) == Some(parent)
    })
}

fn samples(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).expect("the file opens");
    reader.samples::<f32>().map(|sample| sample.expect("a sample")).collect()
}

#[test]
fn a_killed_player_plays_again_and_its_recording_stays() {
    let mut kept = Kept::start(desk(), &["--record", "take.wav"]);
    kept.lives(1);
    let take = kept.desk.path().join("take.wav");
    let recorded = || hound::WavReader::open(&take).is_ok_and(|reader| reader.duration() > 0);
    wait_for("a second of the recording", SOON, || recorded().then_some(()));
    let first = kept.child();
    let killed = Instant::now();
    kept.signal(first, "-ABRT");
    kept.lives(2);
    println!("it sounded again {} ms after it was killed", killed.elapsed().as_millis());
    let before = samples(&take);
    assert!(before.iter().any(|sample| sample.abs() > 0.01), "what was played is in the file");
    assert_ne!(kept.child(), first);
    // One that is asked to end, ends, and says what it came to.
    kept.running.terminate();
    let status = kept.running.end(SOON);
    assert!(status.success(), "{status}: {}", kept.said());
    assert_eq!(kept.report()["stopped_by"], "signal");
    assert_eq!(samples(&take), before, "the second life left it alone");
    let second = samples(&kept.desk.path().join("take-2.wav"));
    assert!(second.iter().any(|sample| sample.abs() > 0.01), "and recorded its own");
    assert!(kept.said().contains("was ended by signal 6 and is started again"), "{}", kept.said());
}

#[test]
fn one_that_keeps_dying_is_given_up() {
    let mut kept = Kept::start(desk(), &[]);
    let mut killed = Vec::new();
    for life in 1..=5 {
        kept.lives(life);
        let child = wait_for("another child", SOON, || Some(kept.child()).filter(|c| !killed.contains(c)));
        killed.push(child);
        kept.signal(child, if life % 2 == 0 { "-ABRT" } else { "-KILL" });
    }
    let status = kept.running.end(SOON);
    assert_eq!(status.code(), Some(128 + 9), "{}", kept.said());
    assert!(kept.said().contains("5 times within a minute"), "{}", kept.said());
}

#[test]
fn the_time_it_plays_is_that_of_all_lives_and_a_wrong_rig_is_not_tried_twice() {
    let begun = Instant::now();
    let mut kept = Kept::start(desk(), &["--for", "3"]);
    kept.lives(1);
    let lived = begun.elapsed();
    kept.signal(kept.child(), "-KILL");
    let status = kept.running.end(SOON);
    assert!(status.success(), "{status}: {}", kept.said());
    let seconds = kept.report()["seconds"].as_f64().expect("a number");
    assert!(seconds < 3.0 && seconds > 2.5 - lived.as_secs_f64().max(2.0), "{seconds} after {lived:?}");

    let wrong = desk();
    std::fs::write(wrong.path().join("rig.toml"), "[instrument.x]\nkind = \"none\"").expect("written");
    let mut kept = Kept::start(wrong, &[]);
    assert_eq!(kept.running.end(SOON).code(), Some(1), "{}", kept.said());
    assert_eq!(kept.said().matches("nothing is played").count(), 1);
}

#[test]
fn a_parent_that_is_killed_takes_the_player_with_it() {
    let mut kept = Kept::start(desk(), &[]);
    kept.lives(1);
    let child = kept.child();
    kept.running.kill();
    wait_for("the player's end", SOON, || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
    let mut said = String::new();
    let file =
        std::fs::File::open(kept.desk.path().join("stdout")).and_then(|mut f| f.read_to_string(&mut said));
    assert!(file.is_ok() && said.contains("\"stopped_by\":\"signal\""), "it ended as it should: {said}");
}

/// An instrument hangs in the audio thread: the process ends with what it knows, and
/// the next one plays.
fn hang_and_play_again(command: Command, driver: &str) {
    let mut kept =
        Kept::start_on(command, driver, desk(), &["--inject", "lead:hang@1.5", "--record", "take.wav"]);
    kept.lives(1);
    let hangs_at = Instant::now() + Duration::from_millis(1_500);
    wait_for("word of the hang", SOON, || kept.said().contains("the audio thread has hung").then_some(()));
    kept.lives(2);
    let again = Instant::now().saturating_duration_since(hangs_at);
    println!("{driver}: it sounded again {} ms after the hang began", again.as_millis());
    assert!(again < SOON, "{again:?}");
    let said = kept.said();
    assert!(said.contains("in `lead`, at frame 72000; ending with status 70"), "{said}");
    assert!(said.contains("the player hung and is started again"), "{said}");
    let log = std::fs::read_to_string(kept.desk.path().join("antiphon/hangs.log")).expect("a log");
    let log: serde_json::Value = serde_json::from_str(&log).expect("one line of JSON");
    assert_eq!((&log["actor"], &log["life"]), (&"lead".into(), &1.into()), "{log}");

    let before = samples(&kept.desk.path().join("take.wav"));
    assert!(before.iter().any(|sample| sample.abs() > 0.01), "what was played is in the file");
    // The next life goes on past the place where the one before hung.
    let second = kept.desk.path().join("take-2.wav");
    let recorded = || hound::WavReader::open(&second).is_ok_and(|reader| reader.duration() > 90_000);
    wait_for("two seconds of the second life", SOON, || recorded().then_some(()));
    kept.running.terminate();
    let status = kept.running.end(SOON);
    assert!(status.success(), "{status}: {}", kept.said());
    assert_eq!(kept.report()["faults"].as_array().map(Vec::len), Some(0), "{}", kept.report());
    assert!(samples(&second).iter().any(|sample| sample.abs() > 0.01));
}

#[test]
fn a_hang_of_the_audio_thread_costs_a_moment() {
    hang_and_play_again(Command::new(env!("CARGO_BIN_EXE_antiphon")), "null");
}

#[test]
fn a_hang_under_jack_costs_a_moment() {
    let Some(jack) = JackServer::start("respawn", 48_000, 256) else { return };
    hang_and_play_again(jack.client(env!("CARGO_BIN_EXE_antiphon")), "jack");
}
