//! The keys of `[generator.NAME]` of kind `continuation`.

use super::generator::SEED;
use super::{Key, KeyShape, Sample, key};
use crate::route::ORDER_MAX;

/// Bars of a call where nothing is said.
pub const CALL_BARS: u32 = 4;
/// Chords of context where nothing is said.
pub const ORDER: usize = 3;
/// How it may play.
pub const MODES: &[&str] = &["call-and-response"];

/// `[generator.NAME]` of kind `continuation`.
pub const CONTINUATION: &[Key] = &[
    key(
        "kind",
        KeyShape::Text,
        Sample::Text("continuation"),
        "always needed; cable a MIDI port to it, and it to an instrument",
    ),
    key(
        "mode",
        KeyShape::Choice(MODES),
        Sample::Text("call-and-response"),
        "listens to a call, answers it from the next bar line on for as long, and listens again; what is \
         played over an answer is learned too",
    )
    .or(Sample::Text("call-and-response")),
    key(
        "bars",
        KeyShape::Integer { min: 1, max: 32 },
        Sample::Integer(2),
        "how long a call is; where the transport stands, its first note begins the first bar",
    )
    .in_unit("bars")
    .or(Sample::Integer(CALL_BARS as i64)),
    key(
        "pause_beats",
        KeyShape::Number { min: 0.25, max: 64.0 },
        Sample::Number(2.0),
        "a call also ends when nothing is struck or held for so long, and is answered on the next bar line; \
         never when not given",
    )
    .in_unit("beats"),
    key(
        "order",
        KeyShape::Integer { min: 1, max: ORDER_MAX as i64 },
        Sample::Integer(2),
        "how many chords or notes the next one depends on: few is bold, many is faithful",
    )
    .or(Sample::Integer(ORDER as i64)),
    SEED,
];
