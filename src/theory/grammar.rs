//! A probabilistic grammar of functional harmony.
//!
//! A piece is sections, a section is phrases; a phrase is a tonic region and a cadence, and regions
//! are prolonged by what Rohrmeier's rules allow ("Towards a generative syntax of tonal harmony",
//! Journal of Mathematics and Music 5, 2011): `TR → TR DR t`, `DR → SR d`, `t → t tp`, plagal and
//! deceptive turns. Over the chords that this gives, and their places in the bar, go the substitutions
//! of Steedman ("A Generative Grammar for Jazz Chord Sequences", Music Perception 2, 1984): a dominant
//! before a chord takes the end of the chord in front, may become a ii–V, and its tritone substitute.
//! Steedman's own subject, the blues, is a form of its own.
//!
//! Weights are by style (`weights`), chords for a function by style and mode (`palette`).

mod blues;
mod elaborate;
mod palette;
mod phrase;
mod weights;

use palette::Palette;
use phrase::{Close, Opening, Writer};
use weights::Weights;

use super::{BARS_AT_MOST, Chart, Chord, Key, Roman, Style};
use crate::unit::Random;

/// What a chord does in its phrase.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Function {
    Tonic,
    /// Stands for the tonic, a third away.
    Parallel,
    Subdominant,
    Dominant,
    /// A dominant of the chord behind it, or what leads to that.
    Applied,
}

/// A chord of the derivation. Its length is in slots of two beats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Leaf {
    roman: Roman,
    function: Function,
    slots: u32,
}

/// Slots of a bar.
const BAR_SLOTS: u32 = 2;
/// Bars of a whole section, and of a phrase.
const SECTION_BARS: u32 = 8;
const PHRASE_BARS: u32 = 4;

/// How a piece ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Its last bar may lead on to a dominant, so that the first may follow: a loop.
    Open,
    /// Its last bar is the tonic and nothing else.
    Closed,
}

/// Writes a chart of exactly so many bars, 1 to 256 (others are brought into that). It begins on the
/// tonic; its last bar comes to the tonic by a cadence, and ends as is said.
pub fn compose(key: Key, style: Style, tempo: f64, bars: u32, end: End, random: &mut Random) -> Chart {
    let bars = bars.clamp(1, BARS_AT_MOST as u32);
    let leaves = if style == Style::Blues {
        blues::piece(key, bars, end, random)
    } else {
        piece(key, style, bars, end, random)
    };
    let mut chords: Vec<Chord> = Vec::with_capacity((bars * BAR_SLOTS) as usize);
    for leaf in leaves {
        chords.extend((0..leaf.slots).map(|_| leaf.roman.in_key(key)));
    }
    let bars = chords.chunks(BAR_SLOTS as usize).map(|bar| {
        let mut bar = bar.to_vec();
        bar.dedup();
        bar
    });
    let name = style.name();
    let title = format!("{}{} in {key}", name[..1].to_uppercase(), &name[1..]);
    Chart { title: Some(title), key, tempo, style, bars: bars.collect() }
}

/// Which section comes where: `A B`, or `A A B A` and what is left of it; every second round has another B.
fn letters(sections: u32) -> impl Iterator<Item = u64> {
    (0..sections).map(move |index| match index % 4 {
        1 if sections == 2 => 1,
        2 => 1 + u64::from(index / 8),
        _ => 0,
    })
}

fn piece(key: Key, style: Style, bars: u32, end: End, random: &mut Random) -> Vec<Leaf> {
    let (palette, weights) = (Palette::new(key, style), Weights::of(style));
    // What is left over is a section where it makes a phrase, else the last section is longer.
    let rest = bars % SECTION_BARS;
    let mut lengths = vec![SECTION_BARS; (bars / SECTION_BARS) as usize];
    match lengths.last_mut() {
        Some(last) if rest < PHRASE_BARS => *last += rest,
        _ => lengths.push(rest),
    }
    let seed = random.draw();
    let sections = lengths.len();
    let mut leaves = Vec::new();
    for (index, (letter, bars)) in letters(sections as u32).zip(lengths).enumerate() {
        let is_last = index + 1 == sections;
        let mut own = Random::split(seed, letter);
        let around = own.below(100) < u64::from(weights.around);
        let close = match (is_last, letter) {
            (true, _) if end == End::Closed => Close::Closed,
            (false, 0) if !around => Close::Closed,
            (true, _) if !around => Close::Closed,
            (false, letter) if letter > 0 => Close::Open,
            _ => Close::Around,
        };
        let opening = if letter > 0 { Opening::Away } else { Opening::Home };
        let mut writer = Writer { palette: &palette, weights, random: own };
        leaves.extend(writer.section(bars, opening, close));
    }
    leaves
}

#[cfg(test)]
mod tests;
