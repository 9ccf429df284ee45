//! What changed since an older report.

use super::markup::Markup;
use crate::measure::compare::{Change, Comparison};
use crate::measure::summary::number;

pub(super) fn write(page: &mut Markup, comparison: &Comparison) {
    page.open("section", &[("id", &"comparison")]);
    page.leaf("h2", &[], &format!("Changes since {}", comparison.with));
    let bound = comparison.bound_percent;
    let (beyond, doubtful) = (comparison.beyond_bound().count(), comparison.doubtful().count());
    let (class, sign, said) = match beyond {
        0 if doubtful > 0 => (
            "fair",
            "!",
            format!(
                "Nothing is known to have got worse by more than {bound} %. Of {doubtful} this cannot be told: \
                 the machine itself was slower, or had more to do."
            ),
        ),
        0 => ("good", "✓", format!("Nothing got worse by more than {bound} %.")),
        1 => ("bad", "✗", format!("One figure got worse by more than {bound} %.")),
        more => ("bad", "✗", format!("{more} figures got worse by more than {bound} %.")),
    };
    page.open("p", &[("class", &format!("said {class}"))]);
    page.leaf("span", &[("class", &"sign"), ("aria-hidden", &"true")], sign);
    page.text(&said);
    page.close();
    if !comparison.differences.is_empty() {
        page.leaf("h3", &[], "Not the same circumstances: what changed may have changed because of these");
        let rows: Vec<[String; 3]> = comparison
            .differences
            .iter()
            .map(|difference| [difference.what.clone(), difference.old.clone(), difference.new.clone()])
            .collect();
        page.table("What is not the same", ["what", "then", "now"], &rows);
    }
    let there: Vec<[String; 2]> = comparison
        .circumstances
        .iter()
        .filter_map(|there| Some([there.measurement.clone(), there.said()?]))
        .collect();
    if !there.is_empty() {
        page.leaf("h3", &[], "Not the same machine: what it did besides, or how fast it was, has changed");
        page.table("How the machine has changed", ["while this was measured", "this was so"], &there);
    }
    let rows: Vec<[String; 6]> = comparison.by_verdict().into_iter().map(row).collect();
    if !rows.is_empty() {
        let share = 100.0 * comparison.confidence;
        let change = format!("change ({share:.0} % sure to lie within)");
        page.table(
            "What changed",
            ["figure", "then", "now", &change, "without the machine's part", "verdict"],
            &rows,
        );
    }
    for (names, whose) in [(&comparison.only_old, "older"), (&comparison.only_new, "newer")] {
        if !names.is_empty() {
            page.leaf("p", &[], &format!("Only in the {whose}: {}.", names.join(", ")));
        }
    }
    page.close();
}

fn row(change: &Change) -> [String; 6] {
    let percent = |ratio: f64| format!("{:+.1} %", 100.0 * (ratio - 1.0));
    let mut changed = change.ratio.map(percent).unwrap_or_default();
    if let (Some(low), Some(high)) = (change.ratio_low, change.ratio_high) {
        changed.push_str(&format!(" ({} to {})", percent(low), percent(high)));
    }
    let own = change.own_low.zip(change.own_high);
    let own = own.map(|(low, high)| format!("{} to {}", percent(low), percent(high)));
    let beyond = if change.is_beyond_bound { ", beyond the bound" } else { "" };
    [
        change.figure.clone(),
        format!("{} {}", number(change.old_median), change.unit),
        format!("{} {}", number(change.new_median), change.unit),
        changed,
        own.unwrap_or_default(),
        format!("{}{beyond}", change.verdict.name()),
    ]
}
