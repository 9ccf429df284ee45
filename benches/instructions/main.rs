//! How many instructions the hot paths take, counted by callgrind: the same on a busy
//! machine as on a quiet one. Compares them with those that are kept beside this file's
//! folder, in `instructions.json`.
//!
//! ```text
//! make bench-instructions              compare; fails where a path has become dearer
//! make bench-instructions ARGS=--renew keep what is counted now
//! ```
//!
//! `tests/deep/run instructions` builds it, with the rooms that need no device.

mod callgrind;
mod kept;
mod scenarios;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use kept::{Count, Kept, Maker, Verdict};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = match *words {
        ["--count", index] => count_here(index),
        ["--compare", kept] => compare(Path::new(kept)),
        ["--renew", kept] => renew(Path::new(kept)),
        _ => Err("it takes --compare FILE or --renew FILE".to_owned()),
    };
    match said {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("instructions: {reason}");
            ExitCode::from(2)
        }
    }
}

/// One scenario, in this process: what callgrind watches.
fn count_here(index: &str) -> Result<bool, String> {
    let index: usize = index.parse().map_err(|_| "a scenario's place is a number".to_owned())?;
    let scenario = scenarios::all().into_iter().nth(index).ok_or("there is no such scenario")?;
    let mut work = (scenario.prepare)();
    callgrind::counted_part(&mut *work);
    // What comes after is not counted.
    std::mem::forget(work);
    Ok(true)
}

/// Counts all scenarios, each in a process of its own.
fn count_all() -> Result<Kept, String> {
    let folder = Folder::new()?;
    let maker = maker()?;
    // How many instructions counting itself takes is in none of them: the call alone.
    let counts = std::thread::scope(|scope| {
        let places = scenarios::all().len();
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let folder = &folder.0;
                scope.spawn(move || {
                    let mut counts = Vec::new();
                    for (place, scenario) in scenarios::all().into_iter().enumerate() {
                        if place % 2 == worker {
                            let file = folder.join(place.to_string());
                            let total = callgrind::count(&["--count", &place.to_string()], &file)
                                .map_err(|reason| format!("{}: {reason}", scenario.name))?;
                            let instructions = total as f64 / scenario.units as f64;
                            counts.push((scenario.name, Count { instructions, unit: scenario.unit.into() }));
                        }
                    }
                    Ok::<_, String>(counts)
                })
            })
            .collect();
        let mut all = std::collections::BTreeMap::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| "a thread of it failed".to_owned())??);
        }
        if all.len() == places { Ok(all) } else { Err("two scenarios have one name".to_owned()) }
    })?;
    Ok(Kept { maker, counts })
}

/// A folder for callgrind's files, which goes with the program.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder, String> {
        let path = std::env::temp_dir().join(format!("antiphon-instructions-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn maker() -> Result<Maker, String> {
    let valgrind = callgrind::version().ok_or("valgrind is not installed")?;
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let said = Command::new(rustc).arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let target = line("host: ").ok_or("rustc does not say its host")?;
    Ok(Maker { rustc: line("rustc ").ok_or("rustc does not say its version")?, target, valgrind })
}

fn renew(path: &Path) -> Result<bool, String> {
    let found = count_all()?;
    std::fs::write(path, found.write()).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("kept {} counts in {}", found.counts.len(), path.display());
    Ok(is_load_cheap_enough(&found))
}

fn compare(path: &Path) -> Result<bool, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let kept = Kept::read(&text).ok_or_else(|| format!("{} holds no counts", path.display()))?;
    let maker = maker()?;
    let Some(tolerance) = kept::tolerance(&kept.maker, &maker) else {
        println!("skipped: the kept counts are for {}, and this is {}", kept.maker.target, maker.target);
        return Ok(true);
    };
    println!(
        "counts of rustc {} under {}; kept: rustc {} under {}; may differ by {:.0} %",
        maker.rustc,
        maker.valgrind,
        kept.maker.rustc,
        kept.maker.valgrind,
        100.0 * tolerance
    );
    let found = count_all()?;
    let lines = kept::compare(&kept, &found, tolerance);
    for line in &lines {
        let number = |count: Option<f64>| count.map_or("-".to_owned(), |count| format!("{count:.1}"));
        let change = match (line.kept, line.found) {
            (Some(kept), Some(found)) => format!("{:+.2} %", 100.0 * (found / kept - 1.0)),
            _ => String::new(),
        };
        let verdict = match line.verdict {
            Verdict::Same => "",
            Verdict::Cheaper => "cheaper: keep it by --renew",
            Verdict::Dearer => "DEARER",
            Verdict::Unknown => "NOT KEPT: --renew",
            Verdict::Gone => "GONE: --renew",
        };
        println!(
            "{:<42}{:>12} was {:>12} a {:<7}{:>10}  {}",
            line.name,
            number(line.found),
            number(line.kept),
            line.unit,
            change,
            verdict
        );
    }
    Ok(is_load_cheap_enough(&found) && !lines.iter().any(|line| line.verdict.is_failure()))
}

/// The bound that holds whatever was kept.
fn is_load_cheap_enough(found: &Kept) -> bool {
    let Some(count) = found.counts.get(scenarios::LOAD) else { return false };
    let holds = count.instructions <= scenarios::LOAD_AT_MOST;
    println!(
        "64 voices and a reverb: {:.0} instructions for a block of 64 frames; at most {:.0}{}",
        count.instructions,
        scenarios::LOAD_AT_MOST,
        if holds { "" } else { ": TOO MANY" }
    );
    holds
}
