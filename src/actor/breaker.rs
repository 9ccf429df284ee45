use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::later::later;
use super::retry::Retryable;

/// When a [`Breaker`] opens, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakerSettings {
    /// So many failures in a row open it.
    pub failures: u32,
    /// It lets nothing through for this long; then one trial.
    pub pause: Duration,
}

impl Default for BreakerSettings {
    /// 5 failures, 30 s.
    fn default() -> BreakerSettings {
        BreakerSettings { failures: 5, pause: Duration::from_secs(30) }
    }
}

/// How a [`Breaker`] stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakerState {
    /// All may pass.
    Closed,
    /// Nothing passes.
    Open,
    /// One trial may pass, or is under way.
    HalfOpen,
}

/// The breaker is open, or its one trial is under way. This is no failure of what it guards.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it failed too often; the next trial is in {} s", wait.as_secs_f64().ceil())]
pub struct BreakerOpen {
    /// How long until a trial is allowed; nothing while one is under way.
    pub wait: Duration,
}

impl Retryable for BreakerOpen {
    fn helps(&self) -> bool {
        true
    }

    fn wait(&self) -> Duration {
        self.wait
    }
}

/// Why a call through a breaker gave no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BreakerError<E> {
    /// It was not tried.
    #[error(transparent)]
    Open(#[from] BreakerOpen),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(E),
}

impl<E: Retryable> Retryable for BreakerError<E> {
    fn helps(&self) -> bool {
        match self {
            BreakerError::Open(open) => open.helps(),
            BreakerError::Failed(error) => error.helps(),
        }
    }

    fn wait(&self) -> Duration {
        match self {
            BreakerError::Open(open) => open.wait(),
            BreakerError::Failed(error) => error.wait(),
        }
    }
}

/// Stops calling what keeps failing, and tries it again after a pause; clones share it.
#[derive(Clone)]
pub struct Breaker(Arc<Shared>);

struct Shared {
    settings: BreakerSettings,
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    /// Counts the changes of state: a verdict from before the last one says nothing.
    era: u64,
    refused: u64,
}

enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    Trial,
}

impl Breaker {
    /// Closed.
    pub fn new(settings: BreakerSettings) -> Breaker {
        let inner = Inner { state: State::Closed { failures: 0 }, era: 0, refused: 0 };
        Breaker(Arc::new(Shared { settings, inner: Mutex::new(inner) }))
    }

    /// Asks to pass. The answer wants a verdict: [`Pass::succeeded`] or [`Pass::failed`].
    ///
    /// # Errors
    /// [`BreakerOpen`], counted; it is not a failure.
    pub fn enter(&self) -> Result<Pass, BreakerOpen> {
        let mut inner = self.lock();
        let wait = match inner.state {
            State::Closed { .. } => Duration::ZERO,
            State::Open { until } => {
                let wait = until.saturating_duration_since(Instant::now());
                if wait.is_zero() {
                    inner.turn(State::Trial);
                }
                wait
            }
            State::Trial => {
                inner.refused += 1;
                return Err(BreakerOpen { wait: Duration::ZERO });
            }
        };
        if !wait.is_zero() {
            inner.refused += 1;
            return Err(BreakerOpen { wait });
        }
        Ok(Pass { breaker: self.clone(), era: inner.era, judged: false })
    }

    /// Whether it would let pass now, without asking to.
    ///
    /// # Errors
    /// [`BreakerOpen`], counted.
    pub fn check(&self) -> Result<(), BreakerOpen> {
        let mut inner = self.lock();
        let wait = match inner.state {
            State::Closed { .. } => return Ok(()),
            State::Open { until } => match until.saturating_duration_since(Instant::now()) {
                Duration::ZERO => return Ok(()),
                wait => wait,
            },
            State::Trial => Duration::ZERO,
        };
        inner.refused += 1;
        Err(BreakerOpen { wait })
    }

    /// Runs the job if it may pass, and takes any error of it for a failure.
    ///
    /// # Errors
    /// The job's, or [`BreakerOpen`] without having run it.
    pub async fn call<T, E>(&self, job: impl AsyncFnOnce() -> Result<T, E>) -> Result<T, BreakerError<E>> {
        let pass = self.enter()?;
        match job().await {
            Ok(value) => {
                pass.succeeded();
                Ok(value)
            }
            Err(error) => {
                pass.failed();
                Err(BreakerError::Failed(error))
            }
        }
    }

    /// How it stands now.
    pub fn state(&self) -> BreakerState {
        match self.lock().state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until } if until > Instant::now() => BreakerState::Open,
            State::Open { .. } | State::Trial => BreakerState::HalfOpen,
        }
    }

    /// How often it let nobody pass.
    pub fn refused(&self) -> u64 {
        self.lock().refused
    }

    fn judge(&self, era: u64, verdict: Verdict) {
        let mut inner = self.lock();
        if inner.era != era {
            return;
        }
        let open = |pause| State::Open { until: later(Instant::now(), pause) };
        let settings = self.0.settings;
        match (&mut inner.state, verdict) {
            (State::Closed { failures }, Verdict::Failed) => {
                *failures += 1;
                if *failures >= settings.failures {
                    inner.turn(open(settings.pause));
                }
            }
            (State::Closed { failures }, Verdict::Succeeded) => *failures = 0,
            (State::Trial, Verdict::Failed) => inner.turn(open(settings.pause)),
            (State::Trial, Verdict::Succeeded) => inner.turn(State::Closed { failures: 0 }),
            // The trial was called off: the next may come at once.
            (State::Trial, Verdict::None) => inner.turn(open(Duration::ZERO)),
            (State::Closed { .. } | State::Open { .. }, _) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics half way through a change of it.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn turn(&mut self, state: State) {
        self.state = state;
        self.era += 1;
    }
}

enum Verdict {
    Succeeded,
    Failed,
    None,
}

/// Leave to try once.
///
/// Dropped without a verdict it counts for nothing, but as a failure if that is because of a panic.
#[must_use = "the breaker wants to hear how it went"]
pub struct Pass {
    breaker: Breaker,
    era: u64,
    judged: bool,
}

impl Pass {
    /// It went well.
    pub fn succeeded(mut self) {
        self.judged = true;
        self.breaker.judge(self.era, Verdict::Succeeded);
    }

    /// It did not.
    pub fn failed(mut self) {
        self.judged = true;
        self.breaker.judge(self.era, Verdict::Failed);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.judged {
            let verdict = if std::thread::panicking() { Verdict::Failed } else { Verdict::None };
            self.breaker.judge(self.era, verdict);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.enter().expect("it lets pass").failed();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn opens_at_the_fifth_failure_in_a_row() {
        let breaker = Breaker::new(BreakerSettings::default());
        fail(&breaker, 4);
        breaker.enter().expect("closed").succeeded();
        fail(&breaker, 4);
        assert_eq!(breaker.state(), BreakerState::Closed);
        fail(&breaker, 1);
        assert_eq!(breaker.state(), BreakerState::Open);
        let refusal = breaker.enter().err().expect("open");
        assert_eq!(refusal.wait, 30 * SECOND);
        assert_eq!(refusal.to_string(), "it failed too often; the next trial is in 30 s");
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_no_failures_and_do_not_lengthen_the_pause() {
        let breaker = Breaker::new(BreakerSettings::default());
        fail(&breaker, 5);
        for _ in 0..29 {
            advance(SECOND).await;
            assert!(breaker.enter().is_err());
        }
        assert_eq!(breaker.refused(), 29);
        advance(SECOND).await;
        breaker.enter().expect("the trial").succeeded();
        fail(&breaker, 4);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn half_open_it_lets_exactly_one_through() {
        let breaker = Breaker::new(BreakerSettings::default());
        fail(&breaker, 5);
        advance(30 * SECOND).await;
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        let trial = breaker.enter().expect("the trial");
        assert!((0..10).all(|_| breaker.enter().is_err()));
        trial.failed();
        assert_eq!(breaker.enter().err(), Some(BreakerOpen { wait: 30 * SECOND }));
        advance(30 * SECOND).await;
        breaker.enter().expect("the next trial").succeeded();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_called_off_makes_room_for_another_and_a_panic_is_a_failure() {
        let breaker = Breaker::new(BreakerSettings::default());
        fail(&breaker, 5);
        advance(30 * SECOND).await;
        drop(breaker.enter().expect("the trial"));
        let trial = breaker.enter().expect("another");
        let died = std::thread::spawn(move || {
            let _trial = trial;
            std::panic::resume_unwind(Box::new("died"));
        });
        assert!(died.join().is_err());
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn a_verdict_from_before_says_nothing() {
        let breaker = Breaker::new(BreakerSettings::default());
        let (early, late) = (breaker.enter().expect("closed"), breaker.enter().expect("closed"));
        fail(&breaker, 5);
        early.succeeded();
        assert_eq!(breaker.state(), BreakerState::Open);
        advance(30 * SECOND).await;
        let trial = breaker.enter().expect("the trial");
        late.failed();
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        trial.succeeded();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_not_made_while_it_is_open() {
        let breaker = Breaker::new(BreakerSettings { failures: 2, pause: SECOND });
        let mut calls = 0;
        for _ in 0..10 {
            let result: Result<(), _> = breaker
                .call(async || {
                    calls += 1;
                    Err("no server")
                })
                .await;
            assert!(result.is_err());
        }
        assert_eq!((calls, breaker.refused()), (2, 8));
        advance(SECOND).await;
        assert_eq!(breaker.call(async || Ok::<_, &str>(7)).await, Ok(7));
    }

    proptest! {
        /// Against a model that only knows times and counts.
        #[test]
        fn agrees_with_its_model(steps in proptest::collection::vec((0_u64..20, any::<bool>()), 1..100)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.expect("a runtime").block_on(async {
                let breaker = Breaker::new(BreakerSettings { failures: 3, pause: 30 * SECOND });
                let (mut now, mut failures, mut opened) = (0, 0, None);
                for (seconds, works) in steps {
                    now += seconds;
                    advance(Duration::from_secs(seconds)).await;
                    let may = opened.is_none_or(|opened| now - opened >= 30);
                    let pass = breaker.enter();
                    prop_assert_eq!(pass.is_ok(), may);
                    let Ok(pass) = pass else { continue };
                    if works {
                        pass.succeeded();
                        (failures, opened) = (0, None);
                    } else {
                        pass.failed();
                        failures += 1;
                        if failures >= 3 {
                            opened = Some(now);
                        }
                    }
                }
                Ok(())
            })?;
        }
    }
}
