//! `antiphon cache` as people and scripts meet it: tags, limits, and a cache that cannot be read or written.
#![allow(clippy::unwrap_used)] // A test that cannot go on ends.

mod support;

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;
use support::place::Place;

impl Place {
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// The exit status, and the one object that a command prints.
    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        said(self.run(arguments))
    }

    fn tags(&self) -> Vec<Vec<String>> {
        let (_, list) = self.json(&["cache", "list", "--json"]);
        let tags = |entry: &Value| serde_json::from_value(entry["tags"].clone()).unwrap();
        list.as_array().unwrap().iter().map(tags).collect()
    }
}

fn said(output: Output) -> (i32, Value) {
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}\n{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), value)
}

fn tune(seed: &str) -> [&str; 8] {
    ["generate", "a tune", "--bars", "1", "--style", "swing", "--seed", seed]
}

#[test]
fn what_is_kept_has_tags_and_goes_by_them() {
    let place = Place::new();
    let asked = |more: &[&'static str]| {
        let arguments = [&tune("1")[..], &["--json"], more].concat();
        let (status, answer) = place.json(&arguments);
        (status, answer["from_cache"].clone(), answer["error"]["message"].clone())
    };
    assert_eq!(asked(&["--tag", "gig", "--tag", "two words"]), (0, false.into(), Value::Null));
    assert_eq!(place.tags(), [["backend:local", "form:audio", "gig", "style:swing", "two words"]]);
    // The tags make it no other request; who finds it adds his own.
    assert_eq!(asked(&["--tag", "late"]), (0, true.into(), Value::Null));
    assert_eq!(place.tags(), [["backend:local", "form:audio", "gig", "late", "style:swing", "two words"]]);
    let (status, _, message) = asked(&["--tag", ""]);
    assert!(status == 2 && message.as_str().unwrap().contains("a tag must be"), "{message}");

    let mut lines = place.command(&["generate", "-", "--json", "--tag", "all"]);
    let mut lines = lines.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = "{\"id\":1,\"description\":\"a tune\",\"bars\":1,\"tags\":[\"line\"]}\n{\"id\":2,\"description\":\"a song\",\"bars\":1}\n";
    lines.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(lines.wait_with_output().unwrap().status.success());
    for (tag, left) in [("line", 2), ("all", 1), ("nobody's", 1), ("style:swing", 0)] {
        let (status, evicted) = place.json(&["cache", "evict", "--tag", tag, "--json"]);
        assert_eq!((status, &evicted["entries"]), (0, &left.into()), "{tag}: {evicted}");
    }
}

#[test]
fn scripts_are_told_also_what_went_wrong() {
    let place = Place::new();
    assert!(place.run(&tune("1")).status.success());
    let (status, whole) = place.json(&["cache", "verify", "--json"]);
    assert_eq!((status, &whole["ok"], &whole["entries"]), (0, &true.into(), &1.into()), "{whole}");
    let (status, wrong) = place.json(&["cache", "evict", "xyz", "--json"]);
    assert_eq!(
        (status, &wrong["ok"], &wrong["error"]["kind"]),
        (2, &false.into(), &"usage".into()),
        "{wrong}"
    );
    let index = place.path("cache").join("index.sqlite");
    rusqlite::Connection::open(&index).unwrap().execute_batch("PRAGMA user_version=99").unwrap();
    for (command, expected) in [("verify", 3), ("stats", 1), ("list", 1), ("clear", 1)] {
        let (status, wrong) = place.json(&["cache", command, "--json"]);
        let message = wrong["error"]["message"].as_str().unwrap();
        assert_eq!(
            (status, &wrong["ok"], &wrong["error"]["kind"]),
            (expected, &false.into(), &"storage".into())
        );
        assert!(message.contains("index.sqlite") && message.contains("99"), "{message}");
        let unknown = ["entries", "bytes", "bad"].iter().all(|name| wrong.get(name) == Some(&Value::Null));
        assert_eq!(unknown, command == "verify", "{wrong}");
    }
    assert_eq!(place.run(&["cache", "verify"]).status.code(), Some(3));
    // An index that is lost is damage, as often as one looks.
    std::fs::write(&index, b"").unwrap();
    for _ in 0..2 {
        let (status, damaged) = place.json(&["cache", "verify", "--json"]);
        assert_eq!((status, &damaged["ok"], &damaged["bad"]), (1, &false.into(), &1.into()), "{damaged}");
    }
    let (status, cleared) = place.json(&["cache", "clear", "--json"]);
    assert_eq!((status, &cleared["entries"]), (0, &0.into()), "{cleared}");
    assert_eq!(place.json(&["cache", "verify", "--json"]).0, 0);
}

#[test]
fn the_configuration_bounds_the_cache() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("config/antiphon")).unwrap();
    let config = place.path("config/antiphon/config.toml");
    let asked = [&tune("1")[..], &["--config", config.to_str().unwrap(), "--json"]].concat();
    std::fs::write(&config, "[cache]\nsize_mib = 16\nttl_days = 30\n").unwrap();
    assert_eq!(place.json(&asked).0, 0);
    let stats = place.json(&["cache", "stats", "--json", "--config", config.to_str().unwrap()]).1;
    assert_eq!(stats["limit_bytes"], 16 << 20, "{stats}");
    std::fs::write(&config, "[cache]\nsize_mib = 1\n").unwrap();
    let output = place.run(&asked);
    let words =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(2) && words.contains("from 16 to 16777216"), "{words}");
}

/// Also root may not write then: it lets go of the right to pass permissions over.
#[cfg(target_os = "linux")]
#[test]
fn a_cache_in_a_folder_that_cannot_be_written_is_read() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    const MAY_WRITE_ALL: libc::c_ulong = 1; // CAP_DAC_OVERRIDE
    let place = Place::new();
    assert!(place.run(&tune("1")).status.success());
    let mode = |mode: u32| {
        let mut open = vec![place.path("cache")];
        while let Some(folder) = open.pop() {
            for file in std::fs::read_dir(&folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode & 0o666)).unwrap();
                }
            }
            std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
        }
    };
    let run = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        // SAFETY: a call of the kernel's, which needs nothing of this process. Where it is refused one is not root.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_CAPBSET_DROP, MAY_WRITE_ALL, 0, 0, 0);
                Ok(())
            });
        }
        said(command.output().unwrap())
    };
    mode(0o555);
    let json = |seed: &'static str, more: &[&'static str]| [&tune(seed)[..], &["--json"], more].concat();
    let hit = run(&json("1", &[]));
    let tagged = run(&json("1", &["--tag", "gig"]));
    let miss = run(&json("2", &[]));
    let out = place.path("out.wav");
    let kept = run(&[&json("2", &["-o"])[..], &[out.to_str().unwrap()]].concat());
    let verified = run(&["cache", "verify", "--json"]);
    let (stats, list) = (run(&["cache", "stats", "--json"]), run(&["cache", "list", "--json"]));
    let cleared = run(&["cache", "clear", "--json"]);
    mode(0o755);
    assert_eq!((hit.0, &hit.1["from_cache"], &hit.1["warnings"]), (0, &true.into(), &serde_json::json!([])));
    assert!(tagged.0 == 0 && tagged.1["warnings"][0].as_str().unwrap().contains("tags"), "{tagged:?}");
    let message = miss.1["error"]["message"].as_str().unwrap();
    assert!(miss.0 == 1 && message.contains("cannot be written") && message.ends_with("with -o"), "{miss:?}");
    assert!(!message.contains("tasks") && miss.1["tries"] == 1, "{miss:?}");
    assert!(miss.1["warnings"].to_string().contains("tasks are not written down"), "{miss:?}");
    assert!(kept.0 == 0 && kept.1["warnings"].to_string().contains("cannot be written"), "{kept:?}");
    assert!(out.exists());
    assert_eq!((verified.0, &verified.1["entries"], &verified.1["bad"]), (0, &1.into(), &0.into()));
    assert_eq!((&stats.1["entries"], list.1.as_array().unwrap().len()), (&1.into(), 1));
    assert_eq!((cleared.0, &cleared.1["error"]["kind"]), (1, &"storage".into()), "{cleared:?}");
}
