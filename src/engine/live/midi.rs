use std::sync::Arc;
use std::time::Duration;

use tokio::task::block_in_place;

use super::gear::{Gear, PlacedPort, PortEnds, renew_ends};
use super::parts::{Parts, take_over};
use super::renderer::RendererMessage;
use crate::actor::{Actor, Context, Held, Outcome};
use crate::engine::doors::HostClock;
use crate::render::TimeBase;

/// How often the gear is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// What the keeper of the MIDI gear takes.
pub(super) enum MidiMessage {
    Look,
    /// Opens these ports, in place of what is open; what stood at `old_places` ends.
    Open {
        ports: Vec<PlacedPort>,
        old_places: Vec<u16>,
    },
    /// JACK has the ports now.
    Close,
}

/// What outlives its incarnations: open ports play on while there is none.
#[derive(Default)]
pub(super) struct MidiKeeping {
    gear: Option<Gear>,
}

impl MidiKeeping {
    /// Opens ports; says why not, where it cannot.
    pub(super) fn open(&mut self, ends: Vec<PortEnds>, clock: HostClock) -> Option<String> {
        if ends.is_empty() {
            return None;
        }
        match Gear::open(ends, Box::new(move |frame| clock.time_of(frame))) {
            Ok(gear) => {
                self.gear = Some(gear);
                None
            }
            Err(error) => Some(format!("{error}; MIDI gear cannot be heard")),
        }
    }

    pub(super) fn close(&mut self) {
        if let Some(gear) = self.gear.take() {
            gear.close();
        }
    }
}

/// Keeps the MIDI gear, where JACK does not.
pub(super) struct MidiKeeper {
    parts: Arc<Parts>,
    keeping: Held<MidiKeeping>,
}

impl MidiKeeper {
    pub(super) fn new(parts: &Arc<Parts>) -> MidiKeeper {
        MidiKeeper { parts: Arc::clone(parts), keeping: take_over(&parts.midi) }
    }

    fn look(&mut self) {
        let gear = &mut self.keeping.gear;
        let connected = gear.as_ref().map(Gear::connected).unwrap_or_default();
        for trouble in gear.as_mut().map(Gear::troubles).unwrap_or_default() {
            self.parts.board.say(trouble);
        }
        self.parts.board.shown().gear = connected;
    }
}

impl Actor for MidiKeeper {
    type Message = MidiMessage;
    const LABELS: &'static [&'static str] = &["look", "open", "close"];

    fn label(message: &MidiMessage) -> u32 {
        match message {
            MidiMessage::Look => 0,
            MidiMessage::Open { .. } => 1,
            MidiMessage::Close => 2,
        }
    }

    async fn started(&mut self, context: &mut Context<MidiKeeper>) -> Outcome {
        context.every(LOOK, || MidiMessage::Look);
        Ok(())
    }

    async fn handle(&mut self, message: MidiMessage, _: &mut Context<MidiKeeper>) -> Outcome {
        match message {
            MidiMessage::Look => self.look(),
            MidiMessage::Open { ports, old_places } => {
                block_in_place(|| self.keeping.close());
                let (swap, ends) = renew_ends(&ports, &old_places, TimeBase::Host);
                self.parts.addresses.to_renderer(RendererMessage::Lend(Box::new(swap)));
                let clock = self.parts.clock.clone();
                if let Some(trouble) = block_in_place(|| self.keeping.open(ends, clock)) {
                    self.parts.board.say(trouble);
                }
            }
            MidiMessage::Close => block_in_place(|| self.keeping.close()),
        }
        Ok(())
    }
}
