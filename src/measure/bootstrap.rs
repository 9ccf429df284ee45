//! How sure one may be of a change between two sets of samples: the percentile
//! bootstrap (Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapters
//! 13 and 16), which asks nothing of how the samples are spread.

use super::statistics::median;
use crate::actor::scatter;

/// How often both sets are drawn again.
pub const RESAMPLES: usize = 10_000;
/// The same where a reference is drawn beside them.
const RESAMPLES_BESIDE: usize = 4_000;
/// The share of the draws that lie in an interval.
pub const CONFIDENCE: f64 = 0.95;
/// Of fewer samples nothing is said: the median of five lies between the least and
/// the most of them 94 times in 100, that of fewer too seldom.
pub const SAMPLES_AT_LEAST: usize = 5;
/// Of so many on each side it can be told whether they lie apart: were both of one kind, all of the newer
/// would lie above all of the older in one of twenty runs (a permutation test), of fewer more often.
pub const APART_AT_LEAST: usize = 3;
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

/// Where there are too few samples to draw from: the ratio new to old, from that of the samples that lie
/// nearest to each other to that of those that lie farthest. `None` where the two sides do not lie apart, are
/// fewer than [`APART_AT_LEAST`], or one sample is not above zero.
pub fn apart_ratio(old: &[f64], new: &[f64]) -> Option<Interval> {
    let is_ratio = old.iter().chain(new).all(|sample| *sample > 0.0);
    if is_ratio { apart(old, new, |old, new| new / old) } else { None }
}

/// The same as a difference.
pub fn apart_difference(old: &[f64], new: &[f64]) -> Option<Interval> {
    apart(old, new, |old, new| new - old)
}

fn apart(old: &[f64], new: &[f64], change: fn(f64, f64) -> f64) -> Option<Interval> {
    if old.len().min(new.len()) < APART_AT_LEAST {
        return None;
    }
    let ends = |samples: &[f64]| {
        let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
        (least, samples.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((old_least, old_most), (new_least, new_most)) = (ends(old), ends(new));
    let are_apart = new_least > old_most || new_most < old_least;
    are_apart.then(|| Interval { low: change(old_most, new_least), high: change(old_least, new_most) })
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
    Some(middle(changes))
}

/// Samples, and what each part of a reference took beside each.
#[derive(Clone, Copy)]
pub struct Paced<'a, const PARTS: usize> {
    /// The samples.
    pub samples: &'a [f64],
    /// As many for each part.
    pub paces: [&'a [f64]; PARTS],
}

/// The ratio of the medians, new to old, as seen from each part of the reference: what that part itself
/// became slower is taken out, of times and with `is_speed` of speeds. A sample is drawn together with what
/// was beside it, so what the reference varies by is in the interval, and what both have in common is not.
/// `None` where there are too few samples, or where one is not above zero.
pub fn ratio_beside<const PARTS: usize>(
    old: Paced<'_, PARTS>,
    new: Paced<'_, PARTS>,
    is_speed: bool,
    seed: u64,
) -> Option<[Interval; PARTS]> {
    for Paced { samples, paces } in [&old, &new] {
        let is_ratio = samples.iter().chain(paces.iter().copied().flatten()).all(|sample| *sample > 0.0);
        let are_all = paces.iter().all(|pace| pace.len() == samples.len());
        if !is_ratio || !are_all || samples.len() < SAMPLES_AT_LEAST {
            return None;
        }
    }
    let mut draws = Draws { seed, drawn: 0, place: Vec::new() };
    let (old, new) = (Drawn::new(old), Drawn::new(new));
    let mut changes: [Vec<f64>; PARTS] = std::array::from_fn(|_| Vec::with_capacity(RESAMPLES_BESIDE));
    let (mut old_counts, mut new_counts) = (Vec::new(), Vec::new());
    for _ in 0..RESAMPLES_BESIDE {
        draws.count(old.samples.0.len(), &mut old_counts);
        draws.count(new.samples.0.len(), &mut new_counts);
        let changed = new.samples.median(&new_counts) / old.samples.median(&old_counts);
        for (part, changes) in changes.iter_mut().enumerate() {
            let slower = new.paces[part].median(&new_counts) / old.paces[part].median(&old_counts);
            changes.push(if is_speed { changed * slower } else { changed / slower });
        }
    }
    Some(changes.map(middle))
}

/// Samples that are drawn again and again, together with what was beside them.
struct Drawn<const PARTS: usize> {
    samples: Sorted,
    paces: [Sorted; PARTS],
}

impl<const PARTS: usize> Drawn<PARTS> {
    fn new(paced: Paced<'_, PARTS>) -> Drawn<PARTS> {
        Drawn { samples: Sorted::new(paced.samples), paces: paced.paces.map(Sorted::new) }
    }
}

/// Values in order, each with its place.
struct Sorted(Vec<(f64, usize)>);

impl Sorted {
    fn new(values: &[f64]) -> Sorted {
        let mut sorted: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        Sorted(sorted)
    }

    /// The median where the value at each place is there so many times, in all as many as there are.
    fn median(&self, counts: &[usize]) -> f64 {
        let count = self.0.len();
        let (mut seen, mut lower) = (0, None);
        for (value, place) in &self.0 {
            seen += counts[*place];
            if seen > (count - 1) / 2 {
                lower = lower.or(Some(*value));
            }
            if seen > count / 2 {
                return (lower.unwrap_or(*value) + value) / 2.0;
            }
        }
        f64::NAN
    }
}

/// What most of the draws lie in.
fn middle(mut changes: Vec<f64>) -> Interval {
    changes.sort_by(f64::total_cmp);
    let tail = ((1.0 - CONFIDENCE) / 2.0 * changes.len() as f64) as usize;
    Interval { low: changes[tail], high: changes[changes.len() - 1 - tail] }
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
            let place = self.below(samples.len());
            self.place.push(samples[place]);
        }
        self.median()
    }

    /// How often each of so many was drawn, of as many draws with repetition.
    fn count(&mut self, samples: usize, counts: &mut Vec<usize>) {
        counts.clear();
        counts.resize(samples, 0);
        for _ in 0..samples {
            counts[self.below(samples)] += 1;
        }
    }

    fn below(&mut self, count: usize) -> usize {
        let number = scatter(self.seed, self.drawn) >> 32;
        self.drawn += 1;
        ((number * count as u64) >> 32) as usize
    }

    fn median(&mut self) -> Option<f64> {
        let count = self.place.len();
        if count == 0 {
            return None;
        }
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
    fn a_few_samples_tell_only_that_they_lie_apart() {
        let found = apart_ratio(&[90.0, 96.0, 100.0], &[30.0, 32.0, 30.0]).expect("they do");
        assert_eq!((found.low, found.high), (0.3, 32.0 / 90.0));
        assert_eq!(apart_ratio(&[90.0, 96.0, 100.0], &[30.0, 90.0, 30.0]), None);
        assert_eq!(apart_ratio(&[90.0, 96.0], &[30.0, 30.0]), None);
        assert_eq!(apart_ratio(&[0.0; 3], &[5.0; 3]), None);
        assert_eq!(apart_difference(&[0.0; 3], &[5.0; 3]), Some(Interval { low: 5.0, high: 5.0 }));
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
    fn what_slows_the_reference_too_is_taken_out_and_the_rest_is_held() {
        // Each sample is slowed by what the machine does at that moment, the reference beside it likewise.
        let machine = |seed, slower: f64| -> Vec<f64> { times(seed, 25, slower / 100.0) };
        let beside = |machine: &[f64], seed, scale: f64| -> Vec<f64> {
            machine
                .iter()
                .zip(times(seed, 25, scale))
                .map(|(machine, own)| machine * (90.0 + own / 10.0))
                .collect()
        };
        let (mut held, mut wrong, mut seen) = (0, 0, 0);
        for pair in 0..60 {
            let (calm, busy) = (machine(pair, 1.0), machine(pair + 500, 1.7));
            let (old_pace, new_pace) = (beside(&calm, pair + 1, 1.0), beside(&busy, pair + 2, 1.0));
            let old_samples = beside(&calm, pair + 3, 1.0);
            for change in [1.0, 1.15] {
                let new_samples: Vec<f64> =
                    beside(&busy, pair + 4, 1.0).into_iter().map(|sample| sample * change).collect();
                let old = Paced { samples: &old_samples, paces: [&old_pace] };
                let new = Paced { samples: &new_samples, paces: [&new_pace] };
                let [found] = ratio_beside(old, new, false, pair).expect("enough samples");
                held += u32::from(found.low <= change && change <= found.high);
                if change > 1.0 {
                    seen += u32::from(found.low > 1.1);
                } else {
                    wrong += u32::from(found.low > 1.0);
                }
                let speeds = |samples: &[f64]| samples.iter().map(|sample| 1e6 / sample).collect::<Vec<_>>();
                let (old_speeds, new_speeds) = (speeds(&old_samples), speeds(&new_samples));
                let old = Paced { samples: &old_speeds, paces: [&old_pace] };
                let new = Paced { samples: &new_speeds, paces: [&new_pace] };
                let [found] = ratio_beside(old, new, true, pair).expect("enough samples");
                assert!(found.low < 1.05 / change && found.high > 0.95 / change, "{found:?}");
            }
        }
        assert!(held >= 105, "{held} of 120");
        assert!(wrong <= 5 && seen >= 55, "{wrong} and {seen} of 60");
    }

    #[test]
    fn few_samples_and_no_ratios_are_not_judged() {
        let five = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(ratio(&five[..4], &five, 0), None);
        assert_eq!(ratio(&five, &[0.0; 5], 0), None);
        assert!(difference(&five, &[0.0; 5], 0).is_some_and(|found| found.high < 0.0));
        assert_eq!(ratio(&[2.0; 5], &[3.0; 5], 0), Some(Interval { low: 1.5, high: 1.5 }));
        assert_eq!(ratio(&five, &five, 7), ratio(&five, &five, 7), "the same seed draws the same");
        let paced = |samples, pace| Paced { samples, paces: [pace] };
        assert!(ratio_beside(paced(&five, &five), paced(&five, &five), false, 0).is_some());
        assert_eq!(ratio_beside(paced(&five, &five[1..]), paced(&five, &five), false, 0), None);
        assert_eq!(ratio_beside(paced(&five[1..], &five[1..]), paced(&five, &five), false, 0), None);
        assert_eq!(ratio_beside(paced(&five, &[0.0; 5]), paced(&five, &five), false, 0), None);
    }

    #[test]
    fn even_and_odd_draws_have_their_medians() {
        let mut draws = Draws { seed: 3, drawn: 0, place: Vec::new() };
        for count in [1, 2, 5, 8] {
            let samples = times(9, count, 1.0);
            for _ in 0..50 {
                let found = draws.median_of(&samples);
                assert_eq!(found, median(&draws.place));
                let mut counts = Vec::new();
                draws.count(samples.len(), &mut counts);
                let all = counts.iter().zip(&samples).flat_map(|(count, x)| std::iter::repeat_n(*x, *count));
                let found = Sorted::new(&samples).median(&counts);
                assert_eq!(Some(found), median(&all.collect::<Vec<_>>()));
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
