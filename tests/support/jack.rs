//! A JACK server of the test's own, with the dummy driver.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::program::{Running, is_installed};

/// Servers share a registry of shared memory and disturb each other's start:
/// one at a time.
static ONE_SERVER: Mutex<()> = Mutex::new(());
/// Another user's server may still be in the way.
const ATTEMPTS: usize = 3;

/// A running `jackd`.
pub struct JackServer {
    /// Its name, for `JACK_DEFAULT_SERVER`.
    pub name: String,
    pub server: Running,
    log: PathBuf,
    /// How it was started, to start it again.
    command: Command,
    _only: MutexGuard<'static, ()>,
}

impl JackServer {
    /// Starts a server; `None` where it is not installed.
    pub fn start(purpose: &str, rate: u32, period: u32) -> Option<JackServer> {
        for program in ["jackd", "jack_wait", "jack_lsp", "jack_connect"] {
            if !is_installed(program) {
                return None;
            }
        }
        let name = format!("antiphon-{purpose}-{}", std::process::id());
        let log = std::env::temp_dir().join(format!("{name}.log"));
        let mut command = Command::new("jackd");
        command
            .args(["-n", &name, "-R", "-P", "80", "-S", "-d", "dummy", "-C", "2", "-P", "2"])
            .args(["-r", &rate.to_string(), "-p", &period.to_string()])
            .env("JACK_NO_AUDIO_RESERVATION", "1");
        let only = ONE_SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        let server = Running::start(&mut command, Some(&log));
        let mut jack = JackServer { name, server, log, command, _only: only };
        jack.wait();
        Some(jack)
    }

    /// Starts a server that was killed again, by the same name.
    pub fn restart(&mut self) {
        self.server = Running::start(&mut self.command, Some(&self.log));
        self.wait();
    }

    fn wait(&mut self) {
        for _ in 0..ATTEMPTS {
            let waited = self.client("jack_wait").args(["-w", "-t", "10"]).output().expect("jack_wait runs");
            if waited.status.success() && matches!(self.server.0.try_wait(), Ok(None)) {
                return;
            }
            self.server.kill();
            self.server = Running::start(&mut self.command, Some(&self.log));
        }
        panic!("jackd did not start: {}", std::fs::read_to_string(&self.log).unwrap_or_default());
    }

    /// A client program that finds this server.
    pub fn client(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("JACK_DEFAULT_SERVER", &self.name).env("JACK_NO_START_SERVER", "1");
        command
    }

    /// Runs a client that asks and ends. One that starts while another comes or goes may miss what it
    /// waits for and wait for ever: it gets a time, and another try.
    fn brief(&self, program: &str, arguments: &[&str]) -> Output {
        let mut tries = 0;
        loop {
            let mut command = self.client("timeout");
            command.args(["-k", "1", "5", program]).args(arguments);
            let output = command.output().expect("timeout runs");
            tries += 1;
            if !matches!(output.status.code(), Some(124 | 137)) || tries == ATTEMPTS {
                return output;
            }
        }
    }

    /// What `jack_lsp` prints, line by line.
    pub fn list(&self, arguments: &[&str]) -> Vec<String> {
        let output = self.brief("jack_lsp", arguments);
        String::from_utf8_lossy(&output.stdout).lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// The ports that a port is connected to.
    pub fn connections(&self, port: &str) -> Vec<String> {
        let lines = self.list(&["-c"]);
        let mut connected = Vec::new();
        let mut is_ours = false;
        for line in &lines {
            match line.strip_prefix("   ") {
                Some(other) if is_ours => connected.push(other.to_owned()),
                Some(_) => {}
                None => is_ours = line == port,
            }
        }
        connected
    }

    /// Connects two ports, which may still be on their way.
    pub fn connect(&self, from: &str, to: &str) {
        super::program::wait_for(&format!("connecting {from} to {to}"), Duration::from_secs(10), || {
            let output = self.brief("jack_connect", &[from, to]);
            (output.status.success() || self.connections(from).iter().any(|port| port == to)).then_some(())
        });
    }
}

impl Drop for JackServer {
    fn drop(&mut self) {
        // A killed server keeps one of the eight places in the registry of all
        // servers of this machine until one of its name ends as it should.
        if !matches!(self.server.0.try_wait(), Ok(None)) {
            self.server = Running::start(&mut self.command, Some(&self.log));
            let _ = self.client("jack_wait").args(["-w", "-t", "10"]).output();
        }
        self.server.terminate();
        let limit = std::time::Instant::now() + Duration::from_secs(5);
        while std::time::Instant::now() < limit && matches!(self.server.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.server.kill();
        let _ = std::fs::remove_file(&self.log);
        for file in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if file.file_name().to_string_lossy().contains(&self.name) {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}
