use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The most characters of a source line that a problem quotes.
const EXCERPT_CHARACTERS: usize = 100;
/// The most characters of a name or value that a message quotes.
const QUOTE_CHARACTERS: usize = 64;

/// Something wrong (or, among a rig's warnings, doubtful) in a rig file, with
/// its place in it. Real-time: no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Line, counted from 1; 0 where the problem is the file as a whole.
    pub line: usize,
    /// Column in characters, counted from 1; 0 with line 0.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The bytes of the text that are meant.
    pub span: Range<usize>,
    excerpt: Option<Excerpt>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Excerpt {
    text: String,
    /// Characters before the pointer, and its length.
    indent: usize,
    width: usize,
}

impl Problem {
    /// A problem of the file as a whole.
    pub fn of_file(message: impl Into<String>, hint: Option<String>) -> Problem {
        Problem { line: 0, column: 0, message: message.into(), hint, span: 0..0, excerpt: None }
    }

    /// For people: `FILE:LINE:COLUMN: error: MESSAGE`, the line with a pointer,
    /// and the hint. No newline at the end.
    pub fn show<'a>(&'a self, file: &'a Path, severity: Severity) -> impl fmt::Display + 'a {
        Shown { problem: self, file, severity }
    }
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The rig cannot be played.
    Error,
    /// The rig can be played, but perhaps not as meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

struct Shown<'a> {
    problem: &'a Problem,
    file: &'a Path,
    severity: Severity,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { problem, file, severity } = self;
        write!(f, "{}", file.display())?;
        if problem.line > 0 {
            write!(f, ":{}:{}", problem.line, problem.column)?;
        }
        write!(f, ": {severity}: {}", problem.message)?;
        if let Some(excerpt) = &problem.excerpt {
            let line = problem.line.to_string();
            let margin = line.len();
            write!(f, "\n {line} | {}", excerpt.text)?;
            write!(f, "\n {:margin$} | {:indent$}", "", "", indent = excerpt.indent)?;
            write!(f, "{}", "^".repeat(excerpt.width))?;
        }
        if let Some(hint) = &problem.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// The text of a rig, and where its lines begin. Real-time: no.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    text: Arc<str>,
    line_starts: Arc<[usize]>,
}

impl Default for Source {
    fn default() -> Source {
        Source::new("")
    }
}

impl Source {
    pub(crate) fn new(text: &str) -> Source {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(i, _)| i + 1);
        Source { text: text.into(), line_starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The whole text.
    pub(crate) fn text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// A problem with the bytes of `span`, which is moved into the text and
    /// onto the borders of characters.
    pub(crate) fn problem(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Problem {
        let start = self.border(span.start);
        let end = self.border(span.end).max(start);
        let index = self.line_starts.partition_point(|line| *line <= start).saturating_sub(1);
        let line_start = self.line_starts[index];
        let line = self.text[line_start..].split('\n').next().unwrap_or("").trim_end_matches('\r');
        let column = self.text[line_start..start].chars().count();
        let line_end = line_start + line.len();
        let width = self.text[start.min(line_end)..end.min(line_end)].chars().count().max(1);
        Problem {
            line: index + 1,
            column: column + 1,
            message: message.into(),
            hint,
            span: start..end,
            excerpt: Some(Excerpt::of(line, column, width)),
        }
    }

    fn border(&self, byte: usize) -> usize {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }
}

impl Excerpt {
    /// The part of a line around a pointer, without what would upset a terminal.
    fn of(line: &str, column: usize, width: usize) -> Excerpt {
        let skipped = if column > EXCERPT_CHARACTERS / 2 { column - EXCERPT_CHARACTERS / 4 } else { 0 };
        let mut text: String = if skipped > 0 { "…".into() } else { String::new() };
        let mut rest = line.chars().skip(skipped);
        text.extend(rest.by_ref().take(EXCERPT_CHARACTERS).map(printable));
        if rest.next().is_some() {
            text.push('…');
        }
        let indent = column - skipped + usize::from(skipped > 0);
        Excerpt { text, indent, width: width.min(EXCERPT_CHARACTERS.saturating_sub(indent).max(1)) }
    }
}

/// What a terminal shows as one character in one column.
pub(crate) fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        // Overrides of the writing direction would show a line that is not there.
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '·',
        c if c.is_control() => '·',
        c => c,
    }
}

/// A name or value as messages quote it: in back quotes, clipped, printable.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("`");
    out.extend(text.chars().take(QUOTE_CHARACTERS).map(printable));
    if text.chars().nth(QUOTE_CHARACTERS).is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

/// The candidate most like a misspelt name, if one is like it at all.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let length = wanted.chars().take(QUOTE_CHARACTERS + 1).count();
    if length > QUOTE_CHARACTERS {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 4 * QUOTE_CHARACTERS)
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = strsim::osa_distance(&wanted, &other);
            // A third of the letters may be wrong, or one is the other's beginning (`cutoff`).
            let begins = length >= 3 && other.len() >= 3 && {
                other.starts_with(&wanted) || wanted.starts_with(&other)
            };
            (distance <= 1 + length / 3 && distance < length.max(2) || begins)
                .then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_points_at_its_characters() {
        let source = Source::new("name = \"Ü\"\r\nfoo = 3\r\n");
        let start = "name = \"Ü\"\r\nfoo = ".len();
        let problem = source.problem(start..start + 1, "no", Some("yes".into()));
        assert_eq!((problem.line, problem.column), (2, 7));
        assert_eq!(
            problem.show(Path::new("a.toml"), Severity::Error).to_string(),
            "a.toml:2:7: error: no\n 2 | foo = 3\n   |       ^\n  hint: yes"
        );
    }

    #[test]
    fn any_span_is_shown_without_a_panic_and_without_escapes() {
        let text = format!("x = \"{}\u{1b}[31m\u{202e}\"\n\nü", "ä".repeat(300));
        let source = Source::new(&text);
        for start in 0..text.len() + 3 {
            for end in [0, start, start + 1, text.len() + 9] {
                let shown = source.problem(start..end, "m", None);
                let shown = shown.show(Path::new("f"), Severity::Warning).to_string();
                assert!(!shown.contains(['\u{1b}', '\u{202e}']) && shown.lines().count() == 3, "{shown}");
            }
        }
        assert_eq!(quoted("a\u{1b}b"), "`a·b`");
        assert_eq!(quoted(&"a".repeat(99)), format!("`{}…`", "a".repeat(64)));
    }

    #[test]
    fn the_nearest_name_is_like_it_or_none() {
        let kinds = ["delay", "gain", "reverb", "synth"];
        assert_eq!(nearest("synht", kinds), Some("synth"));
        assert_eq!(nearest("Reverb", kinds), Some("reverb"));
        assert_eq!(nearest("cutoff", ["cutoff_hertz", "resonance"]), Some("cutoff_hertz"));
        assert_eq!(nearest("sampler", kinds), None);
        assert_eq!(nearest("x", kinds), None);
        assert_eq!(nearest(&"s".repeat(1_000_000), kinds), None);
    }
}
