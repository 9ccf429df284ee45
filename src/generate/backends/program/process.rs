use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;
#[cfg(unix)]
use tokio::time::sleep;
use tokio::time::{Instant, timeout};

use super::pages;
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
/// How soon it is seen that it has gone by itself.
#[cfg(unix)]
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A killed process is gone by then, or the kernel does not let go of it.
const GONE: Duration = Duration::from_secs(5);

/// A running program, with its group. Dropped, all of the group is killed and the program reaped.
pub(super) struct Process {
    name: String,
    child: Option<Child>,
    /// The number of its group, which is its own; gone once that was killed.
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
        let spawned = pages::inherited_as_usual(|| command.spawn());
        let mut child = spawned.map_err(|error| config(format!("{program}: {error}")))?;
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
        let is_gone = self.is_gone_within(GRACE).await;
        // Its last words may still be in the pipe.
        let _ = timeout(GRACE, async { while self.sides.join_next().await.is_some() {} }).await;
        let status = if is_gone { self.reap().await } else { None };
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

    /// Lets it go by itself for a moment, which ends with its deadline; then kills what is left of it.
    pub async fn end(mut self, deadline: Instant) {
        self.input = None;
        let left = deadline.saturating_duration_since(Instant::now());
        self.is_gone_within(GRACE.min(left)).await;
    }

    /// Waits until the program has ended. It is not reaped: until then its number, which is that of its group,
    /// is nobody else's.
    #[cfg(unix)]
    async fn is_gone_within(&mut self, limit: Duration) -> bool {
        let Some(id) = self.group else { return true };
        let gone = async {
            while !has_ended(id) {
                sleep(LOOK_EVERY).await;
            }
        };
        timeout(limit, gone).await.is_ok()
    }

    #[cfg(not(unix))]
    async fn is_gone_within(&mut self, limit: Duration) -> bool {
        match &mut self.child {
            Some(child) => timeout(limit, child.wait()).await.is_ok(),
            None => true,
        }
    }

    /// Kills what is left of its group; once, and never after the program was reaped.
    fn kill_group(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.group.take() {
            // SAFETY: a call of the system that touches no memory. The group is its own, made with it, and its
            // number is not given away while the program is not reaped.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
    }

    /// How it ended, where it has.
    async fn reap(&mut self) -> Option<ExitStatus> {
        self.kill_group();
        timeout(GONE, self.child.as_mut()?.wait()).await.ok()?.ok()
    }
}

/// Whether a child has ended; it stays to be reaped.
#[cfg(unix)]
fn has_ended(id: i32) -> bool {
    // SAFETY: numbers, and for those all zero is fine.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: writes into the struct that it is given.
    let result = unsafe { libc::waitid(libc::P_PID, id as libc::id_t, &raw mut info, how) };
    // Where it cannot be found out, nothing is gained by waiting.
    result != 0 || info.si_signo != 0
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
        let Some(mut child) = self.child.take() else { return };
        // It knows by itself whether it was reaped.
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::start("mine", &["sh", "-c", script].map(str::to_owned)).expect("a shell")
    }

    /// Until all of its group was killed its number must not be given away.
    #[tokio::test]
    async fn a_program_that_has_gone_is_reaped_after_its_group_was_killed() {
        let mut process = shell("exit 3");
        let id = process.group.expect("a number");
        assert!(process.is_gone_within(GONE).await && process.is_gone_within(GONE).await);
        // SAFETY: asks, and touches no memory.
        assert_eq!(unsafe { libc::kill(id, 0) }, 0, "its number is free already");
        assert_eq!(process.reap().await.and_then(|status| status.code()), Some(3));
        assert_eq!(process.group, None, "it would be killed again");

        let mut process = shell("sleep 600 & exit 4");
        let id = process.group.expect("a number");
        let failure = process.ended(None).await;
        assert!(failure.message.contains("exit status: 4") && process.group.is_none(), "{failure}");
        drop(process);
        for _ in 0..500 {
            // SAFETY: as above.
            if unsafe { libc::kill(-id, 0) } != 0 {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("what it started is left");
    }
}
