//! `[generator.NAME]` of kind `continuation`.

use super::super::keys::{self, Key};
use super::fields::{Fields, Problems};
use crate::route::ContinuationSettings;
use crate::transport::Beats;

/// Reads its keys; what is wrong with them is in `problems`.
pub(super) fn read(fields: &Fields<'_>, problems: &mut Problems<'_>) -> ContinuationSettings {
    fields.choice("mode", keys::MODES, problems);
    let mut whole = |name| fields.integer(key(name)?, problems).and_then(|number| u32::try_from(number).ok());
    let (bars, order) = (whole("bars"), whole("order"));
    let pause = key("pause_beats").and_then(|key| fields.number(key, problems));
    ContinuationSettings {
        bars: bars.unwrap_or(keys::CALL_BARS),
        pause: pause.map(|beats| Beats((beats * Beats::ONE.0 as f64) as u64)),
        order: order.map_or(keys::ORDER, |order| order as usize),
    }
}

fn key(name: &str) -> Option<&'static Key> {
    keys::CONTINUATION.iter().find(|key| key.name == name)
}
