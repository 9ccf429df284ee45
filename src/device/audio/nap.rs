use std::time::Duration;

/// Sleeps by an absolute time of the monotonic clock: what happens between
/// reading the clock and falling asleep does not make it later.
#[cfg(target_os = "linux")]
pub(super) fn nap(nanos: u64) {
    // SAFETY: a struct of integers, filled by the first call and read by the
    // second.
    unsafe {
        let mut until: libc::timespec = std::mem::zeroed();
        if libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut until) != 0 {
            std::thread::sleep(Duration::from_nanos(nanos));
            return;
        }
        let total = until.tv_nsec as u64 + nanos;
        until.tv_sec += (total / 1_000_000_000) as libc::time_t;
        until.tv_nsec = (total % 1_000_000_000) as libc::c_long;
        libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &until, std::ptr::null_mut());
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn nap(nanos: u64) {
    std::thread::sleep(Duration::from_nanos(nanos));
}

/// A bare timer: absolute times of the monotonic clock, one after the other.
/// What it measures is how late the system wakes a thread, and nothing else.
pub struct Beat {
    period_nanos: u64,
    due_nanos: u64,
}

impl Beat {
    /// The first beat is a period from now.
    pub fn new(period: Duration) -> Beat {
        let period_nanos = (period.as_nanos() as u64).max(1);
        Beat { period_nanos, due_nanos: now_nanos() + period_nanos }
    }

    /// Sleeps until the next beat; gives how late it woke, in nanoseconds. Beats that
    /// were slept through are left out.
    pub fn wait(&mut self) -> u64 {
        sleep_until(self.due_nanos);
        let late_nanos = now_nanos().saturating_sub(self.due_nanos);
        self.due_nanos += (late_nanos / self.period_nanos + 1) * self.period_nanos;
        late_nanos
    }
}

#[cfg(target_os = "linux")]
fn now_nanos() -> u64 {
    // SAFETY: a struct of integers, filled by the call.
    unsafe {
        let mut now: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now);
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }
}

#[cfg(target_os = "linux")]
fn sleep_until(nanos: u64) {
    // SAFETY: a struct of integers, read by the call.
    unsafe {
        let mut until: libc::timespec = std::mem::zeroed();
        until.tv_sec = (nanos / 1_000_000_000) as libc::time_t;
        until.tv_nsec = (nanos % 1_000_000_000) as libc::c_long;
        // A signal ends it early: then it goes on.
        while libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &until, std::ptr::null_mut())
            == libc::EINTR
        {}
    }
}

#[cfg(not(target_os = "linux"))]
fn now_nanos() -> u64 {
    crate::unit::HostTime::now().nanos()
}

#[cfg(not(target_os = "linux"))]
fn sleep_until(nanos: u64) {
    while let Some(remaining @ 1..) = nanos.checked_sub(now_nanos()) {
        std::thread::sleep(Duration::from_nanos(remaining));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_never_early_and_does_not_drift() {
        let mut beat = Beat::new(Duration::from_millis(2));
        let first = beat.due_nanos;
        for _ in 0..5 {
            beat.wait();
        }
        assert!(now_nanos() >= first + 8_000_000);
        assert_eq!((beat.due_nanos - first) % 2_000_000, 0);
    }
}
