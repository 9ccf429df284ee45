//! What changed between two reports: each figure that both have, with how sure that is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bootstrap::{self, Interval};
use super::report::{Better, Figure, Report};
use super::statistics::median;

/// Draws for it are always the same, so that two reports always compare alike.
const SEED: u64 = 0x0061_6e74_6970_686f;
/// A regression beyond this is a failure where nothing else is asked for, in percent.
pub const BOUND_PERCENT: f64 = 10.0;

/// What changed since an older report.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// Where the older report was read from.
    pub with: String,
    /// Machine, build and settings that are not the same: what changed with them may
    /// have changed because of them.
    pub differences: Vec<Difference>,
    /// Each figure that both have, by path.
    pub changes: Vec<Change>,
    /// Figures that only the older has.
    pub only_old: Vec<String>,
    /// Figures that only the newer has.
    pub only_new: Vec<String>,
    /// How much worse a figure may get, in percent.
    pub bound_percent: f64,
    /// How often an interval holds the true change, from 0 to 1; so many of the
    /// figures that did not change are said to be noise.
    pub confidence: f64,
}

/// Something about the two runs that is not the same.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Difference {
    /// Such as `machine.processor` or `asked.block_frames`.
    pub what: String,
    /// As it was.
    pub old: String,
    /// As it is.
    pub new: String,
}

/// One figure, then and now.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Change {
    /// Its path, such as `rings.event_ns`.
    pub figure: String,
    /// Its unit.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// The older samples' median.
    pub old_median: f64,
    /// The newer samples' median.
    pub new_median: f64,
    /// How many older samples.
    pub old_samples: usize,
    /// How many newer samples.
    pub new_samples: usize,
    /// The newer median over the older; null where one of them is not above zero.
    pub ratio: Option<f64>,
    /// Where that ratio lies; null with it, or where there are too few samples.
    pub ratio_low: Option<f64>,
    /// Likewise.
    pub ratio_high: Option<f64>,
    /// What it comes to.
    pub verdict: Verdict,
    /// It is worse by more than the bound, even at the better end of its interval.
    pub is_beyond_bound: bool,
}

/// What a change comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Worse, and not by chance.
    Regression,
    /// Better, and not by chance.
    Improvement,
    /// Chance may have made the difference.
    Noise,
    /// Every sample is the same.
    Equal,
    /// Too few samples to tell.
    #[default]
    Unknown,
}

impl Verdict {
    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Regression => "regression",
            Verdict::Improvement => "improvement",
            Verdict::Noise => "noise",
            Verdict::Equal => "equal",
            Verdict::Unknown => "too few samples",
        }
    }
}

impl Comparison {
    /// What changed from `old`, which was read from `with`, to `new`.
    pub fn of(with: &str, old: &Report, new: &Report, bound_percent: f64) -> Comparison {
        let both = |path: &&String| new.figures.contains_key(*path);
        let changes = old.figures.iter().filter_map(|(path, old)| {
            let new = new.figures.get(path)?;
            Change::of(path, old, new, bound_percent)
        });
        let mut differences = differences("machine", &old.machine, &new.machine);
        differences.extend(self::differences("asked", &old.asked, &new.asked));
        Comparison {
            with: with.to_owned(),
            differences,
            changes: changes.collect(),
            only_old: old.figures.keys().filter(|path| !both(path)).cloned().collect(),
            only_new: new.figures.keys().filter(|path| !old.figures.contains_key(*path)).cloned().collect(),
            bound_percent,
            confidence: bootstrap::CONFIDENCE,
        }
    }

    /// What got worse by more than the bound.
    pub fn beyond_bound(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.is_beyond_bound)
    }

    /// How many figures came to a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.changes.iter().filter(|change| change.verdict == verdict).count()
    }
}

impl Change {
    /// `None` where one of the two has no samples.
    fn of(path: &str, old: &Figure, new: &Figure, bound_percent: f64) -> Option<Change> {
        let (old_median, new_median) = (median(&old.samples)?, median(&new.samples)?);
        let first = old.samples[0];
        let is_equal = old.samples.iter().chain(&new.samples).all(|sample| *sample == first);
        let interval = bootstrap::ratio(&old.samples, &new.samples, SEED);
        // Where a ratio says nothing: zeros, decibels.
        let difference = match interval {
            Some(Interval { low, high }) => Some(Interval { low: low - 1.0, high: high - 1.0 }),
            None => bootstrap::difference(&old.samples, &new.samples, SEED),
        };
        // Positive is worse.
        let worse = difference.map(|Interval { low, high }| match new.better {
            Better::Less => Interval { low, high },
            Better::More => Interval { low: -high, high: -low },
        });
        let verdict = match worse {
            _ if is_equal => Verdict::Equal,
            None => Verdict::Unknown,
            Some(worse) if worse.low > 0.0 => Verdict::Regression,
            Some(worse) if worse.high < 0.0 => Verdict::Improvement,
            Some(_) => Verdict::Noise,
        };
        // From zero, any step is beyond every bound; the others are seen from the old median.
        let bound = match interval {
            Some(_) => bound_percent / 100.0,
            None => bound_percent / 100.0 * old_median.abs(),
        };
        let ratio = (old_median > 0.0 && new_median > 0.0).then(|| new_median / old_median);
        Some(Change {
            figure: path.to_owned(),
            unit: new.unit.clone(),
            better: new.better,
            old_median,
            new_median,
            old_samples: old.samples.len(),
            new_samples: new.samples.len(),
            ratio,
            ratio_low: interval.map(|interval| interval.low),
            ratio_high: interval.map(|interval| interval.high),
            verdict,
            is_beyond_bound: verdict == Verdict::Regression && worse.is_some_and(|worse| worse.low > bound),
        })
    }
}

/// What two of the same kind do not have in common. When it was is no difference.
fn differences<T: Serialize>(of: &str, old: &T, new: &T) -> Vec<Difference> {
    let (Ok(Value::Object(old)), Ok(Value::Object(new))) =
        (serde_json::to_value(old), serde_json::to_value(new))
    else {
        return Vec::new();
    };
    let shown = |value: &Value| match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let differ = |(name, new): (&String, &Value)| {
        let old = old.get(name).unwrap_or(&Value::Null);
        (old != new && !["unix_seconds", "date"].contains(&name.as_str())).then(|| Difference {
            what: format!("{of}.{name}"),
            old: shown(old),
            new: shown(new),
        })
    };
    new.iter().filter_map(differ).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::scatter;

    fn figure(better: Better, samples: &[f64]) -> Figure {
        Figure { unit: "ns".to_owned(), better, samples: samples.to_vec() }
    }

    fn change(better: Better, old: &[f64], new: &[f64]) -> Change {
        Change::of("a.b", &figure(better, old), &figure(better, new), BOUND_PERCENT).expect("samples")
    }

    fn noisy(seed: u64, scale: f64) -> Vec<f64> {
        (0..12).map(|place| scale * (100.0 + (scatter(seed, place) % 9) as f64)).collect()
    }

    #[test]
    fn slower_by_a_fifth_is_a_regression_beyond_the_bound_whichever_way_is_better() {
        for seed in 0..20 {
            let (old, slower) = (noisy(seed, 1.0), noisy(seed + 100, 1.2));
            let found = change(Better::Less, &old, &slower);
            assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Regression, true), "{found:?}");
            let found = change(Better::Less, &slower, &old);
            assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Improvement, false));
            let found = change(Better::More, &old, &slower);
            assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Improvement, false));
            let found = change(Better::More, &slower, &old);
            assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Regression, true));
        }
    }

    #[test]
    fn within_the_bound_it_is_a_regression_and_no_failure() {
        let found = change(Better::Less, &[100.0; 6], &[105.0; 6]);
        assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Regression, false));
        assert_eq!((found.ratio, found.ratio_low, found.ratio_high), (Some(1.05), Some(1.05), Some(1.05)));
    }

    #[test]
    fn one_sample_tells_only_that_it_is_equal() {
        assert_eq!(change(Better::Less, &[256.0], &[256.0]).verdict, Verdict::Equal);
        let found = change(Better::Less, &[256.0], &[512.0]);
        assert_eq!((found.verdict, found.is_beyond_bound, found.ratio), (Verdict::Unknown, false, Some(2.0)));
        assert_eq!(change(Better::Less, &noisy(1, 1.0), &noisy(1, 1.0)).verdict, Verdict::Noise);
    }

    #[test]
    fn what_was_zero_and_is_not_is_judged_by_the_difference() {
        let found = change(Better::Less, &[0.0; 5], &[3.0; 5]);
        assert_eq!((found.verdict, found.is_beyond_bound, found.ratio), (Verdict::Regression, true, None));
        assert_eq!(change(Better::Less, &[0.0; 5], &[0.0; 7]).verdict, Verdict::Equal);
        let found = change(Better::More, &[-60.0; 5], &[-59.0; 5]);
        assert_eq!((found.verdict, found.ratio_low), (Verdict::Improvement, None));
    }

    #[test]
    fn another_machine_is_said_and_figures_of_one_side_are_named() {
        let mut old = Report::default();
        let mut new = Report::default();
        old.machine.processor = "Slow".to_owned();
        new.machine.processor = "Fast".to_owned();
        new.machine.unix_seconds = 7;
        new.asked.block_frames = Some(64);
        old.figures.insert("gone".to_owned(), figure(Better::Less, &[1.0]));
        new.figures.insert("fresh".to_owned(), figure(Better::Less, &[1.0]));
        let found = Comparison::of("old.json", &old, &new, BOUND_PERCENT);
        let differences: Vec<_> = found.differences.iter().map(|d| (&*d.what, &*d.old, &*d.new)).collect();
        assert_eq!(
            differences,
            [("machine.processor", "Slow", "Fast"), ("asked.block_frames", "none", "64")]
        );
        assert_eq!((found.only_old, found.only_new), (vec!["gone".to_owned()], vec!["fresh".to_owned()]));
    }
}
