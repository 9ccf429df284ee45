use super::comping;
use super::lineup::{Role, Top};
use super::part::{EIGHTH_STEPS, Energy, Score, Struck, pick};
use crate::theory::voicing::{self, Grip};
use crate::theory::{Classes, Style, scale};
use crate::unit::Random;

/// Where the pad lies.
const LOW: u8 = 55;
const HIGH: u8 = 81;
/// Where a tune lies: above the comping's middle.
const TUNE_LOW: u8 = 62;
const TUNE_HIGH: u8 = 81;

/// A note of a motif: its eighth within two bars, and how many it lasts.
type Beat = (u32, u32);

/// Rhythms of two bars, which say something and leave room.
const MOTIFS: [&[Beat]; 7] = [
    &[(1, 1), (2, 1), (3, 2), (6, 1), (7, 5)],
    &[(0, 3), (3, 1), (4, 2), (7, 4)],
    &[(2, 1), (3, 1), (4, 1), (5, 3), (10, 1), (11, 3)],
    &[(0, 1), (1, 2), (4, 1), (5, 3), (11, 3)],
    &[(3, 1), (4, 1), (5, 1), (6, 1), (7, 3), (12, 1), (13, 2)],
    &[(2, 2), (5, 1), (6, 1), (7, 5)],
    &[(0, 2), (3, 2), (6, 1), (7, 1), (8, 1), (9, 4)],
];

/// The third voice: a tune where the style has soloists, held guide tones where it sings, else nothing.
pub(super) fn play(score: &Score, random: &mut Random) -> Vec<Struck> {
    match (score.manner.lineup.top, score.style()) {
        (Top::Tune, _) | (Top::Usual, Style::Swing | Style::Blues) => tune(score, random),
        (Top::Usual, Style::Funk) => Vec::new(),
        (Top::Pad, _) | (Top::Usual, _) => pad(score),
    }
}

/// Whether it is held chords.
pub(super) fn is_pad(score: &Score) -> bool {
    match score.manner.lineup.top {
        Top::Usual => matches!(score.style(), Style::Bossa | Style::Pop | Style::Ballad),
        top => top == Top::Pad,
    }
}

/// A motif and its answer, over two bars each: `a a b a`. Where a rhythm comes again its contour does too,
/// on the chords that stand there; what is long or on the beat is a tone of its chord, the rest of its scale.
fn tune(score: &Score, random: &mut Random) -> Vec<Struck> {
    let motif = |random: &mut Random| {
        let rhythm = pick(&MOTIFS, random);
        let contour: Vec<i32> = rhythm.iter().map(|_| pick(&[-2, -1, -1, 1, 1, 2], random)).collect();
        (rhythm, contour)
    };
    let motifs = [motif(random), motif(random)];
    let mut struck = Vec::new();
    let mut key = 71;
    let end = 8 * score.bars;
    for group in 0..score.bars.div_ceil(2) {
        let rests = if score.manner.energy == Energy::Calm { 35 } else { 12 };
        if group > 0 && random.below(100) < rests {
            continue;
        }
        let (rhythm, contour) = &motifs[usize::from(group % 4 == 2)];
        for (&(at, eighths), step) in rhythm.iter().zip(contour) {
            let eighth = 16 * group + at;
            if eighth >= end {
                break;
            }
            // What is struck off the beat and held belongs to the chord that it is held into.
            let held_into = u32::from(eighth % 2 == 1 && eighths > 1);
            let placed = score.chords[score.at((eighth + held_into).min(end - 1))];
            let tones = placed.chord.classes();
            let is_weak = eighth % 2 == 1 && eighths == 1;
            let steps = if is_weak { scale::of(placed.chord, score.chart.key) } else { tones };
            key = stepped(key, *step, steps);
            let eighths = eighths.min(end - eighth);
            let accent = if is_weak { 80 } else { 90 };
            struck.push(score.note(eighth * EIGHTH_STEPS, eighths * EIGHTH_STEPS, key, accent));
        }
    }
    struck
}

/// The key so many places of a scale above or below a key; at the ends of the range it turns back.
fn stepped(key: u8, step: i32, steps: Classes) -> u8 {
    let up = if key >= TUNE_HIGH - 4 {
        false
    } else if key <= TUNE_LOW + 4 {
        true
    } else {
        step > 0
    };
    let mut ways: Vec<u8> = (TUNE_LOW..=TUNE_HIGH).filter(|key| steps.contains(*key)).collect();
    ways.retain(|way| if up { *way > key } else { *way < key });
    if !up {
        ways.reverse();
    }
    let place = step.unsigned_abs().saturating_sub(1) as usize;
    ways.get(place).or(ways.last()).copied().unwrap_or(key)
}

/// Held guide tones, third and seventh or fifth, each led to the nearest of the next chord.
fn pad(score: &Score) -> Vec<Struck> {
    let mut struck: Vec<Struck> = Vec::new();
    let mut voices = [64, 71];
    let hands = if score.manner.lineup.has(Role::Comping) { comping::hands(score) } else { Vec::new() };
    let mut index = 0;
    while index < score.chords.len() {
        let placed = score.chords[index];
        // A chord that comes again is held.
        let mut last = index;
        while score.chords.get(last + 1).is_some_and(|next| next.chord == placed.chord) {
            last += 1;
        }
        let end = score.chords[last].eighth + score.chords[last].eighths;
        let classes = voicing::classes(placed.chord, score.chart.key, Grip::Shell);
        let hand = hands.get(index).map_or(&[][..], Vec::as_slice);
        let lower = clear(classes[0], voices[0], LOW, HIGH - 7, hand);
        let other = classes.get(1).copied().unwrap_or(classes[0]);
        let mut upper = clear(other, voices[1], LOW + 7, HIGH, hand);
        if upper <= lower + 1 {
            upper = clear(other, lower + 8, LOW, HIGH, hand);
        }
        voices = [lower, upper];
        let (step, steps) = (placed.eighth * EIGHTH_STEPS, (end - placed.eighth) * EIGHTH_STEPS);
        for key in voices {
            struck.push(score.note(step, steps, key, 58));
        }
        index = last + 1;
    }
    struck
}

/// The key of a pitch class nearest to another, and, as far as there is one, no minor ninth above or below a
/// key of the comping hand: a semitone within a chord is a colour, an octave further it is a wrong note.
fn clear(class: u8, to: u8, low: u8, high: u8, hand: &[u8]) -> u8 {
    let keys = (low..=high).filter(|key| key % 12 == class % 12);
    let rubs = |key: u8| hand.iter().any(|other| key.abs_diff(*other) == 13);
    keys.min_by_key(|key| (u8::from(rubs(*key)) * 24 + key.abs_diff(to), *key)).unwrap_or(low)
}
