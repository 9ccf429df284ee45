//! Runs this program once more under callgrind, and reads what it wrote.

use std::path::Path;
use std::process::Command;

/// The function whose work is counted, with all that it calls. Each call of it is
/// one scenario: its count is written out where it returns.
#[inline(never)]
pub fn counted_part(work: &mut dyn FnMut()) {
    work();
    // Something after the call, so that the call is one and not a jump.
    std::hint::black_box(());
}

/// How callgrind names it.
const COUNTED: &str = "*counted_part*";

/// The C library chooses its copying functions by the processor; without these
/// it takes the same ones on every x86-64.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX2_Usable,-AVX_Fast_Unaligned_Load,\
                        -ERMS,-FSRM,-SSSE3,-Fast_Unaligned_Copy,-Prefer_ERMS";

/// What `valgrind --version` says; `None` where it is not installed.
pub fn version() -> Option<String> {
    let said = Command::new("valgrind").arg("--version").output().ok()?;
    said.status.success().then(|| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// The instructions of one scenario: of what `counted_part` does when this program is
/// started with these arguments.
///
/// # Errors
/// What went wrong, in words.
pub fn count(arguments: &[&str], file: &Path) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let said = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(arguments)
        .env("GLIBC_TUNABLES", TUNABLES)
        .output()
        .map_err(|error| format!("valgrind cannot be started: {error}"))?;
    if !said.status.success() {
        return Err(format!("under valgrind it ended with:\n{}", String::from_utf8_lossy(&said.stderr)));
    }
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    match total(&text) {
        Some(count) if count > 0 => Ok(count),
        _ => Err(format!("nothing was counted in {}", file.display())),
    }
}

/// The total of a file of callgrind's.
pub fn total(text: &str) -> Option<u64> {
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    line("summary:").or_else(|| line("totals:"))?.trim().parse().ok()
}
