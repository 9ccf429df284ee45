//! Huge pages for programs: an engine that plays has none (`device::memory`), and what it starts inherits that.

use std::sync::{Mutex, PoisonError};

/// One at a time, so that each finds and restores what the engine has set.
static SPAWNING: Mutex<()> = Mutex::new(());

/// Starts a program that may have huge pages, also where this process may not: a model computes in them.
///
/// The mark goes over to the new program from this process's memory, so it is taken off for as long as that takes,
/// a millisecond or so. Doing it in the child would want a fork of all of the engine's memory, whose every page
/// the callback would then have to have copied; what starts programs otherwise shares it until the new one runs.
#[cfg(target_os = "linux")]
pub(super) fn inherited_as_usual<T>(spawn: impl FnOnce() -> T) -> T {
    let _alone = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
    let _again = is_disabled().then(|| {
        disable(false);
        Again
    });
    spawn()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn inherited_as_usual<T>(spawn: impl FnOnce() -> T) -> T {
    let _alone = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
    spawn()
}

/// Puts the mark back on.
#[cfg(target_os = "linux")]
struct Again;

#[cfg(target_os = "linux")]
impl Drop for Again {
    fn drop(&mut self) {
        disable(true);
    }
}

#[cfg(target_os = "linux")]
fn is_disabled() -> bool {
    // SAFETY: takes numbers and gives a number.
    unsafe { libc::prctl(libc::PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1 }
}

#[cfg(target_os = "linux")]
fn disable(is_disabled: bool) {
    // SAFETY: takes numbers and gives a number. Where the system does not know how it was not set either.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, libc::c_ulong::from(is_disabled), 0, 0, 0) };
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_program_may_have_huge_pages_where_the_engine_may_not() {
        let told = |mut command: Command| {
            let output = inherited_as_usual(|| command.output()).expect("it runs");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let status = || {
            let mut command = Command::new("grep");
            command.args(["THP_enabled", "/proc/self/status"]);
            command
        };
        disable(true);
        let (without, with) = (status().output().expect("it runs").stdout, told(status()));
        let is_back = is_disabled();
        disable(false);
        if without.is_empty() {
            eprintln!("skipped: this kernel does not tell");
            return;
        }
        assert!(String::from_utf8_lossy(&without).contains('0'), "it is inherited");
        assert!(with.contains('1') && is_back, "{with}");
        assert!(told(status()).contains('1') && !is_disabled());
    }
}
