//! Each second of a load: how full it was, the longest callback, what was missed.

use super::markup::Markup;
use super::plot::{self, BOTTOM, LEFT, RIGHT, Scale, TOP, place};
use crate::measure::report::Second;
use crate::measure::summary::number;

/// More columns than this nobody sees: seconds are put together, the worst of each.
const COLUMNS: usize = 180;

pub(super) fn write(page: &mut Markup, seconds: &[Second], budget_us: Option<f64>) {
    let columns = columns(seconds);
    let (Some(first), Some(last)) = (columns.first(), columns.last()) else { return };
    let share = |max_us: f64| budget_us.filter(|budget| *budget > 0.0).map(|budget| 100.0 * max_us / budget);
    let longest = columns.iter().filter_map(|column| share(column.max_us)).fold(0.0, f64::max);
    let length =
        if columns.len() > 1 { (last.second - first.second) / (columns.len() - 1) as f64 } else { 1.0 };
    let x = Scale::new(false, (first.second, last.second + length), (LEFT, RIGHT));
    let loads = columns.iter().map(|column| 100.0 * column.load).fold(0.0, f64::max);
    let y = Scale::new(false, (0.0, longest.max(loads).max(100.0) * 1.1), (BOTTOM, TOP + 16.0));
    let xruns: u64 = seconds.iter().map(|second| second.xruns).sum();
    let title = "Load and dropouts by the second";
    let alt = format!(
        "{title}: {} seconds, {xruns} xruns, the fullest second {} % of its time. The figures follow.",
        seconds.len(),
        number(loads)
    );
    plot::begin(page, title, &alt);
    plot::axes(page, (&x, "seconds"), (&y, "% of its time: bars mean, dots longest; ▼ xruns"));
    for column in &columns {
        let (begin, end) = (x.at(column.second), x.at(column.second + length));
        let top = y.at(100.0 * column.load);
        let width = (0.85 * (end - begin)).max(0.8);
        let said = format!(
            "second {}: load {} %, longest callback {} µs, {} xruns",
            column.second,
            number(100.0 * column.load),
            number(column.max_us),
            column.xruns
        );
        let attributes: &[(&str, &dyn std::fmt::Display)] = &[
            ("class", &"bar"),
            ("x", &place(begin)),
            ("y", &place(top)),
            ("width", &place(width)),
            ("height", &place(BOTTOM - top)),
        ];
        page.open("rect", attributes);
        page.leaf("title", &[], &said);
        page.close();
        let middle = begin + width / 2.0;
        if let Some(share) = share(column.max_us) {
            page.void(
                "circle",
                &[("class", &"point"), ("cx", &place(middle)), ("cy", &place(y.at(share))), ("r", &2.2)],
            );
        }
        if column.xruns > 0 {
            page.leaf(
                "text",
                &[
                    ("class", &"xrun"),
                    ("x", &place(middle)),
                    ("y", &(TOP + 12.0)),
                    ("text-anchor", &"middle"),
                ],
                "▼",
            );
        }
    }
    plot::limit_across(page, &y, 100.0, "its time is up");
    page.close();
    let rows: Vec<[String; 4]> = columns
        .iter()
        .map(|column| {
            [
                column.second.to_string(),
                number(100.0 * column.load),
                number(column.max_us),
                column.xruns.to_string(),
            ]
        })
        .collect();
    page.figures(title, ["second", "load (%)", "longest callback (µs)", "xruns"], &rows);
    page.close();
}

/// The seconds, put together where they are many: the fullest, the longest, the sum.
fn columns(seconds: &[Second]) -> Vec<Second> {
    let together = seconds.len().div_ceil(COLUMNS).max(1);
    let merge = |chunk: &[Second]| {
        let mut column = chunk[0];
        for second in &chunk[1..] {
            column.xruns += second.xruns;
            column.max_us = column.max_us.max(second.max_us);
            column.load = column.load.max(second.load);
        }
        column
    };
    seconds.chunks(together).map(merge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_seconds_are_put_together_and_none_is_lost() {
        let seconds: Vec<Second> = (0..1_000)
            .map(|number| Second {
                second: f64::from(number),
                xruns: u64::from(number == 777),
                max_us: f64::from(number),
                load: 0.5,
            })
            .collect();
        let columns = columns(&seconds);
        assert!(columns.len() <= COLUMNS);
        assert_eq!(columns.iter().map(|column| column.xruns).sum::<u64>(), 1);
        assert_eq!(columns.last().map(|column| column.max_us), Some(999.0));
    }
}
