//! How sure one may be of a change between two sets of samples: the percentile
//! bootstrap (Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapters
//! 13 and 16), which asks nothing of how the samples are spread.

use super::statistics::median;
use crate::actor::scatter;

/// How often both sets are drawn again.
pub const RESAMPLES: usize = 10_000;
/// The share of the draws that lie in an interval.
pub const CONFIDENCE: f64 = 0.95;
/// Of fewer samples nothing is said: the median of five lies between the least and
/// the most of them 94 times in 100, that of fewer too seldom.
pub const SAMPLES_AT_LEAST: usize = 5;
/// Of more, so many at even distances stand for all.
const SAMPLES_AT_MOST: usize = 2_000;

/// Where the new median lies, seen from the old one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// Not below.
    pub low: f64,
    /// Not above.
    pub high: f64,
}

/// The ratio of the medians, new to old, with its interval. `None` where there are
/// too few samples, or where one is not above zero.
pub fn ratio(old: &[f64], new: &[f64], seed: u64) -> Option<Interval> {
    let is_ratio = old.iter().chain(new).all(|sample| *sample > 0.0);
    if is_ratio { interval(old, new, seed, |old, new| new / old) } else { None }
}

/// The new median less the old, with its interval. `None` where there are too few
/// samples.
pub fn difference(old: &[f64], new: &[f64], seed: u64) -> Option<Interval> {
    interval(old, new, seed, |old, new| new - old)
}

fn interval(old: &[f64], new: &[f64], seed: u64, change: fn(f64, f64) -> f64) -> Option<Interval> {
    if old.len().min(new.len()) < SAMPLES_AT_LEAST {
        return None;
    }
    let (old, new) = (thin(old), thin(new));
    let mut draws = Draws { seed, drawn: 0, place: Vec::new() };
    let mut changes = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        changes.push(change(draws.median_of(&old)?, draws.median_of(&new)?));
    }
    changes.sort_by(f64::total_cmp);
    let tail = ((1.0 - CONFIDENCE) / 2.0 * RESAMPLES as f64) as usize;
    Some(Interval { low: changes[tail], high: changes[RESAMPLES - 1 - tail] })
}

fn thin(samples: &[f64]) -> Vec<f64> {
    samples.iter().copied().step_by(samples.len().div_ceil(SAMPLES_AT_MOST)).collect()
}

struct Draws {
    seed: u64,
    drawn: u64,
    place: Vec<f64>,
}

impl Draws {
    /// The median of as many samples as there are, drawn from them with repetition.
    fn median_of(&mut self, samples: &[f64]) -> Option<f64> {
        self.place.clear();
        for _ in samples {
            let number = scatter(self.seed, self.drawn) >> 32;
            self.drawn += 1;
            self.place.push(samples[((number * samples.len() as u64) >> 32) as usize]);
        }
        let count = self.place.len();
        let (below, upper, _) = self.place.select_nth_unstable_by(count / 2, f64::total_cmp);
        let upper = *upper;
        if count % 2 == 1 {
            return Some(upper);
        }
        let lower = below.iter().copied().max_by(f64::total_cmp)?;
        Some((lower + upper) / 2.0)
    }
}

/// Half the distance in which the middle half of the samples lie, as a share of the
/// median: how noisy a figure is. `None` of fewer than two samples, or about zero.
pub fn spread(samples: &[f64]) -> Option<f64> {
    let middle = median(samples).filter(|middle| *middle != 0.0)?;
    let mut sorted = samples.to_vec();
    let low = super::statistics::quantile(&mut sorted, 0.25)?;
    let high = super::statistics::quantile(&mut sorted, 0.75)?;
    (samples.len() > 1).then_some((high - low) / 2.0 / middle.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times as a machine gives them: a floor, and now and then much more.
    fn times(seed: u64, count: u64, scale: f64) -> Vec<f64> {
        let share = |place| (scatter(seed, place) >> 11) as f64 / (1_u64 << 53) as f64;
        (0..count).map(|place| scale * (100.0 - 6.0 * (1.0 - share(place)).ln())).collect()
    }

    #[test]
    fn of_what_did_not_change_one_in_twenty_is_said_to_have_changed() {
        const PAIRS: u64 = 300;
        let mut wrong = 0;
        for pair in 0..PAIRS {
            let (old, new) = (times(2 * pair, 15, 1.0), times(2 * pair + 1, 15, 1.0));
            let found = ratio(&old, &new, pair).expect("enough samples");
            assert!(found.low <= found.high);
            wrong += u64::from(found.low > 1.0 || found.high < 1.0);
        }
        // 5 % of 300 are 15; the median's own steps make it rather fewer.
        assert!((1..=27).contains(&wrong), "{wrong} of {PAIRS}");
    }

    #[test]
    fn the_interval_holds_the_change_that_was_made() {
        let (mut held, mut seen) = (0, 0);
        for pair in 0..100 {
            let (old, new) = (times(pair, 25, 1.0), times(pair + 1_000, 25, 1.2));
            let found = ratio(&old, &new, 1).expect("enough samples");
            held += u32::from(found.low <= 1.2 && 1.2 <= found.high);
            seen += u32::from(found.low > 1.1);
        }
        assert!(held >= 88, "{held} of 100");
        assert!(seen >= 95, "{seen} of 100");
    }

    #[test]
    fn few_samples_and_no_ratios_are_not_judged() {
        let five = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(ratio(&five[..4], &five, 0), None);
        assert_eq!(ratio(&five, &[0.0; 5], 0), None);
        assert!(difference(&five, &[0.0; 5], 0).is_some_and(|found| found.high < 0.0));
        assert_eq!(ratio(&[2.0; 5], &[3.0; 5], 0), Some(Interval { low: 1.5, high: 1.5 }));
        assert_eq!(ratio(&five, &five, 7), ratio(&five, &five, 7), "the same seed draws the same");
    }

    #[test]
    fn even_and_odd_draws_have_their_medians() {
        let mut draws = Draws { seed: 3, drawn: 0, place: Vec::new() };
        for count in [1, 2, 5, 8] {
            let samples = times(9, count, 1.0);
            for _ in 0..50 {
                let found = draws.median_of(&samples);
                assert_eq!(found, median(&draws.place));
            }
        }
    }

    #[test]
    fn long_runs_are_thinned_over_their_whole_length() {
        let samples: Vec<f64> = (0..100_000).map(f64::from).collect();
        let thinned = thin(&samples);
        assert_eq!((thinned.len(), thinned[0], thinned[1_999]), (2_000, 0.0, 99_950.0));
        assert_eq!(spread(&[9.0, 10.0, 11.0, 10.0]), Some(0.05));
        assert_eq!((spread(&[1.0]), spread(&[0.0, 0.0])), (None, None));
    }
}
