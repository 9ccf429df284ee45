use crate::device::audio::JackMidiPort;
use crate::render::{Feed, Inlet, Origin, Outlet, Swap, TimeBase, inlet, outlet};
use crate::rig::{Deployment, MidiPort};
use crate::unit::{Frame, HostTime};

/// A MIDI port of the rig with the outer ends of its doors.
pub(super) struct PortEnds {
    pub(super) port: MidiPort,
    pub(super) inlet: Option<Inlet>,
    pub(super) outlet: Option<Outlet>,
}

/// Makes the doors of every MIDI port of the rig; the inner ends go into `swap`.
pub(super) fn make_ends(deployment: &Deployment, base: TimeBase, swap: &mut Swap) -> Vec<PortEnds> {
    let mut ends = Vec::new();
    for port in &deployment.rig().midi {
        let Some(place) = deployment.port_of(&port.name) else { continue };
        let mut end = PortEnds { port: port.clone(), inlet: None, outlet: None };
        if port.is_source() {
            let (outer, source) = inlet(base);
            end.inlet = Some(outer);
            let feed = Feed { port: place, origin: Origin::Live(source) };
            swap.sources.push((place, Some(Box::new(feed))));
        }
        if port.is_destination() {
            let (sink, outer) = outlet();
            end.outlet = Some(outer);
            swap.sinks.push((place, Some(Box::new(sink))));
        }
        ends.push(end);
    }
    ends
}

impl From<PortEnds> for JackMidiPort {
    fn from(ends: PortEnds) -> JackMidiPort {
        JackMidiPort {
            name: ends.port.name,
            input: ends.inlet,
            output: ends.outlet,
            in_pattern: ends.port.input,
            out_pattern: ends.port.output,
            is_virtual: ends.port.is_virtual,
        }
    }
}

/// When a frame of the engine's timeline begins.
pub(super) type FrameToHost = Box<dyn Fn(Frame) -> HostTime + Send>;

/// Gear that fills a role of the rig now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connected {
    /// The port's name in the rig.
    pub role: String,
    /// Whether the engine sends to it.
    pub is_output: bool,
    /// The device's name.
    pub device: String,
}

/// The open MIDI ports.
pub(super) struct Gear {}

impl Gear {
    pub(super) fn open(ends: Vec<PortEnds>, clock: FrameToHost) -> Result<Gear, String> {
        let _ = (ends, clock);
        Ok(Gear {})
    }

    pub(super) fn connected(&self) -> Vec<Connected> {
        Vec::new()
    }

    /// What came and went since the last call, a line each.
    pub(super) fn changes(&mut self) -> Vec<String> {
        Vec::new()
    }

    pub(super) fn close(self) {}
}
