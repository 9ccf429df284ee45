//! Every request ends once, with an answer: also where the configuration is wrong, where it is stopped, and
//! where nobody reads the answers.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdin};

use super::*;

/// A backend that takes longer than the test.
const SLOW: &str = "[backend.slow]\nkind = \"program\"\ncommand = [\"sleep\", \"600\"]\n";

impl Place {
    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn fed(&self, arguments: &[&str], input: &str) -> (Child, ChildStdin) {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        (child, stdin)
    }
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn a_program_is_answered_also_where_the_configuration_is_wrong() {
    let place = Place::new();
    let bad = place.file("bad.toml", "[backend.a]\nkind = \"hff\"\n");
    for config in ["/nowhere/config.toml", &bad] {
        let output = place.run(&["generate", "x", "--config", config, "--json"]);
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&said["ok"], &said["error"]["kind"]), (&false.into(), &"config".into()), "{said}");
        assert!(said["error"]["message"].as_str().unwrap().contains(config), "{said}");
        assert_eq!(output.status.code(), Some(2));

        let lines = "{\"id\":1,\"description\":\"x\"}\nnonsense\n{\"id\":\"b\",\"description\":\"x\",\"backend\":\"other\"}\n";
        let (child, stdin) = place.fed(&["generate", "-", "--config", config, "--json"], lines);
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let answers: Vec<Value> = String::from_utf8(output.stdout).unwrap().lines().map(json).collect();
        let said: Vec<_> = answers.iter().map(|a| (&a["id"], &a["error"]["kind"], &a["backend"])).collect();
        let (config, usage, local) = ("config".into(), "usage".into(), "local".into());
        let expected = [(&1.into(), &config, &local), (&Value::Null, &usage, &local)];
        assert_eq!(said[..2], expected);
        assert_eq!(said[2], (&"b".into(), &config, &"other".into()));
    }
}

#[test]
fn an_answer_to_a_bad_line_names_the_backend_of_the_line() {
    let place = Place::new();
    let input = "{\"id\":1,\"description\":\"x\",\"backend\":\"big\",\"bars\":-1}\n{\"id\":2,\"backend\":\"big\"}\n{\"id\":3}\n";
    let answers = place.lines(&["generate", "-", "--json", "--backend", "own"], input);
    let backends: Vec<_> = answers.iter().map(|answer| answer["backend"].as_str().unwrap()).collect();
    assert_eq!(backends, ["big", "big", "own"]);
}

#[test]
fn what_is_played_is_said_as_json_first() {
    let place = Place::new();
    let output = place.run(&["generate", "funk", "--seconds", "1", "--play", "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["ok"], output.status.code()), (&true.into(), Some(0)), "{said}");
}

/// More than are served at once: some are begun, others were read, the rest is in the pipe.
#[test]
fn who_is_stopped_answers_each_line_once() {
    const LINES: usize = 1_040;
    let place = Place::new();
    let config = place.file("slow.toml", SLOW);
    let line =
        |id: usize| format!("{{\"id\":{id},\"description\":\"x\",\"seed\":{id},\"backend\":\"slow\"}}\n");
    let input: String = (0..LINES).map(line).collect();
    let arguments = ["generate", "-", "--json", "--config", &config];
    let (mut child, _stdin) = place.fed(&arguments, &input);
    let running = || {
        let tasks = place.json(&["task", "list", "--json"]);
        tasks.as_array()?.iter().any(|task| task["stage"] == "drafting").then_some(())
    };
    wait_for("a task", PATIENCE, running);
    let mut out = child.stdout.take().unwrap();
    let answers = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        text
    });
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let status = wait_for("its end", PATIENCE, || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(1));
    let mut counts = BTreeMap::new();
    for answer in answers.join().unwrap().lines().map(json) {
        assert_eq!((&answer["error"]["kind"], &answer["backend"]), (&"cancelled".into(), &"slow".into()));
        *counts.entry(answer["id"].as_u64().unwrap() as usize).or_insert(0) += 1;
    }
    assert_eq!(counts, (0..LINES).map(|id| (id, 1)).collect());
}

#[test]
fn where_nobody_reads_the_answers_nothing_goes_on() {
    let place = Place::new();
    let config = place.file("slow.toml", SLOW);
    let arguments = ["generate", "-", "--json", "--config", &config];
    let begun = "{\"id\":1,\"description\":\"x\",\"backend\":\"slow\"}\nnonsense\n";
    let (mut child, mut stdin) = place.fed(&arguments, begun);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    stdin.write_all(b"nonsense\n").unwrap();
    let status = wait_for("its end", PATIENCE, || child.try_wait().unwrap());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(1), ""));

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = place.command(&["task", "list", "--json"]);
    let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("stdout"), "{said}");
}

#[test]
fn tasks_are_found_where_the_configuration_has_the_cache() {
    let place = Place::new();
    let folder = place.path("elsewhere");
    let config = place.file("slow.toml", &format!("[cache]\nfolder = {folder:?}\n{SLOW}"));
    let command = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env_remove("ANTIPHON_CACHE_DIR");
        command
    };
    let asked = ["generate", "x", "--backend", "slow", "--config", &config, "--json"];
    let mut child = Running::start(&mut command(&asked), Some(&place.path("log")));
    let task = |arguments: &[&str]| -> Value {
        serde_json::from_slice(&command(arguments).output().unwrap().stdout).unwrap_or_default()
    };
    let id = wait_for("the task", PATIENCE, || {
        task(&["task", "list", "--config", &config, "--json"])[0]["id"].as_u64().map(|id| id.to_string())
    });
    let folder = folder.to_str().unwrap();
    assert_eq!(task(&["task", "--cache-dir", folder, "status", &id, "--json"])["state"], "running");
    assert_eq!(task(&["task", "cancel", &id, "--config", &config, "--json"])["state"], "cancelled");
    assert_eq!(child.end(PATIENCE).code(), Some(1));
}

/// It would be waited for without end.
#[test]
fn a_pipe_in_the_cache_is_damage() {
    let place = Place::new();
    let asked = ["generate", "funk", "--bars", "1", "--json"];
    let path = place.json(&asked)["path"].as_str().unwrap().to_owned();
    std::fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let log = place.path("log");
    let mut child = Running::start(&mut place.command(&asked), Some(&log));
    assert_eq!(child.end(PATIENCE).code(), Some(0));
    let said = json(&std::fs::read_to_string(&log).unwrap());
    assert_eq!((&said["ok"], &said["from_cache"]), (&true.into(), &false.into()), "{said}");
    assert!(place.run(&["cache", "verify"]).status.success());
}

#[test]
fn a_key_that_a_program_says_is_neither_printed_nor_written_down() {
    const KEYS: [(&str, &str); 2] =
        [("ANTIPHON_MODEL_KEY", "hf_SEKRET99abcdef"), ("MY_KEY", "sk-other-SEKRET77")];
    let place = Place::new();
    let config = place.file(
        "keys.toml",
        "[backend.hf]\nkind = \"hf\"\nkey_env = \"MY_KEY\"\n\
         [backend.loud]\nkind = \"program\"\ncommand = [\"sh\", \"-c\", \"env >&2; echo no $MY_KEY, no $ANTIPHON_MODEL_KEY >&2; exit 1\"]\n\
         [backend.cut]\nkind = \"program\"\ncommand = [\"sh\", \"-c\", \"printf '%0190d%s' 0 $ANTIPHON_MODEL_KEY >&2; exit 1\"]\n",
    );
    for backend in ["loud", "cut"] {
        let asked = ["generate", "x", "--backend", backend, "--config", &config, "--json"];
        let output = place.command(&asked).envs(KEYS).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("[redacted]") && !said.contains("SEKRET"), "{said}");
    }
    let listed = place.run(&["task", "list", "--json"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("[redacted]") && !listed.contains("SEKRET"), "{listed}");
    for file in std::fs::read_dir(place.path("cache")).unwrap().map(|file| file.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(6).any(|window| window == b"SEKRET"), "{}", file.display());
    }
}
