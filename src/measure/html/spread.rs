//! How often what took how long: a histogram and its sum, on a logarithmic axis.

use super::markup::Markup;
use super::plot::{self, BOTTOM, HEIGHT, LEFT, RIGHT, Scale, TOP, place};
use crate::measure::report::{Bin, Histogram};
use crate::measure::summary::{Mark, number};

/// Height of a line of marks above the bars.
const MARK_LINE: f64 = 13.0;

pub(super) fn write(page: &mut Markup, title: &str, of: &str, histogram: &Histogram, marks: &[Mark]) {
    if histogram.count() == 0 {
        return;
    }
    let unit = if histogram.unit == "us" { "µs" } else { histogram.unit.as_str() };
    let marks: Vec<&Mark> = marks.iter().filter(|mark| mark.at.is_finite() && mark.at > 0.0).collect();
    let x = across(&histogram.bins, &marks);
    bars(page, (title, of, unit), histogram, &marks, &x);
    figures(page, title, of, histogram);
    page.close();
    sums(page, (title, of, unit), histogram, &marks, &x);
    page.close();
}

/// Where the bins lie. What is zero is drawn at the very left.
fn across(bins: &[Bin], marks: &[&Mark]) -> Scale {
    let ends = bins.iter().filter(|bin| bin.to > 0.0).flat_map(|bin| [bin.from, bin.to]);
    let all: Vec<f64> = ends.chain(marks.iter().map(|mark| mark.at)).filter(|value| *value > 0.0).collect();
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(0.0, f64::max);
    let (least, most) = if least.is_finite() { (least, most) } else { (1.0, 10.0) };
    Scale::new(true, (least / 1.15, most * 1.15), (LEFT, RIGHT))
}

fn bars(
    page: &mut Markup,
    (title, of, unit): (&str, &str, &str),
    histogram: &Histogram,
    marks: &[&Mark],
    x: &Scale,
) {
    let most = histogram.bins.iter().map(|bin| bin.count).max().unwrap_or(1) as f64;
    let top = TOP + MARK_LINE * marks.len() as f64 + 4.0;
    let y = Scale::new(true, (0.6, most.max(2.0)), (BOTTOM, top));
    let said: Vec<String> =
        marks.iter().map(|mark| format!("{} {} {unit}", mark.what, number(mark.at))).collect();
    let alt = format!("{title}: {} {of}; {}. The figures follow.", histogram.count(), said.join(", "));
    plot::begin(page, title, &alt);
    plot::axes(page, (x, unit), (&y, of));
    for bin in histogram.bins.iter().filter(|bin| bin.count > 0) {
        let begin = x.at(bin.from);
        let width = (x.at(bin.to) - begin).max(2.0);
        let at = y.at(bin.count as f64);
        let attributes: &[(&str, &dyn std::fmt::Display)] = &[
            ("class", &"bar"),
            ("x", &place(begin)),
            ("y", &place(at)),
            ("width", &place(width)),
            ("height", &place(BOTTOM - at)),
        ];
        page.open("rect", attributes);
        let text = format!("{} to {} {unit}: {} {of}", number(bin.from), number(bin.to), bin.count);
        page.leaf("title", &[], &text);
        page.close();
    }
    for (index, mark) in marks.iter().enumerate() {
        draw_mark(page, x.at(mark.at), TOP + MARK_LINE * (index as f64 + 0.8), mark, unit);
    }
    page.close();
}

fn draw_mark(page: &mut Markup, at: f64, line: f64, mark: &Mark, unit: &str) {
    let class = if mark.is_limit { "limit" } else { "mark" };
    let place_x = place(at);
    page.void(
        "line",
        &[("class", &class), ("x1", &place_x), ("x2", &place_x), ("y1", &place(line - 8.0)), ("y2", &BOTTOM)],
    );
    // On whichever side there is room.
    let is_right = at > (LEFT + RIGHT) / 2.0;
    let (beside, anchor) = if is_right { (at - 4.0, "end") } else { (at + 4.0, "start") };
    let text = format!("{} {} {unit}", mark.what, number(mark.at));
    page.leaf(
        "text",
        &[("class", &class), ("x", &place(beside)), ("y", &place(line)), ("text-anchor", &anchor)],
        &text,
    );
}

fn figures(page: &mut Markup, title: &str, of: &str, histogram: &Histogram) {
    let rows: Vec<[String; 3]> = histogram
        .bins
        .iter()
        .map(|bin| [bin.from.to_string(), bin.to.to_string(), bin.count.to_string()])
        .collect();
    let from = format!("from ({})", histogram.unit);
    let to = format!("to ({})", histogram.unit);
    page.figures(title, [&from, &to, of], &rows);
}

/// How many took no longer than so long.
fn sums(
    page: &mut Markup,
    (title, of, unit): (&str, &str, &str),
    histogram: &Histogram,
    marks: &[&Mark],
    x: &Scale,
) {
    let y = Scale::new(false, (0.0, 100.0), (BOTTOM, TOP + 8.0));
    let title = format!("{title}, added up");
    let alt = format!("{title}: the share of the {of} that took no longer than so many {unit}.");
    plot::begin(page, &title, &alt);
    plot::axes(page, (x, unit), (&y, "% took no longer"));
    let mut path = format!("M{},{}", place(LEFT), place(BOTTOM));
    let (mut sum, all) = (0, histogram.count().max(1) as f64);
    for bin in &histogram.bins {
        sum += bin.count;
        let before = y.at(100.0 * (sum - bin.count) as f64 / all);
        let after = y.at(100.0 * sum as f64 / all);
        // Steps: of where in a bin its values lie nothing is known, so they count from its end on.
        let end = place(x.at(bin.to));
        path.push_str(&format!("L{end},{}L{end},{}", place(before), place(after)));
    }
    path.push_str(&format!("L{},{}", place(RIGHT), place(y.at(100.0))));
    page.void("path", &[("class", &"curve"), ("d", &path)]);
    for mark in marks.iter().filter(|mark| mark.is_limit) {
        draw_mark(page, x.at(mark.at), HEIGHT / 2.0, mark, unit);
    }
    page.close();
}
