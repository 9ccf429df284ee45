use std::fmt;

/// A tone by its name (C, F#, Bb), without an octave: a place on the line of fifths, where C is 0, G is
/// 1 and F is −1. What is spelled differently is different here: F# is 6, Gb is −6.
///
/// Source: Temperley, "The Line of Fifths", Music Analysis 19 (2000).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tone(i8);

const LETTERS: [char; 7] = ['F', 'C', 'G', 'D', 'A', 'E', 'B'];
/// Fbb and B##.
const SPELLED: std::ops::RangeInclusive<i8> = -15..=19;
/// Fb and B#: with one accidental at most.
const SIMPLE: std::ops::RangeInclusive<i8> = -8..=12;

impl Tone {
    /// C.
    pub const C: Tone = Tone(0);

    /// The tone so many fifths above C, spelled with one accidental at most.
    pub const fn of_fifths(fifths: i8) -> Tone {
        let mut fifths = fifths;
        while fifths > *SIMPLE.end() {
            fifths -= 12;
        }
        while fifths < *SIMPLE.start() {
            fifths += 12;
        }
        Tone(fifths)
    }

    /// Its place on the line of fifths.
    pub const fn fifths(self) -> i8 {
        self.0
    }

    /// Its pitch class: semitones above C, 0 to 11.
    pub const fn class(self) -> u8 {
        (self.0 as i16 * 7).rem_euclid(12) as u8
    }

    /// The tone so many fifths above it (a major third is 4, a minor third −3), respelled where the
    /// name would need two accidentals.
    #[must_use]
    pub const fn up(self, fifths: i8) -> Tone {
        Tone::of_fifths(self.0.saturating_add(fifths))
    }

    /// Reads a name at the beginning of a text, and gives what follows it: a letter from A to G, with up
    /// to two `#` or `b`.
    pub fn read(text: &str) -> Option<(Tone, &str)> {
        let mut rest = text.chars();
        let letter = rest.next()?.to_ascii_uppercase();
        let place = LETTERS.iter().position(|l| *l == letter)?;
        let mut fifths = place as i8 - 1;
        let mut left = rest.as_str();
        for (signs, step) in [(['#', '♯'], 7), (['b', '♭'], -7)] {
            for _ in 0..2 {
                let Some(after) = left.strip_prefix(signs) else { break };
                (left, fifths) = (after, fifths + step);
            }
            if fifths != place as i8 - 1 {
                break;
            }
        }
        SPELLED.contains(&fifths).then_some((Tone(fifths), left))
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = LETTERS[(self.0 + 1).rem_euclid(7) as usize];
        let accidentals = (self.0 + 1).div_euclid(7);
        let sign = if accidentals < 0 { "b" } else { "#" };
        write!(f, "{letter}{}", sign.repeat(usize::from(accidentals.unsigned_abs())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_printed() {
        for (name, class) in [
            ("C", 0),
            ("F#", 6),
            ("Gb", 6),
            ("Bb", 10),
            ("B#", 0),
            ("Fb", 4),
            ("Ebb", 2),
            ("F##", 7),
            ("A", 9),
        ] {
            let (tone, rest) = Tone::read(name).expect(name);
            assert_eq!((tone.class(), rest, tone.to_string().as_str()), (class, "", name));
        }
        assert_eq!(
            Tone::read("bbm7").map(|(tone, rest)| (tone.to_string(), rest)),
            Some(("Bb".into(), "m7"))
        );
        assert_eq!(Tone::read("H7"), None);
        assert_eq!(Tone::read(""), None);
    }

    #[test]
    fn fifths_keep_the_spelling() {
        let tone = |name| Tone::read(name).expect("a tone").0;
        assert_eq!(tone("Eb").up(4).to_string(), "G");
        assert_eq!(tone("A").up(-3).to_string(), "C");
        assert_eq!(tone("C#").up(4).to_string(), "E#");
        assert_eq!(tone("D#").up(4).to_string(), "G", "no double sharps");
        assert_eq!(Tone::of_fifths(127).class(), Tone((127_i16 % 12) as i8).class());
    }
}
