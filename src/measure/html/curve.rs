//! What came of what was varied.

use super::markup::Markup;
use super::plot::{self, BOTTOM, LEFT, RIGHT, Scale, TOP, place};
use crate::measure::summary::{Curve, number, setting};

/// From this on what was varied is drawn by its doublings, as block sizes are. A cost that grows
/// evenly with voices or tracks is to look like that: a straight line.
const LOG_FROM: f64 = 256.0;

pub(super) fn write(page: &mut Markup, curve: &Curve) {
    let mut points = curve.points.clone();
    points.retain(|point| point.x.is_finite() && point.y.is_finite());
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let is_log = first.x > 0.0 && last.x / first.x >= LOG_FROM;
    let x = Scale::new(is_log, (if is_log { first.x } else { 0.0 }, last.x), (LEFT, RIGHT - 8.0));
    let most = points.iter().map(|point| point.y).fold(0.0, f64::max);
    let limit = curve.limit.filter(|limit| most > limit / 2.0);
    let y = Scale::new(false, (0.0, most.max(limit.unwrap_or(0.0)) * 1.08), (BOTTOM, TOP + 8.0));
    let unit = curve.y_unit;
    let said = |point: &crate::measure::report::Point| {
        format!("{} {}: {} {unit} {}", setting(point.x), curve.x, number(point.y), curve.y)
    };
    let alt = format!("{}: from {} to {}. The figures follow.", curve.title, said(first), said(last));
    plot::begin(page, curve.title, &alt);
    plot::axes(page, (&x, curve.x), (&y, &format!("{unit} {}", curve.y)));
    if let Some(limit) = limit {
        plot::limit_across(page, &y, limit, &format!("{} {unit}: no more", setting(limit)));
    }
    let places: Vec<(f64, f64)> = points.iter().map(|point| (x.at(point.x), y.at(point.y))).collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{},{}", place(*x), place(*y))).collect();
    page.void("polyline", &[("class", &"curve"), ("points", &path.join(" "))]);
    for (point, (x, y)) in points.iter().zip(&places) {
        page.open("circle", &[("class", &"point"), ("cx", &place(*x)), ("cy", &place(*y)), ("r", &3.5)]);
        page.leaf("title", &[], &said(point));
        page.close();
    }
    page.close();
    let rows: Vec<[String; 2]> = points.iter().map(|point| [point.x.to_string(), number(point.y)]).collect();
    page.figures(curve.title, [curve.x, &format!("{unit} {}", curve.y)], &rows);
    page.close();
}
