//! From a chart that somebody else wrote to a draft.

use crate::generate::local::{Settings, arrange_bars};
use crate::generate::{BEATS_PER_BAR, Draft, Failure, Length, Request};
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
    let bars = bars(request.length, chart.tempo);
    let seed = Random::split(settings.seed, PLAYING).draw();
    let bytes = arrange_bars(&chart, settings.energy, seed, bars);
    Ok(Draft::Midi { bytes, tempo: chart.tempo, chart: Some(chart.to_json()) })
}

/// Whole bars that a length takes at a tempo.
pub(super) fn bars(length: Length, tempo: f64) -> u32 {
    match length {
        Length::Bars(bars) => bars.max(1),
        Length::Seconds(seconds) => {
            let bars = seconds * tempo / 60.0 / f64::from(BEATS_PER_BAR);
            // A hair's breadth more than whole bars is no bar more.
            libm::ceil(bars - 1.0e-9).clamp(1.0, 10_000.0) as u32
        }
    }
}
