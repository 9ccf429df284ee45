use super::palette::Palette;
use super::phrase::{Close, Opening, Writer};
use super::weights::Weights;
use super::{BAR_SLOTS, End, Function, Leaf};
use crate::theory::{Key, Quality, Roman, Style};
use crate::unit::Random;

/// Bars of the form.
const FORM_BARS: u32 = 12;

/// Choruses of twelve bars; what is left over comes first, as an introduction.
///
/// Steedman's rule 0: `S12 → I I IV I V I`, two bars each; his others put the variants in.
pub(super) fn piece(key: Key, bars: u32, end: End, random: &mut Random) -> Vec<Leaf> {
    let palette = Palette::new(key, Style::Blues);
    let (choruses, rest) = (bars / FORM_BARS, bars % FORM_BARS);
    let mut leaves = Vec::new();
    if rest > 0 {
        let close = match end {
            _ if choruses > 0 => Close::Open,
            End::Open => Close::Around,
            End::Closed => Close::Closed,
        };
        let weights = Weights { looped: 0, ..Weights::of(Style::Blues) };
        let mut writer = Writer { palette: &palette, weights, random: Random::new(random.draw()) };
        leaves.extend(writer.section(rest, Opening::Home, close));
    }
    for number in 1..=choruses {
        let end = if number == choruses { end } else { End::Open };
        leaves.extend(chorus(&palette, end, random));
    }
    leaves
}

fn chorus(palette: &Palette, end: End, random: &mut Random) -> Vec<Leaf> {
    const BAR: u32 = BAR_SLOTS;
    let mut leaves: Vec<Leaf> = Vec::with_capacity(16);
    let one = palette.leaf(Function::Tonic, BAR, None, random);
    let four = palette.leaf(Function::Subdominant, BAR, None, random);
    let five = palette.leaf(Function::Dominant, BAR, None, random);
    let applied = |fifths, quality, slots| Leaf {
        roman: Roman::new(fifths, quality),
        function: Function::Applied,
        slots,
    };
    let lasting = |leaf: Leaf, bars: u32| Leaf { slots: bars * BAR, ..leaf };
    let mut chance = |percent: u64| random.below(100) < percent;
    // Bars 1 to 4: the quick change, and a dominant of the fourth degree.
    if chance(55) {
        leaves.extend([one, four, one]);
    } else {
        leaves.push(lasting(one, 3));
    }
    let minor = palette.is_minor;
    match (chance(40), minor) {
        (true, false) => {
            leaves.extend([applied(1, Quality::Minor7, 1), applied(0, Quality::Dominant7, 1)]);
        }
        (_, true) => leaves.extend([Leaf { slots: 1, ..one }, applied(0, Quality::Dominant7, 1)]),
        (false, false) => leaves.push(one),
    }
    // Bars 5 to 8: a diminished chord after the fourth degree, and the way to the second.
    if !minor && chance(35) {
        leaves.extend([four, applied(6, Quality::Diminished7, BAR)]);
    } else {
        leaves.push(lasting(four, 2));
    }
    let jazzy = chance(45);
    if jazzy && !minor {
        leaves.extend([one, applied(3, Quality::Dominant7, BAR)]);
    } else {
        leaves.push(lasting(one, 2));
    }
    // Bars 9 and 10: the cadence.
    match (jazzy, minor) {
        (true, false) => leaves.extend([
            Leaf { roman: Roman::new(2, Quality::Minor7), function: Function::Subdominant, slots: BAR },
            five,
        ]),
        (_, true) => leaves.extend([
            Leaf { roman: Roman::new(-4, Quality::Dominant7), function: Function::Subdominant, slots: BAR },
            five,
        ]),
        (false, false) if chance(60) => {
            leaves.extend([Leaf { slots: 2 * BAR, ..five }]);
        }
        (false, false) => leaves.extend([five, lasting(four, 1)]),
    }
    // Bars 11 and 12: home, and around where another chorus follows.
    leaves.push(one);
    match end {
        End::Open => leaves.extend([Leaf { slots: 1, ..one }, Leaf { slots: 1, ..five }]),
        End::Closed => leaves.push(one),
    }
    leaves
}
