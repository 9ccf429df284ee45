//! The end of a piece: all play its last chord together, let it ring, and leave room for that to die away.

use super::lineup::Role;
use super::part::{Score, Struck, nearest};
use super::{bass, comping, drums};
use crate::theory::Style;

/// What is left of a note before the last chord begins, in ticks, as fingers leave keys.
const APART_TICKS: u32 = 12;

/// Puts the end into a part, where the piece has one.
pub(super) fn close(score: &Score, role: Role, is_pad: bool, struck: &mut Vec<Struck>) {
    let Some((step, steps)) = score.last() else { return };
    let (from, until) = (score.tick(step), score.tick(step + steps));
    if is_pad {
        // It is held already.
        for note in struck.iter_mut() {
            note.ticks = note.ticks.min(until.saturating_sub(note.tick).max(1));
        }
        return;
    }
    let played = !struck.is_empty();
    struck.retain(|note| note.tick < from);
    for note in struck.iter_mut() {
        note.ticks = note.ticks.min((from - note.tick).saturating_sub(APART_TICKS).max(1));
    }
    let chord = score.chords[score.chords.len() - 1].chord;
    let last = struck.last().map(|note| note.key);
    match role {
        Role::Comping => {
            let keys = comping::hands(score).pop().unwrap_or_default();
            comping::chord(score, &keys, step, steps, 70, struck);
        }
        Role::Bass => {
            let key =
                nearest(chord.lowest().class(), last.unwrap_or(bass::HOME), bass::LOW, bass::ROOTS_HIGH);
            struck.push(score.note(step, steps, key, 86));
        }
        Role::Top if played => {
            let from_key = last.unwrap_or(71);
            let tones = chord.classes();
            let key = (from_key.saturating_sub(6)..=from_key + 6)
                .filter(|key| tones.contains(*key))
                .min_by_key(|key| key.abs_diff(from_key))
                .unwrap_or(from_key);
            struck.push(score.note(step, steps, key, 78));
        }
        Role::Top => {}
        Role::Drums => {
            let (cymbal, velocity, kick) = match score.style() {
                Style::Swing => (drums::RIDE, 84, 72),
                Style::Bossa => (drums::RIDE, 70, 76),
                Style::Ballad => (drums::RIDE, 60, 70),
                Style::Blues => (drums::CRASH, 76, 92),
                Style::Pop | Style::Funk => (drums::CRASH, 88, 102),
            };
            struck.push(score.note(step, 1, drums::KICK, kick));
            struck.push(score.note(step, 1, cymbal, velocity));
        }
    }
}
