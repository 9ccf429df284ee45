use crate::device::audio::scheduling::ThreadId;
use crate::measure::report::{ContextSwitches, PageFaults};

/// What a thread has waited for so far, as the system counts it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Waits {
    pub(super) page_faults: PageFaults,
    pub(super) context_switches: ContextSwitches,
}

impl Waits {
    /// Of a thread of this process; `None` where the system does not say.
    pub(super) fn of(thread: ThreadId) -> Option<Waits> {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/self/task/{}/{file}", thread.0)).ok();
        Some(Waits {
            page_faults: page_faults(&read("stat")?)?,
            context_switches: context_switches(&read("status")?)?,
        })
    }

    /// What came since `earlier`.
    pub(super) fn since(self, earlier: Waits) -> Waits {
        let (faults, switches) = (earlier.page_faults, earlier.context_switches);
        Waits {
            page_faults: PageFaults {
                minor: self.page_faults.minor.saturating_sub(faults.minor),
                major: self.page_faults.major.saturating_sub(faults.major),
            },
            context_switches: ContextSwitches {
                voluntary: self.context_switches.voluntary.saturating_sub(switches.voluntary),
                involuntary: self.context_switches.involuntary.saturating_sub(switches.involuntary),
            },
        }
    }

    pub(super) fn and(self, other: Waits) -> Waits {
        Waits {
            page_faults: PageFaults {
                minor: self.page_faults.minor + other.page_faults.minor,
                major: self.page_faults.major + other.page_faults.major,
            },
            context_switches: ContextSwitches {
                voluntary: self.context_switches.voluntary + other.context_switches.voluntary,
                involuntary: self.context_switches.involuntary + other.context_switches.involuntary,
            },
        }
    }
}

/// Fields 10 and 12 of `/proc/PID/stat` (proc(5)); the name in field 2 may hold spaces.
fn page_faults(stat: &str) -> Option<PageFaults> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let minor = fields.nth(7)?.parse().ok()?;
    let major = fields.nth(1)?.parse().ok()?;
    Some(PageFaults { minor, major })
}

fn context_switches(status: &str) -> Option<ContextSwitches> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok();
    Some(ContextSwitches {
        voluntary: field("voluntary_ctxt_switches:")?,
        involuntary: field("nonvoluntary_ctxt_switches:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_proc() {
        let stat = "7 (a (b) c) S 1 2 3 4 5 6 107 8 12 9 10 11";
        assert_eq!(page_faults(stat), Some(PageFaults { minor: 107, major: 12 }));
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t545\n";
        let switches = ContextSwitches { voluntary: 150, involuntary: 545 };
        assert_eq!(context_switches(status), Some(switches));
        assert_eq!((page_faults("7"), context_switches("")), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_sleeps_leaves_its_processor() {
        let thread = ThreadId::current().expect("it has a number");
        let before = Waits::of(thread).expect("the system says");
        std::thread::sleep(std::time::Duration::from_millis(1));
        let since = Waits::of(thread).expect("the system says").since(before);
        assert!(since.context_switches.voluntary > 0, "{since:?}");
    }
}
