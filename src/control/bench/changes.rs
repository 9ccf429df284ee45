//! What changed since an older report, in words.

use std::fmt::Write;

use crate::measure::Comparison;
use crate::measure::compare::{Change, Verdict};

/// The comparison: first what makes it doubtful, then a line for each figure, the
/// worst first, and what it comes to.
pub(super) fn of(comparison: &Comparison, is_strict: bool) -> String {
    let mut text = format!("\nChanges since {}\n", comparison.with);
    if !comparison.differences.is_empty() {
        text.push_str("NOT THE SAME CIRCUMSTANCES: what changed may have changed because of these.\n");
        for difference in &comparison.differences {
            let _ = writeln!(text, "  {:<24}{} -> {}", difference.what, difference.old, difference.new);
        }
    }
    for there in &comparison.circumstances {
        if let Some(said) = there.said() {
            let title = if there.is_busy_in_both {
                "A BUSY MACHINE in both runs of"
            } else {
                "NOT THE SAME MACHINE during"
            };
            let _ = writeln!(text, "{title} `{}`: {said}.", there.measurement);
        }
    }
    for change in comparison.by_verdict() {
        line(&mut text, change, comparison.bound_percent);
    }
    for (names, whose) in [(&comparison.only_old, "older"), (&comparison.only_new, "newer")] {
        if !names.is_empty() {
            let _ = writeln!(text, "Only in the {whose}: {}", names.join(", "));
        }
    }
    for gone in &comparison.vanished {
        let _ = writeln!(text, "{:<44}NOT THERE ANY MORE: {}", gone.figure, gone.why);
    }
    verdict(&mut text, comparison, is_strict);
    text
}

fn line(text: &mut String, change: &Change, bound_percent: f64) {
    let Change { figure, unit, old_median, new_median, .. } = change;
    let _ = write!(text, "{figure:<44}{} -> {}", digits(*old_median), digits(*new_median));
    if !unit.is_empty() {
        let _ = write!(text, " {unit}");
    }
    if let Some(ratio) = change.ratio.filter(|_| change.verdict != Verdict::Equal) {
        let _ = write!(text, ", {}", percent(ratio));
    }
    if let (Some(low), Some(high)) = (change.ratio_low, change.ratio_high)
        && change.verdict != Verdict::Equal
    {
        let _ = write!(text, " ({} to {})", percent(low), percent(high));
    }
    if let (Some(machine), Some(low), Some(high)) = (change.machine, change.own_low, change.own_high)
        && change.verdict != Verdict::Equal
    {
        let [machine, low, high] = [machine, low, high].map(percent);
        let _ = write!(text, "; the machine {machine}, without that {low} to {high}");
    }
    let _ = write!(text, ": {}", change.verdict.name());
    if let Some(said) = change.basis.said() {
        let _ = write!(text, " ({said})");
    }
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

fn verdict(text: &mut String, comparison: &Comparison, is_strict: bool) {
    if comparison.compared == 0 {
        text.push_str(
            "There is no figure that both reports have: nothing was compared, and that is a failure.\n",
        );
        return;
    }
    let counts = Verdict::ALL.map(|verdict| (comparison.count(verdict), verdict.name()));
    let said: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    if !said.is_empty() {
        let _ = writeln!(text, "{} figures: {}.", comparison.changes.len(), said.join(", "));
    }
    let _ = writeln!(
        text,
        "Intervals hold the change within these runs {:.0} times in 100.",
        comparison.confidence * 100.0
    );
    let names = |changes: Vec<&Change>| {
        changes.iter().map(|change| change.figure.as_str()).collect::<Vec<_>>().join(", ")
    };
    let doubtful = names(comparison.doubtful().collect());
    let beyond = names(comparison.beyond_bound().collect());
    let bound = comparison.bound_percent;
    if !doubtful.is_empty() {
        let _ = writeln!(
            text,
            "Worse by more than {bound} %, but the machine was slower or had more to do, so this says nothing \
             (measure again when it is as it was, or fail by --strict): {doubtful}"
        );
    }
    let gone = |may_be_machine| {
        comparison.vanished(may_be_machine).map(|gone| gone.figure.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (gone, hidden) = (gone(false), gone(true));
    if !hidden.is_empty() {
        let _ = writeln!(
            text,
            "Not there any more, but others had much of the machine, so this says nothing (measure again when \
             they have not, or fail by --strict): {hidden}"
        );
    }
    if !beyond.is_empty() {
        let _ = writeln!(text, "Worse by more than {bound} %: {beyond}");
    }
    if !gone.is_empty() {
        let _ = writeln!(text, "Asked for, and not there any more: {gone}");
    }
    let _ = match (comparison.is_worse(), comparison.is_doubtful()) {
        (true, _) => Ok(()),
        (false, false) => writeln!(text, "Nothing got worse by more than {bound} %."),
        (false, true) if is_strict => writeln!(
            text,
            "This fails by --strict: nothing is known to have got worse by more than {bound} %, but something may have."
        ),
        (false, true) => writeln!(text, "Nothing is known to have got worse by more than {bound} %."),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::compare::{Circumstances, Difference};

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
            compared: 2,
            bound_percent: 10.0,
            confidence: 0.95,
            ..Comparison::default()
        };
        let text = of(&comparison, false);
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("`{part}` in {text}"));
        assert!(at("NOT THE SAME") < at("machine.processor"), "{text}");
        assert!(at("10 -> 12.5 ns, +25.0 % (+20.0 % to +30.0 %): regression BEYOND 10 %") < at(": noise"));
        at("Only in the older: gone\n");
        at("2 figures: 1 regression, 1 noise.");
        at("Worse by more than 10 %: b\n");
        assert!(of(&Comparison::default(), false).contains("nothing was compared"));
    }

    #[test]
    fn what_the_machine_may_have_done_is_no_regression_and_is_said_in_words() {
        let doubtful = Change {
            figure: "rt.callback_us.p99".to_owned(),
            verdict: Verdict::NotComparable,
            is_beyond_bound_as_measured: true,
            ..Change::default()
        };
        let own = Change {
            figure: "render.realtime_factor".to_owned(),
            old_median: 20.0,
            new_median: 12.0,
            machine: Some(1.6),
            own_low: Some(0.96),
            own_high: Some(1.03),
            verdict: Verdict::Noise,
            ..Change::default()
        };
        let there = Circumstances {
            measurement: "rt".to_owned(),
            slower: Some(1.6),
            old_others_processors: Some(0.1),
            new_others_processors: Some(1.4),
            is_worse: true,
            ..Circumstances::default()
        };
        let comparison = Comparison {
            circumstances: vec![there],
            changes: vec![own, doubtful],
            compared: 2,
            bound_percent: 10.0,
            ..Comparison::default()
        };
        let text = of(&comparison, false);
        for part in [
            "NOT THE SAME MACHINE during `rt`: the processor was 1.60 times slower; other programs had 1.4 \
             processors, then 0.1.\n",
            "the machine +60.0 %, without that -4.0 % to +3.0 %: noise",
            "so this says nothing",
            "--strict): rt.callback_us.p99\n",
            "Nothing is known to have got worse by more than 10 %.",
        ] {
            assert!(text.contains(part), "`{part}` in {text}");
        }
        assert!(!comparison.is_failure(false) && comparison.is_failure(true));
        assert!(
            of(&comparison, true)
                .lines()
                .last()
                .is_some_and(|last| last.starts_with("This fails by --strict"))
        );
    }
}
