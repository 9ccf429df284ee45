use std::fmt::{Display, Write};

use crate::rig::printable;

/// Names and values of attributes.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

/// A document in the making. It is well-formed whatever it is told: elements close
/// in order, and text is escaped wherever it stands.
pub(super) struct Markup {
    text: String,
    open: Vec<&'static str>,
}

impl Markup {
    /// An HTML document.
    pub(super) fn document() -> Markup {
        Markup { text: "<!DOCTYPE html>\n".to_owned(), open: Vec::new() }
    }

    /// Begins an element.
    pub(super) fn open(&mut self, tag: &'static str, attributes: Attributes) {
        self.begin(tag, attributes);
        self.text.push('>');
        self.open.push(tag);
    }

    /// Ends the element that was begun last.
    pub(super) fn close(&mut self) {
        if let Some(tag) = self.open.pop() {
            // Writing to a string does not fail.
            let _ = writeln!(self.text, "</{tag}>");
        }
    }

    /// An element with nothing but text.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: Attributes, text: &str) {
        self.open(tag, attributes);
        self.text(text);
        self.close();
    }

    /// An element with nothing in it.
    pub(super) fn void(&mut self, tag: &'static str, attributes: Attributes) {
        self.begin(tag, attributes);
        self.text.push_str("/>\n");
    }

    /// Text.
    pub(super) fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&#39;"),
                '\n' => self.text.push('\n'),
                other => self.text.push(printable(other)),
            }
        }
    }

    /// A table, with a caption for those who do not see it; the first column names
    /// the row.
    pub(super) fn table<const COLUMNS: usize>(
        &mut self,
        caption: &str,
        heads: [&str; COLUMNS],
        rows: &[[String; COLUMNS]],
    ) {
        self.open("div", &[("class", &"table")]);
        self.open("table", &[]);
        self.leaf("caption", &[("class", &"unseen")], caption);
        self.open("thead", &[]);
        self.open("tr", &[]);
        for head in heads {
            self.leaf("th", &[("scope", &"col")], head);
        }
        self.close();
        self.close();
        self.open("tbody", &[]);
        for row in rows {
            self.open("tr", &[]);
            for (index, cell) in row.iter().enumerate() {
                match index {
                    0 => self.leaf("th", &[("scope", &"row")], cell),
                    _ => self.leaf("td", &[], cell),
                }
            }
            self.close();
        }
        self.close();
        self.close();
        self.close();
    }

    /// The figures of a plot, for those who do not see it or want them exactly.
    pub(super) fn figures<const COLUMNS: usize>(
        &mut self,
        caption: &str,
        heads: [&str; COLUMNS],
        rows: &[[String; COLUMNS]],
    ) {
        self.open("details", &[]);
        self.leaf("summary", &[], "the figures");
        self.table(caption, heads, rows);
        self.close();
    }

    /// The whole, closed.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn begin(&mut self, tag: &str, attributes: Attributes) {
        let _ = write!(self.text, "<{tag}");
        for (name, value) in attributes {
            let _ = write!(self.text, " {name}=\"");
            self.text(&value.to_string());
            self.text.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_and_never_obeyed() {
        let mut page = Markup::document();
        page.open("p", &[("title", &"\"><script>")]);
        page.text("<b> & 'it' \u{202e}\u{0}");
        let text = page.finish();
        assert!(text.contains("title=\"&quot;&gt;&lt;script&gt;\""), "{text}");
        assert!(text.contains("&lt;b&gt; &amp; &#39;it&#39; ··</p>"), "{text}");
    }
}
