use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::retry::Retryable;
use crate::unit::InSeconds;

/// Why a [`Bulkhead`] let nobody in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BulkheadError {
    /// All places are taken, and those to wait as well.
    #[error("{in_flight} are under way and {waiting} wait already; try again later")]
    Full {
        /// Under way, at most.
        in_flight: usize,
        /// Waiting, at most.
        waiting: usize,
    },
    /// No place was free in time.
    #[error("no place was free within {}", InSeconds(*.0))]
    Late(Duration),
}

impl Retryable for BulkheadError {
    fn helps(&self) -> bool {
        true
    }
}

/// Holds how much goes on at a time, so that a flood stays in its own compartment; clones share it.
#[derive(Clone)]
pub struct Bulkhead(Arc<Inner>);

struct Inner {
    places: Arc<Semaphore>,
    in_flight_at_most: usize,
    waiting: AtomicUsize,
    waiting_at_most: usize,
    refused: AtomicU64,
}

impl Bulkhead {
    /// At most so many under way, and so many waiting for it.
    pub fn new(in_flight: usize, waiting: usize) -> Bulkhead {
        let in_flight = in_flight.clamp(1, Semaphore::MAX_PERMITS);
        Bulkhead(Arc::new(Inner {
            places: Arc::new(Semaphore::new(in_flight)),
            in_flight_at_most: in_flight,
            waiting: AtomicUsize::new(0),
            waiting_at_most: waiting,
            refused: AtomicU64::new(0),
        }))
    }

    /// Takes a place, which is free again when it is dropped. Waits up to `limit`, in the
    /// order of asking.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] at once, or [`BulkheadError::Late`]; both are counted.
    pub async fn enter(&self, limit: Duration) -> Result<Place, BulkheadError> {
        let inner = &self.0;
        if let Ok(permit) = Arc::clone(&inner.places).try_acquire_owned() {
            return Ok(Place { _permit: permit });
        }
        let more = |waiting: usize| (waiting < inner.waiting_at_most).then_some(waiting + 1);
        if inner.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_err() {
            inner.refused.fetch_add(1, Ordering::Relaxed);
            let (in_flight, waiting) = (inner.in_flight_at_most, inner.waiting_at_most);
            return Err(BulkheadError::Full { in_flight, waiting });
        }
        let _waits = Waits(&inner.waiting);
        match timeout(limit, Arc::clone(&inner.places).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Place { _permit: permit }),
            // It is never closed.
            Ok(Err(_)) | Err(_) => {
                inner.refused.fetch_add(1, Ordering::Relaxed);
                Err(BulkheadError::Late(limit))
            }
        }
    }

    /// How many are under way.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight_at_most - self.0.places.available_permits()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Acquire)
    }

    /// How many were not let in.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

/// A place under way; free again when dropped.
#[must_use = "dropped, it lets the next in"]
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// One who waits, also if it is dropped doing so.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn so_many_pass_so_many_wait_and_the_rest_is_refused() {
        let bulkhead = Bulkhead::new(2, 1);
        let (first, second) = (bulkhead.enter(LONG).await, bulkhead.enter(LONG).await);
        let third = tokio::spawn({
            let bulkhead = bulkhead.clone();
            async move { bulkhead.enter(LONG).await }
        });
        tokio::task::yield_now().await;
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (2, 1));
        let refusal = bulkhead.enter(LONG).await.expect_err("full");
        assert_eq!(refusal, BulkheadError::Full { in_flight: 2, waiting: 1 });
        assert_eq!(refusal.to_string(), "2 are under way and 1 wait already; try again later");
        drop(first);
        let third = third.await.expect("no panic").expect("a place");
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting(), bulkhead.refused()), (2, 0, 1));
        drop((second, third));
        assert_eq!(bulkhead.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_at_its_limit_and_leaves_no_trace() {
        let bulkhead = Bulkhead::new(1, 5);
        let held = bulkhead.enter(LONG).await.expect("free");
        let limit = Duration::from_millis(20);
        assert_eq!(bulkhead.enter(limit).await.err(), Some(BulkheadError::Late(limit)));
        // Called off from outside.
        assert!(timeout(limit, bulkhead.enter(LONG)).await.is_err());
        assert_eq!((bulkhead.waiting(), bulkhead.refused()), (0, 1));
        drop(held);
        assert!(bulkhead.enter(Duration::ZERO).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_at_a_time_than_there_are_places() {
        let (bulkhead, most) = (Bulkhead::new(3, 100), Arc::new(AtomicUsize::new(0)));
        let jobs: Vec<_> = (0..50_u64)
            .map(|number| {
                let (bulkhead, most) = (bulkhead.clone(), Arc::clone(&most));
                tokio::spawn(async move {
                    let place = bulkhead.enter(LONG).await?;
                    most.fetch_max(bulkhead.in_flight(), Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(number * 7 % 11)).await;
                    drop(place);
                    Ok::<(), BulkheadError>(())
                })
            })
            .collect();
        for job in jobs {
            job.await.expect("no panic").expect("room for all to wait");
        }
        assert_eq!((most.load(Ordering::SeqCst), bulkhead.in_flight(), bulkhead.waiting()), (3, 0, 0));
    }
}
