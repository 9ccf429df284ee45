//! The counts that are kept in the repository, and what differs from them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What a count may differ by where the same compiler made it.
pub const TOLERANCE: f64 = 0.02;
/// What it may differ by where another version of the compiler did: what it makes of the
/// same source changes, and only a loop too many still shows.
pub const OTHER_COMPILER_TOLERANCE: f64 = 0.25;

/// What else a count depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Maker {
    /// The compiler's version, as it says it.
    pub rustc: String,
    /// What it was built for.
    pub target: String,
    /// Who counted.
    pub valgrind: String,
}

/// One scenario's.
#[derive(Clone, PartialEq, Debug)]
pub struct Count {
    /// Instructions of one unit.
    pub instructions: f64,
    /// What a unit is.
    pub unit: String,
}

/// All counts of one build.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    pub maker: Maker,
    pub counts: BTreeMap<String, Count>,
}

impl Kept {
    /// Reads the file; `None` where it is not what [`Kept::write`] writes.
    pub fn read(text: &str) -> Option<Kept> {
        let all: Value = serde_json::from_str(text).ok()?;
        let word = |name: &str| Some(all[name].as_str()?.to_owned());
        let count = |(name, value): (&String, &Value)| {
            let unit = value["unit"].as_str()?.to_owned();
            Some((name.clone(), Count { instructions: value["instructions"].as_f64()?, unit }))
        };
        let maker = Maker { rustc: word("rustc")?, target: word("target")?, valgrind: word("valgrind")? };
        Some(Kept { maker, counts: all["counts"].as_object()?.iter().map(count).collect::<Option<_>>()? })
    }

    /// The file's text.
    pub fn write(&self) -> String {
        let count = |(name, count): (&String, &Count)| {
            let instructions = (count.instructions * 10.0).round() / 10.0;
            (name.clone(), json!({ "instructions": instructions, "unit": count.unit }))
        };
        let counts: Map<String, Value> = self.counts.iter().map(count).collect();
        let Maker { rustc, target, valgrind } = &self.maker;
        let all = json!({ "rustc": rustc, "target": target, "valgrind": valgrind, "counts": counts });
        format!("{all:#}\n")
    }
}

/// What became of a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Within the tolerance.
    Same,
    /// Fewer than were kept: worth keeping.
    Cheaper,
    /// More than were kept.
    Dearer,
    /// It has no kept count.
    Unknown,
    /// A count is kept, and there is no such scenario any more.
    Gone,
}

impl Verdict {
    /// Whether the gate stays shut.
    pub fn is_failure(self) -> bool {
        matches!(self, Verdict::Dearer | Verdict::Unknown | Verdict::Gone)
    }
}

/// One line of the comparison.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    pub name: String,
    pub unit: String,
    pub kept: Option<f64>,
    pub found: Option<f64>,
    pub verdict: Verdict,
}

/// How far counts may differ; `None` where they cannot be compared.
pub fn tolerance(kept: &Maker, found: &Maker) -> Option<f64> {
    match kept.target == found.target {
        false => None,
        true if kept.rustc == found.rustc => Some(TOLERANCE),
        true => Some(OTHER_COMPILER_TOLERANCE),
    }
}

/// Every scenario of either, in the order of names.
pub fn compare(kept: &Kept, found: &Kept, tolerance: f64) -> Vec<Line> {
    let mut names: Vec<&String> = kept.counts.keys().chain(found.counts.keys()).collect();
    names.sort();
    names.dedup();
    let line = |name: &String| {
        let (before, now) = (kept.counts.get(name), found.counts.get(name));
        let verdict = match (before, now) {
            (Some(before), Some(now)) if before.unit == now.unit => {
                let change = now.instructions / before.instructions - 1.0;
                if change > tolerance {
                    Verdict::Dearer
                } else if change < -tolerance {
                    Verdict::Cheaper
                } else {
                    Verdict::Same
                }
            }
            (_, Some(_)) => Verdict::Unknown,
            _ => Verdict::Gone,
        };
        Line {
            name: name.clone(),
            unit: now.or(before).map(|count| count.unit.clone()).unwrap_or_default(),
            kept: before.map(|count| count.instructions),
            found: now.map(|count| count.instructions),
            verdict,
        }
    };
    names.into_iter().map(line).collect()
}
