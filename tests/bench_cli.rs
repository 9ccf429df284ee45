//! `antiphon bench` as scripts and impatient people use it.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::program::{Running, wait_for};

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    command.arg("bench").args(arguments).stdin(Stdio::null());
    command
}

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("it was written");
    serde_json::from_str(&text).expect("it is JSON")
}

#[test]
fn json_on_stdout_is_nothing_but_json() {
    let output = bench(&["rings", "--json", "-"]).output().expect("it runs");
    assert!(output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).expect("it is JSON and nothing else");
    assert!(report["rings"]["event_ns"].as_f64().is_some_and(|nanos| nanos > 0.0));
    assert_eq!(report["not_measured"]["latency"], "not asked for");
    let date = report["machine"]["date"].as_str().expect("a date");
    assert!(date.len() == 20 && date.ends_with('Z'), "{date}");
    // Without a terminal: lines, and no bars.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("rings") && !said.contains('\x1b'), "{said}");
}

#[test]
fn what_cannot_be_written_is_said_before_anything_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("nowhere/report.json");
    for (option, path) in [("--json", missing.as_path()), ("--html", &missing), ("--html", folder.path())] {
        let output = bench(&["rings", option]).arg(path).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("nothing was measured") && !said.contains("rings"), "{said}");
        assert!(output.stdout.is_empty());
    }
    let output = bench(&["rings", "--html", "-"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_end_that_is_not_there_is_a_mistake_and_no_device_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("r.json");
    let run = |arguments: &[&str]| {
        let output = bench(arguments).arg("--json").arg(&kept).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned(), json(&kept))
    };
    let (status, said, report) =
        run(&["latency", "rings", "--out", "nosuch", "--driver", "null", "--for", "1"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("--out nosuch"), "{said}");
    assert!(report["not_measured"]["latency"].as_str().is_some_and(|why| why.contains("nosuch")), "{report}");
    assert!(report["rings"]["event_ns"].is_f64(), "the rest is measured all the same");
    let (status, said, report) = run(&["latency", "--driver", "null", "--for", "1"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(report["not_measured"]["latency.audio"].is_string(), "{report}");
}

#[test]
fn the_files_are_whole_and_named_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (kept, page) = (folder.path().join("a b.json"), folder.path().join("a b.html"));
    let output =
        bench(&["rings"]).arg("--json").arg(&kept).arg("--html").arg(&page).output().expect("it runs");
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(&*kept.to_string_lossy()) && said.contains(&*page.to_string_lossy()), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80 || line.contains('/')), "{said}");
    assert_eq!(json(&kept)["stopped"], false);
    let text = std::fs::read_to_string(&page).expect("it was written");
    assert!(text.starts_with("<!DOCTYPE html>") && text.trim_end().ends_with("</html>"));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2, "nothing is left beside them");
}

#[cfg(unix)]
#[test]
fn an_interrupt_gives_what_there_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (kept, page, log) =
        (folder.path().join("r.json"), folder.path().join("r.html"), folder.path().join("log"));
    let mut running =
        Running::start(bench(&["rings"]).arg("--json").arg(&kept).arg("--html").arg(&page), Some(&log));
    let says = |text: &str| std::fs::read_to_string(&log).is_ok_and(|log| log.contains(text));
    wait_for("the begin of a measurement", Duration::from_secs(30), || says("rings").then_some(()));
    let id = running.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill runs").success());
    assert_eq!(running.end(Duration::from_secs(60)).code(), Some(0));
    assert!(says("Stopping"));
    let report = json(&kept);
    assert_eq!(report["stopped"], true);
    assert!(std::fs::read_to_string(&page).expect("it was written").contains("stopped early"));
}
