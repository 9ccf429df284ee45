//! Chords under a hand, each led from the one before.
//!
//! Source of the measure: voices move as little as they can (Tymoczko, "The Geometry of Musical
//! Chords", Science 313, 2006); seconds are kept out of the low register.

use super::{Chord, Classes, Key, scale};

/// How a hand takes chords.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grip {
    /// Third, seventh and colours; the root is the bass player's.
    Rootless,
    /// Root, third, fifth and what the symbol adds.
    Full,
    /// Third and seventh, and one colour.
    Shell,
}

/// Where the hand may be, lowest and highest key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Register {
    /// The lowest key.
    pub low: u8,
    /// The highest key.
    pub high: u8,
}

impl Register {
    const fn middle(self) -> i32 {
        (self.low as i32 + self.high as i32) / 2
    }
}

/// The pitch classes that a grip takes of a chord in a key; three or four, all of them tones that fit.
pub fn classes(chord: Chord, key: Key, grip: Grip) -> Vec<u8> {
    let spec = chord.quality.spec();
    let at = |fifths: i8| chord.class_at(fifths);
    let fits = scale::of(chord, key);
    let mut taken: Vec<u8> = Vec::with_capacity(5);
    let take = |class: u8, taken: &mut Vec<u8>| {
        if !taken.contains(&class) {
            taken.push(class);
        }
    };
    let root = at(0);
    // What says most of the chord comes first.
    if let Some(third) = spec.third {
        take(at(third), &mut taken);
    }
    if let Some(seventh) = spec.seventh {
        take(at(seventh), &mut taken);
    }
    let wanted = if grip == Grip::Shell { 3 } else { 4 };
    let sounds_plain = spec.seventh.is_none();
    if grip == Grip::Full || sounds_plain || chord.quality.is_diminished() {
        take(root, &mut taken);
    }
    for tension in spec.tensions.iter().rev() {
        take(at(*tension), &mut taken);
    }
    // The altered fifth is part of the chord's name; a ninth that fits is a colour.
    if let Some(fifth) = spec.fifth.filter(|fifth| *fifth != 1 || grip == Grip::Full) {
        take(at(fifth), &mut taken);
    }
    let ninth = (root + 2) % 12;
    let has_ninth = taken
        .iter()
        .any(|class| matches!((class + 12 - root) % 12, 1..=3) && Some(*class) != spec.third.map(at));
    if grip != Grip::Full && !sounds_plain && !has_ninth && fits.contains(ninth) {
        take(ninth, &mut taken);
    }
    if let Some(fifth) = spec.fifth {
        take(at(fifth), &mut taken);
    }
    taken.truncate(wanted);
    if taken.len() < 3 {
        take(root, &mut taken);
    }
    taken
}

/// Every close position of the classes in a register, and each with its second voice from above an
/// octave lower; from low to high.
fn positions(classes: &[u8], register: Register) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for lowest in register.low..=register.high {
        if !classes.contains(&(lowest % 12)) {
            continue;
        }
        let mut keys: Vec<u8> =
            classes.iter().map(|class| lowest + (class + 12 - lowest % 12) % 12).collect();
        keys.sort_unstable();
        if keys.last().is_some_and(|top| *top > register.high) {
            continue;
        }
        if keys.len() >= 4 {
            let mut dropped = keys.clone();
            let second = dropped.len() - 2;
            if dropped[second] >= register.low + 12 {
                dropped[second] -= 12;
                dropped.sort_unstable();
                found.push(dropped);
            }
        }
        found.push(keys);
    }
    found
}

/// How far the voices of a hand go from one chord to the next, in semitones; the top voice, which is
/// heard as a line, counts twice.
fn motion(from: &[u8], to: &[u8]) -> i32 {
    let nearest =
        |key: u8, others: &[u8]| others.iter().map(|o| i32::from(o.abs_diff(key))).min().unwrap_or(0);
    let there: i32 = to.iter().map(|key| nearest(*key, from)).sum();
    let back: i32 = from.iter().map(|key| nearest(*key, to)).sum();
    let top = match (from.last(), to.last()) {
        (Some(a), Some(b)) => i32::from(a.abs_diff(*b)),
        _ => 0,
    };
    there + back + top
}

/// What does not sound well in a position, in semitones of motion.
fn roughness(keys: &[u8], register: Register) -> i32 {
    let mut cost = 0;
    for pair in keys.windows(2) {
        let step = pair[1] - pair[0];
        cost += match step {
            1 if pair[0] < 60 => 12,
            1 => 4,
            2 if pair[0] < 52 => 8,
            3 | 4 if pair[0] < 45 => 6,
            0..=9 => 0,
            _ => 5,
        };
    }
    // A semitone below the top voice hides it.
    if keys.len() >= 2 && keys[keys.len() - 1] - keys[keys.len() - 2] == 1 {
        cost += 8;
    }
    let middle: i32 = keys.iter().map(|key| i32::from(*key)).sum::<i32>() / keys.len().max(1) as i32;
    let drift = (middle - register.middle()).abs();
    cost + drift * drift / 12
}

/// The position of the classes that is best reached from `from` (nothing: from the register's middle);
/// sorted, all within the register, which must span two octaves at least.
pub fn lead(from: &[u8], classes: &[u8], register: Register) -> Vec<u8> {
    let best = positions(classes, register).into_iter().min_by_key(|keys| {
        let motion = if from.is_empty() { 0 } else { motion(from, keys) };
        (motion + roughness(keys, register), keys.clone())
    });
    best.unwrap_or_default()
}

/// The set of a voicing's pitch classes.
pub fn classes_of(keys: &[u8]) -> Classes {
    keys.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::super::Quality;
    use super::*;

    const REGISTER: Register = Register { low: 50, high: 77 };

    #[test]
    fn every_chord_finds_a_place_and_says_its_name() {
        let key: Key = "C".parse().expect("a key");
        for quality in Quality::ALL {
            for fifths in -5..=6 {
                let chord = Chord::new(key.tonic.up(fifths), quality);
                for grip in [Grip::Rootless, Grip::Full, Grip::Shell] {
                    let classes = classes(chord, key, grip);
                    assert!((2..=4).contains(&classes.len()), "{chord} {grip:?} {classes:?}");
                    let keys = lead(&[], &classes, REGISTER);
                    assert_eq!(keys.len(), classes.len(), "{chord} {grip:?}");
                    assert!(keys.iter().all(|key| (50..=77).contains(key)));
                    assert!(classes_of(&keys).within(scale::of(chord, key)));
                    for fifths in [quality.spec().third, quality.spec().seventh].into_iter().flatten() {
                        assert!(classes.contains(&chord.class_at(fifths)), "{chord} {grip:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_cadence_moves_by_steps() {
        let key: Key = "C".parse().expect("a key");
        let mut hand = Vec::new();
        for symbol in ["Dm7", "G7", "Cmaj7", "A7b9", "Dm7", "G13", "C6/9"] {
            let classes = classes(symbol.parse().expect("a chord"), key, Grip::Rootless);
            let next = lead(&hand, &classes, REGISTER);
            if !hand.is_empty() {
                let furthest = next.iter().zip(&hand).map(|(a, b): (&u8, &u8)| a.abs_diff(*b)).max();
                assert!(furthest <= Some(5), "{symbol}: {hand:?} to {next:?}");
            }
            hand = next;
        }
    }
}
