use super::part::{BAR_STEPS, Energy, Score, Struck, chance, pick};
use crate::theory::Style;
use crate::unit::Random;

pub(super) const KICK: u8 = 36;
const STICK: u8 = 37;
const SNARE: u8 = 38;
const CLOSED_HAT: u8 = 42;
const PEDAL_HAT: u8 = 44;
const LOW_TOM: u8 = 45;
const OPEN_HAT: u8 = 46;
const MIDDLE_TOM: u8 = 47;
pub(super) const CRASH: u8 = 49;
const HIGH_TOM: u8 = 50;
pub(super) const RIDE: u8 = 51;

/// Sixteenth within the bar and velocity.
type Hit = (u32, i32);

const POP_KICKS: [&[Hit]; 4] = [
    &[(0, 104), (8, 98)],
    &[(0, 104), (8, 96), (10, 88)],
    &[(0, 104), (6, 84), (8, 98)],
    &[(0, 104), (7, 80), (10, 94)],
];
const FUNK_KICKS: [&[Hit]; 4] = [
    &[(0, 108), (3, 80), (10, 98)],
    &[(0, 108), (6, 88), (10, 96), (13, 78)],
    &[(0, 108), (2, 82), (7, 84), (10, 98)],
    &[(0, 108), (7, 86), (9, 78), (14, 90)],
];
/// Ends of phrases, over the last two beats.
const FILLS: [&[(u32, u8, i32)]; 5] = [
    &[
        (8, SNARE, 84),
        (10, SNARE, 72),
        (12, HIGH_TOM, 88),
        (13, HIGH_TOM, 76),
        (14, LOW_TOM, 92),
        (15, LOW_TOM, 84),
    ],
    &[(10, SNARE, 78), (11, SNARE, 66), (12, SNARE, 90), (14, MIDDLE_TOM, 86), (15, LOW_TOM, 92)],
    &[(12, SNARE, 84), (13, SNARE, 70), (14, SNARE, 88), (15, SNARE, 96)],
    &[(8, HIGH_TOM, 84), (10, MIDDLE_TOM, 84), (12, LOW_TOM, 90), (14, SNARE, 94)],
    &[(8, SNARE, 80), (11, HIGH_TOM, 78), (14, LOW_TOM, 90)],
];
/// Softer ones, of eighths, that swing.
const SOFT_FILLS: [&[(u32, u8, i32)]; 4] = [
    &[(8, SNARE, 66), (10, SNARE, 56), (12, HIGH_TOM, 70), (14, LOW_TOM, 76)],
    &[(10, SNARE, 60), (12, SNARE, 72), (14, SNARE, 64)],
    &[(6, SNARE, 58), (10, HIGH_TOM, 66), (12, LOW_TOM, 72), (14, KICK, 70)],
    &[(8, LOW_TOM, 62), (10, HIGH_TOM, 66), (14, SNARE, 74)],
];

/// Bars of a phrase: at its end is a fill.
const PHRASE_BARS: u32 = 4;

pub(super) fn play(score: &Score, random: &mut Random) -> Vec<Struck> {
    let mut kit = Kit { score, struck: Vec::new() };
    let kicks = match score.style() {
        Style::Funk => [pick(&FUNK_KICKS, random), pick(&FUNK_KICKS, random)],
        _ => [pick(&POP_KICKS, random); 2],
    };
    for bar in 0..score.bars {
        let begin = bar * BAR_STEPS;
        // Into the end, where there is one; that itself is everybody's.
        let is_last = bar + 1 + u32::from(score.comes_to_an_end()) == score.bars;
        let is_phrase_end = bar % PHRASE_BARS == PHRASE_BARS - 1 || is_last;
        let is_section_end = bar % (2 * PHRASE_BARS) == 2 * PHRASE_BARS - 1 || is_last;
        // A piece of one or two bars is a loop: it has no room for an end.
        let has_fill = score.bars > 2
            && score.manner.energy != Energy::Calm
            && (is_section_end || is_phrase_end && chance(35, random));
        let until = if has_fill { 8 } else { BAR_STEPS };
        match score.style() {
            Style::Swing => kit.swing(begin, until, random),
            Style::Bossa => kit.bossa(bar, until),
            Style::Blues => kit.shuffle(begin, until, random),
            Style::Pop => kit.pop(begin, until, kicks[0], is_phrase_end && !has_fill),
            Style::Funk => kit.funk(begin, until, kicks[(bar % 2) as usize], random),
            Style::Ballad => kit.ballad(begin, until),
        }
        if has_fill {
            let is_soft = matches!(score.style(), Style::Swing | Style::Bossa | Style::Blues | Style::Ballad);
            let fill = if is_soft { pick(&SOFT_FILLS, random) } else { pick(&FILLS, random) };
            for (step, key, velocity) in fill {
                kit.hit(begin + step, *key, *velocity);
            }
        }
        let is_start = bar % (2 * PHRASE_BARS) == 0 && bar > 0;
        if is_start && !matches!(score.style(), Style::Bossa | Style::Ballad) {
            kit.hit(begin, CRASH, 78);
        }
    }
    kit.struck
}

struct Kit<'s, 'c> {
    score: &'s Score<'c>,
    struck: Vec<Struck>,
}

impl Kit<'_, '_> {
    fn hit(&mut self, step: u32, key: u8, velocity: i32) {
        self.struck.push(self.score.note(step, 1, key, velocity));
    }

    fn hits(&mut self, begin: u32, until: u32, key: u8, hits: &[Hit]) {
        for &(step, velocity) in hits.iter().filter(|hit| hit.0 < until) {
            self.hit(begin + step, key, velocity);
        }
    }

    fn swing(&mut self, begin: u32, until: u32, random: &mut Random) {
        // The cymbal goes on through a fill.
        for beat in 0..4 {
            self.hit(begin + 4 * beat, RIDE, if beat % 2 == 1 { 82 } else { 74 });
            let skips = if beat % 2 == 1 { 85 } else { 12 };
            if chance(skips, random) {
                self.hit(begin + 4 * beat + 2, RIDE, 58);
            }
        }
        self.hits(begin, BAR_STEPS, PEDAL_HAT, &[(4, 64), (12, 66)]);
        // A kick that is felt more than heard, and the left hand's answers to the comping.
        self.hits(begin, until, KICK, &[(0, 44), (4, 34), (8, 42), (12, 34)]);
        for step in [2, 6, 10, 14] {
            if step < until && chance(18, random) {
                let (key, velocity) = if chance(70, random) { (SNARE, 46) } else { (KICK, 68) };
                self.hit(begin + step, key, velocity);
            }
        }
    }

    fn bossa(&mut self, bar: u32, until: u32) {
        let begin = bar * BAR_STEPS;
        for eighth in 0..8 {
            self.hit(begin + 2 * eighth, CLOSED_HAT, if eighth % 4 == 0 { 62 } else { 50 });
        }
        self.hits(begin, BAR_STEPS, KICK, &[(0, 78), (6, 60), (8, 74), (14, 60)]);
        let clave: &[Hit] =
            if bar.is_multiple_of(2) { &[(0, 72), (6, 74), (12, 72)] } else { &[(4, 72), (10, 74)] };
        self.hits(begin, until, STICK, clave);
    }

    fn shuffle(&mut self, begin: u32, until: u32, random: &mut Random) {
        for beat in 0..4 {
            self.hit(begin + 4 * beat, RIDE, 76);
            self.hit(begin + 4 * beat + 2, RIDE, 60);
        }
        self.hits(begin, BAR_STEPS, PEDAL_HAT, &[(4, 56), (12, 56)]);
        self.hits(begin, BAR_STEPS, KICK, &[(0, 96), (8, 92)]);
        self.hits(begin, until, SNARE, &[(4, 94), (12, 96)]);
        if chance(40, random) {
            self.hits(begin, until, KICK, &[(10, 72)]);
        }
        if chance(50, random) {
            self.hits(begin, until, SNARE, &[(6, 32), (10, 30)]);
        }
    }

    fn pop(&mut self, begin: u32, until: u32, kicks: &[Hit], opens: bool) {
        for eighth in 0..until / 2 {
            let step = 2 * eighth;
            if opens && step == 14 {
                self.hit(begin + step, OPEN_HAT, 72);
            } else {
                self.hit(begin + step, CLOSED_HAT, if eighth % 2 == 0 { 74 } else { 56 });
            }
        }
        self.hits(begin, until, KICK, kicks);
        self.hits(begin, until, SNARE, &[(4, 98), (12, 100)]);
    }

    fn funk(&mut self, begin: u32, until: u32, kicks: &[Hit], random: &mut Random) {
        for step in 0..until {
            let velocity = match step % 4 {
                0 => 74,
                2 => 62,
                _ => 42,
            };
            let is_open = step == 14 && chance(25, random);
            self.hit(begin + step, if is_open { OPEN_HAT } else { CLOSED_HAT }, velocity);
        }
        self.hits(begin, until, KICK, kicks);
        self.hits(begin, until, SNARE, &[(4, 102), (12, 104)]);
        for step in [7, 9, 15] {
            if step < until && chance(45, random) {
                self.hit(begin + step, SNARE, 34);
            }
        }
    }

    fn ballad(&mut self, begin: u32, until: u32) {
        for eighth in 0..8 {
            self.hit(begin + 2 * eighth, CLOSED_HAT, if eighth % 2 == 0 { 54 } else { 40 });
        }
        self.hits(begin, until, KICK, &[(0, 76), (10, 60)]);
        self.hits(begin, until, STICK, &[(4, 66), (12, 68)]);
    }
}
