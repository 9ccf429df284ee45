use std::sync::Arc;
use std::time::Duration;

use tokio::task::block_in_place;

use super::gear::{Gear, PlacedPort, PortEnds, renew_ends};
use super::parts::{Parts, take_over};
use super::port::PortKeeper;
use super::renderer::RendererMessage;
use super::tree;
use crate::actor::{Actor, Context, Held, Options, Outcome};
use crate::device::audio::StreamInfo;
use crate::engine::doors::HostClock;
use crate::render::TimeBase;
use crate::unit::HostTime;

/// How often the gear is looked at.
const LOOK: Duration = Duration::from_millis(25);
/// Twice the time in which the MIDI thread looks for what is to be sent.
const SEND_MARGIN: Duration = Duration::from_millis(2);
/// How long the keeper of a port that is not needed any more may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

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
    /// What is open.
    ports: Vec<PlacedPort>,
}

impl MidiKeeping {
    /// Opens ports; says why not, where it cannot.
    pub(super) fn open(
        &mut self,
        ports: Vec<PlacedPort>,
        ends: Vec<PortEnds>,
        clock: HostClock,
        info: &StreamInfo,
    ) -> Option<String> {
        self.ports = ports;
        if ends.is_empty() {
            return None;
        }
        let ahead = send_ahead(info).as_nanos() as u64;
        let leaves = move |frame| HostTime(clock.time_of(frame).nanos() + ahead);
        match Gear::open(ends, Box::new(leaves)) {
            Ok(gear) => {
                self.gear = Some(gear);
                None
            }
            Err(error) => Some(format!("{error}; MIDI gear cannot be heard")),
        }
    }

    /// Puts other gear in the roles, where nothing else is to be changed.
    fn assign(&mut self, ports: &[PlacedPort]) -> bool {
        let is_done = self.gear.as_mut().is_some_and(|gear| gear.assign(&self.ports, ports));
        if is_done {
            self.ports = ports.to_vec();
        }
        is_done
    }

    pub(super) fn close(&mut self) {
        if let Some(gear) = self.gear.take() {
            gear.close();
        }
    }
}

/// What goes out leaves so much after its frame: a block, and the time in which the MIDI
/// thread looks again. So nothing is late because a callback or a thread was.
pub(super) fn send_ahead(info: &StreamInfo) -> Duration {
    SEND_MARGIN + Duration::from_secs_f64(f64::from(info.block_frames) / f64::from(info.rate.hertz()))
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

    /// Sees to it that each port of the rig has a keeper, and no other.
    async fn renew_ports(&mut self, context: &mut Context<MidiKeeper>) {
        let rig = Arc::clone(&self.parts.board.shown().rig);
        let is_wanted = |name: &str| rig.midi.iter().any(|port| port.name == name);
        for child in context.children() {
            if child.path().rsplit('/').next().is_some_and(is_wanted) {
                continue;
            }
            if let Err(error) = child.stop_and_wait(FAREWELL).await {
                tracing::warn!(%error, "the keeper of a port does not end");
            }
            self.parts.board.shown().ports.remove(child.path());
        }
        for port in rig.midi.iter().filter(|port| context.child(&port.name).is_none()).collect::<Vec<_>>() {
            self.spawn_port(&port.name, context);
        }
    }

    fn spawn_port(&mut self, port: &str, context: &mut Context<MidiKeeper>) {
        let (parts, name) = (Arc::clone(&self.parts), port.to_owned());
        if let Err(error) = context.spawn(port, Options::new(), move || PortKeeper::new(&parts, &name)) {
            self.parts.board.say(format!("{error}; the port `{port}` plays without a keeper"));
        }
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
        context.supervise(tree::supervision());
        // Those of the last incarnation go on as the same actors.
        let rig = Arc::clone(&self.parts.board.shown().rig);
        rig.midi.iter().for_each(|port| self.spawn_port(&port.name, context));
        context.every(LOOK, || MidiMessage::Look);
        Ok(())
    }

    async fn handle(&mut self, message: MidiMessage, context: &mut Context<MidiKeeper>) -> Outcome {
        match message {
            MidiMessage::Look => {
                self.look();
                self.renew_ports(context).await;
            }
            MidiMessage::Open { ports, old_places } => {
                if self.keeping.assign(&ports) {
                    return Ok(());
                }
                block_in_place(|| self.keeping.close());
                let (swap, ends) = renew_ends(&ports, &old_places, TimeBase::Host, &self.parts.ports);
                self.parts.addresses.to_renderer(RendererMessage::Lend(Box::new(swap)));
                let clock = self.parts.clock.clone();
                let info = self.parts.board.shown().info.clone();
                let opened = block_in_place(|| self.keeping.open(ports, ends, clock, &info));
                if let Some(trouble) = opened {
                    self.parts.board.say(trouble);
                }
            }
            MidiMessage::Close => block_in_place(|| self.keeping.close()),
        }
        Ok(())
    }
}
