//! Who takes how much of the time from a key to its sound: one stacked bar.

use super::markup::Markup;
use super::plot::{LEFT, WIDTH, place};
use crate::measure::report::Budget;
use crate::measure::summary::{Quantity, budget_parts};

const BAR_TOP: f64 = 10.0;
const BAR_HEIGHT: f64 = 44.0;
/// A part narrower than this has no room for its number.
const NARROW: f64 = 16.0;

pub(super) fn write(page: &mut Markup, budget: &Budget) {
    let parts: Vec<(&str, f64)> =
        budget_parts(budget).into_iter().filter_map(|(what, ms)| Some((what, ms?))).collect();
    let total: f64 = parts.iter().map(|(_, ms)| ms.max(0.0)).sum();
    let said: Vec<String> =
        parts.iter().map(|(what, ms)| format!("{what} {}", Quantity::of(*ms, "ms"))).collect();
    let title = format!("From a key to its sound: {}", Quantity::of(total, "ms"));
    page.open("figure", &[("class", &"shares")]);
    page.leaf("figcaption", &[], &title);
    let size = format!("0 0 {WIDTH} {}", 2.0 * BAR_TOP + BAR_HEIGHT);
    let alt = format!("{title}: {}", said.join(", "));
    page.open("svg", &[("viewBox", &size), ("role", &"img"), ("aria-label", &alt)]);
    let whole = WIDTH - LEFT / 2.0;
    let mut begin = LEFT / 4.0;
    for (index, (what, ms)) in parts.iter().enumerate() {
        let width = if total > 0.0 { whole * ms.max(0.0) / total } else { 0.0 };
        let class = format!("share share-{index}");
        let attributes: &[(&str, &dyn std::fmt::Display)] = &[
            ("class", &class),
            ("x", &place(begin)),
            ("y", &BAR_TOP),
            ("width", &place(width)),
            ("height", &BAR_HEIGHT),
        ];
        page.open("rect", attributes);
        page.leaf("title", &[], &format!("{what}: {}", Quantity::of(*ms, "ms")));
        page.close();
        if width >= NARROW {
            let (x, y) = (place(begin + width / 2.0), BAR_TOP + BAR_HEIGHT / 2.0 + 4.0);
            let number = (index + 1).to_string();
            page.leaf(
                "text",
                &[("class", &"share"), ("x", &x), ("y", &y), ("text-anchor", &"middle")],
                &number,
            );
        }
        begin += width;
    }
    page.close();
    page.open("ol", &[("class", &"legend")]);
    for (index, (what, ms)) in parts.iter().enumerate() {
        page.open("li", &[]);
        let class = format!("swatch share-{index}");
        page.leaf("span", &[("class", &class), ("aria-hidden", &"true")], "");
        page.text(&format!("{what}: {}", Quantity::of(*ms, "ms")));
        page.close();
    }
    page.close();
    page.close();
}
