use super::score::Part;
use super::{BARS, Section, bar_of_section, section};

/// A chord: where it stands, the key of its root for the bass, and the classes
/// of the four notes above it, which leave the root to the bass.
#[derive(Clone, Copy)]
pub(super) struct Chord {
    pub bar: u32,
    pub step: u32,
    pub steps: u32,
    pub root: u8,
    classes: [u8; 4],
}

/// Root for the bass, and third, fifth (or thirteenth), seventh and ninth above.
type Sound = (u8, [u8; 4]);

const D_MINOR_9: Sound = (38, [5, 9, 0, 4]);
const B_FLAT_MAJOR_9: Sound = (34, [2, 5, 9, 0]);
const G_MINOR_9: Sound = (31, [10, 2, 5, 9]);
const A_7_FLAT_9: Sound = (33, [1, 4, 7, 10]);
const C_13: Sound = (36, [4, 9, 10, 2]);
const F_MAJOR_9: Sound = (29, [9, 0, 4, 7]);
const E_HALF_DIMINISHED: Sound = (28, [7, 10, 2, 4]);

const LEAD_IN: [&[Sound]; 4] = [&[D_MINOR_9], &[B_FLAT_MAJOR_9], &[G_MINOR_9], &[A_7_FLAT_9]];
const THEME: [&[Sound]; 8] = [
    &[D_MINOR_9],
    &[B_FLAT_MAJOR_9],
    &[G_MINOR_9],
    &[A_7_FLAT_9],
    &[D_MINOR_9],
    &[B_FLAT_MAJOR_9],
    &[G_MINOR_9, C_13],
    &[F_MAJOR_9, A_7_FLAT_9],
];
const MIDDLE: [&[Sound]; 8] = [
    &[G_MINOR_9],
    &[C_13],
    &[F_MAJOR_9],
    &[B_FLAT_MAJOR_9],
    &[E_HALF_DIMINISHED],
    &[A_7_FLAT_9],
    &[D_MINOR_9],
    &[E_HALF_DIMINISHED, A_7_FLAT_9],
];

/// Every chord of the piece.
pub(super) fn chords() -> Vec<Chord> {
    let mut chords = Vec::new();
    for bar in 0..BARS {
        let of = match section(bar) {
            Section::LeadIn => &LEAD_IN[..],
            Section::Middle => &MIDDLE[..],
            _ => &THEME[..],
        };
        let sounds = of[bar_of_section(bar) as usize];
        let steps = 16 / sounds.len() as u32;
        for (step, (root, classes)) in (0..).step_by(steps as usize).zip(sounds) {
            chords.push(Chord { bar, step, steps, root: *root, classes: *classes });
        }
    }
    chords
}

/// The closed position of a chord that moves least from where the hand is.
fn voicing(hand: [u8; 4], classes: [u8; 4]) -> [u8; 4] {
    let mut best = (u32::MAX, hand);
    for lowest in 50..=62_u8 {
        if !classes.contains(&(lowest % 12)) {
            continue;
        }
        // The other notes each at their first place above the lowest.
        let mut keys = classes.map(|class| lowest + (class + 12 - lowest % 12) % 12);
        keys.sort_unstable();
        let moved = keys.iter().zip(hand).map(|(key, was)| u32::from(key.abs_diff(was))).sum();
        if moved < best.0 {
            best = (moved, keys);
        }
    }
    best.1
}

/// Every chord with its voicing, led from one to the next.
fn voiced(chords: &[Chord]) -> impl Iterator<Item = (&Chord, [u8; 4])> {
    chords.iter().scan([53, 57, 60, 64], |hand, chord| {
        *hand = voicing(*hand, chord.classes);
        Some((chord, *hand))
    })
}

/// Where the right hand strikes: step, length and velocity; two bars by turns.
const STRIKES: [&[(u32, u32, u8)]; 2] =
    [&[(0, 2, 66), (3, 2, 58), (6, 3, 72), (11, 2, 62)], &[(2, 2, 60), (6, 4, 70), (11, 1, 56), (14, 2, 64)]];

/// Electric piano.
pub(super) fn comping(chords: &[Chord]) -> Part {
    let mut part = Part::new("Electric piano", 0, 4, 82, 52);
    for (chord, keys) in voiced(chords) {
        for &(step, steps, velocity) in STRIKES[(chord.bar % 2) as usize] {
            if !(chord.step..chord.step + chord.steps).contains(&step) {
                continue;
            }
            let room = chord.step + chord.steps - step;
            for (voice, key) in keys.into_iter().enumerate() {
                // The top of a chord is what is heard as its line.
                let velocity = velocity + if voice == 3 { 6 } else { 0 };
                part.note(chord.bar, step, steps.min(room), key, velocity);
            }
        }
    }
    part
}

/// Strings, in the middle and when the theme returns.
pub(super) fn pad(chords: &[Chord]) -> Part {
    let mut part = Part::new("Strings", 3, 48, 88, 76);
    for (chord, keys) in voiced(chords) {
        if matches!(section(chord.bar), Section::Middle | Section::Return) {
            for key in [keys[0], keys[2], keys[3] + 12] {
                part.note(chord.bar, chord.step, chord.steps, key, 54);
            }
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_never_jumps() {
        let chords = chords();
        let hands: Vec<[u8; 4]> = voiced(&chords).map(|(_, keys)| keys).collect();
        for pair in hands.windows(2) {
            for (was, is) in pair[0].iter().zip(pair[1]) {
                assert!(was.abs_diff(is) <= 5, "{pair:?}");
            }
        }
        for (chord, keys) in voiced(&chords) {
            let mut classes = keys.map(|key| key % 12);
            let mut wanted = chord.classes;
            classes.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(classes, wanted);
        }
    }
}
