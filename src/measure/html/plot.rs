//! What all plots share: the frame, the axes, and where a value lies on them.

use super::markup::Markup;
use crate::measure::summary::setting;

/// The drawing, in units of its own: on a phone they are about a pixel each.
pub(super) const WIDTH: f64 = 420.0;
pub(super) const HEIGHT: f64 = 250.0;
/// Where the axes are.
pub(super) const LEFT: f64 = 46.0;
pub(super) const RIGHT: f64 = WIDTH - 12.0;
pub(super) const TOP: f64 = 17.0;
pub(super) const BOTTOM: f64 = HEIGHT - 38.0;

/// From values to places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    begin: f64,
    end: f64,
    is_log: bool,
}

impl Scale {
    /// Values from `from` to `to` between two places. On a logarithmic one they are
    /// above zero.
    pub(super) fn new(is_log: bool, (from, to): (f64, f64), (begin, end): (f64, f64)) -> Scale {
        let (from, to) = if is_log { (from.max(1.0e-9), to.max(2.0e-9)) } else { (from, to) };
        // A single value has an axis too.
        let to = if to > from { to } else { from + from.abs().max(1.0) };
        Scale { from, to, begin, end, is_log }
    }

    /// Where a value lies; beyond the ends it lies at the end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = if self.is_log {
            (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        self.begin + share.clamp(0.0, 1.0) * (self.end - self.begin)
    }

    /// Round values along it: about `most`.
    pub(super) fn ticks(&self, most: usize) -> Vec<f64> {
        if !self.is_log {
            return self.rounds(most);
        }
        let steps = self.powers();
        let every = steps.len().div_ceil(most.max(1)).max(1);
        steps.into_iter().step_by(every).collect()
    }

    /// 1, 2 and 5 times each power of ten; more of them where there would be few, only the
    /// powers where they would be many.
    fn powers(&self) -> Vec<f64> {
        let (first, last) = (self.from.log10().floor() as i32, self.to.log10().ceil() as i32);
        let factors: &[f64] = match self.to / self.from {
            narrow if narrow < 10.0 => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
            _ if last - first > 3 => &[1.0],
            _ => &[1.0, 2.0, 5.0],
        };
        let all =
            (first..=last).flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)));
        all.filter(|value| (self.from..=self.to).contains(value)).collect()
    }

    fn rounds(&self, most: usize) -> Vec<f64> {
        let raw = (self.to - self.from) / most.max(1) as f64;
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= raw);
        let step = step.unwrap_or(10.0 * power);
        let first = (self.from / step).ceil() as i64;
        let last = (self.to / step + 1.0e-9).floor() as i64;
        (first..=last).map(|number| number as f64 * step).collect()
    }
}

/// A place, short enough for a file.
pub(super) fn place(value: f64) -> String {
    format!("{:.1}", if value.abs() < 0.05 { 0.0 } else { value })
}

/// A number on an axis.
pub(super) fn tick(value: f64) -> String {
    match value {
        _ if value >= 1.0e6 => format!("{} M", setting(value / 1.0e6)),
        _ if value >= 1.0e4 => format!("{} k", setting(value / 1.0e3)),
        _ if value.fract().abs() > 1.0e-9 => format!("{value:.3}").trim_end_matches('0').to_owned(),
        _ => setting(value.round()),
    }
}

/// Begins a figure and its drawing; `alt` says in words what it shows.
pub(super) fn begin(page: &mut Markup, title: &str, alt: &str) {
    page.open("figure", &[]);
    page.leaf("figcaption", &[], title);
    let size = format!("0 0 {WIDTH} {HEIGHT}");
    page.open("svg", &[("viewBox", &size), ("role", &"img"), ("aria-label", &alt)]);
}

/// The axes with their numbers, and what they count.
pub(super) fn axes(page: &mut Markup, x: (&Scale, &str), y: (&Scale, &str)) {
    for value in y.0.ticks(5) {
        let at = place(y.0.at(value));
        page.void("line", &[("class", &"grid"), ("x1", &LEFT), ("x2", &RIGHT), ("y1", &at), ("y2", &at)]);
        let below = place(y.0.at(value) + 4.0);
        page.leaf("text", &[("x", &(LEFT - 5.0)), ("y", &below), ("text-anchor", &"end")], &tick(value));
    }
    for value in x.0.ticks(7) {
        let at = place(x.0.at(value));
        let end = BOTTOM + 4.0;
        page.void("line", &[("class", &"axis"), ("x1", &at), ("x2", &at), ("y1", &BOTTOM), ("y2", &end)]);
        // The last one stays inside, however large letters are.
        let middle = place(x.0.at(value).min(WIDTH - 22.0));
        page.leaf(
            "text",
            &[("x", &middle), ("y", &(BOTTOM + 16.0)), ("text-anchor", &"middle")],
            &tick(value),
        );
    }
    page.void("line", &[("class", &"axis"), ("x1", &LEFT), ("x2", &RIGHT), ("y1", &BOTTOM), ("y2", &BOTTOM)]);
    page.leaf(
        "text",
        &[("class", &"name"), ("x", &RIGHT), ("y", &(HEIGHT - 5.0)), ("text-anchor", &"end")],
        x.1,
    );
    page.leaf("text", &[("class", &"name"), ("x", &2), ("y", &(TOP - 4.0))], y.1);
}

/// A line across at a value of the upright axis.
pub(super) fn limit_across(page: &mut Markup, y: &Scale, value: f64, what: &str) {
    let at = y.at(value);
    let (line, text) = (place(at), place((at - 4.0).max(TOP + 8.0)));
    page.void("line", &[("class", &"limit"), ("x1", &LEFT), ("x2", &RIGHT), ("y1", &line), ("y2", &line)]);
    page.leaf("text", &[("class", &"limit"), ("x", &RIGHT), ("y", &text), ("text-anchor", &"end")], what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_where_they_should() {
        let log = Scale::new(true, (1.0, 100.0), (0.0, 200.0));
        assert!((log.at(10.0) - 100.0).abs() < 1.0e-9);
        assert_eq!((log.at(0.0), log.at(1.0e9)), (0.0, 200.0));
        let upright = Scale::new(false, (0.0, 50.0), (100.0, 0.0));
        assert!((upright.at(10.0) - 80.0).abs() < 1.0e-9);
        assert_eq!(upright.ticks(5), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        assert_eq!(log.ticks(7), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        let one = Scale::new(false, (3.0, 3.0), (0.0, 1.0));
        assert!(one.at(3.0).abs() < 1.0e-9 && !one.ticks(5).is_empty());
        assert_eq!((tick(0.05), tick(20_000.0), tick(512.0)), ("0.05".into(), "20 k".into(), "512".into()));
    }
}
