use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use crate::generate::{Failure, FailureKind};

/// After so many the rest is not looked for.
const PROBLEMS: usize = 100;
/// The most characters of a name that a message quotes.
const QUOTE_CHARACTERS: usize = 64;

/// What is wrong with a file, with the places. Lines are not quoted: a key may stand in one.
pub(super) struct Problems<'a> {
    path: &'a Path,
    text: &'a str,
    list: Vec<(usize, String)>,
}

impl<'a> Problems<'a> {
    pub fn new(path: &'a Path, text: &'a str) -> Problems<'a> {
        Problems { path, text, list: Vec::new() }
    }

    pub fn add(&mut self, at: Option<Range<usize>>, message: &str, hint: Option<&str>) {
        if self.list.len() == PROBLEMS {
            return;
        }
        let mut start = at.map_or(0, |at| at.start).min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &self.text[..start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let mut said = format!("{}:{line}:{column}: error: {message}", self.path.display());
        if let Some(hint) = hint {
            let _ = write!(said, "\n  hint: {hint}");
        }
        self.list.push((start, said));
    }

    /// Nothing, or the failure that says all of it.
    pub fn judge(mut self) -> Result<(), Failure> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list.sort_by_key(|(start, _)| *start);
        let lines: Vec<String> = self.list.into_iter().map(|(_, said)| said).collect();
        Err(Failure::new(FailureKind::Config, lines.join("\n")))
    }
}

/// A name as messages quote it: in back quotes, clipped, printable.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("`");
    out.extend(text.chars().take(QUOTE_CHARACTERS).map(|c| if c.is_control() { '·' } else { c }));
    if text.chars().nth(QUOTE_CHARACTERS).is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

/// The known name most like a misspelt one, if one is like it at all.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().take(QUOTE_CHARACTERS + 1).count();
    if length > QUOTE_CHARACTERS {
        return None;
    }
    known
        .into_iter()
        .map(|other| (strsim::osa_distance(name, other), other))
        // A third of the letters may be wrong.
        .filter(|(distance, other)| *distance <= 1 + length / 3 && *distance < other.len().max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}
