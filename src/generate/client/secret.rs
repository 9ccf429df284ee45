use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::generate::Failure;

/// What stands in a text where a secret stood.
const REDACTED: &str = "[redacted]";
/// A secret this short is looked for in nobody's words: half of them would go.
const LEAST_BYTES: usize = 4;
/// Where words were cut short, so much of a secret's beginning or end is known for a piece of it.
const PIECE_BYTES: usize = 8;

/// A key that is sent, and neither shown nor kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// From what the environment says, without the blanks around it; `None` where nothing is left.
    pub fn new(text: &str) -> Option<Secret> {
        let text = text.trim();
        (!text.is_empty()).then(|| Secret(text.to_owned()))
    }

    /// The password in a URL, and how it is sent together with its name.
    pub(in crate::generate) fn in_url(url: &str) -> Vec<Secret> {
        let Ok(url) = reqwest::Url::parse(url.trim()) else { return Vec::new() };
        let Some(password) = url.password().and_then(Secret::new) else { return Vec::new() };
        let sent = STANDARD.encode(format!("{}:{}", url.username(), password.0));
        vec![password, Secret(sent)]
    }

    /// For the line to the server, and nothing else.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// A server's words without the secret, should they hold it.
    pub(super) fn redact(&self, text: &str) -> String {
        if self.0.len() < LEAST_BYTES { text.to_owned() } else { text.replace(&self.0, REDACTED) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// All the secrets that there are, for texts that hold words of others: a server may say back what it was
/// sent, and a program what is in its environment. Clones are the same.
#[derive(Clone, Default, Debug)]
pub struct Secrets(Arc<[Secret]>);

impl FromIterator<Secret> for Secrets {
    fn from_iter<I: IntoIterator<Item = Secret>>(secrets: I) -> Secrets {
        let mut all: Vec<Secret> =
            secrets.into_iter().filter(|Secret(text)| text.len() >= LEAST_BYTES).collect();
        // As it stands in a text of JSON.
        let escaped = |Secret(text): &Secret| {
            let escaped = serde_json::Value::from(text.as_str()).to_string();
            Secret(escaped[1..escaped.len() - 1].to_owned())
        };
        all.extend(all.iter().map(escaped).collect::<Vec<_>>());
        // One that begins like another goes whole.
        all.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        all.dedup();
        Secrets(all.into())
    }
}

impl Secrets {
    /// A text without them, and without the pieces of them that stand where it was cut short.
    pub fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| without_pieces(secret.redact(&text), &secret.0))
    }

    /// A failure whose message is without them.
    pub fn clear(&self, mut failure: Failure) -> Failure {
        failure.message = self.redact(&failure.message);
        failure
    }
}

/// A text without the pieces of a secret that hold its beginning or its end.
fn without_pieces(mut text: String, secret: &str) -> String {
    if secret.len() <= PIECE_BYTES || !secret.is_ascii() {
        return text;
    }
    let (first, last) = (&secret[..PIECE_BYTES], &secret[secret.len() - PIECE_BYTES..]);
    let alike = |pair: &(u8, u8)| pair.0 == pair.1;
    let mut from = 0;
    while let Some(at) = text[from..].find(first).map(|at| from + at) {
        let bytes = text.bytes().skip(at).zip(secret.bytes()).take_while(alike).count();
        text.replace_range(at..at + bytes, REDACTED);
        from = at + REDACTED.len();
    }
    from = 0;
    while let Some(end) = text[from..].find(last).map(|at| from + at + PIECE_BYTES) {
        let bytes = text[from..end].bytes().rev().zip(secret.bytes().rev()).take_while(alike).count();
        text.replace_range(end - bytes..end, REDACTED);
        from = end - bytes + REDACTED.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown() {
        let secret = Secret::new(" hf_abcdef\n").expect("not empty");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(secret.redact("no such token hf_abcdef."), "no such token [redacted].");
        assert_eq!(secret.expose(), "hf_abcdef");
        assert_eq!(Secret::new("  "), None);
    }

    #[test]
    fn none_of_many_is_said_nor_a_piece_where_words_were_cut() {
        let all = ["hf_abcdefghij", "hf_abcdefghijklmnop", "with\"quote", "abc", "[redacted]"];
        let secrets: Secrets = all.into_iter().filter_map(Secret::new).collect();
        for (text, said) in [
            ("no hf_abcdefghijklmnop, hf_abcdefghij", "no [redacted], [redacted]"),
            (r#"{"error":"with\"quote"}"#, r#"{"error":"[redacted]"}"#),
            ("cut hf_abcdefghijklm", "cut [redacted]"),
            ("fghijklmnop: cut", "[redacted]: cut"),
            ("hf_abcde", "[redacted]"),
            ("abc and hf_abcd stay", "abc and hf_abcd stay"),
        ] {
            assert_eq!(secrets.redact(text), said, "{text}");
        }
    }
}
