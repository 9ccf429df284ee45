//! `antiphon bench`: what rendering, actors, MIDI and hours with faults cost, and what
//! changed since an older report, by the program itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    command.arg("bench").args(arguments).output().expect("the program starts")
}

fn measured(arguments: &[&str]) -> Value {
    let output = bench(&[arguments, &["--json", "-"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

fn is_above_zero(report: &Value, pointer: &str) -> bool {
    report.pointer(pointer).and_then(Value::as_f64).is_some_and(|value| value > 0.0)
}

#[test]
fn every_cost_has_its_figure_and_its_samples() {
    let report = measured(&["render", "actors", "midi", "--for", "0.1"]);
    for path in [
        "/render/realtime_factor",
        "/render/voices_per_core",
        "/render/by_block/0/y",
        "/render/by_threads/0/realtime_factor",
        "/actors/tell_ns",
        "/actors/ask_ns",
        "/actors/publish_ns",
        "/actors/spawn_ns",
        "/actors/restart_us",
        "/actors/restarts",
        "/midi/decode_ns_per_byte",
        "/midi/encode_ns",
        "/midi/event_ns",
        "/midi/cable_ns",
        "/midi/sent",
    ] {
        assert!(is_above_zero(&report, path), "{path}: {report}");
    }
    assert_eq!((&report["actors"]["dropped"], &report["midi"]["dropped"]), (&json!(0), &json!(0)));
    assert_eq!(report["midi"]["late"], 0);
    let instruments = report["render"]["instruments"].as_array().expect("an array");
    for (kind, preset) in [("synth", json!("keys")), ("synth", json!("kit")), ("pluck", Value::Null)] {
        let cost = instruments.iter().find(|cost| cost["kind"] == kind && cost["preset"] == preset);
        let cost = cost.unwrap_or_else(|| panic!("{kind} {preset}: {report}"));
        assert!(is_above_zero(cost, "/ns_per_frame") && is_above_zero(cost, "/voices"), "{cost}");
    }
    let figures = report["figures"].as_object().expect("an object");
    assert!(figures.len() > 60, "{}", figures.len());
    for (path, figure) in figures.iter().filter(|(path, _)| path.starts_with("render.")) {
        assert!(figure["samples"].as_array().is_some_and(|samples| samples.len() >= 5), "{path}: {figure}");
    }
    assert_eq!(report["not_measured"]["soak"], "not asked for");
    assert!(report["comparison"].is_null());
}

#[test]
fn a_soak_tells_of_faults_memory_and_clocks() {
    let report = measured(&["soak", "--for", "8", "--driver", "null", "--block", "512", "--seed", "5"]);
    let soak = &report["soak"];
    assert!(soak["faults"].as_u64().is_some_and(|faults| faults >= 2), "{report}");
    assert_eq!(soak["recovered"], soak["faults"], "{report}");
    assert_eq!((&soak["hung_notes"], &soak["violations"]), (&json!(0), &json!(0)), "{report}");
    assert!(soak["xruns_per_hour"].is_f64() && soak["driver"] == "null", "{report}");
    // Its clock is the system's own, and seconds tell nothing of an hour.
    assert!(soak["drift"]["audio_ppm"].is_null() && soak["drift"]["midi_ppm"].is_null(), "{report}");
    assert!(soak["memory"]["bytes_per_hour"].is_null(), "{report}");
    if cfg!(target_os = "linux") {
        assert!(is_above_zero(soak, "/memory/begin_bytes"), "{report}");
    }
    let output = bench(&["soak", "--for", "1", "--driver", "null"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("make --for longer"), "{output:?}");
    assert_eq!(output.status.code(), Some(2), "it was asked for amiss");
}

fn written(folder: &Path, name: &str, report: &Value) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, report.to_string()).expect("written");
    path
}

/// Every sample of every figure changed.
fn changed(report: &Value, change: impl Fn(usize, f64) -> f64) -> Value {
    let mut report = report.clone();
    for figure in report["figures"].as_object_mut().expect("an object").values_mut() {
        for (index, sample) in figure["samples"].as_array_mut().expect("an array").iter_mut().enumerate() {
            *sample = json!(change(index, sample.as_f64().expect("a number")));
        }
    }
    report
}

#[test]
fn regressions_beyond_the_bound_fail_and_noise_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut old = measured(&["rings", "--for", "0.1"]);
    // As noisy as a quiet machine, whatever this one does meanwhile.
    for figure in old["figures"].as_object_mut().expect("an object").values_mut() {
        figure["samples"] = (0..20).map(|place| json!(100.0 + f64::from(place * 7 % 20) / 4.0)).collect();
        for part in figure["paces"].as_object_mut().expect("an object").values_mut() {
            *part = (0..20).map(|place| json!(50_000.0 + 10.0 * f64::from(place % 7))).collect();
        }
    }
    // And nobody else was on it.
    old["conditions"]["rings"]["others_processors"] = json!(0.0);
    old["conditions"]["rings"]["stolen_processors"] = json!(0.0);
    let path = |name: &str, report: &Value| written(folder.path(), name, report).display().to_string();
    let before = path("old.json", &old);
    let compare = |with: &str, more: &[&str]| {
        let output = bench(&[&["--compare", &before, "--with", with], more].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };

    let (status, text) = compare(&before, &[]);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("5 noise") && !text.contains("regression") && !text.contains("NOT THE SAME"),
        "{text}"
    );

    let noisy =
        path("noisy.json", &changed(&old, |place, ns| ns * if place % 2 == 0 { 1.004 } else { 0.996 }));
    let (status, text) = compare(&noisy, &[]);
    assert_eq!((status, text.contains("5 noise")), (Some(0), true), "{text}");

    let slower = path("slower.json", &changed(&old, |_, ns| ns * 1.3));
    let (status, text) = compare(&slower, &[]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("Worse by more than 10 %: rings.event_across_ns, rings.event_ns"), "{text}");
    let (status, text) = compare(&slower, &["--bound", "50"]);
    assert_eq!((status, text.contains("5 regression")), (Some(0), true), "{text}");

    let mut better = changed(&old, |_, ns| ns * 0.7);
    better["machine"]["processor"] = json!("Another");
    let (status, text) = compare(&path("better.json", &better), &[]);
    assert_eq!((status, text.contains("5 improvement")), (Some(0), true), "{text}");
    assert!(text.contains("NOT THE SAME CIRCUMSTANCES") && text.contains("-> Another"), "{text}");

    let once = path("once.json", &changed(&old, |_, ns| ns * 9.0));
    let mut single: Value = serde_json::from_slice(&std::fs::read(&once).expect("there")).expect("JSON");
    for figure in single["figures"].as_object_mut().expect("an object").values_mut() {
        figure["samples"].as_array_mut().expect("an array").truncate(1);
    }
    let (status, text) = compare(&path("single.json", &single), &[]);
    assert_eq!((status, text.contains("5 too few samples")), (Some(0), true), "{text}");

    // The same in the report, for scripts.
    let out = folder.path().join("out.json").display().to_string();
    let (status, _) = compare(&slower, &["--json", &out]);
    let report: Value = serde_json::from_slice(&std::fs::read(&out).expect("written")).expect("JSON");
    let changes = report["comparison"]["changes"].as_array().expect("an array");
    assert_eq!((status, changes.len()), (Some(1), 5));
    assert!(
        changes.iter().all(|change| change["verdict"] == "regression" && change["is_beyond_bound"] == true)
    );
}

/// Threads that want the processors, and their caches, until this goes.
struct Busy(std::sync::Arc<std::sync::atomic::AtomicBool>);

impl Busy {
    fn new() -> Busy {
        let over = Busy(std::sync::Arc::default());
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
        for _ in 0..processors + 1 {
            let over = std::sync::Arc::clone(&over.0);
            std::thread::spawn(move || {
                let mut memory = vec![1_u8; 4 << 20];
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    memory.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_mul(31) ^ 5);
                }
            });
        }
        over
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn a_machine_that_is_busy_during_the_second_run_is_no_regression_and_a_real_one_is_found_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let what = ["rings", "rt", "--driver", "null", "--voices", "4", "--block", "1024", "--for", "0.2"];
    let run = |more: &[&str]| bench(&[&what, more].concat());
    let (calm, worse) = (file("calm.json"), file("worse.json"));
    assert!(run(&["--json", &calm]).status.success());
    let busy = {
        let _busy = Busy::new();
        let output = run(&["--compare", &calm, "--json", &worse]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{text}");
        let report: Value = serde_json::from_slice(&std::fs::read(&worse).expect("written")).expect("JSON");
        report
    };
    let is_beyond = |change: &Value| change["is_beyond_bound"] == true;
    let changes = busy["comparison"]["changes"].as_array().expect("an array");
    assert!(changes.len() >= 8 && !changes.iter().any(is_beyond), "{}", busy["comparison"]);
    for part in ["float_ns", "integer_ns", "memory_ns"] {
        let paces = busy["figures"]["rings.event_ns"]["paces"][part].as_array().expect("an array");
        assert_eq!(paces.len(), 25, "one beside each sample");
    }
    // What really takes ten times as long is found beside all that, whoever else is on this machine.
    let mut planted = busy.clone();
    for path in ["rings.event_ns", "rings.sample_ns"] {
        for sample in planted["figures"][path]["samples"].as_array_mut().expect("an array") {
            *sample = json!(10.0 * sample.as_f64().expect("a number"));
        }
    }
    let planted = written(folder.path(), "planted.json", &planted).display().to_string();
    let output = bench(&["--compare", &calm, "--with", &planted]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("Worse by more than 10 %: rings.event_ns, rings.sample_ns\n"), "{text}");
}

#[test]
fn what_is_no_report_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content, hint) in [
        ("damaged.json", "{\"schema\": 1, \"mach", "damaged"),
        (
            "foreign.json",
            "{\"name\": \"package\", \"version\": \"1.0\"}",
            "no report of `antiphon bench --json`",
        ),
        ("newer.json", "{\"schema\": 99}", "newer Antiphon"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        let output = bench(&["rings", "--compare", path.to_str().expect("letters")]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(name) && errors.contains(hint) && output.stdout.is_empty(), "{errors}");
    }
    let output = bench(&["--compare", "no-such.json"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such.json cannot be read"));
    for wrong in [
        &["--with", "a.json"][..],
        &["rings", "--bound", "5"],
        &["--compare", "a", "--bound", "-1"],
        &["rings", "--strict"],
    ] {
        let output = bench(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
}

#[test]
fn peers_and_antiphon_render_the_same_job_and_what_is_missing_is_said() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: python3 is not installed");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/offline.py");
    let arguments = ["--rounds", "1", "--seconds", "1", "--antiphon", env!("CARGO_BIN_EXE_antiphon")];
    let output = Command::new("python3").arg(script).args(arguments).output().expect("it starts");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{errors}");
    for (job, program) in [
        ("patch", "Antiphon"),
        ("patch", "Csound"),
        ("patch", "scsynth"),
        ("file", "Antiphon"),
        ("file", "FluidSynth"),
    ] {
        let row = format!("| {job} | {program} | ");
        let is_missing = errors.contains(&format!("{program}: not installed, skipped"));
        assert_ne!(text.contains(&row), is_missing, "{row}: {text}{errors}");
    }
}
