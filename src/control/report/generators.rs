//! What a rig's generators played.

use serde::Serialize;

use crate::engine::{AnswersRecord, GeneratorRecord};

/// A generator of the rig.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct GeneratorReport {
    /// Its kind.
    pub kind: String,
    /// Events played.
    pub events: u64,
    /// Segments, or answers, begun.
    pub segments: u64,
    /// Of these, how often what was due was not there and something else was played.
    pub underruns: u64,
    /// Bars that were ready in the end, from the segment that played on.
    pub ready_bars: u64,
    /// What one that listens heard and answered; nothing of others.
    #[serde(flatten)]
    pub answers: Option<AnswersReport>,
}

/// What a generator that listens heard and answered.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct AnswersReport {
    /// Notes heard.
    pub heard: u64,
    /// Answers begun.
    pub answers: u64,
    /// Notes played.
    pub played: u64,
    /// Chords drawn: notes that are struck together are one.
    pub chords: u64,
    /// Those with a context of 0, 1, … chords, up to the model's order.
    pub chords_by_order: Vec<u64>,
    /// Those with less context than the model's order.
    pub backoffs: BackOffsReport,
    /// Notes heard or to be played for which there was no room.
    pub dropped: u64,
    /// Chords forgotten to make room for others.
    pub forgotten: u64,
}

/// Chords of answers for which less context than the model's order was of use.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct BackOffsReport {
    /// All of them.
    pub total: u64,
    /// The first of them.
    pub list: Vec<BackOffReport>,
    /// Those that the list has no room for.
    pub omitted: u64,
}

/// One of them.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct BackOffReport {
    /// Which answer, counted from 1.
    pub answer: u32,
    /// Which of its chords, counted from 1.
    pub chord: u16,
    /// How many chords of context were used.
    pub order: u8,
}

impl GeneratorReport {
    pub(in crate::control) fn of(record: &GeneratorRecord) -> (String, GeneratorReport) {
        let GeneratorRecord { name, kind, events, segments, underruns, ready_bars, answers } = record.clone();
        let answers = answers.map(AnswersReport::of);
        (name, GeneratorReport { kind, events, segments, underruns, ready_bars, answers })
    }
}

impl AnswersReport {
    fn of(record: AnswersRecord) -> AnswersReport {
        let list: Vec<BackOffReport> = record
            .back_offs
            .iter()
            .map(|back| BackOffReport { answer: back.answer, chord: back.chord, order: back.order })
            .collect();
        AnswersReport {
            heard: record.heard,
            answers: record.answers,
            played: record.played,
            chords: record.chords_by_order.iter().sum(),
            chords_by_order: record.chords_by_order,
            backoffs: BackOffsReport {
                total: record.backed_off,
                omitted: record.backed_off - list.len() as u64,
                list,
            },
            dropped: record.dropped,
            forgotten: record.forgotten,
        }
    }
}
