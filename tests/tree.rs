//! The engine as one supervision tree: any of its actors may be killed while it
//! plays, and nobody hears of it.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use antiphon::actor::Address;
use antiphon::device::audio::{AudioRequest, DriverChoice};
use antiphon::engine::live::{Job, Live, Played, SetError, StageMessage, Watched};
use antiphon::engine::{Injection, Mending, NamedScore, StageState};
use antiphon::midi::file::Score;
use antiphon::rig::{Rig, parse};

/// Far more than any machine needs.
const SOON: Duration = Duration::from_secs(30);
const RIG: &str = r#"
[midi.keys]
in = "nothing of this name"
[instrument.bass]
kind = "synth"
gain = -9.0
[instrument.lead]
kind = "pluck"
[stage.echo]
kind = "delay"
[stage.room]
kind = "reverb"
[[cable]]
from = "keys"
to = "bass"
[[cable]]
from = "keys"
to = "lead"
[[cable]]
from = "lead"
to = "echo"
[[cable]]
from = "echo"
to = "room"
[[cable]]
from = "room"
to = "out"
[[cable]]
from = "bass"
to = "out"
"#;

fn rig() -> Rig {
    parse(RIG, &antiphon::engine::kinds()).unwrap()
}

fn score() -> Score {
    Score::read(&antiphon::feed::demo::piece()).unwrap()
}

fn job(record: Option<&Path>, seconds: Option<f64>, injections: &[&str]) -> Job {
    Job {
        rig: rig(),
        scores: vec![NamedScore { port: None, score: score() }],
        demo: None,
        request: AudioRequest {
            driver: DriverChoice::Null,
            block_frames: Some(256),
            ..AudioRequest::default()
        },
        record: record.map(Path::to_owned),
        log: None,
        black_box: None,
        seconds,
        injections: injections.iter().map(|text| text.parse::<Injection>().unwrap()).collect(),
        scene: None,
        watch: None,
        mending: Mending::default(),
    }
}

fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < SOON, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn play(job: Job) -> (Played, Vec<String>) {
    let mut live = Live::start(job).unwrap();
    let mut said = Vec::new();
    wait_for("the end", || {
        said.extend(live.attend());
        live.is_over().then_some(())
    });
    (live.stop(), said)
}

fn samples(path: &Path) -> Vec<u32> {
    let mut reader = hound::WavReader::open(path).unwrap();
    reader.samples::<f32>().map(|sample| sample.unwrap().to_bits()).collect()
}

#[test]
fn killing_any_actor_changes_no_sample() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, wild) = (folder.path().join("calm.wav"), folder.path().join("wild.wav"));
    let (played, _) = play(job(Some(&calm), Some(2.0), &[]));
    assert_eq!(played.actors.iter().map(|actor| actor.restarts).sum::<u64>(), 0, "{:?}", played.actors);
    let kills = [
        "bass:kill@0.2",
        "echo:kill@0.3",
        "renderer:kill@0.4",
        "device/audio:kill@0.5",
        "device/midi:kill@0.6",
        "device/midi/keys:kill@0.75",
        "journal/recorder:kill@0.7",
        "rig:kill@0.8",
        "instrument:kill@0.9",
        "stage:kill@1.0",
        "/engine/journal:kill@1.1",
        "device:kill@1.2",
        "engine:kill@1.4",
        "lead:kill@1.6",
    ];
    let (played, said) = play(job(Some(&wild), Some(2.0), &kills));
    let restarts = |path: &str| {
        let actor = played.actors.iter().find(|actor| actor.path == path);
        actor.unwrap_or_else(|| panic!("{path} is not among {:?}", played.actors)).restarts
    };
    for path in [
        "/engine",
        "/engine/renderer",
        "/engine/instrument",
        "/engine/instrument/bass",
        "/engine/stage/echo",
        "/engine/device/audio",
        "/engine/device/midi",
        "/engine/device/midi/keys",
        "/engine/journal/recorder",
        "/engine/rig",
    ] {
        assert!(restarts(path) >= 1, "{path}: {:?}", played.actors);
    }
    assert!(played.actors.iter().all(|actor| actor.state == "running"), "{:?}", played.actors);
    let recording = played.recording.unwrap();
    assert_eq!((recording.error, recording.lost_frames, recording.gaps.len()), (None, 0, 0));
    assert_eq!((played.summary.rt_violations, played.summary.faults.len()), (0, 0), "{said:?}");
    assert!(samples(&calm) == samples(&wild), "a sample changed");
}

#[test]
fn a_stage_that_fails_while_its_keeper_is_dead_comes_back() {
    let mut live = Live::start(job(None, None, &["echo:panic@0.3", "bass:nan@0.3"])).unwrap();
    let mut said = Vec::new();
    let killed = Instant::now();
    wait_for("both rebuilt", || {
        said.extend(live.attend());
        // The keepers, and whoever routes faults to them, die over and over.
        if killed.elapsed() < Duration::from_millis(700) {
            for actor in ["echo", "bass", "renderer", "stage"] {
                live.kill(actor);
            }
        }
        (live.summary().restarts == 2).then_some(())
    });
    let keepers = live.actors();
    let echo = keepers.iter().find(|actor| actor.path == "/engine/stage/echo").unwrap();
    let stage = echo.stage.clone().unwrap();
    assert_eq!((stage.faults, stage.rebuilt), (1, 1));
    assert_eq!(stage.last_fault.unwrap().0, "panic");
    assert!(said.iter().any(|line| line.contains("`echo` failed (panic)")), "{said:?}");
    let played = live.stop();
    assert_eq!((played.summary.faults.len(), played.summary.rt_violations), (2, 0));
}

#[test]
fn a_keeper_takes_messages_at_an_address_that_outlives_it() {
    let live = Live::start(job(None, None, &[])).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let echo: Address<StageMessage> = wait_for("the keeper", || live.keeper("echo"));
    let set = |parameter: &str, value: f32| {
        let parameter = parameter.to_owned();
        let question = |reply| StageMessage::Set { parameter, value, reply: Some(reply) };
        runtime.block_on(echo.ask(question)).unwrap()
    };
    assert_eq!(set("mix", 0.25), Ok(()));
    live.kill("echo");
    assert_eq!(set("mix", 0.5), Ok(()));
    assert!(matches!(set("mox", 0.5), Err(SetError::Unknown { .. })));
    assert!(matches!(set("mix", 7.0), Err(SetError::OutOfRange { .. })));
    assert!(matches!(set("mix", f32::NAN), Err(SetError::OutOfRange { .. })));
    let report = runtime.block_on(echo.ask(StageMessage::State)).unwrap();
    assert_eq!((report.state, report.faults), (StageState::Playing, 0));
    assert_eq!(echo.path(), "/engine/stage/echo");
    assert!(live.keeper("nobody").is_none() && !live.kill("nobody"));
    live.stop();
}

#[test]
fn a_saved_rig_is_taken_over_while_loader_and_rig_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rig.toml");
    std::fs::write(&path, RIG).unwrap();
    let watch = Watched { path: path.clone(), kinds: antiphon::engine::kinds() };
    let mut live = Live::start(Job { watch: Some(watch), ..job(None, None, &[]) }).unwrap();
    wait_for("the loader", || live.find("loader"));
    live.kill("loader");
    live.kill("rig");
    let changed = RIG.replace("[instrument.lead]", "[instrument.solo]").replace("\"lead\"", "\"solo\"");
    std::fs::write(&path, changed).unwrap();
    wait_for("the changed rig", || {
        live.attend().iter().any(|said| said.contains("changed rig plays")).then_some(())
    });
    live.kill("rig");
    let paths: Vec<String> = live.actors().into_iter().map(|actor| actor.path).collect();
    assert!(paths.contains(&"/engine/instrument/solo".to_owned()), "{paths:?}");
    assert!(!paths.contains(&"/engine/instrument/lead".to_owned()), "{paths:?}");
    assert!(live.rig().actors.iter().any(|actor| actor.name == "solo"));
    std::fs::write(&path, "[instrument.x]\nkind = \"nothing\"\n").unwrap();
    wait_for("a refusal", || {
        live.attend().iter().any(|said| said.contains("old rig plays on")).then_some(())
    });
    live.stop();
}
