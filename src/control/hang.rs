//! The end of a process whose audio thread hangs: what is known is written, and
//! the status says that starting again helps.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::life::Life;
use super::status;
use crate::engine::live::{Hang, OnHang};

/// The exit status after a hang (`EX_SOFTWARE` of sysexits.h).
pub(super) const HUNG: u8 = 70;
/// A log longer than this is begun anew.
const LOG_BYTES: u64 = 1 << 20;

/// Tells of a hang, on the terminal and in a file, and ends the process.
pub(super) fn end_process(life: Life) -> OnHang {
    Box::new(move |hang| {
        status::abandon_terminal();
        let log = match write_log(&hang, life) {
            Ok(path) => format!("; more is in {}", path.display()),
            Err(_) => String::new(),
        };
        let advice = if life.is_kept() { "" } else { "; `antiphon play --respawn` would start itself again" };
        super::tell(&format!("antiphon: {}{log}{advice}", in_words(&hang)));
        exit();
    })
}

fn in_words(hang: &Hang) -> String {
    let place = match &hang.actor {
        Some(actor) => format!("in `{actor}`, "),
        None => String::new(),
    };
    let millis = hang.lasted.as_millis();
    format!(
        "the audio thread has hung for {millis} ms, {place}at frame {}; ending with status {HUNG}",
        hang.frame
    )
}

/// Ends at once: what runs at an orderly exit may wait for the thread that hangs.
fn exit() -> ! {
    #[cfg(unix)]
    // SAFETY: ends the process; nothing of ours runs after it.
    unsafe {
        libc::_exit(i32::from(HUNG))
    }
    #[cfg(not(unix))]
    std::process::exit(i32::from(HUNG))
}

/// Appends one line of JSON to the log of hangs.
fn write_log(hang: &Hang, life: Life) -> io::Result<PathBuf> {
    let folder = state_folder().ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(&folder)?;
    let path = folder.join("hangs.log");
    let is_long = fs::metadata(&path).is_ok_and(|there| there.len() > LOG_BYTES);
    let mut options = OpenOptions::new();
    options.create(true);
    let mut file =
        if is_long { options.write(true).truncate(true) } else { options.append(true) }.open(&path)?;
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let line = serde_json::json!({
        "unix_seconds": since_epoch.as_secs(),
        "version": env!("CARGO_PKG_VERSION"),
        "process": std::process::id(),
        "life": life.number,
        "actor": hang.actor,
        "frame": hang.frame,
        "hung_ms": hang.lasted.as_millis() as u64,
        "callbacks": hang.callbacks,
        "scheduler": hang.scheduling.to_string(),
        "thread": hang.thread.map(|thread| thread.0),
        "thread_state": hang.thread.and_then(thread_state),
    });
    writeln!(file, "{line}")?;
    Ok(path)
}

/// What the system says of a thread: running, sleeping, ….
fn thread_state(thread: crate::device::audio::scheduling::ThreadId) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/self/task/{}/status", thread.0)).ok()?;
    let state = text.lines().find_map(|line| line.strip_prefix("State:"))?;
    Some(state.trim().to_owned())
}

/// Where programs keep what they want to know the next time.
pub(super) fn state_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_STATE_HOME")
        .or_else(|| Some(set("HOME")?.join(".local/state")))
        .or_else(|| set("LOCALAPPDATA"))?;
    Some(folder.join("antiphon"))
}
