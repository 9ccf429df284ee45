use std::time::Duration;

/// How long this thread has been on a processor: what other programs take of it
/// meanwhile does not count.
#[cfg(unix)]
pub(super) fn own_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the struct it is given.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    if result == 0 { Duration::new(time.tv_sec as u64, time.tv_nsec as u32) } else { Duration::ZERO }
}

/// Where a thread's own time is not told, the time that passed.
#[cfg(not(unix))]
pub(super) fn own_time() -> Duration {
    static BEGIN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGIN.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_while_there_is_work() {
        let begin = own_time();
        while own_time() == begin {
            std::hint::black_box([0_u8; 4_096]);
        }
        assert!(own_time() > begin);
    }
}
