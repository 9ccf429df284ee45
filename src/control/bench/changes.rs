//! What changed since an older report, in words.

use std::fmt::Write;

use crate::measure::Comparison;
use crate::measure::compare::{Change, Verdict};

/// The comparison: first what makes it doubtful, then a line for each figure, the
/// worst first, and what it comes to.
pub(super) fn of(comparison: &Comparison) -> String {
    let mut text = format!("\nChanges since {}\n", comparison.with);
    if !comparison.differences.is_empty() {
        text.push_str("NOT THE SAME CIRCUMSTANCES: what changed may have changed because of these.\n");
        for difference in &comparison.differences {
            let _ = writeln!(text, "  {:<24}{} -> {}", difference.what, difference.old, difference.new);
        }
    }
    let mut changes: Vec<&Change> = comparison.changes.iter().collect();
    changes.sort_by_key(|change| order(change.verdict));
    for change in changes {
        line(&mut text, change, comparison.bound_percent);
    }
    for (names, whose) in [(&comparison.only_old, "older"), (&comparison.only_new, "newer")] {
        if !names.is_empty() {
            let _ = writeln!(text, "Only in the {whose}: {}", names.join(", "));
        }
    }
    verdict(&mut text, comparison);
    text
}

fn order(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Regression => 0,
        Verdict::Improvement => 1,
        Verdict::Noise => 2,
        Verdict::Equal => 3,
        Verdict::Unknown => 4,
    }
}

fn line(text: &mut String, change: &Change, bound_percent: f64) {
    let Change { figure, unit, old_median, new_median, .. } = change;
    let _ = write!(text, "{figure:<44}{} -> {} {unit}", digits(*old_median), digits(*new_median));
    if let Some(ratio) = change.ratio.filter(|_| change.verdict != Verdict::Equal) {
        let _ = write!(text, ", {}", percent(ratio));
    }
    if let (Some(low), Some(high)) = (change.ratio_low, change.ratio_high)
        && change.verdict != Verdict::Equal
    {
        let _ = write!(text, " ({} to {})", percent(low), percent(high));
    }
    let _ = write!(text, ": {}", change.verdict.name());
    if change.is_beyond_bound {
        let _ = write!(text, " BEYOND {bound_percent} %");
    }
    text.push('\n');
}

/// A ratio as what it adds or takes.
fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

/// Three places that count.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == size.trunc() => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn verdict(text: &mut String, comparison: &Comparison) {
    if comparison.changes.is_empty() {
        text.push_str("There is no figure that both reports have: nothing can be said.\n");
        return;
    }
    let counts =
        [Verdict::Regression, Verdict::Improvement, Verdict::Noise, Verdict::Equal, Verdict::Unknown]
            .map(|verdict| (comparison.count(verdict), verdict.name()));
    let said: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    let _ = writeln!(text, "{} figures: {}.", comparison.changes.len(), said.join(", "));
    let _ = writeln!(
        text,
        "Intervals hold the change within these runs {:.0} times in 100; a machine that is busier or warmer \
         for a whole run is in no interval.",
        comparison.confidence * 100.0
    );
    let beyond: Vec<&str> = comparison.beyond_bound().map(|change| change.figure.as_str()).collect();
    if beyond.is_empty() {
        let _ = writeln!(text, "Nothing got worse by more than {} %.", comparison.bound_percent);
    } else {
        let _ = writeln!(text, "Worse by more than {} %: {}", comparison.bound_percent, beyond.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::compare::Difference;

    #[test]
    fn the_worst_comes_first_and_another_machine_is_said_loudly() {
        let change = |figure: &str, verdict, is_beyond_bound| Change {
            figure: figure.to_owned(),
            unit: "ns".to_owned(),
            old_median: 10.0,
            new_median: 12.5,
            ratio: Some(1.25),
            ratio_low: Some(1.2),
            ratio_high: Some(1.3),
            verdict,
            is_beyond_bound,
            ..Change::default()
        };
        let what = "machine.processor".to_owned();
        let comparison = Comparison {
            with: "old.json".to_owned(),
            differences: vec![Difference { what, old: "A".to_owned(), new: "B".to_owned() }],
            changes: vec![change("a", Verdict::Noise, false), change("b", Verdict::Regression, true)],
            only_old: vec!["gone".to_owned()],
            bound_percent: 10.0,
            confidence: 0.95,
            ..Comparison::default()
        };
        let text = of(&comparison);
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("`{part}` in {text}"));
        assert!(at("NOT THE SAME") < at("machine.processor"), "{text}");
        assert!(at("10 -> 12.5 ns, +25.0 % (+20.0 % to +30.0 %): regression BEYOND 10 %") < at(": noise"));
        at("Only in the older: gone\n");
        at("2 figures: 1 regression, 1 noise.");
        at("Worse by more than 10 %: b\n");
        assert!(of(&Comparison::default()).contains("nothing can be said"));
    }
}
