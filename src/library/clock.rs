use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Milliseconds since 1970 that only ever go forward: the wall clock, read once, and a monotonic clock
/// since. Under a paused clock of tokio's they stand still with it.
pub(super) struct Clock {
    opened_ms: u64,
    opened: Instant,
}

impl Clock {
    /// Starts at the wall clock, or at the newest time that is known where that is later.
    pub(super) fn start(newest_ms: u64) -> Clock {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
        Clock { opened_ms: wall.max(newest_ms), opened: Instant::now() }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.opened_ms + self.opened.elapsed().as_millis() as u64
    }
}
