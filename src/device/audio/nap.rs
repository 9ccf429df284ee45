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
