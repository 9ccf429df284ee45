//! What changed between two reports: each figure that both have, with how sure that is,
//! and how much of it the machine may have done that was busier, or slower, meanwhile.
//!
//! What a thread takes of its own time is seen from a reference that was done beside it in
//! both runs ([`reference`](super::reference)): only what changed more than that has changed.
//! What passes by the clock goes up and down with whatever else wants the processors; there is
//! no measure for that, so a change for the worse on a machine that was worse is no verdict.

mod change;
mod circumstances;
mod counts;
mod headlines;
#[cfg(test)]
mod tests;
mod vanished;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bootstrap;
use super::report::Report;

use counts::COUNTS;
use headlines::HEADLINES;

pub use change::{Basis, Change};
pub use circumstances::Circumstances;
pub use vanished::Vanished;

/// A regression beyond this is a failure where nothing else is asked for, in percent.
pub const BOUND_PERCENT: f64 = 10.0;

/// What changed since an older report.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Comparison {
    /// Where the older report was read from.
    pub with: String,
    /// Machine, build and settings that are not the same: what changed with them may
    /// have changed because of them.
    pub differences: Vec<Difference>,
    /// How the machine was in both runs, for each measurement that both have.
    pub circumstances: Vec<Circumstances>,
    /// Each figure that both have, by path; then counts that are not the same, and values that no samples
    /// explain.
    pub changes: Vec<Change>,
    /// How many figures, counts and values were held against each other: of none, nothing is known.
    pub compared: usize,
    /// Figures that were asked for again and are not there.
    pub vanished: Vec<Vanished>,
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
    /// It is not the same as it was, and this may be the machine's doing.
    NotComparable,
    /// Every sample is the same.
    Equal,
    /// Too few samples to tell.
    #[default]
    Unknown,
}

impl Verdict {
    /// All of them, the worst first.
    pub const ALL: [Verdict; 6] = [
        Verdict::Regression,
        Verdict::NotComparable,
        Verdict::Improvement,
        Verdict::Noise,
        Verdict::Equal,
        Verdict::Unknown,
    ];

    /// Its place among [`ALL`](Self::ALL).
    pub fn order(self) -> usize {
        Verdict::ALL.iter().position(|other| *other == self).unwrap_or(Verdict::ALL.len())
    }

    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Regression => "regression",
            Verdict::Improvement => "improvement",
            Verdict::Noise => "noise",
            Verdict::NotComparable => "not comparable",
            Verdict::Equal => "equal",
            Verdict::Unknown => "too few samples",
        }
    }
}

impl Comparison {
    /// What changed from `old`, which was read from `with`, to `new`.
    pub fn of(with: &str, old: &Report, new: &Report, bound_percent: f64) -> Comparison {
        let both = |path: &&String| new.figures.contains_key(*path);
        let circumstances = circumstances::all(old, new);
        let changes = old.figures.iter().filter_map(|(path, old)| {
            let new = new.figures.get(path)?;
            let there = circumstances.iter().find(|there| there.is_of(path));
            Change::of(path, old, new, there, bound_percent)
        });
        let mut changes: Vec<Change> = changes.collect();
        let compared = add_values(&mut changes, (old, new), &circumstances, bound_percent);
        let mut differences = differences("machine", &old.machine, &new.machine);
        differences.extend(self::differences("asked", &old.asked, &new.asked));
        Comparison {
            with: with.to_owned(),
            differences,
            vanished: vanished::all(old, new, &circumstances),
            circumstances,
            changes,
            compared,
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

    /// What would be beyond the bound if the machine had no part in it, and may be.
    pub fn doubtful(&self) -> impl Iterator<Item = &Change> {
        let is_doubtful = |change: &&Change| !change.is_beyond_bound && change.is_beyond_bound_as_measured;
        self.changes.iter().filter(is_doubtful).filter(|change| change.verdict == Verdict::NotComparable)
    }

    /// What was asked for again and is not there; `may_be_machine` says which.
    pub fn vanished(&self, may_be_machine: bool) -> impl Iterator<Item = &Vanished> {
        self.vanished.iter().filter(move |gone| gone.may_be_machine == may_be_machine)
    }

    /// Whether a script should stop: something got worse by more than the bound, or is not there any more,
    /// or there was nothing to compare; with `is_strict` also where that may have been the machine.
    pub fn is_failure(&self, is_strict: bool) -> bool {
        self.is_worse() || is_strict && self.is_doubtful()
    }

    /// Without the machine's doing.
    pub fn is_worse(&self) -> bool {
        self.compared == 0 || self.beyond_bound().next().is_some() || self.vanished(false).next().is_some()
    }

    /// Whether something may have got worse, or it was the machine.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful().next().is_some() || self.vanished(true).next().is_some()
    }

    /// The figures, the worst first.
    pub fn by_verdict(&self) -> Vec<&Change> {
        let mut changes: Vec<&Change> = self.changes.iter().collect();
        changes.sort_by_key(|change| change.verdict.order());
        changes
    }

    /// How many figures came to a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.changes.iter().filter(|change| change.verdict == verdict).count()
    }
}

/// Adds to what samples tell what counts and values do. Gives how many could be compared at all.
fn add_values(
    changes: &mut Vec<Change>,
    (old, new): (&Report, &Report),
    circumstances: &[Circumstances],
    bound_percent: f64,
) -> usize {
    let there = |path: &str| circumstances.iter().find(|there| there.is_of(path));
    let mut compared = changes.len();
    for count in COUNTS {
        if let Some(change) = count.change(old, new, there(count.figure), bound_percent) {
            compared += 1;
            changes.extend(Some(change).filter(|change| change.verdict != Verdict::Equal));
        }
    }
    for line in HEADLINES {
        compared += usize::from(line.is_in(old) && line.is_in(new));
        let Some(change) = line.change(old, new, there(line.path), bound_percent) else { continue };
        let by_samples = changes.iter_mut().find(|other| other.figure == change.figure);
        match by_samples {
            Some(other) if change.verdict == Verdict::Regression && !other.is_beyond_bound => *other = change,
            // Its samples say more.
            Some(_) => {}
            None if change.basis == Basis::Unmatched && change.verdict != Verdict::Regression => {}
            None => changes.push(change),
        }
    }
    compared
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
