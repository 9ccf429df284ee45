//! From a chart that somebody else wrote to a draft.

use crate::generate::local::{Settings, arrange_bars};
use crate::generate::{Draft, Failure, Request};
use crate::theory::Chart;
use crate::unit::Random;

/// The part of the seed that decides the playing.
const PLAYING: u64 = 2;

/// Arranges a chart for a request, whose own tempo and style win.
pub(super) fn draft(mut chart: Chart, request: &Request) -> Result<Draft, Failure> {
    let settings = Settings::of(request)?;
    if let Some(tempo) = request.tempo {
        chart.tempo = tempo;
    }
    if request.style.is_some() {
        chart.style = settings.style;
    }
    let bars = request.length.whole_bars(chart.tempo, request.is_loop());
    let seed = Random::split(settings.seed, PLAYING).draw();
    let bytes = arrange_bars(&chart, settings.manner, seed, bars);
    Ok(Draft::Midi { bytes, tempo: chart.tempo, chart: Some(chart.to_json()) })
}
