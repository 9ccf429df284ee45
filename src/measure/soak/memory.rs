use crate::measure::report::Memory;
use crate::measure::statistics::line;

const SECONDS_PER_HOUR: f64 = 3_600.0;
/// From less no hour is foretold: what is made once would be made again and again.
const SECONDS_AT_LEAST: f64 = 50.0;
pub(super) const TOO_SHORT: &str =
    "too short: what memory does in seconds says nothing of an hour; make --for 60 or longer";

/// What this process holds in memory, in bytes; `None` where the system does not tell.
pub(super) fn resident_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

/// From sizes at times in seconds.
pub(super) fn of(sizes: &[(f64, u64)]) -> Option<Memory> {
    let points: Vec<(f64, f64)> = sizes.iter().map(|(seconds, bytes)| (*seconds, *bytes as f64)).collect();
    let (first, last) = (sizes.first()?, sizes.last()?);
    let is_long = last.0 - first.0 >= SECONDS_AT_LEAST;
    let slope = is_long.then(|| line(&points)).flatten().map(|line| line.slope);
    Some(Memory {
        begin_bytes: first.1,
        end_bytes: last.1,
        bytes_per_hour: slope.map(|slope| slope * SECONDS_PER_HOUR),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_understood_and_growth_is_seen() {
        assert_eq!(parse("VmPeak:\t  9 kB\nVmRSS:\t   1234 kB\nRssAnon: 1 kB"), Some(1_234 * 1_024));
        assert_eq!(parse("VmRSS: many"), None);
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20) == cfg!(target_os = "linux"));
        let grows: Vec<(f64, u64)> =
            (0..100).map(|second| (f64::from(second), 5_000 + 3 * second as u64)).collect();
        let memory = of(&grows).expect("there are sizes");
        assert_eq!((memory.begin_bytes, memory.end_bytes), (5_000, 5_297));
        assert!(memory.bytes_per_hour.is_some_and(|rate| (rate - 10_800.0).abs() < 1e-6), "{memory:?}");
        assert_eq!(of(&grows[..40]).expect("there are sizes").bytes_per_hour, None);
        assert_eq!(of(&[]), None);
    }
}
