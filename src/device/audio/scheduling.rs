//! How the system schedules the callback's thread, and asking for better.

use std::fmt;

/// How the system schedules a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scheduling {
    /// Realtime, first in first out, with this priority.
    Fifo(u8),
    /// Realtime, round robin, with this priority.
    RoundRobin(u8),
    /// Earliest deadline first.
    Deadline,
    /// As any program's thread: others may delay it at any time.
    Other,
    /// The system does not say.
    #[default]
    Unknown,
}

impl Scheduling {
    /// Whether other programs' threads cannot delay it. Real-time: yes.
    pub fn is_realtime(self) -> bool {
        matches!(self, Scheduling::Fifo(_) | Scheduling::RoundRobin(_) | Scheduling::Deadline)
    }

    /// Its priority, where it is realtime and has one. Real-time: yes.
    pub fn priority(self) -> Option<u8> {
        match self {
            Scheduling::Fifo(priority) | Scheduling::RoundRobin(priority) => Some(priority),
            _ => None,
        }
    }

    pub(super) fn to_bits(self) -> u32 {
        match self {
            Scheduling::Unknown => 0,
            Scheduling::Other => 1 << 8,
            Scheduling::Fifo(priority) => 2 << 8 | u32::from(priority),
            Scheduling::RoundRobin(priority) => 3 << 8 | u32::from(priority),
            Scheduling::Deadline => 4 << 8,
        }
    }

    pub(super) fn from_bits(bits: u32) -> Scheduling {
        let priority = (bits & 0xff) as u8;
        match bits >> 8 {
            1 => Scheduling::Other,
            2 => Scheduling::Fifo(priority),
            3 => Scheduling::RoundRobin(priority),
            4 => Scheduling::Deadline,
            _ => Scheduling::Unknown,
        }
    }
}

impl fmt::Display for Scheduling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scheduling::Fifo(priority) => write!(f, "fifo:{priority}"),
            Scheduling::RoundRobin(priority) => write!(f, "rr:{priority}"),
            Scheduling::Deadline => f.write_str("deadline"),
            Scheduling::Other => f.write_str("other"),
            Scheduling::Unknown => f.write_str("unknown"),
        }
    }
}

/// A thread's number in the system's lists. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThreadId(pub u32);

impl ThreadId {
    /// The calling thread's. Real-time: no (a system call).
    #[cfg(target_os = "linux")]
    pub fn current() -> Option<ThreadId> {
        // SAFETY: asks the kernel for a number.
        let number = unsafe { libc::syscall(libc::SYS_gettid) };
        u32::try_from(number).ok().map(ThreadId)
    }

    /// The calling thread's; this system has no such numbers. Real-time: no.
    #[cfg(not(target_os = "linux"))]
    pub fn current() -> Option<ThreadId> {
        None
    }

    /// Takes a thread of this process off realtime scheduling: to any program's
    /// thread, or, with `is_idle`, to one that gets what nobody else wants. Gives
    /// how it is scheduled then. Real-time: no.
    #[cfg(target_os = "linux")]
    pub fn demote(self, is_idle: bool) -> Scheduling {
        let policy = if is_idle { libc::SCHED_IDLE } else { libc::SCHED_OTHER };
        // SAFETY: a struct of integers; and a call that changes how a thread is
        // scheduled and nothing else. A number that is no thread's is refused.
        unsafe {
            let parameters: libc::sched_param = std::mem::zeroed();
            libc::sched_setscheduler(self.0 as libc::pid_t, policy, &parameters);
        }
        self.scheduling()
    }

    /// This system has no such call. Real-time: no.
    #[cfg(not(target_os = "linux"))]
    pub fn demote(self, _is_idle: bool) -> Scheduling {
        Scheduling::Unknown
    }

    /// How it is scheduled, asked of the system. Real-time: no (system calls).
    #[cfg(target_os = "linux")]
    pub fn scheduling(self) -> Scheduling {
        scheduling_of(self.0 as libc::pid_t)
    }

    /// How long a thread of this process has waited for a processor so far, in
    /// nanoseconds; 0 where the system does not say. Real-time: no.
    pub fn starved_nanos(self) -> u64 {
        self.statistic(1)
    }

    /// How long it has run so far, in nanoseconds; 0 where the system does not say.
    /// Real-time: no.
    pub fn ran_nanos(self) -> u64 {
        self.statistic(0)
    }

    fn statistic(self, place: usize) -> u64 {
        let path = format!("/proc/self/task/{}/schedstat", self.0);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().nth(place).and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    }
}

/// Below JACK's own threads (80 and up in common set-ups), above everything
/// that is not audio.
#[cfg(target_os = "linux")]
const PRIORITY: u8 = 70;

/// Asks for realtime scheduling of the calling thread, as far as the limits
/// allow, and tells what it really got. A thread that is realtime already is
/// left alone. Real-time: no (system calls), for a callback's first run only.
#[cfg(target_os = "linux")]
pub fn promote_this_thread() -> Scheduling {
    promote_this_thread_to(PRIORITY)
}

/// As [`promote_this_thread`], with a priority of your own: for threads that
/// serve the callback and must not delay it. Real-time: no (system calls).
#[cfg(target_os = "linux")]
pub fn promote_this_thread_to(priority: u8) -> Scheduling {
    let before = scheduling_of_this_thread();
    if before.is_realtime() {
        return before;
    }
    if !set_fifo(priority) {
        let allowed = raise_priority_limit().min(u64::from(priority)) as u8;
        if allowed > 0 {
            set_fifo(allowed);
        }
    }
    scheduling_of_this_thread()
}

/// Tells how the calling thread is scheduled; this system does not say.
/// Real-time: yes.
#[cfg(not(target_os = "linux"))]
pub fn promote_this_thread() -> Scheduling {
    Scheduling::Unknown
}

/// As [`promote_this_thread`]. Real-time: yes.
#[cfg(not(target_os = "linux"))]
pub fn promote_this_thread_to(_priority: u8) -> Scheduling {
    Scheduling::Unknown
}

#[cfg(target_os = "linux")]
fn set_fifo(priority: u8) -> bool {
    // SAFETY: a struct of integers.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = i32::from(priority);
    // Children of the thread start as ordinary threads: a spinning helper must
    // not take the machine.
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: changes how this thread is scheduled and nothing else.
    unsafe { libc::sched_setscheduler(0, policy, &parameters) == 0 }
}

/// Raises the soft limit of realtime priorities to the hard one; gives it.
#[cfg(target_os = "linux")]
fn raise_priority_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls read or fill the struct they are given.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_RTPRIO, &mut limit) != 0 {
            return 0;
        }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_RTPRIO, &limit);
        }
    }
    limit.rlim_cur
}

/// How the calling thread is scheduled, asked of the system. Real-time: no
/// (system calls).
#[cfg(target_os = "linux")]
pub fn scheduling_of_this_thread() -> Scheduling {
    scheduling_of(0)
}

/// 0 is the calling thread.
#[cfg(target_os = "linux")]
fn scheduling_of(thread: libc::pid_t) -> Scheduling {
    // SAFETY: a struct of integers, which the call fills.
    let (policy, parameters) = unsafe {
        let mut parameters: libc::sched_param = std::mem::zeroed();
        let policy = libc::sched_getscheduler(thread);
        libc::sched_getparam(thread, &mut parameters);
        (policy, parameters)
    };
    let priority = parameters.sched_priority.clamp(0, 99) as u8;
    match policy & !libc::SCHED_RESET_ON_FORK {
        libc::SCHED_FIFO => Scheduling::Fifo(priority),
        libc::SCHED_RR => Scheduling::RoundRobin(priority),
        libc::SCHED_DEADLINE => Scheduling::Deadline,
        _ if policy < 0 => Scheduling::Unknown,
        _ => Scheduling::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_survives_the_atomic() {
        for scheduling in [
            Scheduling::Fifo(70),
            Scheduling::RoundRobin(5),
            Scheduling::Deadline,
            Scheduling::Other,
            Scheduling::Unknown,
        ] {
            assert_eq!(Scheduling::from_bits(scheduling.to_bits()), scheduling);
        }
        assert_eq!(Scheduling::Fifo(70).to_string(), "fifo:70");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_thread_is_taken_off_realtime_scheduling() {
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let got = promote_this_thread();
            tell.send((ThreadId::current().expect("Linux numbers threads"), got)).expect("it waits");
            let _ = ended.recv();
        });
        let (id, got) = told.recv().expect("it runs");
        assert_eq!(id.scheduling(), got);
        for is_idle in [false, true] {
            assert_eq!(id.demote(is_idle), Scheduling::Other);
            assert_eq!(id.scheduling(), Scheduling::Other);
        }
        drop(end);
        thread.join().expect("it ends");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_promoted_thread_says_what_the_system_says() {
        std::thread::spawn(|| {
            let got = promote_this_thread();
            assert_eq!(got, scheduling_of_this_thread());
            assert_ne!(got, Scheduling::Unknown);
            assert_eq!(promote_this_thread(), got);
        })
        .join()
        .expect("the thread ends");
    }
}
