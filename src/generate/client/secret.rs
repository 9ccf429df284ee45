use std::fmt;

/// What stands in a text where a secret stood.
const REDACTED: &str = "[redacted]";
/// A secret this short is looked for in nobody's words: half of them would go.
const LEAST_BYTES: usize = 4;

/// A key that is sent, and neither shown nor kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// From what the environment says, without the blanks around it; `None` where nothing is left.
    pub fn new(text: &str) -> Option<Secret> {
        let text = text.trim();
        (!text.is_empty()).then(|| Secret(text.to_owned()))
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
}
