//! Actors: what may fail without being heard, and who starts it again.

mod backoff;
mod breaker;
mod bulkhead;
mod heirloom;
mod limiter;
mod retry;
mod window;

pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerError, BreakerOpen, BreakerSettings, BreakerState, Pass};
pub use bulkhead::{Bulkhead, BulkheadError, Place};
pub use heirloom::{Heirloom, Held};
pub use limiter::{Limiter, Rate, TooSoon};
pub use retry::{Retry, RetryError, Retryable, Setback};
pub use window::{Failures, Window};
