use std::fmt;
use std::str::FromStr;

use super::maths;

/// A MIDI key, 0 to 127; 60 is C4 and 69 is A4 at 440 Hz. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(u8);

/// A key's name that names no key. Real-time: no.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a key: write a note such as C4, F#3 or Bb2 (C-1 to G9), or a number from 0 to 127")]
pub struct KeyError(pub String);

impl Key {
    /// The key of a number, if it is one. Real-time: no.
    pub const fn new(number: u8) -> Option<Key> {
        if number <= 127 { Some(Key(number)) } else { None }
    }

    /// 0 to 127. Real-time: yes.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Key, KeyError> {
        let error = || KeyError(text.to_owned());
        if let Ok(number) = text.parse::<u8>() {
            return Key::new(number).ok_or_else(error);
        }
        let mut rest = text.chars();
        let class: i32 = match rest.next().map(|c| c.to_ascii_uppercase()) {
            Some('C') => 0,
            Some('D') => 2,
            Some('E') => 4,
            Some('F') => 5,
            Some('G') => 7,
            Some('A') => 9,
            Some('B') => 11,
            _ => return Err(error()),
        };
        let tail = rest.as_str();
        let (accidental, octave) = match tail.strip_prefix(['#', '♯']) {
            Some(octave) => (1, octave),
            None => match tail.strip_prefix(['b', '♭']) {
                Some(octave) => (-1, octave),
                None => (0, tail),
            },
        };
        let octave: i32 = octave.parse().map_err(|_| error())?;
        let number = octave
            .checked_add(1)
            .and_then(|o| o.checked_mul(12))
            .and_then(|o| o.checked_add(class + accidental))
            .ok_or_else(error)?;
        u8::try_from(number).ok().and_then(Key::new).ok_or_else(error)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
        write!(f, "{}{}", NAMES[usize::from(self.0 % 12)], i32::from(self.0 / 12) - 1)
    }
}

/// The frequency of a key that may lie between two, in Hz: equal temperament,
/// A4 (69) at 440 Hz. Real-time: yes.
pub fn key_hertz(key: f32) -> f32 {
    (440.0 * maths::exp2((f64::from(key) - 69.0) / 12.0)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for (name, number) in [
            ("C4", 60),
            ("A0", 21),
            ("C8", 108),
            ("C-1", 0),
            ("G9", 127),
            ("f#3", 54),
            ("Bb2", 46),
            ("61", 61),
        ] {
            assert_eq!(name.parse::<Key>().map(Key::number), Ok(number), "{name}");
        }
        for number in 0..=127 {
            let key = Key::new(number).expect("in range");
            assert_eq!(key.to_string().parse::<Key>(), Ok(key));
        }
        for bad in ["", "H4", "C", "G#9", "C99999999999", "128", "-1", "Cb-1", "C4x"] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a4_is_440_hertz() {
        assert_eq!(key_hertz(69.0), 440.0);
        assert!((key_hertz(60.0) - 261.625_57).abs() < 1e-3);
    }
}
