//! The report in words, for people at a terminal.

use std::fmt::Write;

use crate::measure::Report;

/// The report, a line for each figure that there is, and why there is none.
pub(super) fn of(report: &Report) -> String {
    let mut text = String::new();
    rings(&mut text, report);
    for (path, why) in report.not_measured.iter().filter(|(_, why)| *why != "not asked for") {
        let _ = writeln!(text, "{:<22}not measured: {why}", path);
    }
    text
}

/// A line: what, how much, and of what.
fn line(text: &mut String, name: &str, value: Option<f64>, unit: &str) {
    if let Some(value) = value {
        let _ = writeln!(text, "{name:<22}{value:>10.1} {unit}");
    }
}

fn rings(text: &mut String, report: &Report) {
    let rings = &report.rings;
    line(text, "ring", rings.event_ns, "ns an event");
    line(text, "ring, two threads", rings.event_across_ns, "ns an event");
    line(text, "stream", rings.sample_ns, "ns a sample");
    line(text, "latest", rings.latest_ns, "ns a value");
    line(text, "loan", rings.loan_ns, "ns there and back");
}
