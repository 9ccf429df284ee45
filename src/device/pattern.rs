//! Names of devices and ports as people write them: case-insensitive globs.

use globset::{GlobBuilder, GlobMatcher};

/// A pattern on names. A text that is no valid glob (a lone bracket) stands for
/// itself.
#[derive(Clone, Debug)]
pub struct NamePattern {
    text: String,
    matcher: Option<GlobMatcher>,
}

impl NamePattern {
    /// The names that `pattern` matches from end to end. Real-time: no.
    pub fn whole(pattern: &str) -> NamePattern {
        let glob = GlobBuilder::new(pattern).case_insensitive(true).literal_separator(false).build();
        NamePattern { text: pattern.to_lowercase(), matcher: glob.ok().map(|glob| glob.compile_matcher()) }
    }

    /// Whether the name matches. Real-time: no.
    pub fn matches(&self, name: &str) -> bool {
        name.to_lowercase() == self.text || self.matcher.as_ref().is_some_and(|glob| glob.is_match(name))
    }

    /// Whether the name matches, or contains the text. Real-time: no.
    pub fn matches_part(&self, name: &str) -> bool {
        self.matches(name) || name.to_lowercase().contains(&self.text)
    }

    /// Whether it says no more than "any". Real-time: no.
    pub fn is_any(&self) -> bool {
        self.text.chars().all(|c| c == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_brackets_may_be_literal() {
        let keys = NamePattern::whole("KeyStep*");
        assert!(keys.matches("keystep 37 MIDI 1") && !keys.matches("Arturia KeyStep"));
        assert!(keys.matches_part("KEYSTEP*") && !keys.is_any());
        assert!(NamePattern::whole("step").matches_part("Arturia KeyStep"));
        let bracket = NamePattern::whole("out [1");
        assert!(bracket.matches("Out [1") && !bracket.matches("out 1"));
        assert!(NamePattern::whole("*").is_any() && NamePattern::whole("*").matches("a/b"));
    }
}
