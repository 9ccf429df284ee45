//! Faults at random while a rig plays on the null clock, by the program itself.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_antiphon")).args(arguments).output().expect("the program starts")
}

fn json(output: &Output) -> serde_json::Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

#[test]
fn whoever_fails_is_back_and_nobody_else_hears_of_it() {
    let output = run(&["chaos", "--for", "9", "--rate", "6", "--seed", "11", "--block", "512", "--json"]);
    let report = json(&output);
    assert!(report["injected"].as_u64().is_some_and(|faults| faults >= 10), "{report}");
    assert_eq!(report["recovered"], report["injected"], "{report}");
    assert_eq!(report["hung_notes"], 0, "{report}");
    assert_eq!(report["survivors_identical"], true, "{report}");
    assert!(report["survivors"].as_u64().is_some_and(|survivors| survivors >= 3), "{report}");
    assert_eq!(report["rt_violations"], 0, "{report}");
    assert_eq!(report["seed"], 11);
    assert!(report["late_callbacks"].is_u64() && report["callback_us"]["max"].is_f64(), "{report}");
    assert!(output.status.success());
}

#[test]
fn faults_asked_for_happen_while_it_plays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rig.toml");
    std::fs::write(&path, antiphon::engine::CHAOS_RIG).expect("written");
    let rig = path.to_str().expect("a path of letters");
    let faults = ["bass:panic@0.3", "organ:nan@0.4", "echo:loud@0.5", "saw:stall:3@0.6", "harp:kill@0.7"];
    let mut arguments = vec!["play", rig, "--driver", "null", "--for", "2", "--json"];
    arguments.extend(faults.iter().flat_map(|fault| ["--inject", fault]));
    let output = run(&arguments);
    let report = json(&output);
    let kinds = |actor: &str| {
        let faults = report["faults"].as_array().expect("an array");
        // A busy machine may stall whom it will.
        let mine = faults.iter().filter(|fault| fault["actor"] == actor && fault["kind"] != "stall");
        mine.map(|fault| (fault["kind"].clone(), fault["frame"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(kinds("bass"), [("panic".into(), 14_400.into())], "{report}");
    assert_eq!(kinds("organ"), [("not_finite".into(), 19_200.into())], "{report}");
    assert_eq!(kinds("echo"), [("loud".into(), (24_000 + 2_400).into())], "{report}");
    // A stall takes its time and is over; a killed keeper is nobody's fault.
    assert!(kinds("saw").is_empty() && kinds("harp").is_empty(), "{report}");
    let stalls = report["faults"].as_array().map_or(0, |faults| faults.len()) as u64 - 3;
    assert_eq!(report["rt_violations"], 0, "{report}");
    // One that stalled last may still be down.
    assert!(report["restarts"].as_u64().is_some_and(|n| (3..=3 + stalls).contains(&n)), "{report}");
    let place = report["faults"].as_array().and_then(|faults| faults[0]["place"].as_str());
    assert!(place.is_some_and(|place| place.contains(".rs:")), "{report}");
    assert!(output.status.success());
}

#[test]
fn what_makes_no_sense_is_said() {
    for (arguments, hint) in [
        (&["chaos", "--for", "2"][..], "make --for longer"),
        (&["chaos", "--for", "9", "--rate", "0"], "from 0.01 to 100"),
        (&["chaos", "no-such-rig.toml", "--for", "9"], "no-such-rig.toml"),
    ] {
        let output = run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(hint), "{arguments:?}: {errors}");
    }
}
