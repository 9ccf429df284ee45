//! What else the machine did while something was measured, as its kernel counts it.

use std::time::Instant;

use super::machine::Root;
use super::reference::Pace;
use super::report::Conditions;
use super::statistics::median;

/// Of fewer of the kernel's ticks nothing is said.
const TICKS_AT_LEAST: u64 = 20;

/// What the processors have done since the machine started, in ticks of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Ticks {
    all: u64,
    busy: u64,
    stolen: u64,
    /// Of this program and those that it started.
    ours: u64,
    processors: u64,
}

/// A measurement that has begun.
pub(super) struct Begun {
    at: Instant,
    ticks: Option<Ticks>,
}

impl Begun {
    pub(super) fn now() -> Begun {
        Begun { at: Instant::now(), ticks: Ticks::read(&Root::default()) }
    }

    /// How the machine was since then.
    pub(super) fn end(self, paces: &[Pace]) -> Conditions {
        let since = self.ticks.zip(Ticks::read(&Root::default())).and_then(|(then, now)| now.since(then));
        let of = |part: fn(&Pace) -> f64| median(&paces.iter().map(part).collect::<Vec<_>>());
        let sum = |part: fn(&Pace) -> f64| paces.iter().map(part).sum::<f64>();
        let own = sum(|pace| pace.float_ns + pace.integer_ns + pace.memory_ns);
        Conditions {
            seconds: self.at.elapsed().as_secs_f64(),
            others_processors: since.map(|since| since.processors_of(since.busy.saturating_sub(since.ours))),
            stolen_processors: since.map(|since| since.processors_of(since.stolen)),
            float_ns: of(|pace| pace.float_ns),
            integer_ns: of(|pace| pace.integer_ns),
            memory_ns: of(|pace| pace.memory_ns),
            share: (!paces.is_empty()).then(|| (own / sum(|pace| pace.passed_ns)).min(1.0)),
        }
    }
}

impl Ticks {
    /// `None` where the system does not count them.
    fn read(root: &Root) -> Option<Ticks> {
        let stat = root.text("proc/stat")?;
        let mut lines = stat.lines().filter(|line| line.starts_with("cpu"));
        let total = lines.next()?;
        // proc(5): user nice system idle iowait irq softirq steal; guests are in user.
        let fields: Vec<u64> =
            total.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
        let [user, nice, system, idle, iowait, irq, softirq, stolen, ..] = fields[..] else { return None };
        let busy = user + nice + system + irq + softirq;
        let own = root.text("proc/self/stat")?;
        // Behind the name, which may have anything in it: utime stime cutime cstime are 14 to 17.
        let fields: Vec<&str> = own.rsplit_once(')')?.1.split_whitespace().collect();
        let ours = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
        let processors = lines.count() as u64;
        Some(Ticks { all: busy + idle + iowait + stolen, busy, stolen, ours, processors })
    }

    fn since(self, then: Ticks) -> Option<Ticks> {
        let since = Ticks {
            all: self.all.saturating_sub(then.all),
            busy: self.busy.saturating_sub(then.busy),
            stolen: self.stolen.saturating_sub(then.stolen),
            ours: self.ours.saturating_sub(then.ours),
            processors: self.processors,
        };
        (since.all >= TICKS_AT_LEAST).then_some(since)
    }

    fn processors_of(self, ticks: u64) -> f64 {
        let processors = ticks as f64 * self.processors as f64 / self.all as f64;
        (processors * 100.0).round() / 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_ticks_are_understood() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |stat: &str, own: &str| {
            std::fs::create_dir_all(folder.path().join("proc/self")).expect("a folder");
            std::fs::write(folder.path().join("proc/stat"), stat).expect("a file");
            std::fs::write(folder.path().join("proc/self/stat"), own).expect("a file");
            Ticks::read(&Root::at(folder.path()))
        };
        let own = |ticks: u64| format!("7 (a (b) c) R 1 2 3 4 5 6 7 8 9 10 {ticks} 2 3 4 20 0");
        let cpus = "cpu0 1 1\ncpu1 1 1\nintr 5\n";
        let then = write(&format!("cpu  100 10 50 800 20 5 5 10 0 0\n{cpus}"), &own(10)).expect("it says");
        assert_eq!(then, Ticks { all: 1_000, busy: 170, stolen: 10, ours: 19, processors: 2 });
        let now = write(&format!("cpu  220 10 80 830 20 5 5 30 0 0\n{cpus}"), &own(60)).expect("it says");
        let since = now.since(then).expect("long enough");
        // Of 200 ticks 150 were busy, 50 of them ours, and 20 stolen.
        assert_eq!(
            (since.processors_of(since.busy - since.ours), since.processors_of(since.stolen)),
            (1.0, 0.2)
        );
        assert_eq!(then.since(then), None);
        assert_eq!(write("cpu 1 2 3", &own(1)), None);
    }

    #[test]
    fn conditions_tell_of_the_reference() {
        let pace = Pace { float_ns: 10.0, integer_ns: 20.0, memory_ns: 30.0, passed_ns: 120.0 };
        let found = Begun::now().end(&[pace; 3]);
        assert_eq!((found.float_ns, found.integer_ns, found.memory_ns), (Some(10.0), Some(20.0), Some(30.0)));
        assert_eq!(found.share, Some(0.5));
        let found = Begun::now().end(&[]);
        assert_eq!((found.float_ns, found.share), (None, None));
    }
}
