use std::fmt;
use std::str::FromStr;

use super::{Classes, Tone};

/// The scale of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // The modes' own names.
pub enum Mode {
    Major,
    Minor,
    Dorian,
    Phrygian,
    Lydian,
    Mixolydian,
}

impl Mode {
    /// How many fifths the signature of this mode is above the major key's on the same tonic.
    const fn fifths(self) -> i8 {
        match self {
            Mode::Lydian => 1,
            Mode::Major => 0,
            Mode::Mixolydian => -1,
            Mode::Dorian => -2,
            Mode::Minor => -3,
            Mode::Phrygian => -4,
        }
    }

    /// Whether its third is minor.
    pub const fn is_minor(self) -> bool {
        matches!(self, Mode::Minor | Mode::Dorian | Mode::Phrygian)
    }

    const fn name(self) -> &'static str {
        match self {
            Mode::Major => "major",
            Mode::Minor => "minor",
            Mode::Dorian => "dorian",
            Mode::Phrygian => "phrygian",
            Mode::Lydian => "lydian",
            Mode::Mixolydian => "mixolydian",
        }
    }

    /// The mode of a word, if it is one.
    pub(super) fn of_word(word: &str) -> Option<Mode> {
        Some(match word.to_lowercase().as_str() {
            "major" | "maj" | "dur" | "ionian" => Mode::Major,
            "minor" | "min" | "moll" | "aeolian" => Mode::Minor,
            "dorian" => Mode::Dorian,
            "phrygian" => Mode::Phrygian,
            "lydian" => Mode::Lydian,
            "mixolydian" => Mode::Mixolydian,
            _ => return None,
        })
    }
}

/// A key: a tonic and a mode ("Eb minor"). Not a key of a keyboard, which is `unit::Key`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// Where it is at home.
    pub tonic: Tone,
    /// Its scale.
    pub mode: Mode,
}

/// A text that names no key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no key: write a note and a mode, such as Eb minor, C, Am, F# dorian or G mixolydian")]
pub struct KeyError(pub String);

impl Key {
    /// Sharps (positive) or flats (negative) of the signature, brought into −7 to 7 by another spelling
    /// of the tonic where need be.
    pub const fn signature(self) -> i8 {
        let mut fifths = self.tonic.fifths() + self.mode.fifths();
        while fifths > 7 {
            fifths -= 12;
        }
        while fifths < -7 {
            fifths += 12;
        }
        fifths
    }

    /// Whether its third is minor.
    pub const fn is_minor(self) -> bool {
        self.mode.is_minor()
    }

    /// The seven tones of its scale.
    pub fn scale(self) -> Classes {
        let first = self.tonic.fifths() + self.mode.fifths() - 1;
        (first..first + 7).map(|fifths| Tone::of_fifths(fifths).class()).collect()
    }

    /// The same key under the name with the fewer accidentals (Db major for C# major).
    #[must_use]
    pub const fn simplest(self) -> Key {
        let shift = self.signature() - (self.tonic.fifths() + self.mode.fifths());
        Key { tonic: self.tonic.up(shift), mode: self.mode }
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Key, KeyError> {
        let error = || KeyError(text.chars().take(40).collect());
        let (mut tonic, rest) = Tone::read(text.trim()).ok_or_else(error)?;
        let mut words: Vec<&str> =
            rest.split([' ', '-', '_', '\t']).filter(|word| !word.is_empty()).collect();
        let shift = match words.first().map(|word| word.to_lowercase()).as_deref() {
            Some("flat") => -7,
            Some("sharp") => 7,
            _ => 0,
        };
        if shift != 0 {
            if !(-1..=5).contains(&tonic.fifths()) {
                return Err(error());
            }
            tonic = tonic.up(shift);
            words.remove(0);
        }
        let mode = match words.as_slice() {
            [] | ["M"] => Mode::Major,
            ["m"] => Mode::Minor,
            [word] => Mode::of_word(word).ok_or_else(error)?,
            _ => return Err(error()),
        };
        Ok(Key { tonic, mode })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tonic, self.mode.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_musicians_write_them() {
        for (text, name, signature) in [
            ("Eb minor", "Eb minor", -6),
            ("C", "C major", 0),
            ("Am", "A minor", 0),
            ("F# dorian", "F# dorian", 4),
            ("b flat minor", "Bb minor", -5),
            ("Bbm", "Bb minor", -5),
            ("f sharp", "F# major", 6),
            ("G mixolydian", "G mixolydian", 0),
            ("D-moll", "D minor", -1),
            ("G# major", "G# major", -4),
            ("CM", "C major", 0),
        ] {
            let key: Key = text.parse().expect(text);
            assert_eq!((key.to_string().as_str(), key.signature()), (name, signature), "{text}");
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        for bad in ["", "H", "C blues scale", "Cis", "Eb flat", "minor", "C major minor", "♭"] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_scale_has_seven_tones() {
        let classes = |text: &str| text.parse::<Key>().expect("a key").scale();
        assert_eq!(classes("C"), classes("A minor"));
        assert_eq!(classes("D dorian"), classes("C"));
        assert_eq!(classes("F lydian"), classes("G mixolydian"));
        assert_eq!(classes("E phrygian"), [0, 2, 4, 5, 7, 9, 11].into_iter().collect());
        assert_eq!("G# major".parse::<Key>().expect("a key").simplest().to_string(), "Ab major");
    }
}
