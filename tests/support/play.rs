//! `antiphon play`, watched from outside.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::program::{Running, wait_for};

/// Time enough for anything on a machine with too few processors.
pub const SOON: Duration = Duration::from_secs(30);

/// A synth on a key's own pitch, without anything that could move it.
pub const ONE_SYNTH: &str = r#"
[midi.keys]
virtual = true
[instrument.lead]
kind = "synth"
preset = "init"
gain = -12.0
[[cable]]
from = "keys"
to = "lead"
[[cable]]
from = "lead"
to = "out"
"#;

/// A running `antiphon play --json`.
pub struct Play {
    running: Running,
    folder: PathBuf,
}

impl Play {
    /// The program with its rig written to `folder`, ready for more arguments.
    pub fn command(mut command: Command, folder: &Path, rig: &str) -> Command {
        let path = folder.join("rig.toml");
        std::fs::write(&path, rig).expect("the rig is written");
        command.arg("play").arg(path).arg("--json").current_dir(folder).env("XDG_STATE_HOME", folder);
        command
    }

    /// Starts it and waits for its first callback.
    pub fn start(mut command: Command, folder: &Path) -> Play {
        let file = |name| std::fs::File::create(folder.join(name)).expect("a file");
        command.stdout(file("stdout")).stderr(file("stderr"));
        let play = Play { running: Running::start(&mut command, None), folder: folder.to_owned() };
        wait_for("the ready line", SOON, || play.said().contains("ready driver=").then_some(()));
        play
    }

    /// What it wrote to stderr so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("stderr")).unwrap_or_default()
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.running.0.id()
    }

    /// Asks it to end (SIGTERM); gives the report.
    #[cfg(unix)]
    pub fn stop(mut self) -> serde_json::Value {
        self.running.terminate();
        self.finish()
    }

    /// Waits for its end; gives the report.
    pub fn finish(mut self) -> serde_json::Value {
        let status = self.running.end(SOON + SOON);
        let report = std::fs::read_to_string(self.folder.join("stdout")).expect("its output");
        assert!(status.success(), "{status}: {}", self.said());
        serde_json::from_str(&report).expect("one JSON object")
    }
}
