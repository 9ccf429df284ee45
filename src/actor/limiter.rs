use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::later::later;
use super::retry::Retryable;

/// How often something may be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// One more is allowed each time this has passed.
    pub every: Duration,
    /// So many at once, after a rest.
    pub burst: NonZeroU32,
}

/// Too early: the rate allows it later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many at once; try again in {} ms", wait.as_millis().saturating_add(1))]
pub struct TooSoon {
    /// How long until the rate allows it, if nobody else comes first.
    pub wait: Duration,
}

impl Retryable for TooSoon {
    fn helps(&self) -> bool {
        true
    }

    fn wait(&self) -> Duration {
        self.wait
    }
}

/// Lets things be done at a [`Rate`]; clones share it.
///
/// Lives by tokio's clock, and stands still when that is paused.
#[derive(Clone)]
pub struct Limiter(Arc<Inner>);

struct Inner {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Nanos>>,
    /// Who waits stands in a line: tokio's lock is given in the order of asking.
    line: Mutex<()>,
    clock: TokioClock,
    refused: AtomicU64,
}

impl Limiter {
    /// With the whole burst to spend.
    pub fn new(rate: Rate) -> Limiter {
        let every = rate.every.max(Duration::from_nanos(1));
        let quota = Quota::with_period(every)
            // PANIC: refused is only a period of nothing.
            .expect("a period longer than nothing")
            .allow_burst(rate.burst);
        let clock = TokioClock { origin: Instant::now() };
        Limiter(Arc::new(Inner {
            limiter: RateLimiter::direct_with_clock(quota, clock.clone()),
            line: Mutex::new(()),
            clock,
            refused: AtomicU64::new(0),
        }))
    }

    /// Takes a token if there is one now.
    ///
    /// # Errors
    /// [`TooSoon`], counted.
    pub fn try_take(&self) -> Result<(), TooSoon> {
        self.check().inspect_err(|_| self.count_refusal())
    }

    /// Waits for a token, in the order of asking, up to `limit`. Whoever stops waiting
    /// has taken none.
    ///
    /// # Errors
    /// [`TooSoon`], counted, as soon as it is known that the limit is too short.
    pub async fn take(&self, limit: Duration) -> Result<(), TooSoon> {
        let deadline = later(Instant::now(), limit);
        let Ok(_first) = timeout_at(deadline, self.0.line.lock()).await else {
            self.count_refusal();
            return Err(TooSoon { wait: Duration::ZERO });
        };
        while let Err(refusal) = self.check() {
            let ready = later(Instant::now(), refusal.wait);
            if ready > deadline {
                self.count_refusal();
                return Err(refusal);
            }
            sleep_until(ready).await;
        }
        Ok(())
    }

    /// How often it said [`TooSoon`].
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), TooSoon> {
        self.0.limiter.check().map_err(|until| {
            let now = self.0.clock.now();
            TooSoon { wait: until.earliest_possible().duration_since(now).into() }
        })
    }

    fn count_refusal(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }
}

/// Tokio's clock, so that a test's paused time holds for the limiter too.
#[derive(Clone)]
struct TokioClock {
    origin: Instant,
}

impl Clock for TokioClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.origin.elapsed().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::{advance, pause};

    use super::*;

    fn limiter(every_millis: u64, burst: u32) -> Limiter {
        let burst = NonZeroU32::new(burst).expect("above 0");
        Limiter::new(Rate { every: Duration::from_millis(every_millis), burst })
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_one_at_a_time() {
        let limiter = limiter(100, 3);
        assert_eq!([(); 3].map(|()| limiter.try_take()), [Ok(()); 3]);
        assert_eq!(limiter.try_take(), Err(TooSoon { wait: Duration::from_millis(100) }));
        advance(Duration::from_millis(99)).await;
        assert_eq!(limiter.try_take(), Err(TooSoon { wait: Duration::from_millis(1) }));
        advance(Duration::from_millis(1)).await;
        assert_eq!([limiter.try_take().is_ok(), limiter.try_take().is_ok()], [true, false]);
        assert_eq!(limiter.refused(), 3);
        advance(Duration::from_secs(60)).await;
        assert_eq!([(); 4].map(|()| limiter.try_take().is_ok()), [true, true, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_goes_in_order_and_at_the_rate() {
        let (limiter, start) = (limiter(100, 1), Instant::now());
        let waiters: Vec<_> = (0..5)
            .map(|number| {
                let limiter = limiter.clone();
                tokio::spawn(async move {
                    // They ask one after the other, and long before their turn.
                    tokio::time::sleep(Duration::from_millis(number)).await;
                    let taken = limiter.take(Duration::from_secs(5)).await;
                    (taken, start.elapsed())
                })
            })
            .collect();
        for (number, waiter) in (0_u64..).zip(waiters) {
            let (taken, at) = waiter.await.expect("no panic");
            // The timer goes by whole milliseconds.
            let due = Duration::from_millis(100 * number);
            assert!(taken.is_ok() && at >= due && at <= due + Duration::from_millis(2), "{number}: {at:?}");
        }
    }

    #[tokio::test]
    async fn nobody_waits_in_vain() {
        pause();
        let (limiter, start) = (limiter(1_000, 1), Instant::now());
        assert!(limiter.take(Duration::ZERO).await.is_ok());
        let refusal = limiter.take(Duration::from_millis(400)).await.expect_err("it takes a second");
        assert_eq!((refusal.wait, start.elapsed()), (Duration::from_secs(1), Duration::ZERO));
        assert_eq!(refusal.to_string(), "too many at once; try again in 1001 ms");
        let first = tokio::spawn({
            let limiter = limiter.clone();
            async move { limiter.take(Duration::from_secs(2)).await }
        });
        tokio::task::yield_now().await;
        assert!(limiter.take(Duration::from_millis(100)).await.is_err(), "another waits before it");
        assert!(first.await.expect("no panic").is_ok());
        assert_eq!(limiter.refused(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_takes_nothing() {
        let limiter = limiter(100, 1);
        limiter.try_take().expect("the first");
        assert!(
            timeout_at(Instant::now() + Duration::from_millis(30), limiter.take(Duration::MAX / 4))
                .await
                .is_err()
        );
        advance(Duration::from_millis(70)).await;
        assert_eq!(limiter.try_take(), Ok(()));
    }

    proptest! {
        /// In no stretch of time is more allowed than the burst and what the time brings;
        /// and what is refused is allowed after exactly the wait it was told.
        #[test]
        fn keeps_to_its_rate(
            every in 1_u64..50, burst in 1_u32..8, steps in proptest::collection::vec(0_u64..120, 1..120),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.expect("a runtime").block_on(async {
                let (limiter, start) = (limiter(every, burst), Instant::now());
                let mut taken: Vec<u64> = Vec::new();
                for step in steps {
                    advance(Duration::from_millis(step)).await;
                    while limiter.try_take().is_ok() {
                        taken.push(start.elapsed().as_millis() as u64);
                        prop_assert!(taken.len() < 100_000);
                    }
                    if step % 3 == 0 {
                        let wait = limiter.try_take().expect_err("just refused").wait;
                        prop_assert!(wait <= Duration::from_millis(every));
                        advance(wait).await;
                        prop_assert_eq!(limiter.try_take(), Ok(()));
                        taken.push(start.elapsed().as_millis() as u64);
                    }
                }
                for (index, from) in taken.iter().enumerate() {
                    for (count, to) in (1_u64..).zip(&taken[index..]) {
                        prop_assert!(count <= u64::from(burst) + (to - from) / every);
                    }
                }
                Ok(())
            })?;
        }
    }
}
