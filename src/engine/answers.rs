use crate::route::{BackOff, ContinuationCount};

/// What a generator that listens and answers has heard and played.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct AnswersRecord {
    /// Notes heard.
    pub heard: u64,
    /// Answers begun.
    pub answers: u64,
    /// Notes played.
    pub played: u64,
    /// Chords drawn with a context of 0, 1, … chords, up to the model's order.
    pub chords_by_order: Vec<u64>,
    /// Of these, those with less context than the model's order.
    pub backed_off: u64,
    /// The first of them, one by one.
    pub back_offs: Vec<BackOff>,
    /// Notes for which there was no room.
    pub dropped: u64,
    /// Chords that were forgotten to make room.
    pub forgotten: u64,
}

impl AnswersRecord {
    pub(super) fn of(count: &ContinuationCount) -> AnswersRecord {
        AnswersRecord {
            heard: count.heard(),
            answers: count.answers(),
            played: count.played(),
            chords_by_order: count.drawn_by_order().collect(),
            backed_off: count.backed_off(),
            back_offs: count.back_offs().collect(),
            dropped: count.dropped(),
            forgotten: count.forgotten(),
        }
    }
}
