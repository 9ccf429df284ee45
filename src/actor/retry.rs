use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::backoff::Backoff;
use super::breaker::{Breaker, BreakerOpen};
use super::bulkhead::{Bulkhead, BulkheadError};
use super::later::later;
use super::limiter::{Limiter, TooSoon};
use crate::unit::InSeconds;

/// A try is cut off for the sake of another only where that one has at least so much of the time left.
const WORTH: f64 = 0.1;

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
    /// The job was cut off, after so long.
    #[error("no result within {}", InSeconds(*.0))]
    Late(Duration),
    /// The breaker let it not be tried.
    #[error(transparent)]
    Open(BreakerOpen),
    /// The limiter let it not be tried.
    #[error(transparent)]
    TooSoon(TooSoon),
    /// No place was free to try it.
    #[error(transparent)]
    NoPlace(BulkheadError),
}

/// What a try does that the breaker refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WhenOpen {
    /// It is used up, and the next waits for the breaker's trial.
    #[default]
    Wait,
    /// It is the last: all ends at once, before a place or a token is taken.
    GiveUp,
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
    /// It was not let in, and does not wait for it.
    #[error("{why}")]
    Refused {
        /// How many tries were begun before.
        tries: u32,
        /// By the breaker ([`WhenOpen::GiveUp`]), or by a bulkhead that is full.
        why: Refusal,
        /// What the last one came to.
        last: Option<Setback<E>>,
    },
    /// The time is used up, or the next try would come after it.
    #[error("no result within {} after {tries} tries", InSeconds(*limit))]
    Late {
        /// How many tries were begun.
        tries: u32,
        /// The time there was.
        limit: Duration,
        /// What the last one came to.
        last: Option<Setback<E>>,
    },
}

/// Who did not let a try in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The breaker.
    #[error(transparent)]
    Open(BreakerOpen),
    /// The bulkhead, which has no room to wait either.
    #[error(transparent)]
    NoPlace(BulkheadError),
}

/// Tries again, later each time, for as long as that may help.
///
/// Each try takes its own place, its own token and its own pass, in this order. One that the
/// breaker refuses is used up, but it is no failure. From the beginning of one try to that of the next
/// is longer than it was from the one before, by as much as the back-off grows: also where a try took
/// long, waited for a token, or was told by [`Retryable::wait`] to wait.
#[derive(Clone)]
pub struct Retry {
    /// So many tries, the first included.
    pub tries: u32,
    /// How long to wait between them.
    pub backoff: Backoff,
    /// All tries and waits together take no longer.
    pub limit: Duration,
    /// A try that is not the last may take so much of the time that is left, from 0 to 1: then it is cut off, and
    /// the next begins. All of it is had by the last, also where the next would come too late to be worth it.
    pub share: f64,
    /// A try that is cut off speaks against what it guards only where so much time was left when it began: one
    /// that had waited for its place until little was left says nothing, and has all of that.
    pub patience: Duration,
    /// Decides the jitter.
    pub seed: u64,
    /// A try holds a place of it, the waits between them do not.
    pub bulkhead: Option<Bulkhead>,
    /// Asked at each try.
    pub limiter: Option<Limiter>,
    /// Asked at each try. A failure for which [`Retryable::helps`] says no is an answer,
    /// and speaks for what it guards.
    pub breaker: Option<Breaker>,
    /// What a try does that the breaker refuses.
    pub when_open: WhenOpen,
}

impl Default for Retry {
    /// 5 tries in 30 s, each of which may take all of them; without bulkhead, limiter or breaker.
    fn default() -> Retry {
        Retry {
            tries: 5,
            backoff: Backoff::default(),
            limit: Duration::from_secs(30),
            share: 1.0,
            patience: Duration::ZERO,
            seed: 0,
            bulkhead: None,
            limiter: None,
            breaker: None,
            when_open: WhenOpen::Wait,
        }
    }
}

impl Retry {
    /// Runs the job until it goes well; it is told the number of the try, from 0.
    ///
    /// # Errors
    /// [`RetryError`]: it failed for good, too often, or too long.
    pub async fn run<T, E: Retryable, F>(&self, mut job: impl FnMut(u32) -> F) -> Result<T, RetryError<E>>
    where
        // No `AsyncFnMut`: whether its futures are `Send` cannot be said of all lifetimes.
        F: Future<Output = Result<T, E>>,
    {
        let deadline = later(Instant::now(), self.limit);
        let mut last = None;
        let mut pace = Pace::default();
        for attempt in 0..self.tries.max(1) {
            let setback = match self.attempt(attempt, deadline, &mut pace, &mut job).await {
                Outcome::Done(value) => return Ok(value),
                Outcome::Final(error) => return Err(RetryError::Final(error)),
                Outcome::Refused(why) => return Err(RetryError::Refused { tries: attempt, why, last }),
                Outcome::Setback(setback) => setback,
            };
            let in_vain = match &setback {
                Setback::Failed(error) => error.wait(),
                Setback::Late(_) => Duration::ZERO,
                Setback::Open(open) => open.wait(),
                Setback::TooSoon(too_soon) => too_soon.wait(),
                Setback::NoPlace(no_place) => no_place.wait(),
            };
            let tries = attempt + 1;
            let is_over = matches!(setback, Setback::Late(_)) && Instant::now() >= deadline;
            last = Some(setback);
            if is_over {
                return Err(RetryError::Late { tries, limit: self.limit, last });
            }
            if tries < self.tries {
                // It need not wait to be told that it will not be let in.
                if let Some(why) = self.refusal() {
                    return Err(RetryError::Refused { tries, why, last });
                }
                let delay = self.backoff.delay(attempt, self.seed);
                let next = pace.next(delay, in_vain);
                if next >= deadline {
                    return Err(RetryError::Late { tries, limit: self.limit, last });
                }
                sleep_until(next).await;
            }
        }
        match last {
            Some(last) => Err(RetryError::Exhausted { tries: self.tries.max(1), last }),
            None => Err(RetryError::Late { tries: 0, limit: self.limit, last: None }),
        }
    }

    /// Whether a breaker that is not waited for is open.
    fn refusal(&self) -> Option<Refusal> {
        let breaker = self.breaker.as_ref().filter(|_| self.when_open == WhenOpen::GiveUp)?;
        breaker.check().err().map(Refusal::Open)
    }

    async fn attempt<T, E: Retryable, F>(
        &self,
        attempt: u32,
        deadline: Instant,
        pace: &mut Pace,
        job: &mut impl FnMut(u32) -> F,
    ) -> Outcome<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        if let Some(why) = self.refusal() {
            return Outcome::Refused(why);
        }
        pace.begins(Instant::now());
        let left = || deadline.saturating_duration_since(Instant::now());
        let _place = match &self.bulkhead {
            None => None,
            Some(bulkhead) => match bulkhead.enter(left()).await {
                Ok(place) => Some(place),
                Err(full @ BulkheadError::Full { .. }) => return Outcome::Refused(Refusal::NoPlace(full)),
                Err(late) => return Outcome::Setback(Setback::NoPlace(late)),
            },
        };
        // It may have opened while this waited.
        if let Some(why) = self.refusal() {
            return Outcome::Refused(why);
        }
        if let Some(limiter) = &self.limiter
            && let Err(too_soon) = limiter.take(left()).await
        {
            return Outcome::Setback(Setback::TooSoon(too_soon));
        }
        let pass = match self.breaker.as_ref().map(Breaker::enter).transpose() {
            Ok(pass) => pass,
            Err(open) if self.when_open == WhenOpen::GiveUp => {
                return Outcome::Refused(Refusal::Open(open));
            }
            Err(open) => return Outcome::Setback(Setback::Open(open)),
        };
        let begun = Instant::now();
        pace.begins(begun);
        let is_patient = left() >= self.patience;
        let cut = if is_patient { self.cut(attempt, begun, deadline, pace) } else { deadline };
        let result = timeout_at(cut, job(attempt)).await;
        let answered = match &result {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => !error.helps(),
            Err(_) => false,
        };
        if let Some(pass) = pass {
            match (answered, &result) {
                (true, _) => pass.succeeded(),
                // It counts for nothing.
                (false, Err(_)) if !is_patient => drop(pass),
                (false, _) => pass.failed(),
            }
        }
        match result {
            Ok(Ok(value)) => Outcome::Done(value),
            Ok(Err(error)) if answered => Outcome::Final(error),
            Ok(Err(error)) => Outcome::Setback(Setback::Failed(error)),
            Err(_) => Outcome::Setback(Setback::Late(begun.elapsed())),
        }
    }

    /// When a try that begins now is cut off, so that there is time for another.
    fn cut(&self, attempt: u32, now: Instant, deadline: Instant, pace: &Pace) -> Instant {
        if attempt + 1 >= self.tries || !(0.0..1.0).contains(&self.share) {
            return deadline;
        }
        let left = deadline.saturating_duration_since(now);
        let cut = later(now, left.mul_f64(self.share));
        let next = pace.due(cut, self.backoff.delay(attempt, self.seed), Duration::ZERO);
        if later(next, left.mul_f64(WORTH)) > deadline { deadline } else { cut }
    }
}

/// When the tries begin.
#[derive(Default)]
struct Pace {
    begun: Option<Instant>,
    /// The last gap between two beginnings, and the back-off's delay in it.
    gap: Duration,
    delay: Duration,
    before: Option<Instant>,
}

impl Pace {
    /// A try begins now; said again where it had to wait for its place.
    fn begins(&mut self, now: Instant) {
        self.begun = Some(now);
        if let Some(before) = self.before {
            self.gap = now.saturating_duration_since(before);
        }
    }

    /// When the next may begin, after the back-off's delay and what would be in vain.
    fn next(&mut self, delay: Duration, in_vain: Duration) -> Instant {
        let next = self.due(Instant::now(), delay, in_vain);
        self.before = self.begun;
        self.delay = delay;
        next
    }

    /// When it may where this try has ended by now.
    fn due(&self, now: Instant, delay: Duration, in_vain: Duration) -> Instant {
        let growth = delay.saturating_sub(self.delay);
        let grown = later(self.begun.unwrap_or(now), self.gap.saturating_add(growth));
        later(now, delay.max(in_vain)).max(grown)
    }
}

enum Outcome<T, E> {
    Done(T),
    Final(E),
    Setback(Setback<E>),
    Refused(Refusal),
}

#[cfg(test)]
mod tests {
    use std::future::ready;
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
            .run(|attempt| {
                at.push(start.elapsed().as_millis());
                ready(if attempt < failures { Err(Trouble::Busy) } else { Ok(attempt) })
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
            .run(|_| {
                calls += 1;
                ready(Err(Trouble::Unknown))
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
        assert_eq!(hung, Err(RetryError::Late { tries: 1, limit, last: Some(Setback::Late(limit)) }));
        assert_eq!(start.elapsed().as_millis(), 350);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_is_cut_off_while_another_is_worth_it() {
        let hanging = async |limit: f64, answers: u32| {
            let limit = Duration::from_secs_f64(limit);
            let patient = Retry { tries: 3, limit, share: 0.75, ..retry() };
            let (start, mut at) = (Instant::now(), Vec::new());
            let result: Result<u32, RetryError<Trouble>> = patient
                .run(|attempt| {
                    at.push(start.elapsed().as_millis());
                    async move {
                        if attempt < answers {
                            std::future::pending::<()>().await;
                        }
                        Ok(attempt)
                    }
                })
                .await;
            (result, at, start.elapsed().as_millis())
        };
        // 90 s, then after 50 ms all the rest: a third, which would come later after it than it after the
        // first, does not fit.
        let (result, at, end) = hanging(120.0, 9).await;
        let limit = Duration::from_secs(120);
        let last = Some(Setback::Late(Duration::from_millis(29_950)));
        assert_eq!(result, Err(RetryError::Late { tries: 2, limit, last }));
        assert_eq!((at, end), (vec![0, 90_050], 120_000));
        assert_eq!(hanging(120.0, 1).await, (Ok(1), vec![0, 90_050], 90_050));
        assert_eq!(hanging(5.0, 9).await.1, [0, 3_800]);
        // 50 of 300 ms are not left for a second.
        let (result, at, end) = hanging(0.3, 9).await;
        assert!(matches!(result, Err(RetryError::Late { tries: 1, .. })), "{result:?}");
        assert_eq!((at, end), (vec![0], 300));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_cut_off_after_a_remnant_of_the_time_does_not_open_the_breaker() {
        let breaker = Breaker::new(BreakerSettings { failures: 1, pause: Duration::from_secs(30) });
        let bulkhead = Bulkhead::new(1, 1);
        let patient = Retry {
            limit: Duration::from_secs(10),
            patience: Duration::from_secs(5),
            breaker: Some(breaker.clone()),
            bulkhead: Some(bulkhead.clone()),
            ..retry()
        };
        let hang = || patient.run(async |_| std::future::pending::<Result<(), Trouble>>().await);
        let held = bulkhead.enter(Duration::ZERO).await.expect("free");
        let held_until = async {
            tokio::time::sleep(Duration::from_secs(6)).await;
            drop(held);
        };
        let (late, ()) = tokio::join!(hang(), held_until);
        let last = Some(Setback::Late(Duration::from_secs(4)));
        assert_eq!(late, Err(RetryError::Late { tries: 1, limit: patient.limit, last }));
        assert_eq!(breaker.state(), BreakerState::Closed);
        // With all of its time it says something.
        assert!(hang().await.is_err());
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn every_try_takes_a_token() {
        let rate = Rate { every: Duration::from_millis(400), burst: NonZeroU32::MIN };
        let limited = Retry { limiter: Some(Limiter::new(rate)), ..retry() };
        let (result, at) = tried(&limited, 3).await;
        assert_eq!(result, Ok(3));
        // The second gap is longer than the limiter's, by what the back-off grew from 50 ms.
        assert!(at.iter().zip([0, 400, 850, 1_400]).all(|(at, due)| (due..due + 3).contains(at)), "{at:?}");
    }

    /// Busy, for so long.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
    #[error("busy for {0:?}")]
    struct Loading(Duration);

    impl Retryable for Loading {
        fn helps(&self) -> bool {
            true
        }

        fn wait(&self) -> Duration {
            self.0
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_gap_is_longer_than_the_last_also_after_a_long_one() {
        for seed in 0..50 {
            let retry = Retry { tries: 6, seed, limit: Duration::from_secs(600), ..Retry::default() };
            let (start, mut at) = (Instant::now(), Vec::new());
            let result: Result<(), _> = retry
                .run(|attempt| {
                    at.push(start.elapsed());
                    // The second takes long to fail, the fourth asks for 40 s.
                    async move {
                        if attempt == 1 {
                            tokio::time::sleep(Duration::from_secs(5)).await;
                        }
                        Err(Loading(Duration::from_secs(if attempt == 3 { 40 } else { 0 })))
                    }
                })
                .await;
            assert!(matches!(result, Err(RetryError::Exhausted { tries: 6, .. })));
            let gaps: Vec<Duration> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(gaps.windows(2).all(|pair| pair[1] > pair[0]), "{gaps:?}");
            assert!(gaps[3] >= Duration::from_secs(40));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_is_refused_at_once_and_takes_nothing() {
        let breaker = Breaker::new(BreakerSettings { failures: 2, pause: Duration::from_secs(30) });
        let rate = Rate { every: Duration::from_secs(1), burst: NonZeroU32::new(3).expect("3") };
        let limiter = Limiter::new(rate);
        let hasty = Retry {
            breaker: Some(breaker.clone()),
            limiter: Some(limiter.clone()),
            when_open: WhenOpen::GiveUp,
            ..retry()
        };
        // The second failure opens it: nobody waits 100 ms to hear so.
        let (result, at) = tried(&hasty, 9).await;
        let open = BreakerOpen { wait: Duration::from_secs(30) };
        let last = Some(Setback::Failed(Trouble::Busy));
        let why = Refusal::Open(open);
        assert_eq!((result, at), (Err(RetryError::Refused { tries: 2, why, last }), vec![0, 50]));
        let (result, at) = tried(&hasty, 9).await;
        assert_eq!(result, Err(RetryError::Refused { tries: 0, why, last: None }));
        assert!(at.is_empty() && limiter.try_take().is_ok(), "a token of three is left");
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(tried(&hasty, 0).await, (Ok(0), vec![0]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_holds_a_place_and_the_wait_between_does_not() {
        let bulkhead = Bulkhead::new(1, 0);
        let placed = Retry { bulkhead: Some(bulkhead.clone()), ..retry() };
        let held = bulkhead.enter(Duration::ZERO).await.expect("free");
        let full = BulkheadError::Full { in_flight: 1, waiting: 0 };
        let refused = RetryError::Refused { tries: 0, why: Refusal::NoPlace(full), last: None };
        assert_eq!(tried(&placed, 0).await, (Err(refused), vec![]));
        drop(held);
        let between = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            bulkhead.in_flight()
        };
        let (done, between) = tokio::join!(tried(&placed, 1), between);
        assert_eq!((done.0, between), (Ok(1), 0));
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
