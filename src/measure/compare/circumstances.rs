use serde::{Deserialize, Serialize};

use crate::measure::report::{Conditions, Report};
use crate::measure::statistics::median;

/// A machine that takes so many times longer is another one.
const SLOWER: f64 = 1.1;
/// Processors that other programs may take more or less without its being another machine, of each
/// that there is, and at least.
const OTHERS_EACH: f64 = 0.05;
const OTHERS_AT_LEAST: f64 = 0.1;

/// How the machine was during a measurement, then and now.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Circumstances {
    /// The measurement, such as `rt`.
    pub measurement: String,
    /// How much slower the machine itself was, by the reference: the newer time over the older; null
    /// where it was not done in both runs.
    pub slower: Option<f64>,
    /// Processors that other programs kept busy then; null where the system does not say.
    pub old_others_processors: Option<f64>,
    /// The same now.
    pub new_others_processors: Option<f64>,
    /// Processors whose time other virtual machines had then; null where the system does not say.
    pub old_stolen_processors: Option<f64>,
    /// The same now.
    pub new_stolen_processors: Option<f64>,
    /// It was slower now, or had more to do for others, or much.
    pub is_worse: bool,
    /// It was faster now, or had less to do for others, or much then.
    pub is_better: bool,
    /// Others had much of it in both runs, and alike.
    pub is_busy_in_both: bool,
}

/// Of each measurement that both reports know the conditions of.
pub(super) fn all(old: &Report, new: &Report) -> Vec<Circumstances> {
    let processors = new.machine.processors.max(old.machine.processors);
    let both = old.conditions.iter().filter_map(|(measurement, old)| {
        Some(Circumstances::of(measurement, old, new.conditions.get(measurement)?, processors))
    });
    both.collect()
}

impl Circumstances {
    fn of(measurement: &str, old: &Conditions, new: &Conditions, processors: u32) -> Circumstances {
        let parts =
            [(old.float_ns, new.float_ns), (old.integer_ns, new.integer_ns), (old.memory_ns, new.memory_ns)];
        let ratio = |(old, new): (Option<f64>, Option<f64>)| Some(new? / old.filter(|old| *old > 0.0)?);
        let slower = median(&parts.into_iter().filter_map(ratio).collect::<Vec<_>>());
        let margin = (OTHERS_EACH * f64::from(processors)).max(OTHERS_AT_LEAST);
        let more = |less: Option<f64>, more: Option<f64>| {
            less.zip(more).is_some_and(|(less, more)| more - less > margin)
        };
        let was_worse = slower.is_some_and(|slower| slower > SLOWER)
            || more(old.others_processors, new.others_processors)
            || more(old.stolen_processors, new.stolen_processors);
        let was_better = slower.is_some_and(|slower| slower < 1.0 / SLOWER)
            || more(new.others_processors, old.others_processors)
            || more(new.stolen_processors, old.stolen_processors);
        let (old_crowded, new_crowded) = (old.is_crowded(processors), new.is_crowded(processors));
        Circumstances {
            measurement: measurement.to_owned(),
            slower,
            old_others_processors: old.others_processors,
            new_others_processors: new.others_processors,
            old_stolen_processors: old.stolen_processors,
            new_stolen_processors: new.stolen_processors,
            is_worse: was_worse || new_crowded,
            is_better: was_better || old_crowded,
            is_busy_in_both: old_crowded && new_crowded && !was_worse && !was_better,
        }
    }

    /// Whether a figure is of this measurement.
    pub(super) fn is_of(&self, figure: &str) -> bool {
        figure.split('.').next() == Some(&self.measurement)
    }

    /// Whether it was another machine, so to say.
    pub fn differ(&self) -> bool {
        (self.is_worse || self.is_better) && !self.is_busy_in_both
    }

    /// What was not the same, or was as bad in both runs, in a sentence; nothing where all was well.
    pub fn said(&self) -> Option<String> {
        let mut parts = Vec::new();
        match self.slower {
            Some(slower) if slower > SLOWER => {
                parts.push(format!("the processor was {slower:.2} times slower"));
            }
            Some(slower) if slower < 1.0 / SLOWER => {
                parts.push(format!("the processor was {:.2} times faster", 1.0 / slower));
            }
            _ => {}
        }
        let mut processors = |old: Option<f64>, new: Option<f64>, whose: &str| {
            if let (Some(old), Some(new)) = (old, new)
                && (old >= 0.05 || new >= 0.05)
            {
                parts.push(format!("{whose} had {new:.1} processors, then {old:.1}"));
            }
        };
        if self.is_worse || self.is_better {
            processors(self.old_others_processors, self.new_others_processors, "other programs");
            processors(self.old_stolen_processors, self.new_stolen_processors, "other virtual machines");
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}
