use super::lineup::Role;
use super::part::{BAR_STEPS, EIGHTH_STEPS, Score, Struck, chance, pick};
use crate::theory::Style;
use crate::theory::voicing::{self, Grip, Register};
use crate::unit::Random;

/// C3 to C6; the hand stays in its middle.
const REGISTER: Register = Register { low: 50, high: 77 };
const FULL_REGISTER: Register = Register { low: 52, high: 79 };

/// Sixteenth within the bar, length, how hard.
type Strike = (u32, u32, i32);

const SWING: [&[Strike]; 9] = [
    &[(0, 5, 66), (6, 2, 74)],
    &[(2, 2, 64), (8, 4, 70)],
    &[(6, 2, 72), (14, 2, 74)],
    &[(4, 2, 66), (10, 3, 70)],
    &[(0, 2, 66), (10, 4, 72)],
    &[(6, 5, 72), (12, 2, 64)],
    &[(0, 10, 64), (14, 2, 72)],
    &[(2, 2, 66), (6, 2, 72), (12, 3, 66)],
    &[(0, 2, 66), (6, 2, 72), (8, 4, 64)],
];
/// Two bars each, by turns: the bossa's clave, and what guitarists make of it.
const BOSSA: [[&[Strike]; 2]; 3] = [
    [&[(0, 4, 68), (6, 4, 72), (12, 3, 66)], &[(4, 4, 70), (10, 4, 72)]],
    [&[(0, 4, 68), (6, 6, 72), (12, 2, 64), (14, 2, 70)], &[(4, 3, 66), (8, 2, 62), (10, 4, 72)]],
    [&[(0, 2, 66), (4, 2, 64), (6, 6, 72), (14, 2, 70)], &[(4, 2, 64), (6, 4, 70), (12, 4, 68)]],
];
const BLUES: [&[Strike]; 4] = [
    &[(4, 2, 72), (12, 2, 74)],
    &[(0, 5, 68), (6, 2, 76)],
    &[(2, 2, 66), (6, 2, 74), (10, 2, 66), (14, 2, 74)],
    &[(4, 2, 72), (6, 2, 66), (12, 2, 74)],
];
const POP: [&[Strike]; 4] = [
    &[(0, 4, 78), (4, 4, 68), (8, 4, 74), (12, 4, 68)],
    &[(0, 6, 78), (6, 6, 72), (12, 4, 70)],
    &[(0, 2, 78), (2, 2, 60), (4, 2, 70), (6, 2, 62), (8, 2, 76), (10, 2, 60), (12, 2, 70), (14, 2, 62)],
    &[(0, 7, 76), (8, 3, 70), (11, 5, 68)],
];
const FUNK: [&[Strike]; 5] = [
    &[(2, 1, 78), (6, 1, 84), (7, 1, 66), (11, 1, 80), (14, 1, 74)],
    &[(0, 1, 80), (3, 1, 74), (6, 2, 84), (10, 1, 72), (13, 1, 78)],
    &[(4, 1, 84), (7, 1, 74), (10, 1, 80), (12, 1, 84)],
    &[(0, 1, 82), (2, 1, 62), (3, 1, 78), (9, 1, 74), (10, 2, 84)],
    &[(3, 1, 80), (6, 1, 76), (10, 3, 84)],
];

/// How a chord's keys are spread, from the lowest to the highest.
pub(super) const fn roll(score: &Score) -> f64 {
    match score.style() {
        Style::Ballad => 22.0,
        Style::Bossa => 10.0,
        _ => 4.0,
    }
}

pub(super) fn play(score: &Score, random: &mut Random) -> Vec<Struck> {
    let hands = hands(score);
    if score.style() == Style::Ballad {
        return broken(score, &hands, random);
    }
    let own = [pick(&POP, random), pick(&FUNK, random), pick(&FUNK, random)];
    let clave = pick(&BOSSA, random);
    let mut struck = Vec::new();
    let mut last: &[Strike] = &[];
    for bar in 0..score.bars {
        let strikes: &[Strike] = match score.style() {
            Style::Bossa => clave[(bar % 2) as usize],
            Style::Pop => own[0],
            Style::Funk => own[1 + (bar / 2 % 2) as usize],
            Style::Blues => fitting(score, bar, &BLUES, last, random),
            _ => fitting(score, bar, &SWING, last, random),
        };
        last = strikes;
        for &(at, length, velocity) in strikes {
            strike(score, &hands, bar * BAR_STEPS + at, length, velocity, &mut struck);
        }
        fill(score, &hands, bar, strikes, &mut struck);
    }
    struck
}

/// Where the hand is for each chord.
pub(super) fn hands(score: &Score) -> Vec<Vec<u8>> {
    let (grip, register) = match score.style() {
        // The root is the hand's own where nobody else plays it.
        _ if !score.manner.lineup.has(Role::Bass) => (Grip::Full, FULL_REGISTER),
        Style::Swing | Style::Bossa | Style::Ballad => (Grip::Rootless, REGISTER),
        Style::Blues | Style::Funk => (Grip::Rootless, REGISTER),
        Style::Pop => (Grip::Full, FULL_REGISTER),
    };
    let mut hand: Vec<u8> = Vec::new();
    score
        .chords
        .iter()
        .map(|placed| {
            let classes = voicing::classes(placed.chord, score.chart.key, grip);
            hand = voicing::lead(&hand, &classes, register);
            hand.clone()
        })
        .collect()
}

/// A rhythm for a bar: another than before, and one that lets each half of two chords be heard.
fn fitting<'r>(
    score: &Score,
    bar: u32,
    rhythms: &[&'r [Strike]],
    last: &[Strike],
    random: &mut Random,
) -> &'r [Strike] {
    let eighth = bar * BAR_STEPS / EIGHTH_STEPS;
    let changes = score.at(eighth) != score.at(eighth + 4);
    let fits = |rhythm: &&[Strike]| {
        *rhythm != last
            && (!changes || rhythm.iter().any(|s| s.0 < 6) && rhythm.iter().any(|s| (6..14).contains(&s.0)))
    };
    let fitting: Vec<&[Strike]> = rhythms.iter().copied().filter(fits).collect();
    if fitting.is_empty() { rhythms[0] } else { pick(&fitting, random) }
}

/// A chord at a sixteenth. Off the beat and right before a change it is the next chord already, and is
/// held into it.
fn strike(score: &Score, hands: &[Vec<u8>], step: u32, steps: u32, velocity: i32, struck: &mut Vec<Struck>) {
    let eighth = step / EIGHTH_STEPS;
    let mut index = score.at(eighth);
    let change = |index: usize| (score.chords[index].eighth + score.chords[index].eighths) * EIGHTH_STEPS;
    let mut steps = steps;
    let is_off = !step.is_multiple_of(4);
    let mut end = change(index);
    if is_off && end - step <= EIGHTH_STEPS && index + 1 < score.chords.len() {
        index += 1;
        end = change(index);
        steps = steps.max(end.min(step + 4) - step);
    }
    let steps = steps.min(end - step);
    chord(score, &hands[index], step, steps, velocity, struck);
}

pub(super) fn chord(
    score: &Score,
    keys: &[u8],
    step: u32,
    steps: u32,
    velocity: i32,
    struck: &mut Vec<Struck>,
) {
    for (voice, key) in keys.iter().enumerate() {
        // The top voice is the line that is heard.
        let line = if voice + 1 == keys.len() { 6 } else { 0 };
        struck.push(score.note(step, steps, *key, velocity + line));
    }
}

/// Chords of a bar that the rhythm passes over are struck where they begin.
fn fill(score: &Score, hands: &[Vec<u8>], bar: u32, strikes: &[Strike], struck: &mut Vec<Struck>) {
    let begin = bar * BAR_STEPS / EIGHTH_STEPS;
    let first = score.at(begin);
    for (index, placed) in score.chords.iter().enumerate().skip(first) {
        if placed.eighth >= begin + 8 {
            break;
        }
        let (from, until) = (placed.eighth * EIGHTH_STEPS, (placed.eighth + placed.eighths) * EIGHTH_STEPS);
        let heard = strikes.iter().any(|strike| {
            let at = bar * BAR_STEPS + strike.0;
            at + EIGHTH_STEPS >= from
                && at < until.saturating_sub(if at.is_multiple_of(4) { 0 } else { EIGHTH_STEPS })
        });
        if !heard && placed.eighth >= begin {
            chord(score, &hands[index], from, (until - from).min(4), 66, struck);
        }
    }
}

/// Broken chords: up through the voices in eighths, held to the end of the chord as by a pedal.
fn broken(score: &Score, hands: &[Vec<u8>], random: &mut Random) -> Vec<Struck> {
    let mut struck = Vec::new();
    for (placed, keys) in score.chords.iter().zip(hands) {
        let end = (placed.eighth + placed.eighths) * EIGHTH_STEPS;
        let blocks = chance(30, random);
        for eighth in 0..placed.eighths {
            let step = (placed.eighth + eighth) * EIGHTH_STEPS;
            let accent = if eighth == 0 { 70 } else { 56 };
            if blocks || placed.eighths == 1 {
                if eighth % 4 == 0 {
                    chord(score, keys, step, end - step, accent - 4, &mut struck);
                }
                continue;
            }
            // Up, over the top and down again.
            let round = (2 * keys.len()).saturating_sub(2).max(1);
            let place = eighth as usize % round;
            let voice = if place < keys.len() { place } else { round - place };
            struck.push(score.note(step, end - step, keys[voice], accent));
        }
    }
    struck
}
