//! Child processes that end with the test, and waiting for what they do.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Whether a program is installed; says so where it is not.
pub fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).any(|folder| folder.join(program).is_file());
    if !found {
        println!("skipped: `{program}` is not installed");
    }
    found
}

/// Asks until the answer is there; fails the test after the time.
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < limit, "{what} did not happen within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A child process that is killed when the test is done with it.
pub struct Running(pub Child);

impl Running {
    /// Starts it, with its output in `log` where one is given.
    pub fn start(command: &mut Command, log: Option<&Path>) -> Running {
        command.stdin(Stdio::null());
        if let Some(path) = log {
            let file = std::fs::File::create(path).expect("a log file");
            command.stdout(file.try_clone().expect("a second handle")).stderr(file);
        }
        Running(command.spawn().expect("the program starts"))
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Asks it to end (SIGTERM).
    #[cfg(unix)]
    pub fn terminate(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).stderr(Stdio::null()).status();
    }

    /// Waits for its end.
    pub fn end(&mut self, limit: Duration) -> ExitStatus {
        wait_for("the program's end", limit, || self.0.try_wait().expect("a child"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
