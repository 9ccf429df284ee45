use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::generate::{Failure, FailureKind};

/// A file of 64 MiB in base 64, and a little.
const LINE_BYTES: usize = 90 << 20;
/// All that it may write.
const OUTPUT_BYTES: usize = 128 << 20;
/// As many lines, progress among them.
const LINES: usize = 20_000;
/// So much of what it says on standard error is kept: the end.
const STDERR_BYTES: usize = 4 << 10;
/// Lines of it in a message.
const STDERR_LINES: usize = 3;
/// After its answer it may go by itself for so long.
const GRACE: Duration = Duration::from_millis(500);
/// A killed process is gone by then, or the kernel does not let go of it.
const GONE: Duration = Duration::from_secs(5);

/// A running program, with its group. Dropped, all of the group is killed and the program reaped.
pub(super) struct Process {
    name: String,
    child: Option<Child>,
    /// The number of its group, which is its own.
    #[cfg(unix)]
    group: Option<i32>,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    written: usize,
    lines: usize,
    errors: Arc<Mutex<VecDeque<u8>>>,
    /// Writes to it, and hears its complaints.
    sides: JoinSet<()>,
}

impl Process {
    pub fn start(name: &str, command: &[String]) -> Result<Process, Failure> {
        let config = |why: String| {
            let message = format!("the program `{name}` cannot be started ({why}): check its `command`");
            Failure::new(FailureKind::Config, message)
        };
        let [program, arguments @ ..] = command else {
            return Err(config("there is none".to_owned()));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| config(format!("{program}: {error}")))?;
        let ends = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (input, Some(output), Some(stderr)) = ends else {
            return Err(config("it has no pipes".to_owned()));
        };
        let errors = Arc::new(Mutex::new(VecDeque::new()));
        let mut sides = JoinSet::new();
        sides.spawn(listen(stderr, Arc::clone(&errors)));
        Ok(Process {
            name: name.to_owned(),
            #[cfg(unix)]
            group: child.id().and_then(|id| i32::try_from(id).ok()),
            child: Some(child),
            input,
            output: BufReader::new(output),
            written: 0,
            lines: 0,
            errors,
            sides,
        })
    }

    /// Writes a line to it, beside what it writes, and closes its input.
    pub fn say(&mut self, line: &Value) {
        let text = format!("{line}\n");
        if let Some(mut input) = self.input.take() {
            self.sides.spawn(async move {
                // A program that does not care to read may answer all the same.
                let _ = input.write_all(text.as_bytes()).await;
                let _ = input.shutdown().await;
            });
        }
    }

    /// Its next line; `None` at its end.
    pub async fn line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut line = Vec::new();
        loop {
            let (taken, ends) = {
                let chunk = match self.output.fill_buf().await {
                    Ok(chunk) => chunk,
                    Err(error) => {
                        let message =
                            format!("what the program `{}` writes cannot be read: {error}", self.name);
                        return Err(Failure::new(FailureKind::Fault, message));
                    }
                };
                if chunk.is_empty() {
                    return Ok((!line.is_empty()).then_some(line));
                }
                let end = chunk.iter().position(|byte| *byte == b'\n');
                line.extend_from_slice(&chunk[..end.unwrap_or(chunk.len())]);
                (end.map_or(chunk.len(), |end| end + 1), end.is_some())
            };
            self.output.consume(taken);
            self.written += taken;
            self.lines += usize::from(ends);
            if line.len() > LINE_BYTES || self.written > OUTPUT_BYTES || self.lines > LINES {
                let message = format!("the program `{}` writes without end: it was stopped", self.name);
                return Err(Failure::new(FailureKind::Unfit, message));
            }
            if ends {
                return Ok(Some(line));
            }
        }
    }

    /// Why it ended without an answer.
    pub async fn ended(&mut self, strange: Option<String>) -> Failure {
        let status = match &mut self.child {
            Some(child) => timeout(GRACE, child.wait()).await.ok().and_then(Result::ok),
            None => None,
        };
        // Its last words may still be in the pipe.
        let _ = timeout(GRACE, async { while self.sides.join_next().await.is_some() {} }).await;
        let name = &self.name;
        let words = self.last_words().or(strange);
        let said = words.map_or_else(String::new, |words| format!(": {words}"));
        match status {
            Some(status) if status.success() => Failure::new(
                FailureKind::Unfit,
                format!("the program `{name}` ended without an answer; it must write one line of JSON{said}"),
            ),
            Some(status) => {
                Failure::new(FailureKind::Fault, format!("the program `{name}` failed ({status}){said}"))
            }
            None => Failure::new(
                FailureKind::Unfit,
                format!("the program `{name}` closed its output without an answer{said}"),
            ),
        }
    }

    fn last_words(&self) -> Option<String> {
        let bytes: Vec<u8> =
            self.errors.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.chars().filter(|c| !c.is_control()).take(200).collect::<String>())
            .filter(|line| !line.trim().is_empty())
            .collect();
        let last = &lines[lines.len().saturating_sub(STDERR_LINES)..];
        (!last.is_empty()).then(|| last.join(" / "))
    }

    /// Lets it go by itself for a moment, then kills what is left of it.
    pub async fn end(mut self) {
        self.input = None;
        if let Some(child) = &mut self.child {
            let _ = timeout(GRACE, child.wait()).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        #[cfg(unix)]
        if let Some(group) = self.group {
            // SAFETY: a call of the system that touches no memory. The group is its own, made with it.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        let _ = child.start_kill();
        // Reaped beside whoever dropped this; without a runtime tokio does it when it can.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { timeout(GONE, child.wait()).await });
        }
    }
}

async fn listen(mut stderr: ChildStderr, errors: Arc<Mutex<VecDeque<u8>>>) {
    let mut chunk = [0_u8; 1_024];
    while let Ok(count @ 1..) = stderr.read(&mut chunk).await {
        let mut kept = errors.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&chunk[..count]);
        let over = kept.len().saturating_sub(STDERR_BYTES);
        kept.drain(..over);
    }
}
