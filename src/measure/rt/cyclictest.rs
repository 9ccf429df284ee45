//! The same of an independent program, where it is installed: `cyclictest` of
//! rt-tests.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::device::audio::scheduling::Scheduling;
use crate::measure::Stop;

/// What is later than this is counted as this late.
const LATEST_MICROS: u32 = 100_000;
/// How long it may take beyond its own time.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// How often its thread woke how many microseconds late.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Counted(Vec<(u32, u64)>);

impl Counted {
    /// The lateness that `share` of the wake-ups did not exceed.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.0.iter().map(|(_, count)| count).sum();
        let wanted = ((all as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        self.0.iter().find_map(|(micros, count)| {
            seen += count;
            (seen >= wanted).then_some(f64::from(*micros))
        })
    }
}

/// Has it measure for so long; `None` where it is not installed or is refused. It
/// is told not to tune the system, which would help it alone.
pub(super) fn measure(like: Scheduling, period: Duration, seconds: f64, stop: &Stop) -> Option<Counted> {
    let loops = (seconds / period.as_secs_f64()).ceil().max(1.0);
    let mut command = Command::new("cyclictest");
    command.args(["--quiet", "--threads=1", "--default-system"]);
    command.arg(format!("--interval={}", period.as_micros().max(1)));
    command.arg(format!("--loops={loops}")).arg(format!("--histogram={LATEST_MICROS}"));
    match like.priority() {
        Some(priority) => command.arg(format!("--priority={priority}")).arg("--policy=fifo"),
        None => command.arg("--policy=other"),
    };
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    // Read on a thread of its own, lest it waits for room in the pipe.
    let mut out = child.stdout.take()?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut out, &mut text).map(|_| text)
    });
    let limit = Instant::now() + Duration::from_secs_f64(seconds) + PATIENCE;
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if !stop.is_stopped() && Instant::now() < limit => std::thread::sleep(LOOK),
            _ => {
                // Gone already, or gone now.
                let _ = child.kill();
                let _ = child.wait();
                break false;
            }
        }
    };
    let text = reader.join().ok()?.ok()?;
    ended.then(|| read(&text)).flatten()
}

/// Its histogram: a line of `microseconds count` for each, and comments; those
/// beyond the last are counted in one of the comments.
fn read(text: &str) -> Option<Counted> {
    let mut counted = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# Histogram Overflows:") {
            counted.push((LATEST_MICROS, rest.trim().parse().ok()?));
        } else if let Some((micros, count)) = line.split_once(char::is_whitespace)
            && let (Ok(micros), Ok(count)) = (micros.trim().parse(), count.trim().parse())
            && count > 0
        {
            counted.push((micros, count));
        }
    }
    counted.sort_unstable();
    counted.iter().any(|(_, count)| *count > 0).then_some(Counted(counted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_histogram_is_read_with_what_lies_beyond() {
        let text = "# /dev/cpu_dma_latency set to 0us\n# Histogram\n000000 000000\n000002 000090\n000003\t000000\n\
                    000070 000009\n# Total: 000000099\n# Min Latencies: 00002\n# Histogram Overflows: 00001\n";
        let counted = read(text).expect("there is one");
        assert_eq!(counted.quantile(0.5), Some(2.0));
        assert_eq!(counted.quantile(0.99), Some(70.0));
        assert_eq!(counted.quantile(1.0), Some(100_000.0));
        assert_eq!(read("# Histogram\n000000 000000\n# Histogram Overflows: 00000\n"), None);
    }
}
