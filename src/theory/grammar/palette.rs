use super::{Function, Leaf};
use crate::theory::Quality::{
    Add9, Altered, Dominant7, Dominant7Flat9, Dominant7Flat13, Dominant7Sharp9, Dominant9, Dominant9Sus4,
    Dominant13, HalfDiminished, Major, Major7, Major7Sharp11, Major9, Minor, Minor7, Minor9, MinorAdd9,
    MinorSixth, SixNine, Sixth,
};
use crate::theory::{Key, Mode, Quality, Roman, Style};
use crate::unit::Random;

/// Weight, fifths above the tonic, quality.
type Choice = (u32, i8, Quality);

/// The chords that a function may be, by style and mode.
pub(super) struct Palette {
    tonic: Vec<Choice>,
    parallel: Vec<Choice>,
    subdominant: Vec<Choice>,
    dominant: Vec<Choice>,
    /// Chords may have dominants of their own: modes lose their colour by that.
    pub is_tonal: bool,
    pub is_minor: bool,
    /// Chords have sevenths by habit.
    pub has_sevenths: bool,
}

impl Palette {
    pub(super) fn new(key: Key, style: Style) -> Palette {
        let is_minor = key.is_minor();
        let has_sevenths = style.is_jazz() || matches!(style, Style::Funk | Style::Blues);
        let [tonic, parallel, subdominant, dominant] = match (key.mode, style) {
            (_, Style::Blues) if is_minor => blues_minor(),
            (_, Style::Blues) => blues_major(),
            (Mode::Major, _) | (Mode::Minor, _) => tonal(is_minor, style),
            (mode, _) => modal(mode, style, has_sevenths),
        };
        let is_tonal = matches!(key.mode, Mode::Major | Mode::Minor) || style == Style::Blues;
        Palette { tonic, parallel, subdominant, dominant, is_tonal, is_minor, has_sevenths }
    }

    /// A chord for a function, another root than `but` where there is one.
    pub(super) fn chord(&self, function: Function, but: Option<i8>, random: &mut Random) -> Roman {
        let choices = match function {
            Function::Tonic => &self.tonic,
            Function::Parallel => &self.parallel,
            Function::Subdominant => &self.subdominant,
            Function::Dominant | Function::Applied => &self.dominant,
        };
        let mut weights: Vec<u32> = choices
            .iter()
            .map(|(weight, fifths, _)| if Some(*fifths) == but { 0 } else { *weight })
            .collect();
        if weights.iter().all(|weight| *weight == 0) {
            weights = choices.iter().map(|choice| choice.0).collect();
        }
        let (_, fifths, quality) = choices[random.weighed(&weights)];
        Roman::new(fifths, quality)
    }

    /// A leaf of a function.
    pub(super) fn leaf(&self, function: Function, slots: u32, but: Option<i8>, random: &mut Random) -> Leaf {
        Leaf { roman: self.chord(function, but, random), function, slots }
    }
}

fn tonal(is_minor: bool, style: Style) -> [Vec<Choice>; 4] {
    match (style, is_minor) {
        (Style::Pop, false) => [
            vec![(9, 0, Major), (1, 0, Add9)],
            vec![(8, 3, Minor), (2, 4, Minor), (1, 3, Minor7)],
            vec![(8, -1, Major), (2, 2, Minor7), (1, -1, Add9)],
            vec![(8, 1, Major), (1, 1, Dominant7)],
        ],
        (Style::Pop, true) => [
            vec![(9, 0, Minor), (1, 0, MinorAdd9)],
            vec![(6, -4, Major), (3, -3, Major)],
            vec![(6, -1, Minor), (3, -4, Major)],
            vec![(5, -2, Major), (4, 1, Major), (1, 1, Dominant7)],
        ],
        (Style::Funk, false) => [
            vec![(5, 0, Dominant9), (2, 0, Dominant7), (2, 0, Dominant13)],
            vec![(3, 3, Minor7), (1, 3, Minor9)],
            vec![(5, -1, Dominant9), (2, 2, Minor7)],
            vec![(4, 1, Dominant9Sus4), (3, 1, Dominant7Sharp9), (2, 1, Dominant9)],
        ],
        (Style::Funk, true) => [
            vec![(5, 0, Minor7), (3, 0, Minor9)],
            vec![(3, -4, Major7), (2, -3, Major7)],
            vec![(5, -1, Dominant9), (3, -1, Minor7)],
            vec![(5, 1, Dominant7Sharp9), (2, 1, Minor7), (2, -2, Dominant9)],
        ],
        (_, false) => [
            vec![(6, 0, Major7), (2, 0, SixNine), (1, 0, Major9), (1, 0, Sixth)],
            vec![(5, 3, Minor7), (3, 4, Minor7)],
            vec![(6, 2, Minor7), (2, 2, Minor9), (2, -1, Major7)],
            vec![(5, 1, Dominant7), (3, 1, Dominant13), (2, 1, Dominant9), (1, 1, Dominant7Flat9)],
        ],
        (_, true) => [
            vec![(5, 0, Minor7), (3, 0, Minor9), (2, 0, MinorSixth)],
            vec![(5, -4, Major7), (3, -3, Major7)],
            vec![(6, 2, HalfDiminished), (4, -1, Minor7)],
            vec![(5, 1, Dominant7Flat9), (3, 1, Dominant7Flat13), (1, 1, Altered)],
        ],
    }
}

fn blues_major() -> [Vec<Choice>; 4] {
    [
        vec![(5, 0, Dominant7), (2, 0, Dominant9), (1, 0, Dominant13)],
        vec![(1, -1, Dominant7)],
        vec![(5, -1, Dominant7), (3, -1, Dominant9)],
        vec![(5, 1, Dominant7), (2, 1, Dominant9), (1, 1, Dominant7Sharp9)],
    ]
}

fn blues_minor() -> [Vec<Choice>; 4] {
    [
        vec![(5, 0, Minor7), (2, 0, MinorSixth), (1, 0, Minor9)],
        vec![(1, -4, Dominant7)],
        vec![(5, -1, Minor7), (1, -1, Minor9)],
        vec![(4, 1, Dominant7Sharp9), (3, 1, Dominant7Flat9), (2, 1, Dominant7)],
    ]
}

/// Modes stay in their scale; their cadence is by what they have and major or minor has not.
fn modal(mode: Mode, style: Style, sevenths: bool) -> [Vec<Choice>; 4] {
    let major = if sevenths { Major7 } else { Major };
    let minor = if sevenths { Minor7 } else { Minor };
    let dominant = if sevenths { Dominant7 } else { Major };
    match mode {
        Mode::Dorian => [
            vec![(4, 0, minor), (2, 0, if sevenths { Minor9 } else { Minor })],
            vec![(1, -3, major)],
            vec![(3, -1, if style == Style::Funk { Dominant9 } else { dominant }), (2, 2, minor)],
            vec![(3, 1, minor), (3, -2, major)],
        ],
        Mode::Phrygian => [
            vec![(1, 0, minor)],
            vec![(2, -4, major), (1, -3, dominant)],
            vec![(3, -1, minor), (2, -4, major)],
            vec![(4, -5, major), (2, -2, minor)],
        ],
        Mode::Lydian => [
            vec![(3, 0, major), (2, 0, if sevenths { Major7Sharp11 } else { Add9 })],
            vec![(2, 3, minor), (1, 4, minor)],
            vec![(1, 2, dominant)],
            vec![(1, 1, major)],
        ],
        _ => [
            vec![(1, 0, dominant)],
            vec![(2, 2, minor), (2, 3, minor)],
            vec![(1, -1, major)],
            vec![(3, -2, major), (2, 1, minor)],
        ],
    }
}
