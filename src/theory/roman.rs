use std::fmt;
use std::str::FromStr;

use super::{Chord, Key, Quality, Tone};

/// A chord by its place in a key, counted on the major scale of the tonic in every mode: in C minor,
/// Ab is ♭VI. Written with capitals and the chord's suffix: `IIm7`, `V7`, `bVImaj7`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Roman {
    /// Fifths from the tonic to the root.
    pub fifths: i8,
    /// What stands above the root.
    pub quality: Quality,
}

/// A text that is no Roman numeral.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no Roman numeral: write such as IIm7, V7 or bVImaj7")]
pub struct RomanError(pub String);

/// Fifths above the tonic of the major scale's degrees.
const DEGREES: [(&str, i8); 7] =
    [("I", 0), ("II", 2), ("III", 4), ("IV", -1), ("V", 1), ("VI", 3), ("VII", 5)];

impl Roman {
    /// A numeral from fifths and a quality.
    pub const fn new(fifths: i8, quality: Quality) -> Roman {
        Roman { fifths, quality }
    }

    /// The chord of a numeral in a key.
    pub fn in_key(self, key: Key) -> Chord {
        Chord::new(key.tonic.up(self.fifths), self.quality)
    }

    /// The numeral of a chord in a key; a slash's bass is not part of it.
    pub fn of(chord: Chord, key: Key) -> Roman {
        let fifths = chord.root.fifths() - key.tonic.fifths();
        // From the lowered fifth to the raised fourth, by the nearer spelling.
        Roman { fifths: (fifths + 5).rem_euclid(12) - 5, quality: chord.quality }
    }
}

impl fmt::Display for Roman {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = (self.fifths + 1).rem_euclid(7) - 1;
        let accidentals = (self.fifths - place).div_euclid(7);
        let name = DEGREES.iter().find(|(_, fifths)| *fifths == place).map_or("I", |(name, _)| name);
        let sign = if accidentals < 0 { "b" } else { "#" };
        let signs = sign.repeat(usize::from(accidentals.unsigned_abs()));
        write!(f, "{signs}{name}{}", self.quality.spec().symbol)
    }
}

impl FromStr for Roman {
    type Err = RomanError;

    fn from_str(text: &str) -> Result<Roman, RomanError> {
        let error = || RomanError(text.chars().take(24).collect());
        let (accidental, rest) = match text.chars().next() {
            Some('b' | '♭') => (-7, text.trim_start_matches(['b', '♭'])),
            Some('#' | '♯') => (7, text.trim_start_matches(['#', '♯'])),
            _ => (0, text),
        };
        let signs = text.chars().count() - rest.chars().count();
        let end = rest.find(|c| !matches!(c, 'I' | 'V')).unwrap_or(rest.len());
        let (name, suffix) = rest.split_at(end);
        let (_, fifths) = DEGREES.iter().find(|(known, _)| *known == name).ok_or_else(error)?;
        if signs > 1 {
            return Err(error());
        }
        // Read with a root, the suffix is the chord's.
        let chord: Chord = format!("{}{suffix}", Tone::C).parse().map_err(|_| error())?;
        if chord.bass.is_some() || chord.root != Tone::C {
            return Err(error());
        }
        Ok(Roman { fifths: fifths + accidental, quality: chord.quality })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_and_chords_agree() {
        for (key, chord, numeral) in [
            ("C", "Dm7", "IIm7"),
            ("Eb", "Bb7", "V7"),
            ("C minor", "Abmaj7", "bVImaj7"),
            ("A minor", "Bm7b5", "IIm7b5"),
            ("F", "Gb7", "bII7"),
            ("D", "G#dim7", "#IVdim7"),
        ] {
            let key: Key = key.parse().expect("a key");
            let chord: Chord = chord.parse().expect("a chord");
            assert_eq!(Roman::of(chord, key).to_string(), numeral);
            assert_eq!(numeral.parse::<Roman>().map(|roman| roman.in_key(key)), Ok(chord));
        }
        for bad in ["", "VIII", "IIII", "bbI", "X", "I/E", "Ib", "ii"] {
            assert!(bad.parse::<Roman>().is_err(), "{bad}");
        }
    }
}
