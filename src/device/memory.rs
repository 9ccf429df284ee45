//! Keeping the program's memory in RAM: a page fault in the audio callback
//! waits for the disk.

/// As many heaps: threads of the control world seldom wait for each other's allocations.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HEAPS: libc::c_int = 2;

/// Why memory could not be locked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MemoryLockError {
    /// The limit is too low for what the program already uses.
    #[error(
        "the memory lock limit is {limit_bytes} bytes: add `@audio - memlock unlimited` to \
         /etc/security/limits.d/95-audio.conf, join the group `audio`, and log in again"
    )]
    Limit {
        /// The limit that is in force.
        limit_bytes: u64,
    },
    /// The system refused.
    #[error("the system refused to lock memory: {0}")]
    Refused(String),
    /// This system has no such call.
    #[error("locking memory is not supported on this system")]
    Unsupported,
}

/// How many bytes this process may lock; `None` where the system sets no limit
/// or has none. Real-time: no.
#[cfg(unix)]
pub fn limit_bytes() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the struct it is given.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) };
    (result == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// How many bytes this process may lock; unlimited here. Real-time: no.
#[cfg(not(unix))]
pub fn limit_bytes() -> Option<u64> {
    None
}

/// Whether so many bytes could be locked, whatever the limit says: a process with `CAP_IPC_LOCK` has none. Nothing
/// stays locked, and no page is touched. Real-time: no.
#[cfg(target_os = "linux")]
pub fn may_lock(bytes: u64) -> bool {
    let Ok(bytes) = usize::try_from(bytes) else { return false };
    // SAFETY: a mapping of our own that nobody else knows; it is given back whole.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let place = libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        if place == libc::MAP_FAILED {
            return false;
        }
        let locked = libc::mlock2(place, bytes, libc::MLOCK_ONFAULT as _) == 0;
        libc::munmap(place, bytes);
        locked
    }
}

/// Keeps the system from joining this process's pages to huge ones behind its back: it does so every ten
/// seconds, copies 2 MiB at a time, and neither the callback's thread nor another is scheduled meanwhile
/// (`Documentation/admin-guide/mm/transhuge.rst` of Linux). It holds for the whole process, and for what
/// it starts: to be called by the program; the library never does.
///
/// Real-time: no.
///
/// # Errors
/// The system's, where it does not know how.
#[cfg(target_os = "linux")]
pub fn keep_pages_small() -> std::io::Result<()> {
    // SAFETY: takes numbers and gives a number.
    let result = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Nothing joins pages behind a process's back here. Real-time: no.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn keep_pages_small() -> std::io::Result<()> {
    Ok(())
}

/// Keeps the C library from having a heap for each thread: what many threads in turn allocate and free for
/// hours (the cache's, the journals') lies in pieces in each of them, and the process grows. To be called by
/// the program, before it has a second thread; the library never does.
///
/// Real-time: no.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_few_heaps() {
    // SAFETY: takes numbers; heaps that are there stay. A first call that races with allocations of other threads is
    // forbidden (MT-Unsafe init): by then the C library has long allocated, and one thread is there.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, HEAPS) };
}

/// The system's allocator is left alone here. Real-time: no.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_few_heaps() {}

/// Locks every page that the process has now. Pages it asks for later are not
/// locked: with a limit that would make allocations fail.
///
/// Real-time: no.
///
/// # Errors
/// [`MemoryLockError`] where the limit does not allow it.
#[cfg(target_os = "linux")]
pub fn lock() -> Result<(), MemoryLockError> {
    // SAFETY: touches no memory of ours but for keeping it resident.
    if unsafe { libc::mlockall(libc::MCL_CURRENT) } == 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    match limit_bytes() {
        Some(limit_bytes) => Err(MemoryLockError::Limit { limit_bytes }),
        None => Err(MemoryLockError::Refused(error.to_string())),
    }
}

/// Locks every page that the process has now. Real-time: no.
///
/// # Errors
/// [`MemoryLockError::Unsupported`] here.
#[cfg(not(target_os = "linux"))]
pub fn lock() -> Result<(), MemoryLockError> {
    Err(MemoryLockError::Unsupported)
}
