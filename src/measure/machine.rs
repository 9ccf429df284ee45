//! What a measurement ran on: without it, a figure is worth nothing.

use serde::{Deserialize, Serialize};

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
    /// How the processor's clock is governed.
    pub governor: Option<String>,
    /// This program's version.
    pub version: String,
    /// The vector instructions that the signal path was built for.
    pub simd: String,
    /// Whether this is a build for speed.
    pub optimised: bool,
    /// When, by the wall clock, in seconds since 1970.
    pub unix_seconds: u64,
}

impl Machine {
    /// This one, now.
    pub fn here() -> Machine {
        Machine {
            processor: read("/proc/cpuinfo").and_then(|text| processor_name(&text)).unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(1, |count| count.get() as u32),
            architecture: std::env::consts::ARCH.to_owned(),
            system: std::env::consts::OS.to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").unwrap_or_default(),
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            simd: crate::journal::log::simd().to_owned(),
            optimised: !cfg!(debug_assertions),
            unix_seconds: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        }
    }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
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
        assert!(Machine::here().processors > 0);
    }
}
