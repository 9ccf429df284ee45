//! Which tones fit a chord.
//!
//! Source: Nettles and Graf, "The Chord Scale Theory and Jazz Harmony" (1997).

use super::{Chord, Key, Quality};

/// A set of pitch classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Classes(u16);

impl Classes {
    /// Whether a key or a pitch class is in it.
    pub const fn contains(self, key: u8) -> bool {
        self.0 >> (key % 12) & 1 == 1
    }

    /// How many there are.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of these are in `other`.
    pub const fn within(self, other: Classes) -> bool {
        self.0 & !other.0 == 0
    }

    /// From the lowest number to the highest.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..12).filter(move |class| self.contains(*class))
    }

    const fn without(self, class: u8) -> Classes {
        Classes(self.0 & !(1 << (class % 12)))
    }

    const fn with(self, other: Classes) -> Classes {
        Classes(self.0 | other.0)
    }
}

impl FromIterator<u8> for Classes {
    fn from_iter<I: IntoIterator<Item = u8>>(classes: I) -> Classes {
        Classes(classes.into_iter().fold(0, |set, class| set | 1 << (class % 12)))
    }
}

const LYDIAN: [u8; 7] = [0, 2, 4, 6, 7, 9, 11];
const LYDIAN_AUGMENTED: [u8; 7] = [0, 2, 4, 6, 8, 9, 11];
const MIXOLYDIAN: [u8; 7] = [0, 2, 4, 5, 7, 9, 10];
const LYDIAN_DOMINANT: [u8; 7] = [0, 2, 4, 6, 7, 9, 10];
const PHRYGIAN_DOMINANT: [u8; 7] = [0, 1, 4, 5, 7, 8, 10];
const ALTERED: [u8; 7] = [0, 1, 3, 4, 6, 8, 10];
const DIMINISHED_DOMINANT: [u8; 8] = [0, 1, 3, 4, 6, 7, 9, 10];
const DIMINISHED: [u8; 8] = [0, 2, 3, 5, 6, 8, 9, 11];
const WHOLE_TONE: [u8; 6] = [0, 2, 4, 6, 8, 10];
const DORIAN: [u8; 7] = [0, 2, 3, 5, 7, 9, 10];
const MELODIC_MINOR: [u8; 7] = [0, 2, 3, 5, 7, 9, 11];
const LOCRIAN: [u8; 7] = [0, 1, 3, 5, 6, 8, 10];

/// The tones that a line may use over a chord in a key: the key's own where the chord belongs to it,
/// else the chord's own scale. The chord's tones are always among them.
pub fn of(chord: Chord, key: Key) -> Classes {
    let tones = chord.classes();
    if tones.within(key.scale()) {
        return key.scale();
    }
    if chord.seventh().is_none() && !chord.quality.is_diminished() && chord.quality != Quality::Augmented {
        return bent(key, chord);
    }
    let steps: &[u8] = match chord.quality {
        Quality::Diminished | Quality::Diminished7 => &DIMINISHED,
        Quality::Augmented | Quality::Dominant7Sharp5 => &WHOLE_TONE,
        Quality::Major7Sharp5 => &LYDIAN_AUGMENTED,
        Quality::HalfDiminished => &LOCRIAN,
        Quality::MinorSixth | Quality::MinorSixNine | Quality::MinorMajor7 => &MELODIC_MINOR,
        Quality::Altered | Quality::Dominant7Sharp9 => &ALTERED,
        Quality::Dominant13Flat9 => &DIMINISHED_DOMINANT,
        Quality::Dominant7Flat9 | Quality::Dominant7Flat13 | Quality::Dominant7Flat9Flat13 => {
            &PHRYGIAN_DOMINANT
        }
        Quality::Dominant7Sharp11 | Quality::Dominant7Flat5 => &LYDIAN_DOMINANT,
        quality if quality.is_dominant() => {
            // The dominant of a minor key has that key's sixth; others have their own.
            let resolves_to = chord.class_at(-1);
            if key.is_minor() && resolves_to == key.tonic.class() { &PHRYGIAN_DOMINANT } else { &MIXOLYDIAN }
        }
        quality if quality.is_minor() => &DORIAN,
        _ => &LYDIAN,
    };
    let root = chord.root.class();
    steps.iter().map(|step| root + step).collect::<Classes>().with(tones)
}

/// The key's scale, bent to a triad: a tone of the chord that the key has not takes its neighbour's place.
fn bent(key: Key, chord: Chord) -> Classes {
    let tones = chord.classes();
    let mut scale = key.scale();
    let middle = key.tonic.fifths() + if key.is_minor() { -1 } else { 2 };
    for tone in chord.tones().into_iter().filter(|tone| !key.scale().contains(tone.class())) {
        // What lies on the sharp side of the key is a raised tone, and the one below makes room.
        let neighbour = if tone.fifths() > middle { tone.class() + 11 } else { tone.class() + 1 };
        scale = scale.without(neighbour);
    }
    scale.with(tones)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chord_of_the_key_has_the_keys_scale() {
        let key: Key = "C".parse().expect("a key");
        let scale = |symbol: &str| of(symbol.parse().expect("a chord"), key);
        assert_eq!(scale("Dm7"), key.scale());
        assert_eq!(scale("G7"), key.scale());
        assert!(scale("A7b9").contains(1) && scale("A7b9").contains(10));
        assert!(scale("Db7#11").contains(7));
        let minor: Key = "C minor".parse().expect("a key");
        assert!(of("G7".parse().expect("a chord"), minor).contains(8), "Ab over G7 in C minor");
        let harmonic = [0, 2, 3, 5, 7, 8, 11].into_iter().collect();
        assert_eq!(of("G".parse().expect("a chord"), minor), harmonic, "G in C minor");
        assert_eq!(of("Fm".parse().expect("a chord"), key), [0, 2, 4, 5, 7, 8, 11].into_iter().collect());
    }

    #[test]
    fn a_chords_tones_are_in_its_scale() {
        for quality in Quality::ALL {
            for key in ["C", "F# minor", "Bb dorian"] {
                let key: Key = key.parse().expect("a key");
                let chord = Chord::new(key.tonic.up(4), quality);
                assert!(chord.classes().within(of(chord, key)), "{chord} in {key}");
            }
        }
    }
}
