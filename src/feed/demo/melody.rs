use super::score::Part;
use super::{BARS, LEAD_IN, SECTION, Section, bar_of_section, section};

/// (step, steps, key) of each note of a bar.
type Bar = &'static [(u32, u32, u8)];

/// The motif (four notes up, one back), answered, a fourth higher, answered;
/// again, and down to where it can begin anew.
const THEME: [Bar; 8] = [
    &[(2, 2, 69), (4, 2, 74), (6, 4, 76), (10, 2, 77), (12, 4, 76)],
    &[(0, 6, 74), (8, 2, 72), (10, 2, 74), (12, 4, 69)],
    &[(2, 2, 70), (4, 2, 74), (6, 4, 77), (10, 2, 79), (12, 4, 77)],
    &[(0, 6, 76), (8, 2, 73), (10, 2, 76), (12, 3, 70)],
    &[(2, 2, 69), (4, 2, 74), (6, 4, 76), (10, 2, 77), (12, 4, 81)],
    &[(0, 6, 79), (8, 2, 77), (10, 2, 74), (12, 4, 77)],
    &[(0, 4, 77), (4, 2, 74), (6, 2, 70), (8, 4, 76), (12, 2, 74), (14, 2, 72)],
    &[(0, 6, 72), (6, 2, 69), (8, 4, 73), (12, 3, 76)],
];

/// The same bones with more steps between them.
const VARIATION: [Bar; 8] = [
    &[(1, 1, 67), (2, 2, 69), (4, 2, 74), (6, 1, 74), (7, 3, 76), (10, 1, 77), (11, 1, 79), (12, 4, 76)],
    &[(0, 3, 74), (3, 1, 76), (4, 2, 74), (7, 1, 70), (8, 2, 72), (10, 1, 74), (11, 1, 72), (12, 4, 69)],
    &[(1, 1, 69), (2, 2, 70), (4, 2, 74), (6, 1, 74), (7, 3, 77), (10, 1, 79), (11, 1, 81), (12, 4, 77)],
    &[(0, 3, 76), (3, 1, 77), (4, 2, 76), (7, 1, 70), (8, 1, 73), (9, 1, 76), (10, 1, 79), (12, 3, 82)],
    &[(0, 2, 81), (2, 1, 79), (3, 1, 77), (4, 2, 76), (6, 4, 74), (10, 2, 77), (12, 4, 81)],
    &[(0, 4, 82), (4, 2, 81), (6, 2, 79), (8, 2, 77), (10, 1, 76), (11, 1, 74), (12, 4, 77)],
    &[(0, 3, 74), (3, 1, 77), (4, 2, 82), (6, 2, 81), (8, 3, 79), (11, 1, 76), (12, 2, 74), (14, 2, 72)],
    &[(0, 4, 76), (4, 2, 72), (6, 2, 69), (8, 2, 73), (10, 2, 76), (12, 3, 79)],
];

const MIDDLE: [Bar; 8] = [
    &[(0, 6, 74), (6, 6, 77), (12, 4, 81)],
    &[(0, 8, 79), (8, 4, 76), (12, 4, 74)],
    &[(0, 6, 72), (6, 6, 76), (12, 4, 79)],
    &[(0, 8, 77), (8, 4, 74), (12, 4, 72)],
    &[(0, 6, 70), (6, 6, 74), (12, 4, 79)],
    &[(0, 8, 76), (8, 2, 73), (10, 2, 76), (12, 2, 79), (14, 2, 82)],
    &[(0, 10, 81), (10, 2, 79), (12, 4, 77)],
    &[(0, 4, 79), (4, 4, 74), (8, 4, 73), (12, 3, 76)],
];

/// Flute; a vibraphone takes the middle.
pub(super) fn tune() -> Part {
    let mut part = Part::new("Tune", 2, 73, 100, 64);
    part.program(LEAD_IN + 2 * SECTION, 11);
    part.program(LEAD_IN + 3 * SECTION, 73);
    for bar in LEAD_IN..BARS {
        let bars = match section(bar) {
            Section::Variation => &VARIATION,
            Section::Middle => &MIDDLE,
            _ => &THEME,
        };
        for &(step, steps, key) in bars[bar_of_section(bar) as usize] {
            let accent = if step % 4 == 0 { 6 } else { 0 };
            // A vibraphone has to be struck harder to stand where the flute stood.
            let level = if section(bar) == Section::Middle { 104 } else { 86 };
            part.note(bar, step, steps, key, level + accent);
        }
    }
    part
}

/// What a second choir answers in the gaps of the returning theme.
const ANSWER: [Bar; 8] = [
    &[],
    &[(6, 2, 65), (8, 4, 69), (13, 2, 67)],
    &[(0, 4, 65)],
    &[(5, 1, 70), (6, 2, 69), (8, 6, 67)],
    &[],
    &[(6, 2, 62), (8, 4, 65), (13, 2, 69)],
    &[(0, 8, 70), (8, 8, 67)],
    &[(0, 8, 69), (8, 2, 70), (10, 2, 69), (12, 3, 67)],
];

/// Koto, in the variation and at the return.
pub(super) fn answer() -> Part {
    let mut part = Part::new("Answer", 4, 107, 116, 88);
    for bar in LEAD_IN..BARS {
        if matches!(section(bar), Section::Variation | Section::Return) {
            for &(step, steps, key) in ANSWER[bar_of_section(bar) as usize] {
                part.note(bar, step, steps, key, 92);
            }
        }
    }
    part
}
