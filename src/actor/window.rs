use std::collections::VecDeque;
use std::time::Duration;

/// How often something may be started again, in how long: beyond, it escalates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// This many restarts are allowed …
    pub restarts: u32,
    /// … in any stretch of time this long.
    pub within: Duration,
}

impl Default for Window {
    /// 3 in 60 s.
    fn default() -> Window {
        Window { restarts: 3, within: Duration::from_secs(60) }
    }
}

/// The failures that still count against a [`Window`].
///
/// Time is any count that never runs backwards: nanoseconds for what lives by the
/// clock, frames for what must be the same in each render.
#[derive(Clone, Default, Debug)]
pub struct Failures {
    times: VecDeque<u64>,
}

impl Failures {
    /// Notes a failure at `now`, and says whether a restart is allowed: whether there
    /// were at most `limit` failures, this one among them, in the last `window`. A failure
    /// exactly `window` ago still counts, as with OTP's supervisors.
    pub fn note(&mut self, now: u64, window: u64, limit: u32) -> bool {
        self.times.push_back(now);
        let is_over = |&then: &u64| now.saturating_sub(then) > window;
        // Of those beyond the limit one is enough to know.
        let kept = (limit as usize).saturating_add(1);
        while self.times.len() > kept || self.times.front().is_some_and(is_over) {
            self.times.pop_front();
        }
        self.times.len() < kept
    }

    /// How many are remembered from the last note on.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Forgets them all: for whoever gives a fresh start by hand.
    pub fn forget(&mut self) {
        self.times.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_fourth_in_a_minute_is_one_too_many() {
        let mut failures = Failures::default();
        let allowed = [0, 10, 20, 30].map(|now| failures.note(now, 60, 3));
        assert_eq!(allowed, [true, true, true, false]);
    }

    #[test]
    fn what_lies_a_whole_window_back_still_counts() {
        let mut failures = Failures::default();
        assert_eq!([0, 1, 2].map(|now| failures.note(now, 60, 3)), [true; 3]);
        assert!(!failures.clone().note(60, 60, 3));
        assert!(failures.note(61, 60, 3));
    }

    #[test]
    fn without_restarts_the_first_failure_escalates_and_forgetting_starts_anew() {
        let mut failures = Failures::default();
        assert!(!failures.note(5, 60, 0));
        let mut failures = Failures::default();
        assert_eq!([1, 2].map(|now| failures.note(now, 60, 1)), [true, false]);
        failures.forget();
        assert!(failures.is_empty() && failures.note(3, 60, 1));
    }

    proptest! {
        #[test]
        fn agrees_with_counting_them_all(
            steps in proptest::collection::vec(0_u64..30, 1..80), window in 0_u64..100, limit in 0_u32..6,
        ) {
            let mut failures = Failures::default();
            let (mut now, mut all) = (0, Vec::new());
            for step in steps {
                now += step;
                all.push(now);
                let counted = all.iter().filter(|&&then| now <= then + window).count();
                prop_assert_eq!(failures.note(now, window, limit), counted <= limit as usize);
                prop_assert!(failures.len() <= limit as usize + 1);
            }
        }
    }
}
