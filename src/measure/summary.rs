//! A report as people read it: a verdict, and for each measurement its rows and
//! what can be plotted. The words on the terminal and the HTML page are both made
//! of this, so that they say the same.

mod cost;
mod latency;
mod number;
mod rt;
mod soak;
mod verdict;

use super::report::{Budget, Histogram, Point, Report, Second};

pub use latency::budget_parts;
pub use number::{Quantity, micros, nanos, number, seconds, setting};
pub use verdict::{Sentence, Tone, verdict};

/// What one measurement found.
#[derive(Clone, PartialEq, Debug)]
pub struct Section {
    /// The measurement, as on the command line and in the JSON.
    pub name: &'static str,
    /// The same for people.
    pub title: &'static str,
    /// What it tells, in a sentence.
    pub about: &'static str,
    /// Its figures.
    pub rows: Vec<Row>,
    /// What can be drawn.
    pub plots: Vec<Plot>,
}

impl Section {
    fn new(name: &'static str, title: &'static str, about: &'static str) -> Section {
        Section { name, title, about, rows: Vec::new(), plots: Vec::new() }
    }

    /// A figure, where there is one.
    fn row(&mut self, what: &'static str, quantity: Option<Quantity>, note: impl Into<String>) {
        if let Some(quantity) = quantity {
            self.rows.push(Row { what: what.to_owned(), quantity, note: note.into() });
        }
    }

    /// Something that is no number.
    fn text(&mut self, what: &'static str, text: Option<&String>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.rows.push(Row { what: what.to_owned(), quantity: Quantity::default(), note: text.clone() });
        }
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.plots.is_empty()
    }
}

/// A figure and what belongs to it.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What it is.
    pub what: String,
    /// How much; empty where the note says all.
    pub quantity: Quantity,
    /// What else is to be said.
    pub note: String,
}

/// What can be drawn.
#[derive(Clone, PartialEq, Debug)]
pub enum Plot {
    /// How often what took how long.
    Spread {
        /// What is counted.
        title: &'static str,
        /// What each count is one of, such as `callbacks`.
        of: &'static str,
        /// Where how many lay.
        histogram: Histogram,
        /// Values to be marked on the axis.
        marks: Vec<Mark>,
    },
    /// What came of what was varied.
    Curve(Curve),
    /// Each second of a load.
    Timeline {
        /// The seconds.
        seconds: Vec<Second>,
        /// What a callback may take, in microseconds.
        budget_us: Option<f64>,
    },
    /// Who takes how much of the time from a key to its sound.
    Shares(Budget),
}

/// A value that is marked on an axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Mark {
    /// What it is.
    pub what: &'static str,
    /// Where, in the axis's unit.
    pub at: f64,
    /// Whether nothing may lie beyond it.
    pub is_limit: bool,
}

/// What came of what was varied.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// What it shows.
    pub title: &'static str,
    /// What was varied.
    pub x: &'static str,
    /// What came of it.
    pub y: &'static str,
    /// Its unit: `%`, or `×`.
    pub y_unit: &'static str,
    /// The places, `y` in that unit.
    pub points: Vec<Point>,
    /// A value of `y` beyond which it is too much.
    pub limit: Option<f64>,
}

/// All sections, in the order of measuring, empty ones included.
pub fn sections(report: &Report) -> Vec<Section> {
    vec![
        latency::section(report),
        rt::section(report),
        cost::render(report),
        cost::rings(report),
        cost::actors(report),
        cost::midi(report),
        soak::section(report),
    ]
}

/// Why what was asked for was not measured, by path.
pub fn missing(report: &Report) -> impl Iterator<Item = (&str, &str)> {
    let asked = |why: &&str| *why != super::NOT_ASKED;
    report
        .not_measured
        .iter()
        .map(|(path, why)| (path.as_str(), why.as_str()))
        .filter(move |(path, why)| asked(why) && !is_detail(path))
}

/// Parts of lists, and the circumstances: their reasons are for scripts.
fn is_detail(path: &str) -> bool {
    path.contains("[]") || path.starts_with("conditions.")
}

/// What was not asked for.
pub fn not_asked(report: &Report) -> impl Iterator<Item = &str> {
    report.not_measured.iter().filter(|(_, why)| *why == super::NOT_ASKED).map(|(path, _)| path.as_str())
}

#[cfg(test)]
pub(super) mod tests;
