//! The embedded generator: words to a chord chart, the chart to an arrangement, without any model.
//!
//! [`Settings`] are what a request asks for, the description's words filled in; the grammar of
//! [`theory`](crate::theory::grammar) writes a [`Chart`], and [`arrange()`] plays any chart, also one
//! that a model wrote, on comping (channel 1), bass (2), a pad or a tune (3) and drums (10).
//! Pure but for the trait: the same settings and seed are the same bytes on every machine.

mod arrange;
mod bass;
mod comping;
mod drums;
mod ending;
mod file;
mod human;
mod lineup;
mod manner;
mod part;
mod segment;
mod settings;
mod top;
mod unmet;
mod words;

use std::future::Future;
use std::pin::Pin;

pub use arrange::{Note, TICKS_PER_BEAT, arrange, arrange_bars, notes};
pub use lineup::{Lineup, Top};
pub use manner::Manner;
pub use part::Energy;
pub use segment::{Segment, segment};
pub use settings::Settings;

use super::service::GENERATORS;
use super::{Backend, Draft, Drafted, Drafting, Failure, Progress, Request, Stage};
use crate::theory::{BARS_AT_MOST, Chart, grammar};
use crate::unit::Random;

/// Parts of the seed, so that one does not follow from another.
const CHART: u64 = 1;
const PLAYING: u64 = 2;

/// The embedded generator. It needs no network and no model, and fails only where a request's own key or
/// style is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl Local {
    /// Writes and arranges what a request asks for: a MIDI file of whole bars that cover its length.
    ///
    /// # Errors
    /// [`Failure`] of usage where the request's key or style is none.
    pub fn write(request: &Request) -> Result<Draft, Failure> {
        let settings = Settings::of(request)?;
        let bars = request.length.whole_bars(settings.tempo, request.is_loop());
        let seed = settings.seed;
        // What is longer than a chart can be is played from its beginning again.
        let chart = settings.chart(bars.min(BARS_AT_MOST as u32));
        let bytes = arrange_bars(&chart, settings.manner, Random::split(seed, PLAYING).draw(), bars);
        Ok(Draft::Midi { bytes, chart: Some(chart.to_json()), tempo: chart.tempo })
    }
}

impl Settings {
    /// A chart of so many bars.
    pub fn chart(&self, bars: u32) -> Chart {
        let mut random = Random::split(self.seed, CHART);
        grammar::compose(self.key, self.style, self.tempo, bars, self.end(bars), &mut random)
    }
}

impl Backend for Local {
    /// It computes: more at a time are not done sooner.
    fn in_flight(&self) -> usize {
        GENERATORS - 1
    }

    fn draft<'a>(
        &'a self,
        request: &'a Request,
        drafting: Drafting<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Drafted, Failure>> + Send + 'a>> {
        Box::pin(async move {
            (drafting.progress)(Progress {
                stage: Stage::Drafting,
                done: None,
                words: "writes a chart".to_owned(),
            });
            // It takes milliseconds; whoever was cancelled meanwhile is told here.
            tokio::task::yield_now().await;
            let draft = Local::write(request)?;
            tokio::task::yield_now().await;
            Ok((draft, 1))
        })
    }

    fn remarks(&self, request: &Request) -> Vec<String> {
        unmet::remarks(request)
    }
}

#[cfg(test)]
mod tests;
