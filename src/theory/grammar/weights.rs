use crate::theory::Style;

/// How likely each rule is in a style. Where rules stand in for one another, their weights; else
/// chances in a hundred.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    /// Two bars of tonic: it stays; its parallel; the subdominant; the dominant.
    pub tonic: [u32; 4],
    /// More bars of tonic: two regions; by the subdominant and back; by the dominant to the parallel.
    pub region: [u32; 3],
    /// A bar of dominant: subdominant and dominant; the dominant alone.
    pub dominant: [u32; 2],
    /// Two bars of dominant: a bar of each; two subdominants in the first; the dominant alone.
    pub cadence: [u32; 3],
    /// A cadence takes two bars of four.
    pub broad: u32,
    /// A phrase is a loop of four chords.
    pub looped: u32,
    /// The second phrase begins as the first.
    pub period: u32,
    /// A chord gets a dominant of its own before it.
    pub applied: u32,
    /// Such a dominant is two chords, ii–V.
    pub two_five: u32,
    /// … or its tritone substitute.
    pub tritone: u32,
    /// A diminished chord fills the whole step between two chords.
    pub passing: u32,
    /// The subdominant turns minor on its way.
    pub borrowed: u32,
    /// A dominant is suspended first.
    pub suspended: u32,
    /// The last tonic leads on to a dominant.
    pub around: u32,
}

const JAZZ: Weights = Weights {
    tonic: [2, 5, 2, 0],
    region: [4, 3, 1],
    dominant: [6, 1],
    cadence: [6, 2, 0],
    broad: 55,
    looped: 0,
    period: 50,
    applied: 45,
    two_five: 45,
    tritone: 22,
    passing: 35,
    borrowed: 30,
    suspended: 0,
    around: 55,
};

impl Weights {
    pub(super) const fn of(style: Style) -> Weights {
        match style {
            Style::Swing => JAZZ,
            Style::Bossa => Weights { tonic: [4, 3, 2, 0], applied: 38, tritone: 32, around: 40, ..JAZZ },
            Style::Ballad => Weights {
                applied: 35,
                two_five: 30,
                tritone: 15,
                borrowed: 45,
                around: 25,
                period: 60,
                ..JAZZ
            },
            Style::Pop => Weights {
                tonic: [2, 4, 3, 3],
                region: [4, 3, 3],
                dominant: [2, 3],
                cadence: [4, 2, 2],
                broad: 40,
                looped: 70,
                period: 90,
                applied: 8,
                two_five: 0,
                tritone: 0,
                passing: 0,
                borrowed: 15,
                suspended: 20,
                around: 15,
            },
            Style::Funk | Style::Blues => Weights {
                tonic: [5, 1, 4, 0],
                region: [3, 5, 0],
                dominant: [2, 3],
                cadence: [4, 1, 2],
                broad: 30,
                looped: 75,
                period: 95,
                applied: 8,
                two_five: 25,
                tritone: 10,
                passing: 10,
                borrowed: 0,
                suspended: 10,
                around: 45,
            },
        }
    }
}
