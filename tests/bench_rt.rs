//! `antiphon bench rt` on the null clock: the report is whole and adds up. How long
//! things take is this machine's, and not judged.

use serde_json::Value;
use std::process::Command;

/// Runs it, and gives its report.
fn bench(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["bench", "rt", "--driver", "null", "--json", "-"])
        .args(arguments)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn count(report: &Value, path: &str) -> u64 {
    report.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path} is no count: {report}"))
}

fn number(report: &Value, path: &str) -> f64 {
    report.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is no number: {report}"))
}

fn all_in(histogram: &Value) -> u64 {
    let bins = histogram["bins"].as_array().expect("it has bins");
    bins.iter().map(|bin| bin["count"].as_u64().expect("a count")).sum()
}

/// What holds of every report, whatever the machine does.
fn adds_up(report: &Value) {
    let rt = &report["rt"];
    let (callbacks, block_frames) = (count(report, "/rt/callbacks"), count(report, "/rt/block_frames"));
    assert_eq!(callbacks * block_frames, count(report, "/rt/frames"));
    assert_eq!((all_in(&rt["histogram"]), all_in(&rt["lateness_histogram"])), (callbacks, callbacks));
    let timeline = rt["timeline"].as_array().expect("there is one");
    let missed: u64 = timeline.iter().map(|second| second["xruns"].as_u64().expect("a count")).sum();
    assert_eq!(missed, count(report, "/rt/xruns"));
    let longest =
        timeline.iter().map(|second| second["max_us"].as_f64().expect("a time")).fold(0.0, f64::max);
    // One is kept as a narrower number.
    assert!((longest / number(report, "/rt/callback_us/max") - 1.0).abs() < 1e-6, "{rt}");
    for figure in ["callback_us", "lateness_us", "wakeup_us"] {
        let of = |name: &str| number(&rt[figure], &format!("/{name}"));
        assert!(of("median") <= of("p99") && of("p99") <= of("p999") && of("p999") <= of("max"), "{rt}");
    }
    let budget = block_frames as f64 * 1.0e6 / number(report, "/rt/rate_hertz");
    assert!((number(report, "/rt/callback_us/budget") - budget).abs() < 1e-6);
}

#[test]
fn the_load_that_was_asked_for_sounds_and_its_report_adds_up() {
    let asked = ["--voices", "24", "--block", "256", "--rate", "44100", "--for", "1.5", "--busy", "1"];
    let report = bench(&asked);
    adds_up(&report);
    assert_eq!(count(&report, "/rt/violations"), 0);
    assert_eq!((count(&report, "/rt/load/voices"), count(&report, "/rt/load/asked_voices")), (24, 24));
    assert_eq!((count(&report, "/rt/load/stages"), count(&report, "/rt/load/busy_threads")), (1, 1));
    assert_eq!((count(&report, "/rt/block_frames"), count(&report, "/rt/rate_hertz")), (256, 44_100));
    // Five turns, each to the end of the callback in which its time is over.
    let frames = count(&report, "/rt/frames") - count(&report, "/rt/unseen_callbacks");
    assert!((66_150..66_150 + 5 * 256).contains(&frames), "{frames}");
    assert!(number(&report, "/rt/without_pressure/callback_us/median") > 0.0);
    for median in
        report.pointer("/figures/rt.callback_us.median/samples").and_then(Value::as_array).expect("samples")
    {
        assert!(median.as_f64().is_some_and(|micros| micros > 0.0));
    }
    // All of the load was given, so nothing was looked for.
    assert_eq!(
        (&report["rt"]["max_voices"], &report["rt"]["min_block_frames"]),
        (&Value::Null, &Value::Null)
    );
    assert!(report["not_measured"]["rt.max_voices"].is_string());
    assert!(report["not_measured"]["rt.min_block_frames"].is_string());
    if cfg!(target_os = "linux") {
        // A thread that waits for a clock leaves its processor for each period.
        assert!(count(&report, "/rt/context_switches/voluntary") > 0);
        assert!(report.pointer("/rt/page_faults/major").is_some_and(Value::is_u64));
    }
}

#[test]
fn more_voices_than_a_machine_holds_are_xruns_and_not_what_it_holds() {
    let planted = bench(&["--voices", "4096", "--block", "32", "--for", "0.1", "--busy", "0"]);
    adds_up(&planted);
    assert!(count(&planted, "/rt/xruns") > 0, "{planted}");
    assert_eq!(planted["rt"]["without_pressure"], Value::Null, "there was none to do without");

    let looked_for = bench(&["--block", "512", "--for", "0.2", "--busy", "0"]);
    adds_up(&looked_for);
    let trials = looked_for["rt"]["trials"].as_array().expect("a list");
    let failed = |trial: &&Value| trial["holds"] == false;
    let least_failed = trials.iter().filter(failed).filter_map(|trial| trial["voices"].as_u64()).min();
    assert!(least_failed.is_some(), "something must be too much: {trials:?}");
    match looked_for["rt"]["max_voices"].as_u64() {
        Some(voices) => {
            assert!(voices < 4_096);
            let holds = |trial: &&Value| trial["holds"] == true && trial["voices"] == voices;
            assert!(trials.iter().any(|trial| holds(&trial)), "{voices} of {trials:?}");
            let samples = looked_for.pointer("/figures/rt.max_voices/samples").and_then(Value::as_array);
            assert!(samples.is_some_and(|samples| !samples.is_empty()));
        }
        // A machine so busy that not even one voice holds says so.
        None => assert!(looked_for["not_measured"]["rt.max_voices"].is_string()),
    }
    let is_found = looked_for["rt"]["min_block_frames"].is_u64();
    assert!(is_found || looked_for["not_measured"]["rt.min_block_frames"].is_string());
}
