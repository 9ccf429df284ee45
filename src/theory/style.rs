use std::fmt;
use std::str::FromStr;

/// How a chart is played.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Style {
    /// Swung eighths, a walking bass, a ride cymbal.
    Swing,
    /// Straight eighths, root and fifth, a cross-stick.
    Bossa,
    /// A twelve-bar form on a shuffle.
    Blues,
    /// Straight eighths and a backbeat.
    Pop,
    /// Sixteenths.
    Funk,
    /// Slow, broken chords.
    Ballad,
}

/// A text that names no style.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no style; swing, bossa, blues, pop, funk and ballad are")]
pub struct StyleError(pub String);

impl Style {
    /// All styles.
    pub const ALL: [Style; 6] =
        [Style::Swing, Style::Bossa, Style::Blues, Style::Pop, Style::Funk, Style::Ballad];

    /// As in a chart.
    pub const fn name(self) -> &'static str {
        match self {
            Style::Swing => "swing",
            Style::Bossa => "bossa",
            Style::Blues => "blues",
            Style::Pop => "pop",
            Style::Funk => "funk",
            Style::Ballad => "ballad",
        }
    }

    /// Its usual tempo, in beats a minute.
    pub const fn tempo(self) -> f64 {
        match self {
            Style::Swing => 152.0,
            Style::Bossa => 132.0,
            Style::Blues => 104.0,
            Style::Pop => 112.0,
            Style::Funk => 100.0,
            Style::Ballad => 72.0,
        }
    }

    /// The style that a word of a description asks for.
    pub fn of_word(word: &str) -> Option<Style> {
        Some(match word {
            "swing" | "swinging" | "jazz" | "jazzy" | "bebop" | "bop" | "walking" => Style::Swing,
            "bossa" | "bossanova" | "samba" | "latin" | "brazilian" => Style::Bossa,
            "blues" | "bluesy" | "shuffle" | "boogie" => Style::Blues,
            "pop" | "rock" | "indie" | "folk" | "country" => Style::Pop,
            "funk" | "funky" | "groove" | "groovy" | "soul" | "disco" => Style::Funk,
            "ballad" | "lullaby" | "nocturne" | "ambient" => Style::Ballad,
            _ => return None,
        })
    }

    /// Whether its chords have sevenths and more by habit.
    pub(super) const fn is_jazz(self) -> bool {
        matches!(self, Style::Swing | Style::Bossa | Style::Ballad)
    }
}

impl FromStr for Style {
    type Err = StyleError;

    fn from_str(text: &str) -> Result<Style, StyleError> {
        let word = text.trim().to_lowercase();
        let known = Style::of_word(&word).or_else(|| word.split([' ', '-', '_']).find_map(Style::of_word));
        known.ok_or_else(|| StyleError(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_known_by_their_names_and_kin() {
        for style in Style::ALL {
            assert_eq!(style.name().parse(), Ok(style));
        }
        assert_eq!("Bossa Nova".parse(), Ok(Style::Bossa));
        assert_eq!("medium swing".parse(), Ok(Style::Swing));
        assert!("polka".parse::<Style>().expect_err("none").to_string().contains("swing, bossa"));
    }
}
