use serde::{Deserialize, Serialize};

use super::{Circumstances, Verdict};
use crate::measure::bootstrap::{self, Interval, Paced};
use crate::measure::reference::Clock;
use crate::measure::report::{Better, Figure, Paces};
use crate::measure::statistics::median;

/// Draws are always the same, so that two reports always compare alike.
const SEED: u64 = 0x0061_6e74_6970_686f;
/// No reference is just like what is measured: of what it became slower, so much more or less may
/// be the machine's too.
const UNLIKE: f64 = 0.25;

/// One figure, then and now.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
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
    /// How much slower the machine itself was beside it, by the reference: the newer time over the
    /// older; null where it was not done in both runs.
    pub machine: Option<f64>,
    /// Where the ratio lies with the machine's part taken out: by this the verdict goes. Null as `machine`.
    pub own_low: Option<f64>,
    /// Likewise.
    pub own_high: Option<f64>,
    /// By what it is judged.
    pub basis: Basis,
    /// What it comes to.
    pub verdict: Verdict,
    /// It is worse by more than the bound, even at the better end of its interval.
    pub is_beyond_bound: bool,
    /// The same of what was measured, the machine's part not taken out.
    pub is_beyond_bound_as_measured: bool,
}

/// By what a change is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// By its samples, which are drawn again and again.
    #[default]
    Samples,
    /// By samples that are too few for that, but lie apart.
    Ranges,
    /// By one value in each report, which has no samples.
    Headline,
    /// By one value in each report: in one of them it is not what its samples, histogram or trials say.
    Unmatched,
    /// By a count, against what chance makes of it.
    Count,
}

impl Basis {
    /// What is to be said of it, behind the verdict; nothing where the interval says it.
    pub fn said(self) -> Option<&'static str> {
        match self {
            Basis::Samples => None,
            Basis::Ranges => Some("few samples, which lie apart"),
            Basis::Headline => Some("one value each, without samples"),
            Basis::Unmatched => Some("its samples do not match it"),
            Basis::Count => Some("a count"),
        }
    }
}

/// How much worse something is: positive is worse, in the unit of the bound.
#[derive(Clone, Copy)]
struct Worse {
    low: f64,
    high: f64,
}

impl Worse {
    fn of(Interval { low, high }: Interval, better: Better) -> Worse {
        match better {
            Better::Less => Worse { low, high },
            Better::More => Worse { low: -high, high: -low },
        }
    }

    fn verdict(self) -> Verdict {
        match self {
            Worse { low, .. } if low > 0.0 => Verdict::Regression,
            Worse { high, .. } if high < 0.0 => Verdict::Improvement,
            _ => Verdict::Noise,
        }
    }
}

impl Change {
    /// `None` where one of the two has no samples.
    pub(super) fn of(
        path: &str,
        old: &Figure,
        new: &Figure,
        circumstances: Option<&Circumstances>,
        bound_percent: f64,
    ) -> Option<Change> {
        let (old_median, new_median) = (median(&old.samples)?, median(&new.samples)?);
        let first = old.samples[0];
        let is_equal = old.samples.iter().chain(&new.samples).all(|sample| *sample == first);
        let is_few = old.samples.len().min(new.samples.len()) < bootstrap::SAMPLES_AT_LEAST;
        let interval = match is_few {
            true => bootstrap::apart_ratio(&old.samples, &new.samples),
            false => bootstrap::ratio(&old.samples, &new.samples, SEED),
        };
        let from_one = |interval: Interval| Interval { low: interval.low - 1.0, high: interval.high - 1.0 };
        // Where a ratio says nothing: zeros, decibels.
        let difference = interval.map(from_one).or_else(|| match is_few {
            true => bootstrap::apart_difference(&old.samples, &new.samples),
            false => bootstrap::difference(&old.samples, &new.samples, SEED),
        });
        // From zero, any step is beyond every bound; the others are seen from the old median.
        let bound = match interval {
            Some(_) => bound_percent / 100.0,
            None => bound_percent / 100.0 * old_median.abs(),
        };
        let measured = difference.map(|difference| Worse::of(difference, new.better));
        let own = interval.and_then(|_| Own::of(old, new));
        let judged = own.as_ref().map(|own| Worse::of(from_one(own.interval), new.better));
        let verdict = match (measured, judged) {
            _ if is_equal => Verdict::Equal,
            (None, _) => Verdict::Unknown,
            // Three that lie a little apart are no news.
            (Some(measured), _) if is_few && measured.low <= bound && measured.high >= -bound => {
                Verdict::Unknown
            }
            (Some(measured), Some(judged)) => by_reference(measured, judged, bound),
            (Some(measured), None) => by_circumstances(measured.verdict(), new.clock, circumstances),
        };
        let is_beyond = |worse: Option<Worse>| worse.is_some_and(|worse| worse.low > bound);
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
            machine: own.as_ref().map(|own| own.machine),
            own_low: own.as_ref().map(|own| own.interval.low),
            own_high: own.as_ref().map(|own| own.interval.high),
            basis: if is_few && difference.is_some() { Basis::Ranges } else { Basis::Samples },
            verdict,
            is_beyond_bound: verdict == Verdict::Regression && is_beyond(judged.or(measured)),
            is_beyond_bound_as_measured: is_beyond(measured),
        })
    }
}

/// A change by the thread's own time. What is left of it without the machine's part is the verdict;
/// where so little is known of that part that a change beyond the bound may hide in it, there is none.
fn by_reference(measured: Worse, judged: Worse, bound: f64) -> Verdict {
    let hides = |worse: Worse| worse.low < -bound || worse.high > bound;
    match judged.verdict() {
        Verdict::Noise if measured.verdict() != Verdict::Noise && hides(judged) => Verdict::NotComparable,
        verdict => verdict,
    }
}

/// A change by the clock: worse on a worse machine, or better on a better one, says nothing.
pub(super) fn by_circumstances(
    verdict: Verdict,
    clock: Option<Clock>,
    there: Option<&Circumstances>,
) -> Verdict {
    let (Some(_), Some(there)) = (clock, there) else { return verdict };
    match verdict {
        Verdict::Regression if there.is_worse => Verdict::NotComparable,
        Verdict::Improvement if there.is_better => Verdict::NotComparable,
        verdict => verdict,
    }
}

/// What is left of a change when the machine's part is taken out.
struct Own {
    machine: f64,
    interval: Interval,
}

impl Own {
    /// `None` where the reference was not done beside it in both runs, or it is not of the thread's own time.
    fn of(old: &Figure, new: &Figure) -> Option<Own> {
        if (old.clock, new.clock) != (Some(Clock::Own), Some(Clock::Own)) {
            return None;
        }
        let then = Paced { samples: &old.samples, paces: old.paces.parts() };
        let now = Paced { samples: &new.samples, paces: new.paces.parts() };
        let parts = bootstrap::ratio_beside(then, now, new.better == Better::More, SEED)?;
        let slower = |(old, new): (&[f64], &[f64])| Some(median(new)? / median(old)?);
        let slower: Vec<f64> = then.paces.into_iter().zip(now.paces).filter_map(slower).collect();
        // As little as the part says that became slowest, as much as the one that did least.
        let low = parts.iter().map(|part| part.low).fold(f64::MAX, f64::min);
        let high = parts.iter().map(|part| part.high).fold(0.0, f64::max);
        let room = 1.0 + UNLIKE * slower.iter().map(|slower| (slower - 1.0).abs()).fold(0.0, f64::max);
        Some(Own { machine: median(&slower)?, interval: Interval { low: low / room, high: high * room } })
    }
}

impl Paces {
    /// What each part of the reference took.
    fn parts(&self) -> [&[f64]; 3] {
        [&self.float_ns, &self.integer_ns, &self.memory_ns]
    }
}
