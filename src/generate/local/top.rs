use super::part::{EIGHTH_STEPS, Score, Struck, nearest};
use crate::theory::Style;
use crate::theory::voicing::{self, Grip};
use crate::unit::Random;

/// Where the pad lies.
pub(super) const LOW: u8 = 55;
pub(super) const HIGH: u8 = 81;

/// Held guide tones, third and seventh or fifth, each led to the nearest of the next chord. Styles with
/// room for it only; the others have no third voice.
pub(super) fn play(score: &Score, _random: &mut Random) -> Vec<Struck> {
    if !matches!(score.style(), Style::Bossa | Style::Pop | Style::Ballad) {
        return Vec::new();
    }
    let mut struck: Vec<Struck> = Vec::new();
    let mut voices = [64, 71];
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
        let lower = nearest(classes[0], voices[0], LOW, HIGH - 7);
        let other = classes.get(1).copied().unwrap_or(classes[0]);
        let mut upper = nearest(other, voices[1], LOW + 7, HIGH);
        if upper <= lower + 1 {
            upper = nearest(other, lower + 8, LOW, HIGH);
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
