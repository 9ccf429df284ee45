//! A folder of its own for a program that generates and keeps.

use std::path::PathBuf;
use std::process::Command;

/// A folder with a cache and a configuration of its own.
pub struct Place(pub tempfile::TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, with neither the user's cache and configuration nor a server.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command.args(arguments).env("ANTIPHON_CACHE_DIR", self.path("cache"));
        command.env("XDG_CONFIG_HOME", self.path("config")).env("HOME", self.0.path());
        for variable in ["ANTIPHON_MODEL_URL", "ANTIPHON_MODEL_KEY", "ANTIPHON_CHAT_URL", "ANTIPHON_CHAT_KEY"]
        {
            command.env_remove(variable);
        }
        command
    }
}
