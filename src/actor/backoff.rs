use std::time::Duration;

use super::scatter::scatter;

/// How long to wait before the next try: longer each time, up to a limit.
///
/// Knows no clock, and calls no function of the platform's maths library: the
/// same attempt and seed give the same delay on every machine.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Backoff {
    /// Before the first try.
    pub first: Duration,
    /// Each delay is the one before times this. At 1 or less all are as the first.
    pub factor: f64,
    /// No delay is longer.
    pub longest: Duration,
    /// How far a delay may be off, as a fraction of itself, 0 to 1. Where that would
    /// make a later delay shorter than an earlier one, it is as much as does not.
    pub jitter: f64,
}

impl Backoff {
    /// Tries again at once, every time.
    pub const NONE: Backoff =
        Backoff { first: Duration::ZERO, factor: 1.0, longest: Duration::ZERO, jitter: 0.0 };

    /// The delay before try `attempt`, counted from 0. `seed` decides the jitter: give
    /// each actor its own, so that those which fall together do not rise together.
    pub fn delay(&self, attempt: u32, seed: u64) -> Duration {
        let factor = self.factor.max(1.0);
        let mut jitter = if self.jitter.is_nan() { 0.0 } else { self.jitter.clamp(0.0, 1.0) };
        if factor > 1.0 {
            // At (f − 1) / (f + 1) the longest of one delay meets the shortest of the next.
            jitter = jitter.min(0.95 * (factor - 1.0) / (factor + 1.0));
        }
        let seconds =
            self.first.as_secs_f64() * power(factor, attempt) * (1.0 + jitter * draw(seed, attempt));
        // Also where the product is infinite or, of 0 times infinity, no number.
        if seconds < self.longest.as_secs_f64() { Duration::from_secs_f64(seconds) } else { self.longest }
    }
}

impl Default for Backoff {
    /// 50 ms, doubled up to 30 s, a fifth off at most.
    fn default() -> Backoff {
        Backoff {
            first: Duration::from_millis(50),
            factor: 2.0,
            longest: Duration::from_secs(30),
            jitter: 0.2,
        }
    }
}

/// By squaring: multiplications are the same everywhere, `powi` need not be.
fn power(mut base: f64, mut exponent: u32) -> f64 {
    let mut product = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    product
}

/// −1 to 1.
fn draw(seed: u64, attempt: u32) -> f64 {
    (scatter(seed, u64::from(attempt)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let backoff = Backoff { jitter: 0.0, longest: Duration::from_secs(1), ..Backoff::default() };
        let delays: Vec<u128> = (0..7).map(|attempt| backoff.delay(attempt, 9).as_millis()).collect();
        assert_eq!(delays, [50, 100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(backoff.delay(u32::MAX, 9), Duration::from_secs(1));
    }

    #[test]
    fn none_never_waits() {
        assert!([0, 1, 77, u32::MAX].iter().all(|&attempt| Backoff::NONE.delay(attempt, 3).is_zero()));
    }

    #[test]
    fn jitter_goes_both_ways_and_differs_between_seeds() {
        let backoff = Backoff::default();
        let delays: Vec<Duration> = (0..200).map(|seed| backoff.delay(1, seed)).collect();
        let (least, most) = (delays.iter().min().expect("200"), delays.iter().max().expect("200"));
        assert!(*least >= Duration::from_millis(80) && *most <= Duration::from_millis(120));
        assert!(
            *least < Duration::from_millis(82) && *most > Duration::from_millis(118),
            "{least:?} {most:?}"
        );
    }

    #[test]
    fn what_makes_no_sense_still_ends() {
        let odd = Backoff {
            first: Duration::from_secs(1),
            factor: f64::NAN,
            longest: Duration::from_secs(9),
            jitter: f64::NAN,
        };
        assert_eq!(odd.delay(40, 1), Duration::from_secs(1));
        let endless = Backoff { factor: f64::INFINITY, ..odd };
        assert_eq!(endless.delay(1, 1), Duration::from_secs(9));
        let longer = Backoff { first: Duration::MAX, ..odd };
        assert_eq!(longer.delay(0, 1), Duration::from_secs(9));
    }

    proptest! {
        #[test]
        fn each_delay_is_longer_than_the_last_until_the_longest(
            first in 1_u64..10_000, factor in 1.01_f64..10.0, longest in 1_u64..100_000, jitter in 0.0_f64..2.0,
            seed in any::<u64>(),
        ) {
            let backoff = Backoff {
                first: Duration::from_millis(first),
                factor,
                longest: Duration::from_millis(longest),
                jitter,
            };
            let mut last = Duration::ZERO;
            for attempt in 0..40 {
                let delay = backoff.delay(attempt, seed);
                prop_assert!(delay <= backoff.longest);
                prop_assert!(delay > last || delay == backoff.longest, "{last:?}, then {delay:?}");
                prop_assert_eq!(delay, backoff.delay(attempt, seed));
                last = delay;
            }
        }
    }
}
