use super::harmony::Chord;
use super::score::Part;
use super::{BARS, LEAD_IN, Section, bar_of_section, section};

const KICK: u8 = 36;
const SNARE: u8 = 38;
const CLOSED_HAT: u8 = 42;
const OPEN_HAT: u8 = 46;
const LOW_TOM: u8 = 45;
const HIGH_TOM: u8 = 50;
const CRASH: u8 = 49;
const RIDE: u8 = 51;

/// Fingered bass: the root, its fifth and octave, and a step into the next root.
pub(super) fn bass(chords: &[Chord]) -> Part {
    let mut part = Part::new("Bass", 1, 33, 104, 64);
    for (index, chord) in chords.iter().enumerate() {
        let (root, bar) = (chord.root, chord.bar);
        // Around again after the last, to where the piece begins.
        let next = chords[(index + 1) % chords.len()].root;
        let into_next = if next > root { next - 1 } else { next + 1 };
        part.note(bar, chord.step, 3, root, 96);
        if chord.steps < 16 {
            part.note(bar, chord.step + 4, 2, root + 12, 78);
            part.note(bar, chord.step + 6, 2, into_next, 84);
            continue;
        }
        part.note(bar, 3, 1, root, 60);
        part.note(bar, 6, 2, root + 7, 86);
        part.note(bar, 8, 2, root + 12, 90);
        if bar % 2 == 1 {
            part.note(bar, 11, 1, root + 7, 70);
            part.note(bar, 12, 2, root, 84);
        } else {
            part.note(bar, 10, 3, root + 12, 80);
        }
        part.note(bar, 14, 2, into_next, 88);
    }
    part
}

/// The kit, on channel 10.
pub(super) fn drums() -> Part {
    let mut part = Part::new("Drums", 9, 0, 116, 64);
    for bar in 0..BARS {
        let now = section(bar);
        let last = bar + 1 == LEAD_IN || bar >= LEAD_IN && bar_of_section(bar) == 7;
        if bar_of_section(bar) == 0 {
            part.note(bar, 0, 4, CRASH, if now == Section::LeadIn { 70 } else { 92 });
        }
        cymbals(&mut part, bar, now);
        for (step, velocity) in [(0, 104), (7, 78), (10, 96)] {
            part.note(bar, step, 1, KICK, velocity);
        }
        // Two bars of kick and hat before the snare comes in.
        if bar >= 2 {
            part.note(bar, 4, 1, SNARE, 98);
            part.note(bar, 9, 1, SNARE, 34);
            if !last {
                part.note(bar, 12, 1, SNARE, 100);
                part.note(bar, 15, 1, SNARE, 30);
            }
        }
        if last {
            fill(&mut part, bar);
        }
    }
    part
}

fn cymbals(part: &mut Part, bar: u32, now: Section) {
    for step in (0..16).step_by(2) {
        let velocity = if step % 4 == 0 { 72 } else { 56 };
        match now {
            Section::Middle => part.note(bar, step, 1, RIDE, velocity),
            _ if step == 14 && bar % 2 == 1 => part.note(bar, step, 2, OPEN_HAT, 70),
            _ => part.note(bar, step, 1, CLOSED_HAT, velocity),
        }
    }
}

fn fill(part: &mut Part, bar: u32) {
    let strokes =
        [(11, SNARE, 70), (12, SNARE, 92), (13, HIGH_TOM, 84), (14, LOW_TOM, 92), (15, LOW_TOM, 98)];
    for (step, key, velocity) in strokes {
        part.note(bar, step, 1, key, velocity);
    }
}
