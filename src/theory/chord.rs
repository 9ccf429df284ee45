//! Chords as their symbols say them.

mod quality;

use std::fmt;
use std::str::FromStr;

pub use quality::Quality;

use super::{Classes, Tone};

/// The longest symbol, in bytes.
const SYMBOL_BYTES: usize = 24;

/// A chord: a root, what stands above it, and another bass where there is a slash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Chord {
    /// What it is named after.
    pub root: Tone,
    /// What stands above the root.
    pub quality: Quality,
    /// The tone after the slash.
    pub bass: Option<Tone>,
}

/// A text that is no chord of the vocabulary, and what it lacks.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{symbol}` is no chord: {reason}")]
pub struct ChordError {
    /// What was read.
    pub symbol: String,
    /// Why, and what may be.
    pub reason: String,
}

impl Chord {
    /// A chord in root position.
    pub const fn new(root: Tone, quality: Quality) -> Chord {
        Chord { root, quality, bass: None }
    }

    /// The tone that the bass plays.
    pub fn lowest(self) -> Tone {
        self.bass.unwrap_or(self.root)
    }

    /// The tones that the symbol names: root, third, fifth, seventh and tensions, and the slash's bass.
    pub fn tones(self) -> Vec<Tone> {
        let spec = self.quality.spec();
        let steps = [Some(0), spec.third, spec.fifth, spec.seventh].into_iter().flatten();
        let mut tones: Vec<Tone> =
            steps.chain(spec.tensions.iter().copied()).map(|fifths| self.root.up(fifths)).collect();
        tones.extend(self.bass.filter(|bass| !tones.iter().any(|tone| tone.class() == bass.class())));
        tones
    }

    /// The pitch classes of [`tones`](Self::tones).
    pub fn classes(self) -> Classes {
        self.tones().into_iter().map(Tone::class).collect()
    }

    /// The pitch class of its third, or of what is suspended in its place.
    pub fn third(self) -> Option<u8> {
        self.quality.spec().third.map(|fifths| self.class_at(fifths))
    }

    /// The pitch class of its fifth.
    pub fn fifth(self) -> Option<u8> {
        self.quality.spec().fifth.map(|fifths| self.class_at(fifths))
    }

    /// The pitch class of its seventh, or of the sixth in its place.
    pub fn seventh(self) -> Option<u8> {
        self.quality.spec().seventh.map(|fifths| self.class_at(fifths))
    }

    /// The pitch class so many fifths above the root.
    pub(super) fn class_at(self, fifths: i8) -> u8 {
        ((i16::from(self.root.fifths()) + i16::from(fifths)) * 7).rem_euclid(12) as u8
    }
}

impl FromStr for Chord {
    type Err = ChordError;

    fn from_str(text: &str) -> Result<Chord, ChordError> {
        let error = |reason: String| ChordError { symbol: text.chars().take(SYMBOL_BYTES).collect(), reason };
        let symbol = text.trim();
        if symbol.len() > SYMBOL_BYTES {
            return Err(error(format!("a symbol has at most {SYMBOL_BYTES} characters")));
        }
        let starts_with_a_note = symbol.starts_with(|c: char| ('A'..='G').contains(&c));
        let Some((root, rest)) = Tone::read(symbol).filter(|_| starts_with_a_note) else {
            let hint = if symbol.starts_with('H') { " (H is B here)" } else { "" };
            return Err(error(format!("it begins with a note from A to G{hint}, such as Dm7, F#m7b5 or Bb")));
        };
        // What follows the last slash is a bass where it is a tone and no number, as in 6/9.
        let (suffix, bass) = match rest.rsplit_once('/') {
            Some((suffix, bass)) if !bass.starts_with(|c: char| c.is_ascii_digit()) => {
                let tone =
                    Tone::read(bass.trim()).filter(|(_, after)| after.is_empty()).map(|(tone, _)| tone);
                let Some(tone) = tone else {
                    return Err(error(format!("`{bass}` after the slash is no note")));
                };
                (suffix, Some(tone))
            }
            _ => (rest, None),
        };
        let Some(quality) = Quality::of_suffix(suffix) else {
            let known =
                "known are 6, 6/9, 7, maj7, m7, m7b5, dim7, 9, 13, 7alt, 7b9, sus4, add9 and their kin";
            return Err(error(format!("`{suffix}` after the note {root} is not known; {known}")));
        };
        Ok(Chord { root, quality, bass: bass.filter(|bass| *bass != root) })
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.root, self.quality.spec().symbol)?;
        match self.bass {
            Some(bass) => write!(f, "/{bass}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(symbol: &str) -> String {
        let chord: Chord = symbol.parse().expect(symbol);
        chord.tones().iter().map(Tone::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn symbols_say_their_tones() {
        for (symbol, tones) in [
            ("C", "C E G"),
            ("Cmaj7", "C E G B"),
            ("CΔ", "C E G B"),
            ("Dm7b5", "D F Ab C"),
            ("Dø", "D F Ab C"),
            ("G7alt", "G B D# F Ab A#"),
            ("F#o7", "F# A C Eb"),
            ("Bb6/9", "Bb D F G C"),
            ("Am/G", "A C E G"),
            ("C/E", "C E G"),
            ("Ebm(maj7)", "Eb Gb Bb D"),
            ("A-7", "A C E G"),
            ("G13", "G B D F A E"),
            ("E7#9", "E G# B D G"),
            ("Dsus4", "D G A"),
            ("F5", "F C"),
            ("Bb6/9/D", "Bb D F G C"),
        ] {
            assert_eq!(names(symbol), tones, "{symbol}");
        }
    }

    #[test]
    fn what_is_printed_is_read_again() {
        for quality in Quality::ALL {
            for (root, bass) in [("C", None), ("F#", Some("A#")), ("Bb", Some("F"))] {
                let tone = |name| Tone::read(name).expect("a tone").0;
                let chord = Chord { root: tone(root), quality, bass: bass.map(tone) };
                assert_eq!(chord.to_string().parse(), Ok(chord), "{chord}");
            }
        }
    }

    #[test]
    fn what_is_no_chord_says_why() {
        for bad in
            ["", "H7", "c7", "Cmaj17", "C/H", "C/", "N.C.", "7", "Cm7b5b9b13#11", "C7/9", "💥", "C\0", "A/💥"]
        {
            let error = bad.parse::<Chord>().expect_err(bad);
            assert!(error.to_string().contains("is no chord: "), "{error}");
        }
        let error = "H7".parse::<Chord>().expect_err("no chord").to_string();
        assert!(error.contains("H is B here"), "{error}");
    }
}
