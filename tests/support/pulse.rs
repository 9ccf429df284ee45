//! A PulseAudio server of the test's own, with one null sink.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::program::{Running, is_installed, wait_for};

/// A running `pulseaudio`.
pub struct PulseServer {
    pub server: Running,
    folder: tempfile::TempDir,
    /// How it was started, to start it again.
    command: Command,
}

impl PulseServer {
    /// Starts a server whose sink `nsink` runs at `rate`; `None` where it is
    /// not installed.
    pub fn start(rate: u32) -> Option<PulseServer> {
        for program in ["pulseaudio", "pactl", "parec"] {
            if !is_installed(program) {
                return None;
            }
        }
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("native");
        let mut command = Command::new("pulseaudio");
        command
            .args(["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-target=stderr"])
            .arg("--load")
            .arg(format!("module-null-sink sink_name=nsink rate={rate} channels=2"))
            .arg("--load")
            .arg(format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()))
            .env("HOME", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path())
            .env_remove("PULSE_SERVER");
        let server = Running::start(&mut command, Some(&folder.path().join("log")));
        let pulse = PulseServer { server, folder, command };
        pulse.wait();
        Some(pulse)
    }

    /// Starts a server that was killed again, at the same address.
    pub fn restart(&mut self) {
        self.server = Running::start(&mut self.command, Some(&self.folder.path().join("log")));
        self.wait();
    }

    fn wait(&self) {
        wait_for("PulseAudio's start", Duration::from_secs(20), || {
            let asked = self.client("pactl").arg("info").output().expect("pactl runs");
            asked.status.success().then_some(())
        });
    }

    /// The server's address.
    pub fn address(&self) -> String {
        format!("unix:{}", self.folder.path().join("native").display())
    }

    /// A folder of the test's own, gone with the server.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A client program that finds this server.
    pub fn client(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("PULSE_SERVER", self.address())
            .env("HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("JACK_DEFAULT_SERVER", "antiphon-none")
            .env("JACK_NO_START_SERVER", "1");
        command
    }
}
