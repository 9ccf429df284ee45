use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long another program may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a program says on its standard output, and how it ended; `None` where it is
/// not there or takes too long. Real-time: no.
pub fn ask(program: &str, arguments: &[&str]) -> Option<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let begin = Instant::now();
    while matches!(child.try_wait(), Ok(None)) {
        if begin.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().ok()
}
