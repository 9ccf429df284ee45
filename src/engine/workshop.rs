use std::sync::Arc;
use std::time::Duration;

use super::band::Band;
use super::error::Error;
use super::sounds;
use crate::actor::{ActorReport, AnyAddress};
use crate::feed::tape::Known;
use crate::generate::local::{self, Local, Settings};
use crate::generate::{Draft, Failure, FailureKind, Form, Length, Perform, Product, Request};
use crate::midi::Message;
use crate::midi::file::{Body, Division, Score, Sheet};
use crate::render::{Segment, SegmentEvent};
use crate::rig::{Ahead, BEATS_PER_BAR, Rig};
use crate::transport::Beats;
use crate::unit::SampleRate;

/// How long music is waited for before it is too late.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The embedded generator, as a backend.
pub(super) const LOCAL: &str = "local";
/// The seed of the embedded generator beside that of its settings.
const PLAYING: u64 = 1;

/// Whoever makes music that is asked for: the generation service, or a test. It blocks, no longer than
/// `patience`; called on threads that may.
pub trait Supply: Send + Sync {
    /// Makes it, or finds it in a cache.
    ///
    /// # Errors
    /// [`Failure`] in a musician's words.
    fn supply(&self, request: &Request, patience: Duration) -> Result<Product, Failure>;

    /// An actor of its own, by its path.
    fn find(&self, _actor: &str) -> Option<AnyAddress> {
        None
    }

    /// Its own actors.
    fn snapshot(&self) -> Vec<ActorReport> {
        Vec::new()
    }
}

/// Where the clips and generators of a rig have their material from: the embedded generator, and a
/// supply for all else.
#[derive(Clone, Default)]
pub struct Workshop {
    supply: Option<Arc<dyn Supply>>,
    known: Option<Known>,
}

/// What a generator's segments are made of, beside their number.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) ahead: Ahead,
    pub(super) tempo: f64,
    pub(super) seed: u64,
    pub(super) rate: SampleRate,
}

impl Workshop {
    /// With a supply for what the embedded generator does not make.
    pub fn new(supply: Arc<dyn Supply>) -> Workshop {
        Workshop { supply: Some(supply), known: None }
    }

    /// The same for a log, or its replay: what clips play from the disk is read from end to end when it is
    /// loaded, so that it is known whether it is the same to the bit. Else that would take too long.
    pub(super) fn for_log(self) -> Workshop {
        Workshop { known: Some(Known::default()), ..self }
    }

    /// What was read from end to end, where that is asked for.
    pub(super) fn known(&self) -> Option<&Known> {
        self.known.as_ref()
    }

    /// Loads what the clips of a rig play, for an engine of this rate: what plays or renders a rig does so
    /// by itself.
    ///
    /// # Errors
    /// [`Error`] with all that is wrong.
    pub fn load(&self, rig: &mut Rig, rate: SampleRate) -> Result<(), Error> {
        sounds::load_all(rig, rate, self)
    }

    /// An actor of whoever supplies.
    pub(super) fn find(&self, actor: &str) -> Option<AnyAddress> {
        self.supply.as_ref()?.find(actor)
    }

    /// The actors of whoever supplies.
    pub(super) fn snapshot(&self) -> Vec<ActorReport> {
        self.supply.as_ref().map(|supply| supply.snapshot()).unwrap_or_default()
    }

    /// What somebody else makes.
    pub(super) fn product(&self, request: &Request) -> Result<Product, Failure> {
        request.check().map_err(|error| Failure::new(FailureKind::Usage, error.to_string()))?;
        match &self.supply {
            Some(supply) => supply.supply(request, PATIENCE),
            None if request.backend == LOCAL => local_product(request),
            None => {
                let message = format!("nobody here can ask the backend `{}`", request.backend);
                Err(Failure::new(FailureKind::Config, message))
            }
        }
    }

    /// The segment of this number.
    pub(super) fn segment(&self, order: &Order, index: u64) -> Result<Segment, Failure> {
        let events = match order.ahead.backend.as_str() {
            LOCAL => local_events(order, index)?,
            _ => self.foreign_events(order, index)?,
        };
        Ok(Segment::new(index, whole_beats(u64::from(order.ahead.beats())), events))
    }

    fn foreign_events(&self, order: &Order, index: u64) -> Result<Vec<SegmentEvent>, Failure> {
        let Order { ahead, tempo, seed, rate } = order;
        let description = ahead.description.clone().or_else(|| ahead.style.clone());
        let request = Request {
            backend: ahead.backend.clone(),
            length: Length::Bars(ahead.bars),
            seed: seed.wrapping_add(index),
            key: ahead.key.clone(),
            tempo: Some(*tempo),
            style: ahead.style.clone(),
            form: Form::Midi,
            looped: true,
            ..Request::new(description.unwrap_or_else(|| "music".to_owned()), *rate)
        };
        let product = self.product(&request)?;
        let unfit = |message: String| Failure::new(FailureKind::Unfit, message);
        let bytes = product.midi.ok_or_else(|| {
            unfit(format!("the backend `{}` gives no MIDI, which a generator plays", ahead.backend))
        })?;
        file_events(&bytes).map_err(unfit)
    }
}

/// Sound by the embedded generator and the built-in band, without a cache.
fn local_product(request: &Request) -> Result<Product, Failure> {
    let Draft::Midi { bytes, chart, tempo } = Local::write(request)? else {
        return Err(Failure::new(FailureKind::Unfit, "the embedded generator gave no MIDI"));
    };
    let frames = request.rate.frames(request.length.seconds(tempo));
    let fault = |error: Error| Failure::new(FailureKind::Fault, error.to_string());
    let audio = Band::new().map_err(fault)?.perform(&bytes, request.rate, Some(frames))?;
    Ok(Product {
        audio: Some(Arc::new(audio)),
        midi: Some(bytes.into()),
        chart: chart.map(Into::into),
        tempo: Some(tempo),
        fingerprint: None,
        warnings: Vec::new(),
        unkept: None,
        tries: 1,
        from_cache: false,
    })
}

fn whole_beats(beats: u64) -> Beats {
    Beats(beats << 32)
}

/// Bars of the embedded generator's endless music, whose own segments may have another length.
fn local_events(order: &Order, index: u64) -> Result<Vec<SegmentEvent>, Failure> {
    let Order { ahead, tempo, seed, .. } = order;
    let description = ahead.description.as_deref().unwrap_or_default();
    let settings =
        Settings::new(description, ahead.key.as_deref(), Some(*tempo), ahead.style.as_deref(), *seed)?;
    let first = index * u64::from(ahead.bars);
    let last = first + u64::from(ahead.bars);
    let mut events = Vec::new();
    let mut bar = first;
    while bar < last {
        let own_bars = u64::from(local::segment(&settings, PLAYING, 0).bars.max(1));
        let number = bar / own_bars;
        let own = local::segment(&settings, PLAYING, number);
        let ticks = u64::from(own.ticks_per_beat.max(1));
        // Where the segment begins, as seen from ours; it may be before it.
        let offset = (number * own_bars) as i64 - first as i64;
        let offset = offset * i64::from(BEATS_PER_BAR) * ticks as i64;
        for (tick, bytes) in own.events {
            let at = i64::from(tick) + offset;
            if let (Ok(at), Some(message)) = (u64::try_from(at), Message::decode(bytes)) {
                events.push(SegmentEvent {
                    at: Beats::part(at, u32::from(own.ticks_per_beat.max(1))),
                    message,
                });
            }
        }
        bar = (number + 1) * own_bars;
    }
    Ok(events)
}

/// What sounds or sets in a MIDI file, by its beats.
fn file_events(bytes: &[u8]) -> Result<Vec<SegmentEvent>, String> {
    let sheet = Sheet::read(bytes).map_err(|error| error.to_string())?;
    let Division::Beat { ticks } = sheet.division else {
        return Err("the MIDI file counts in frames of film, not in beats".to_owned());
    };
    let score = Score::read(bytes).map_err(|error| error.to_string())?;
    let event = |event: &crate::midi::file::ScoreEvent| match event.body {
        Body::Message { bytes, length } => {
            let message = Some(bytes).filter(|_| length > 0).and_then(Message::decode)?;
            Some(SegmentEvent { at: Beats::part(event.tick, u32::from(ticks)), message })
        }
        Body::Sysex { .. } => None,
    };
    Ok(score.events.iter().filter_map(event).collect())
}
