use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::backoff::Backoff;
use super::breaker::{Breaker, BreakerOpen};
use super::later::later;
use super::limiter::{Limiter, TooSoon};

/// An error that says whether to try again.
pub trait Retryable {
    /// Whether the same again, a little later, may go well.
    fn helps(&self) -> bool;

    /// How long it would be in vain.
    fn wait(&self) -> Duration {
        Duration::ZERO
    }
}

impl Retryable for Infallible {
    fn helps(&self) -> bool {
        match *self {}
    }
}

/// Why a try came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Setback<E> {
    /// The job failed.
    #[error("{0}")]
    Failed(E),
    /// The breaker let it not be tried.
    #[error(transparent)]
    Open(BreakerOpen),
    /// The limiter let it not be tried.
    #[error(transparent)]
    TooSoon(TooSoon),
}

/// Why there is no value in the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RetryError<E> {
    /// The job failed in a way that trying again does not help.
    #[error("{0}")]
    Final(E),
    /// All tries are used up; the last setback.
    #[error("tried {tries} times: {last}")]
    Exhausted {
        /// How many tries there were.
        tries: u32,
        /// What the last came to.
        last: Setback<E>,
    },
    /// The time is used up, or the next try would come after it.
    #[error("no result within {} ms after {tries} tries", limit.as_millis())]
    Late {
        /// How many tries were begun.
        tries: u32,
        /// The time there was.
        limit: Duration,
        /// What the last finished one came to.
        last: Option<Setback<E>>,
    },
}

/// Tries again, later each time, for as long as that may help.
///
/// Each try takes its own token from the limiter and its own pass from the breaker. One that the
/// breaker refuses is used up, but it is no failure.
#[derive(Clone)]
pub struct Retry {
    /// So many tries, the first included.
    pub tries: u32,
    /// How long to wait between them.
    pub backoff: Backoff,
    /// All tries and waits together take no longer.
    pub limit: Duration,
    /// Decides the jitter.
    pub seed: u64,
    /// Asked at each try.
    pub limiter: Option<Limiter>,
    /// Asked at each try. A failure for which [`Retryable::helps`] says no is an answer,
    /// and speaks for what it guards.
    pub breaker: Option<Breaker>,
}

impl Default for Retry {
    /// 5 tries in 30 s, without limiter or breaker.
    fn default() -> Retry {
        Retry {
            tries: 5,
            backoff: Backoff::default(),
            limit: Duration::from_secs(30),
            seed: 0,
            limiter: None,
            breaker: None,
        }
    }
}

impl Retry {
    /// Runs the job until it goes well; it is told the number of the try, from 0.
    ///
    /// # Errors
    /// [`RetryError`]: it failed for good, too often, or too long.
    pub async fn run<T, E: Retryable>(
        &self,
        mut job: impl AsyncFnMut(u32) -> Result<T, E>,
    ) -> Result<T, RetryError<E>> {
        let deadline = later(Instant::now(), self.limit);
        let mut last = None;
        for attempt in 0..self.tries.max(1) {
            let setback = match self.attempt(attempt, deadline, &mut job).await {
                Outcome::Done(value) => return Ok(value),
                Outcome::Final(error) => return Err(RetryError::Final(error)),
                Outcome::Late => {
                    return Err(RetryError::Late { tries: attempt + 1, limit: self.limit, last });
                }
                Outcome::Setback(setback) => setback,
            };
            let in_vain = match &setback {
                Setback::Failed(error) => error.wait(),
                Setback::Open(open) => open.wait(),
                Setback::TooSoon(too_soon) => too_soon.wait(),
            };
            last = Some(setback);
            if attempt + 1 < self.tries {
                let delay = self.backoff.delay(attempt, self.seed).max(in_vain);
                if later(Instant::now(), delay) >= deadline {
                    return Err(RetryError::Late { tries: attempt + 1, limit: self.limit, last });
                }
                sleep(delay).await;
            }
        }
        match last {
            Some(last) => Err(RetryError::Exhausted { tries: self.tries.max(1), last }),
            None => Err(RetryError::Late { tries: 0, limit: self.limit, last: None }),
        }
    }

    async fn attempt<T, E: Retryable>(
        &self,
        attempt: u32,
        deadline: Instant,
        job: &mut impl AsyncFnMut(u32) -> Result<T, E>,
    ) -> Outcome<T, E> {
        if let Some(limiter) = &self.limiter {
            let left = deadline.saturating_duration_since(Instant::now());
            if let Err(too_soon) = limiter.take(left).await {
                return Outcome::Setback(Setback::TooSoon(too_soon));
            }
        }
        let pass = match self.breaker.as_ref().map(Breaker::enter).transpose() {
            Ok(pass) => pass,
            Err(open) => return Outcome::Setback(Setback::Open(open)),
        };
        let result = timeout_at(deadline, job(attempt)).await;
        let answered = match &result {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => !error.helps(),
            Err(_) => false,
        };
        if let Some(pass) = pass {
            if answered { pass.succeeded() } else { pass.failed() }
        }
        match result {
            Ok(Ok(value)) => Outcome::Done(value),
            Ok(Err(error)) if answered => Outcome::Final(error),
            Ok(Err(error)) => Outcome::Setback(Setback::Failed(error)),
            Err(_) => Outcome::Late,
        }
    }
}

enum Outcome<T, E> {
    Done(T),
    Final(E),
    Setback(Setback<E>),
    Late,
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::breaker::{BreakerSettings, BreakerState};
    use super::super::limiter::Rate;
    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
    enum Trouble {
        #[error("busy")]
        Busy,
        #[error("no such preset")]
        Unknown,
    }

    impl Retryable for Trouble {
        fn helps(&self) -> bool {
            *self == Trouble::Busy
        }
    }

    fn retry() -> Retry {
        Retry { backoff: Backoff { jitter: 0.0, ..Backoff::default() }, ..Retry::default() }
    }

    /// Fails so often, and notes when it was called.
    async fn tried(retry: &Retry, failures: u32) -> (Result<u32, RetryError<Trouble>>, Vec<u128>) {
        let (start, mut at) = (Instant::now(), Vec::new());
        let result = retry
            .run(async |attempt| {
                at.push(start.elapsed().as_millis());
                if attempt < failures { Err(Trouble::Busy) } else { Ok(attempt) }
            })
            .await;
        (result, at)
    }

    #[tokio::test(start_paused = true)]
    async fn waits_longer_each_time_and_stops_when_it_goes_well() {
        assert_eq!(tried(&retry(), 3).await, (Ok(3), vec![0, 50, 150, 350]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_seed_waits_the_same() {
        let jittered = |seed| Retry { seed, ..Retry::default() };
        let (first, again, other) =
            (tried(&jittered(1), 4).await, tried(&jittered(1), 4).await, tried(&jittered(2), 4).await);
        assert_eq!(first, again);
        assert_ne!(first.1, other.1);
    }

    #[tokio::test(start_paused = true)]
    async fn tries_are_bounded() {
        let (result, at) = tried(&retry(), 99).await;
        let error = result.expect_err("it always fails");
        assert_eq!(at.len(), 5);
        assert_eq!(error, RetryError::Exhausted { tries: 5, last: Setback::Failed(Trouble::Busy) });
        assert_eq!(error.to_string(), "tried 5 times: busy");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_retry_does_not_help_is_not_tried_again() {
        let mut calls = 0;
        let result: Result<(), _> = retry()
            .run(async |_| {
                calls += 1;
                Err(Trouble::Unknown)
            })
            .await;
        assert_eq!((result, calls), (Err(RetryError::Final(Trouble::Unknown)), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn all_of_it_ends_at_the_limit() {
        let short = Retry { limit: Duration::from_millis(200), ..retry() };
        let (start, limit) = (Instant::now(), short.limit);
        let last = Some(Setback::Failed(Trouble::Busy));
        // The fourth would begin at 350 ms: there is no point in waiting for it.
        assert_eq!(
            tried(&short, 9).await,
            (Err(RetryError::Late { tries: 3, limit, last }), vec![0, 50, 150])
        );
        assert_eq!(start.elapsed().as_millis(), 150);
        let hung = short.run(async |_| std::future::pending::<Result<(), Trouble>>().await).await;
        assert_eq!(hung, Err(RetryError::Late { tries: 1, limit, last: None }));
        assert_eq!(start.elapsed().as_millis(), 350);
    }

    #[tokio::test(start_paused = true)]
    async fn every_try_takes_a_token() {
        let rate = Rate { every: Duration::from_millis(400), burst: NonZeroU32::MIN };
        let limited = Retry { limiter: Some(Limiter::new(rate)), ..retry() };
        let (result, at) = tried(&limited, 3).await;
        assert_eq!(result, Ok(3));
        assert!(at.iter().zip([0, 400, 800, 1_200]).all(|(at, due)| (due..due + 3).contains(at)), "{at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn every_try_asks_the_breaker_and_its_refusal_is_no_failure() {
        let settings = BreakerSettings { failures: 2, pause: Duration::from_secs(1) };
        let breaker = Breaker::new(settings);
        let guarded = Retry { breaker: Some(breaker.clone()), ..retry() };
        // Two failures open it at 50 ms; the third is refused and waits for the trial.
        assert_eq!(tried(&guarded, 2).await, (Ok(3), vec![0, 50, 1_050]));
        assert_eq!((breaker.state(), breaker.refused()), (BreakerState::Closed, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_is_an_answer_does_not_open_the_breaker() {
        let breaker = Breaker::new(BreakerSettings { failures: 1, pause: Duration::from_secs(1) });
        let guarded = Retry { breaker: Some(breaker.clone()), ..retry() };
        let answer: Result<(), _> = guarded.run(async |_| Err(Trouble::Unknown)).await;
        assert_eq!(
            (answer, breaker.state()),
            (Err(RetryError::Final(Trouble::Unknown)), BreakerState::Closed)
        );
    }
}
