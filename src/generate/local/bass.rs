use super::part::{BAR_STEPS, EIGHTH_STEPS, Score, Struck, chance, nearest, pick};
use crate::theory::{Classes, Placed, Style, scale};
use crate::unit::Random;

/// E1 to G3: a bass with four strings, as far as one hand likes.
pub(super) const LOW: u8 = 28;
pub(super) const HIGH: u8 = 55;
/// Where roots are looked for.
pub(super) const HOME: u8 = 36;
pub(super) const ROOTS_HIGH: u8 = 47;

/// What of a chord a pattern plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Degree {
    Root,
    Fifth,
    Octave,
    Seventh,
    /// A step into the next chord's root.
    Approach,
}

/// Sixteenth within the bar, length, what, how hard.
type Stroke = (u32, u32, Degree, i32);

use Degree::{Approach, Fifth, Octave, Root, Seventh};

const BOSSA: [&[Stroke]; 2] = [
    &[(0, 6, Root, 88), (6, 2, Root, 70), (8, 6, Fifth, 86), (14, 2, Approach, 72)],
    &[(0, 6, Root, 88), (6, 2, Fifth, 70), (8, 6, Fifth, 84), (14, 2, Root, 72)],
];
const POP: [&[Stroke]; 4] = [
    &[(0, 6, Root, 92), (6, 4, Root, 80), (10, 4, Root, 84), (14, 2, Approach, 76)],
    &[
        (0, 2, Root, 94),
        (2, 2, Root, 74),
        (4, 2, Root, 82),
        (6, 2, Root, 74),
        (8, 2, Root, 88),
        (10, 2, Root, 74),
        (12, 2, Root, 82),
        (14, 2, Approach, 76),
    ],
    &[(0, 4, Root, 92), (6, 2, Root, 78), (8, 4, Fifth, 84), (12, 4, Root, 78)],
    &[(0, 8, Root, 90), (8, 6, Root, 84), (14, 2, Approach, 74)],
];
const FUNK: [&[Stroke]; 4] = [
    &[
        (0, 3, Root, 104),
        (3, 1, Root, 70),
        (6, 1, Octave, 92),
        (10, 2, Seventh, 88),
        (13, 1, Root, 72),
        (14, 2, Approach, 86),
    ],
    &[
        (0, 2, Root, 104),
        (3, 1, Octave, 88),
        (7, 1, Root, 80),
        (8, 1, Root, 74),
        (10, 1, Fifth, 86),
        (11, 1, Seventh, 84),
        (14, 2, Root, 88),
    ],
    &[(0, 4, Root, 104), (6, 2, Root, 84), (11, 1, Octave, 90), (12, 2, Seventh, 84), (15, 1, Approach, 82)],
    &[(0, 1, Root, 104), (2, 2, Root, 86), (7, 1, Octave, 90), (10, 3, Fifth, 84), (14, 1, Seventh, 82)],
];
const BALLAD: [&[Stroke]; 3] = [
    &[(0, 8, Root, 78), (8, 6, Fifth, 68), (14, 2, Approach, 60)],
    &[(0, 12, Root, 78), (12, 4, Fifth, 64)],
    &[(0, 6, Root, 78), (6, 2, Fifth, 60), (8, 8, Root, 70)],
];
/// The boogie: root, third, fifth, sixth and back, in eighths; semitones above the root.
const BOOGIE_MAJOR: [u8; 8] = [0, 0, 4, 4, 7, 7, 9, 9];
const BOOGIE_MINOR: [u8; 8] = [0, 0, 3, 3, 7, 7, 10, 10];

pub(super) fn play(score: &Score, random: &mut Random) -> Vec<Struck> {
    let mut line = Line { score, last: HOME, struck: Vec::new() };
    match score.style() {
        _ if score.manner.lineup.walks => line.walk_all(random),
        Style::Swing => line.walk_all(random),
        Style::Blues => {
            if chance(50, random) {
                line.boogie(random)
            } else {
                line.walk_all(random)
            }
        }
        Style::Bossa => line.patterns(&BOSSA, random),
        // One figure carries a song, another is for its second half.
        Style::Pop => line.patterns(&[pick(&POP, random)], random),
        Style::Funk => line.patterns(&[pick(&FUNK, random), pick(&FUNK, random)], random),
        Style::Ballad => line.patterns(&BALLAD, random),
    }
    line.struck
}

struct Line<'s, 'c> {
    score: &'s Score<'c>,
    /// The key that was last played.
    last: u8,
    struck: Vec<Struck>,
}

impl Line<'_, '_> {
    /// The root of a chord (or the bass of its slash) near to where the hand is, and not drifting up.
    fn root(&self, placed: &Placed) -> u8 {
        let towards = (u16::from(self.last) + u16::from(HOME)) / 2;
        nearest(placed.chord.lowest().class(), towards as u8, LOW, ROOTS_HIGH)
    }

    fn scale(&self, placed: &Placed) -> Classes {
        scale::of(placed.chord, self.score.chart.key)
    }

    fn add(&mut self, step: u32, steps: u32, key: u8, velocity: i32) {
        self.struck.push(self.score.note(step, steps, key, velocity));
        self.last = key;
    }

    /// A key a step from the next root: from the scale, or by a semitone, or its fifth.
    fn approach(&self, from: u8, placed: &Placed, next: &Placed, random: &mut Random) -> u8 {
        let towards = (u16::from(from) + u16::from(HOME)) / 2;
        let goal = nearest(next.chord.lowest().class(), towards as u8, LOW, ROOTS_HIGH);
        let scale = self.scale(placed);
        let step = |up: bool| {
            let at = |distance: u8| if up { goal + distance } else { goal.saturating_sub(distance) };
            if scale.contains(at(2)) && !scale.contains(at(1)) { at(2) } else { at(1) }
        };
        let fifth = if goal >= LOW + 5 { goal - 5 } else { goal + 7 };
        let choices = [step(true), step(false), goal + 1, goal.saturating_sub(1), fifth];
        // Songs stay in their scale; jazz does not mind.
        let plain = matches!(self.score.style(), Style::Pop | Style::Ballad);
        let weights = choices.map(|key| match key {
            key if plain && !scale.contains(key) => 0,
            key if !(LOW..=HIGH).contains(&key) || key == from => 0,
            key if key == fifth => 2 * u32::from(scale.contains(key)),
            key if key.abs_diff(from) <= 7 => 4,
            _ => 1,
        });
        if weights == [0; 5] { goal } else { choices[random.weighed(&weights)].clamp(LOW, HIGH) }
    }

    /// A figure of the bar over each chord: a chord that begins within the bar begins with its root.
    fn patterns(&mut self, figures: &[&[Stroke]], random: &mut Random) {
        for bar in 0..self.score.bars {
            let figure = figures[bar as usize % figures.len()];
            let begin = bar * BAR_STEPS;
            let mut strokes: Vec<Stroke> = figure.to_vec();
            let mut index = self.score.at(begin / EIGHTH_STEPS);
            let first = index;
            // Chords that begin in the bar are struck where they begin, over whatever stands there.
            while let Some(placed) =
                self.score.chords.get(index).filter(|p| p.eighth * EIGHTH_STEPS < begin + BAR_STEPS)
            {
                if index > first {
                    let at = placed.eighth * EIGHTH_STEPS - begin;
                    let length = (placed.eighths * EIGHTH_STEPS).min(4);
                    strokes.retain(|stroke| stroke.0 != at);
                    strokes.push((at, length, Root, 86));
                }
                index += 1;
            }
            strokes.sort_by_key(|stroke| stroke.0);
            for (place, &(at, length, degree, velocity)) in strokes.iter().enumerate() {
                let until = strokes.get(place + 1).map_or(BAR_STEPS, |next| next.0);
                let step = begin + at;
                let index = self.score.at(step / EIGHTH_STEPS);
                let placed = self.score.chords[index];
                let leads_on = step + length >= (placed.eighth + placed.eighths) * EIGHTH_STEPS;
                let key = self.degree(degree, &placed, leads_on.then(|| *self.score.behind(index)), random);
                self.add(step, length.min(until - at), key, velocity);
            }
        }
    }

    fn degree(&self, degree: Degree, placed: &Placed, next: Option<Placed>, random: &mut Random) -> u8 {
        let root = self.root(placed);
        let chord = placed.chord;
        let above = |class: Option<u8>| {
            class.map_or(root, |class| {
                let key = root + (class + 12 - root % 12) % 12;
                if key > HIGH { key - 12 } else { key }
            })
        };
        match (degree, next) {
            (Approach, Some(next)) if next.chord.lowest() != chord.lowest() => {
                self.approach(self.last, placed, &next, random)
            }
            (Root | Approach, _) => root,
            (Octave, _) => {
                if root + 12 <= HIGH {
                    root + 12
                } else {
                    root
                }
            }
            (Fifth, _) => {
                // Below the root where there is room: it is heard as the bass's own.
                let fifth = above(chord.fifth());
                if fifth >= LOW + 12 && fifth > root + 4 && chance(50, random) { fifth - 12 } else { fifth }
            }
            (Seventh, _) => above(chord.seventh().or(chord.fifth())),
        }
    }

    fn boogie(&mut self, random: &mut Random) {
        for index in 0..self.score.chords.len() {
            let placed = self.score.chords[index];
            // The figure goes up from here, and the hand goes to the nearest from where that ended.
            let root = nearest(placed.chord.lowest().class(), self.last, LOW, HIGH - 12);
            let figure = if placed.chord.quality.is_minor() { BOOGIE_MINOR } else { BOOGIE_MAJOR };
            let next = *self.score.behind(index);
            for eighth in 0..placed.eighths {
                let is_last = eighth + 1 == placed.eighths;
                let key = if is_last && next.chord.root != placed.chord.root && placed.eighths > 2 {
                    self.approach(self.last, &placed, &next, random)
                } else {
                    let mut key = root + figure[eighth as usize % 8];
                    // An altered fifth is the chord's own.
                    if !self.scale(&placed).contains(key) {
                        key = root;
                    }
                    key
                };
                let accent = if eighth % 2 == 0 { 90 } else { 74 };
                self.add((placed.eighth + eighth) * EIGHTH_STEPS, EIGHTH_STEPS, key, accent);
            }
        }
    }

    fn walk_all(&mut self, random: &mut Random) {
        for index in 0..self.score.chords.len() {
            self.walk(index, random);
        }
    }

    /// A note on each beat of a chord: its root, then by its scale towards the next chord's root, the last
    /// a step from it; tones of the chord on strong beats.
    fn walk(&mut self, index: usize, random: &mut Random) {
        let placed = self.score.chords[index];
        let next = *self.score.behind(index);
        // A chord that begins off the beat is struck there, and walks from the next beat on.
        let beats = (placed.eighths / 2).max(1);
        let root = self.root(&placed);
        let is_again =
            index > 0 && self.score.chords[index - 1].chord == placed.chord && self.last % 12 == root % 12;
        let scale = self.scale(&placed);
        let tones = placed.chord.classes();
        let mut line = vec![root];
        // A chord that goes on may begin with its fifth or third.
        if is_again {
            let other = pick(&[placed.chord.fifth(), placed.chord.third()], random);
            line[0] = nearest(other.unwrap_or(root % 12), self.last, LOW, ROOTS_HIGH);
        }
        let lead = self.approach(line[0], &placed, &next, random);
        for beat in 1..beats {
            if beat + 1 == beats {
                line.push(lead);
                break;
            }
            let from = line[line.len() - 1];
            let before = line.len().checked_sub(2).map(|at| line[at]);
            let left = (beats - 1 - beat) as i32;
            let is_spent = |key: u8| left == 1 && key == lead;
            let strong = beat % 2 == 0;
            let wanted: Vec<u8> = (from.saturating_sub(7).max(LOW)..=(from + 7).min(HIGH))
                .filter(|key| *key != from && Some(*key) != before && scale.contains(*key))
                .filter(|key| !is_spent(*key) && (!strong || tones.contains(*key)))
                .collect();
            let weights: Vec<u32> = wanted
                .iter()
                .map(|key| {
                    let step = key.abs_diff(from);
                    let away = i32::from(key.abs_diff(lead)) - 4 * left;
                    let reach = if away <= 0 && *key != lead { 6 } else { 1 };
                    reach
                        * if step <= 2 {
                            5
                        } else if tones.contains(*key) {
                            3
                        } else {
                            1
                        }
                })
                .collect();
            let key = if wanted.is_empty() {
                nearest(root % 12, from, LOW, HIGH)
            } else {
                wanted[random.weighed(&weights)]
            };
            line.push(key);
        }
        for (beat, key) in (0_u32..).zip(line) {
            let step = (placed.eighth + 2 * beat) * EIGHTH_STEPS;
            let steps = if placed.eighths == 1 { 2 } else { 4 };
            let accent = if (step / 4) % 2 == 1 { 4 } else { 0 };
            self.add(step, steps, key, 84 + accent);
            // Now and then a note is struck again before the next beat; not the one that leads on.
            if steps == 4 && beat + 1 < beats && chance(8, random) {
                self.struck.push(self.score.note(step + 2, 1, key, 58));
            }
        }
    }
}
