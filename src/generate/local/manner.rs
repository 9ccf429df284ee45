use super::lineup::Lineup;
use super::part::Energy;
use crate::theory::grammar::End;

/// How a chart is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Manner {
    /// How hard.
    pub energy: Energy,
    /// Whether it comes to an end, or leads back to its beginning.
    pub end: End,
    /// By whom, and on what.
    pub lineup: Lineup,
}

impl Manner {
    /// By all players, round and round.
    pub const fn of(energy: Energy) -> Manner {
        Manner { energy, end: End::Open, lineup: Lineup::ALL }
    }
}
