//! Independent peers in Python, from its package index, in a folder of the tests' own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::program::is_installed;

const PACKAGES: [&str; 3] = ["mido==1.3.3", "JACK-Client==0.5.7", "python-rtmidi==1.5.8"];
/// One test at a time makes the folder.
static ONE: Mutex<()> = Mutex::new(());

/// A command that runs `tests/peers/SCRIPT`. `None`, and says so, where Python or
/// its packages cannot be had; on a build machine that fails the test.
pub fn peer(script: &str) -> Option<Command> {
    let python = python();
    assert!(python.is_some() || std::env::var_os("CI").is_none(), "the Python peers could not be installed");
    let mut command = Command::new(python?);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script));
    Some(command)
}

fn python() -> Option<PathBuf> {
    if !is_installed("python3") {
        return None;
    }
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let python = folder.join("bin/python");
    let has_all = |python: &Path| {
        let imports = Command::new(python).args(["-c", "import mido, jack, rtmidi"]).output();
        imports.is_ok_and(|output| output.status.success())
    };
    if has_all(&python) {
        return Some(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).output();
    if !made.is_ok_and(|output| output.status.success()) {
        println!("skipped: Python has no venv (python3-venv)");
        return None;
    }
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    let installed = Command::new(&python).args(pip).args(PACKAGES).output();
    if installed.is_ok_and(|output| output.status.success()) && has_all(&python) {
        return Some(python);
    }
    println!("skipped: pip could not install {PACKAGES:?}");
    None
}
