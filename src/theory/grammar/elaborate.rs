use super::palette::Palette;
use super::weights::Weights;
use super::{BAR_SLOTS, Function, Leaf};
use crate::theory::{Quality, Roman};
use crate::unit::Random;

/// The substitutions over a phrase, from its end to its beginning, so that a chord that was put in can
/// be prepared in turn. The first chord stays, and the last.
pub(super) fn phrase(
    leaves: Vec<Leaf>,
    palette: &Palette,
    weights: Weights,
    random: &mut Random,
) -> Vec<Leaf> {
    let mut leaves = leaves;
    let mut chance = |percent: u32| random.below(100) < u64::from(percent);
    let mut at = leaves.len();
    while at > 1 {
        at -= 1;
        let (front, target) = (leaves[at - 1], leaves[at]);
        let start: u32 = leaves[..at].iter().map(|leaf| leaf.slots).sum();
        if let Some(put) = within(front, target, palette, weights, &mut chance) {
            leaves.splice(at - 1..at, put);
            continue;
        }
        let on_bar = start.is_multiple_of(BAR_SLOTS);
        if !on_bar || !palette.is_tonal || front.slots < 2 || front.function == Function::Dominant {
            continue;
        }
        // A whole step up is filled.
        let is_step = front.roman.fifths == target.roman.fifths - 2 && !target.roman.quality.is_diminished();
        if is_step && palette.has_sevenths && chance(weights.passing) {
            let filling = Roman::new(target.roman.fifths + 5, Quality::Diminished7);
            leaves.splice(at - 1..at, take(front, &[(filling, 1)]));
            continue;
        }
        let steady = !matches!(target.function, Function::Tonic | Function::Applied)
            && !target.roman.quality.is_diminished();
        let applied = target.roman.fifths + 1;
        if steady && front.roman.fifths != applied && chance(weights.applied) {
            let is_minor = target.roman.quality.is_minor();
            let mut lead = dominant(applied, is_minor, palette.has_sevenths);
            if chance(weights.tritone) {
                lead = Roman::new(applied - 6, Quality::Dominant7Sharp11);
            }
            let two = if is_minor { Quality::HalfDiminished } else { Quality::Minor7 };
            let before = Roman::new(applied + 1, two);
            // Two chords need a bar of their own, and leave one in front.
            let put: &[(Roman, u32)] = if front.slots >= 2 * BAR_SLOTS && chance(weights.two_five) {
                &[(before, 1), (lead, 1)]
            } else {
                &[(lead, 1)]
            };
            leaves.splice(at - 1..at, take(front, put));
        }
    }
    leaves
}

/// A chord whose last slots are others'.
fn take(front: Leaf, put: &[(Roman, u32)]) -> Vec<Leaf> {
    let taken: u32 = put.iter().map(|(_, slots)| slots).sum();
    let mut leaves = vec![Leaf { slots: front.slots - taken, ..front }];
    leaves.extend(put.iter().map(|&(roman, slots)| Leaf { roman, function: Function::Applied, slots }));
    leaves
}

/// A dominant of a chord: with a flat ninth where that is minor.
fn dominant(fifths: i8, of_minor: bool, has_sevenths: bool) -> Roman {
    let quality = if of_minor && has_sevenths { Quality::Dominant7Flat9 } else { Quality::Dominant7 };
    Roman::new(fifths, quality)
}

/// What happens inside of a chord: a dominant is suspended or prepared, a subdominant turns minor.
fn within(
    front: Leaf,
    target: Leaf,
    palette: &Palette,
    weights: Weights,
    chance: &mut impl FnMut(u32) -> bool,
) -> Option<Vec<Leaf>> {
    if front.slots < 2 || !palette.is_tonal {
        return None;
    }
    let half = |roman: Roman, function: Function| Leaf { roman, function, slots: 1 };
    let goes_home = target.function == Function::Tonic && front.function != target.function;
    let is_authentic = front.function == Function::Dominant && front.roman.fifths == 1;
    let second = |front: Leaf| Leaf { slots: 1, ..front };
    let rest = Leaf { slots: front.slots - 1, ..front };
    if goes_home && is_authentic && front.slots == 2 {
        if chance(weights.suspended) {
            let sus = if palette.has_sevenths { Quality::Dominant9Sus4 } else { Quality::Sus4 };
            return Some(vec![half(Roman::new(1, sus), Function::Dominant), second(front)]);
        }
        // V → V ♭II: the substitute slides home.
        if chance(weights.tritone / 2) {
            let slide = Leaf { roman: Roman::new(-5, Quality::Dominant7Sharp11), ..second(front) };
            return Some(vec![rest, slide]);
        }
    }
    let is_four = front.function == Function::Subdominant && front.roman.fifths == -1;
    if is_four && !front.roman.quality.is_minor() && !palette.is_minor && chance(weights.borrowed) {
        let quality = if palette.has_sevenths { Quality::MinorSixth } else { Quality::Minor };
        return Some(vec![rest, half(Roman::new(-1, quality), Function::Subdominant)]);
    }
    None
}
