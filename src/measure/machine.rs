//! What a measurement ran on: without it, a figure is worth nothing.

mod ask;
mod date;
mod root;
mod sound;

use serde::{Deserialize, Serialize};

pub use ask::ask;
pub use date::iso_date;
pub use root::Root;
pub use sound::SoundServer;

/// A machine, and the program on it. Empty or null where the system does not say.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Processors that this program may use.
    pub processors: u32,
    /// Such as `x86_64`.
    pub architecture: String,
    /// Such as `linux`.
    pub system: String,
    /// The kernel's release.
    pub kernel: String,
    /// How far the kernel lets itself be interrupted, in its own words.
    pub preemption: Option<String>,
    /// How the processors' clocks are governed: each way that one of them is.
    pub governor: Option<String>,
    /// What a thread of this program that asks for realtime scheduling gets.
    pub scheduler: Option<String>,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Sound servers and drivers that run.
    pub sound: Vec<SoundServer>,
    /// This program's version.
    pub version: String,
    /// The vector instructions that the signal path was built for.
    pub simd: String,
    /// Whether this is a build for speed.
    pub optimised: bool,
    /// How it was built: `release` or `debug`.
    pub profile: String,
    /// When, in UTC by the wall clock, such as `2026-11-21T21:30:00Z`.
    pub date: String,
    /// The same in seconds since 1970.
    pub unix_seconds: u64,
}

impl Machine {
    /// This one, now.
    pub fn here() -> Machine {
        let root = Root::default();
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let unix_seconds = since.map_or(0, |since| since.as_secs());
        Machine {
            processor: root.text("proc/cpuinfo").and_then(|text| processor_name(&text)).unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(1, |count| count.get() as u32),
            architecture: std::env::consts::ARCH.to_owned(),
            system: std::env::consts::OS.to_owned(),
            kernel: root.text("proc/sys/kernel/osrelease").unwrap_or_default(),
            preemption: preemption(&root),
            governor: governor(&root),
            scheduler: scheduler(),
            memory_bytes: root.kib("proc/meminfo", "MemTotal:"),
            sound: sound::running(&root),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            simd: crate::journal::log::simd().to_owned(),
            optimised: !cfg!(debug_assertions),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
            date: iso_date(unix_seconds),
            unix_seconds,
        }
    }
}

/// Each governor that one of the processors has, by name.
pub fn governor(root: &Root) -> Option<String> {
    let is_processor =
        |name: &str| name.strip_prefix("cpu").is_some_and(|number| number.parse::<u32>().is_ok());
    let mut governors: Vec<String> = root
        .names("sys/devices/system/cpu")
        .iter()
        .filter(|name| is_processor(name))
        .filter_map(|name| root.text(&format!("sys/devices/system/cpu/{name}/cpufreq/scaling_governor")))
        .collect();
    governors.sort();
    governors.dedup();
    (!governors.is_empty()).then(|| governors.join(", "))
}

/// `PREEMPT_RT`, `PREEMPT`, `PREEMPT_DYNAMIC` with what it was started with, or `voluntary or none`.
fn preemption(root: &Root) -> Option<String> {
    let version = root.text("proc/sys/kernel/version")?;
    let is = |word: &&&str| version.split_whitespace().any(|other| other == **word);
    let word = ["PREEMPT_RT", "PREEMPT", "PREEMPT_DYNAMIC"].iter().find(is).copied();
    let started = root.text("proc/cmdline").unwrap_or_default();
    let option = started.split_whitespace().find(|word| word.starts_with("preempt="));
    Some(match (word, option) {
        (Some("PREEMPT_DYNAMIC"), Some(option)) => format!("PREEMPT_DYNAMIC, started with {option}"),
        (Some(word), _) => word.to_owned(),
        (None, _) => "voluntary or none".to_owned(),
    })
}

/// Asked for by a thread that ends at once.
fn scheduler() -> Option<String> {
    use crate::device::audio::scheduling::{Scheduling, promote_this_thread};
    let asked =
        std::thread::Builder::new().name("antiphon-asks".to_owned()).spawn(promote_this_thread).ok()?;
    let got = asked.join().ok()?;
    (got != Scheduling::Unknown).then(|| got.to_string())
}

fn processor_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_as_the_kernel_names_it() {
        let text = "processor\t: 0\nmodel name\t: Some Processor @ 3 GHz\nflags\t: fpu";
        assert_eq!(processor_name(text).as_deref(), Some("Some Processor @ 3 GHz"));
        let here = Machine::here();
        assert!(here.processors > 0 && here.date.ends_with('Z') && here.unix_seconds > 0, "{here:?}");
    }

    #[test]
    fn every_processor_s_governor_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        for (cpu, governor) in [("cpu0", "performance"), ("cpu1", "powersave"), ("cpu11", "performance")] {
            let path = folder.path().join("sys/devices/system/cpu").join(cpu).join("cpufreq");
            std::fs::create_dir_all(&path).expect("a folder");
            std::fs::write(path.join("scaling_governor"), format!("{governor}\n")).expect("a file");
        }
        let root = Root::at(folder.path());
        assert_eq!(governor(&root).as_deref(), Some("performance, powersave"));
        assert_eq!((preemption(&root), root.kib("proc/meminfo", "MemTotal:")), (None, None));
        std::fs::create_dir_all(folder.path().join("proc/sys/kernel")).expect("a folder");
        std::fs::write(folder.path().join("proc/sys/kernel/version"), "#1 SMP PREEMPT_DYNAMIC")
            .expect("a file");
        std::fs::write(folder.path().join("proc/cmdline"), "quiet preempt=full").expect("a file");
        assert_eq!(preemption(&root).as_deref(), Some("PREEMPT_DYNAMIC, started with preempt=full"));
    }
}
