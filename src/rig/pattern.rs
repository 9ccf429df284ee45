use globset::{GlobBuilder, GlobMatcher};

/// The longest pattern, in bytes.
pub(super) const PATTERN_LIMIT: usize = 256;

/// Builds what `in = "…"` and `out = "…"` of a MIDI port mean: a glob on the
/// names of ports in which case does not count. Real-time: no.
///
/// # Errors
/// The glob's, where it is none.
pub(super) fn port_pattern(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    // A port's name is no path: `*` also stands for `/`.
    let glob = GlobBuilder::new(pattern).case_insensitive(true).literal_separator(false).build()?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_of_names_not_of_paths() {
        let fits = |pattern: &str, name: &str| port_pattern(pattern).is_ok_and(|glob| glob.is_match(name));
        assert!(fits("keystep*", "KeyStep 37 MIDI 1"));
        assert!(fits("*", "a/b:c"));
        assert!(fits("* MIDI ?", "nanoKEY2 midi 1"));
        assert!(!fits("KeyStep", "KeyStep 37"));
        assert!(port_pattern("[a").is_err() && port_pattern("{a").is_err());
    }

    /// The library panics where a pattern it took makes too large an expression.
    #[test]
    fn a_pattern_of_the_longest_length_compiles() {
        for piece in ["*", "?", "[a-z]", "{a,b}", "**/", "[!\u{0}-\u{10ffff}]", "[\u{0}-\u{10ffff}]"] {
            let pattern: String = piece.repeat(PATTERN_LIMIT / piece.len());
            let _ = port_pattern(&pattern);
        }
    }
}
