//! What changed since an older report.

use super::markup::Markup;
use crate::measure::compare::{Change, Comparison};
use crate::measure::summary::number;

pub(super) fn write(page: &mut Markup, comparison: &Comparison) {
    page.open("section", &[("id", &"comparison")]);
    page.leaf("h2", &[], &format!("Changes since {}", comparison.with));
    let bound = comparison.bound_percent;
    let (beyond, doubtful) = (comparison.beyond_bound().count(), comparison.doubtful().count());
    let gone = comparison.vanished(false).count();
    let (class, sign, said) = match beyond {
        _ if comparison.compared == 0 => {
            ("bad", "✗", "There is no figure that both reports have: nothing was compared.".to_owned())
        }
        0 if gone > 0 => ("bad", "✗", format!("{gone} of the figures are not there any more.")),
        0 if comparison.is_doubtful() && doubtful == 0 => (
            "fair",
            "!",
            "What is not there any more may be missing because others had much of the machine.".to_owned(),
        ),
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
    for (is_busy, title, caption) in [
        (
            false,
            "Not the same machine: what it did besides, or how fast it was, has changed",
            "How the machine has changed",
        ),
        (true, "A busy machine in both runs: what goes by the clock says little", "How busy the machine was"),
    ] {
        let there: Vec<[String; 2]> = comparison
            .circumstances
            .iter()
            .filter(|there| there.is_busy_in_both == is_busy)
            .filter_map(|there| Some([there.measurement.clone(), there.said()?]))
            .collect();
        if !there.is_empty() {
            page.leaf("h3", &[], title);
            page.table(caption, ["while this was measured", "this was so"], &there);
        }
    }
    let gone: Vec<[String; 2]> =
        comparison.vanished.iter().map(|gone| [gone.figure.clone(), gone.why.clone()]).collect();
    if !gone.is_empty() {
        page.leaf("h3", &[], "Not there any more");
        page.table("What is not there any more", ["figure", "why"], &gone);
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
    let basis = change.basis.said().map_or_else(String::new, |said| format!(" ({said})"));
    let beyond = if change.is_beyond_bound { ", beyond the bound" } else { "" };
    [
        change.figure.clone(),
        format!("{} {}", number(change.old_median), change.unit),
        format!("{} {}", number(change.new_median), change.unit),
        changed,
        own.unwrap_or_default(),
        format!("{}{beyond}{basis}", change.verdict.name()),
    ]
}
