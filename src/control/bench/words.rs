//! The report in words, for people at a terminal.

use std::fmt::Write;

use crate::measure::Report;
use crate::measure::summary::{
    Curve, Plot, Row, Section, Tone, missing, not_asked, number, sections, setting, verdict,
};
use crate::rig::printable;

/// No line is longer than this.
const WIDTH: usize = 80;
/// Where figures begin.
const NAME_WIDTH: usize = 24;
/// Where what is said of them begins.
const NOTE_COLUMN: usize = 44;

/// The report: the verdict, each section, and why what was asked for is not there.
/// Headings stand out with `is_colourful`, which is for terminals.
pub(super) fn of(report: &Report, is_colourful: bool) -> String {
    let mut text = String::new();
    for sentence in verdict(report) {
        let mark = match sentence.tone {
            Tone::Good | Tone::Plain => "",
            Tone::Fair => "! ",
            Tone::Bad => "!! ",
        };
        paragraph(&mut text, &emphasis(is_colourful, sentence.tone), mark, &sentence.text);
    }
    for section in sections(report).iter().filter(|section| !section.is_empty()) {
        let _ = writeln!(text);
        heading(&mut text, section.title, is_colourful);
        block(&mut text, section);
    }
    if missing(report).next().is_some() {
        let _ = writeln!(text);
        heading(&mut text, "Not measured", is_colourful);
        for (path, why) in missing(report) {
            entry(&mut text, path, "", why);
        }
    }
    let others: Vec<&str> = not_asked(report).collect();
    if !others.is_empty() {
        let _ = writeln!(text);
        paragraph(&mut text, &["", ""], "", &format!("Not asked for: {}.", others.join(", ")));
    }
    text
}

/// What goes before and after a sentence, for terminals that show it.
fn emphasis(is_colourful: bool, tone: Tone) -> [&'static str; 2] {
    match tone {
        _ if !is_colourful => ["", ""],
        Tone::Good => ["\x1b[1;32m", "\x1b[0m"],
        Tone::Fair => ["\x1b[1;33m", "\x1b[0m"],
        Tone::Bad => ["\x1b[1;31m", "\x1b[0m"],
        Tone::Plain => ["\x1b[1m", "\x1b[0m"],
    }
}

fn heading(text: &mut String, title: &str, is_colourful: bool) {
    let [begin, end] = emphasis(is_colourful, Tone::Plain);
    let _ = writeln!(text, "{begin}{title}{end}");
}

fn block(text: &mut String, section: &Section) {
    for Row { what, quantity, note } in &section.rows {
        entry(text, what, &quantity.to_string(), note);
    }
    for plot in &section.plots {
        if let Plot::Curve(curve) = plot {
            entry(text, &curve.title.to_lowercase(), "", &places(curve));
        }
    }
}

/// A curve on a line: at how many of what it comes to how much.
fn places(curve: &Curve) -> String {
    let places: Vec<String> =
        curve.points.iter().map(|point| format!("{}: {}", setting(point.x), number(point.y))).collect();
    format!("{} {} {}", places.join(", "), curve.y_unit, curve.y)
}

/// A line: what, how much, and what is said of it; the last goes on below where it
/// is long.
fn entry(text: &mut String, what: &str, quantity: &str, note: &str) {
    let mut head = format!("  {:<NAME_WIDTH$}", clean(what));
    // The unit stands apart, so that numbers line up.
    let (number, unit) = quantity.split_once(' ').unwrap_or((quantity, ""));
    let column = if quantity.is_empty() { 2 + NAME_WIDTH } else { NOTE_COLUMN };
    if !quantity.is_empty() {
        let _ = write!(head, "{number:>9} {unit:<7}");
    }
    // A gap even behind what is too long for its column.
    if head.chars().count() >= column && !head.ends_with(' ') {
        head.push(' ');
    }
    let mut lines = wrapped(&clean(note), WIDTH - column).into_iter();
    let first = lines.next().unwrap_or_default();
    if head.chars().count() + first.chars().count() > WIDTH {
        let _ = writeln!(text, "{}\n{:column$}{first}", head.trim_end(), "");
    } else {
        let _ = writeln!(text, "{}", format!("{head:<column$}{first}").trim_end());
    }
    for more in lines {
        let _ = writeln!(text, "{:column$}{more}", "");
    }
}

fn paragraph(text: &mut String, [begin, end]: &[&str; 2], mark: &str, sentence: &str) {
    let indent = mark.chars().count();
    for (index, line) in wrapped(&clean(sentence), WIDTH - indent).into_iter().enumerate() {
        let mark = if index == 0 { mark } else { "" };
        let _ = writeln!(text, "{begin}{mark:<indent$}{line}{end}");
    }
}

/// Names of devices come from outside: they are shown, not obeyed.
fn clean(text: &str) -> String {
    text.chars().map(printable).collect()
}

/// Lines of so many characters at most; a longer word is cut.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (index, part) in letters.chunks(width).enumerate() {
            let gap = usize::from(length > 0 && index == 0);
            if length + gap + part.len() > width || index > 0 {
                lines.push(String::new());
                length = 0;
            }
            let gap = if length > 0 { " " } else { "" };
            if let Some(line) = lines.last_mut() {
                line.push_str(gap);
                line.extend(part);
            }
            length += gap.len() + part.len();
        }
    }
    lines
}

#[cfg(test)]
mod tests;
