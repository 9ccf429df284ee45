use std::time::Duration;

use tokio::time::Instant;

/// Where `start + delay` is more than a clock can count: as good as never.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3_600);

/// A time after another, however long the delay is.
pub(super) fn later(start: Instant, delay: Duration) -> Instant {
    // Far from either end: tokio's own timers do the same.
    start.checked_add(delay.min(FAR)).unwrap_or(start)
}
