use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::board::Board;
use super::device::Device;
use super::gear::{PlacedPort, renew_ends};
use super::midi::MidiMessage;
use super::parts::{Parts, send, take_over};
use super::renderer::RendererMessage;
use super::search::Found;
use crate::actor::{Actor, Context, Held, Outcome};
use crate::device::audio::{AudioRequest, DriverChoice, JackMidiPort};
use crate::render::Swap;

/// How often the device is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What the keeper of the audio device takes.
pub(super) enum AudioMessage {
    Look,
    /// The rig was changed.
    Rig {
        wanted: AudioRequest,
        ports: Vec<PlacedPort>,
        /// Where the MIDI ports of the rig before stood.
        old_places: Vec<u16>,
        midi_changed: bool,
    },
}

/// What outlives its incarnations: the device plays on while there is none.
pub(super) struct AudioKeeping {
    device: Device,
    /// The MIDI ports of the rig, which JACK takes.
    ports: Vec<PlacedPort>,
    /// The inner ends of the MIDI ports that a lost JACK is tried again with.
    doors: Swap,
}

impl AudioKeeping {
    pub(super) fn new(device: Device, ports: Vec<PlacedPort>) -> AudioKeeping {
        AudioKeeping { device, ports, doors: Swap::default() }
    }

    /// Ends the device for good.
    pub(super) fn stop(&mut self, board: &Board) {
        self.device.stop();
        self.show(board);
    }

    fn show(&self, board: &Board) {
        let device = &self.device;
        let mut shown = board.shown();
        if shown.info != *device.info() {
            shown.info = device.info().clone();
        }
        shown.is_jack = device.is_jack();
        shown.xruns = device.xruns();
        shown.dropped_midi = device.dropped_midi();
    }

    fn places(&self) -> Vec<u16> {
        self.ports.iter().map(|port| port.place).collect()
    }
}

/// Keeps the audio device: goes on by the null clock where it dies, and back to
/// it when it returns.
pub(super) struct AudioKeeper {
    parts: Arc<Parts>,
    keeping: Held<AudioKeeping>,
}

impl AudioKeeper {
    pub(super) fn new(parts: &Arc<Parts>) -> AudioKeeper {
        AudioKeeper { parts: Arc::clone(parts), keeping: take_over(&parts.audio) }
    }

    fn look(&mut self, now: Instant) {
        if let Some(fault) = self.keeping.device.fault() {
            tracing::warn!(driver = self.keeping.device.info().driver, %fault, "the driver is given up");
            self.parts.board.say(format!("{fault}; playing goes on without a device"));
            self.fall_back(now);
        }
        if let Some(fault) = self.keeping.device.warning() {
            self.parts.board.say(fault.to_string());
        }
        if let Some((bytes, limit)) = self.keeping.device.refused_sysex() {
            self.parts.board.say(format!(
                "a SysEx of {bytes} bytes was not sent: a JACK port takes at most {limit} in one period"
            ));
        }
        match self.keeping.device.found(now) {
            Some(Ok(found)) => self.go_back(found),
            Some(Err(error)) => self.parts.board.say(format!("the device is back, but {error}")),
            None => {}
        }
        if let Some(driver) = self.keeping.device.is_due(now) {
            let mut ports = Vec::new();
            self.keeping.doors = Swap::default();
            if driver == DriverChoice::Jack {
                (self.keeping.doors, ports) = self.jack_ports(&self.keeping.places());
            }
            self.keeping.device.try_again(ports, now);
        }
        self.keeping.show(&self.parts.board);
    }

    /// New doors for the rig's MIDI ports at JACK; what stood at `old_places` ends.
    fn jack_ports(&self, old_places: &[u16]) -> (Swap, Vec<JackMidiPort>) {
        let base = super::jack_time_base(&self.parts.board.shown().rig);
        let (swap, ends) = renew_ends(&self.keeping.ports, old_places, base, &self.parts.ports);
        (swap, ends.into_iter().map(Into::into).collect())
    }

    /// The device is gone: the null clock takes the Renderer over.
    fn fall_back(&mut self, now: Instant) {
        let was_jack = self.keeping.device.is_jack();
        let device = &mut self.keeping.device;
        let fallen = block_in_place(|| device.lose(now).and_then(|()| device.start(Vec::new())));
        if let Err(error) = fallen {
            self.parts.board.say(error.to_string());
        }
        if was_jack {
            self.open_gear(self.keeping.places());
        }
    }

    fn open_gear(&self, old_places: Vec<u16>) {
        let ports = self.keeping.ports.clone();
        send(&self.parts.addresses.midi, MidiMessage::Open { ports, old_places });
    }

    /// The device is back: it takes the Renderer over from the null clock.
    fn go_back(&mut self, found: Found) {
        block_in_place(|| self.keeping.device.go_back(found));
        if self.keeping.device.is_jack() {
            send(&self.parts.addresses.midi, MidiMessage::Close);
            let doors = std::mem::take(&mut self.keeping.doors);
            self.parts.addresses.to_renderer(RendererMessage::Lend(Box::new(doors)));
        }
        let info = self.keeping.device.info();
        tracing::info!(driver = info.driver, device = info.device, "the device is back");
        self.parts.board.say(format!("{} is back and plays ({})", info.device, info.driver));
    }

    fn take_rig(&mut self, wanted: AudioRequest, old_places: Vec<u16>, midi_changed: bool, now: Instant) {
        let device = &mut self.keeping.device;
        let channels = |request: &AudioRequest| (request.output_channels, request.input_channels);
        if channels(&wanted) == channels(device.request()) && !(midi_changed && device.has_jack_ports()) {
            if midi_changed {
                self.open_gear(old_places);
            }
            return;
        }
        // The device needs other ports: it is opened anew, and the timeline goes
        // on where it was.
        let was_jack = device.is_jack();
        if let Err(error) = block_in_place(|| device.reopen(wanted, now)) {
            self.parts.board.say(format!("{error}; playing goes on without a device"));
        }
        let mut ports = Vec::new();
        if self.keeping.device.is_jack() {
            let doors;
            (doors, ports) = self.jack_ports(&old_places);
            self.parts.addresses.to_renderer(RendererMessage::Lend(Box::new(doors)));
        } else if was_jack || midi_changed {
            self.open_gear(old_places);
        }
        if let Err(error) = block_in_place(|| self.keeping.device.start(ports)) {
            self.parts.board.say(error.to_string());
        }
    }
}

impl Actor for AudioKeeper {
    type Message = AudioMessage;
    const LABELS: &'static [&'static str] = &["look", "rig"];

    fn label(message: &AudioMessage) -> u32 {
        match message {
            AudioMessage::Look => 0,
            AudioMessage::Rig { .. } => 1,
        }
    }

    async fn started(&mut self, context: &mut Context<AudioKeeper>) -> Outcome {
        context.every(LOOK, || AudioMessage::Look);
        Ok(())
    }

    async fn handle(&mut self, message: AudioMessage, _: &mut Context<AudioKeeper>) -> Outcome {
        match message {
            AudioMessage::Look => self.look(Instant::now()),
            AudioMessage::Rig { wanted, ports, old_places, midi_changed } => {
                self.keeping.ports = ports;
                self.take_rig(wanted, old_places, midi_changed, Instant::now());
                self.keeping.show(&self.parts.board);
            }
        }
        Ok(())
    }
}
