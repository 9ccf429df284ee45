use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::device::audio::{JackMidiPort, list_jack};
use crate::device::midi::{
    self, Change, Connection, Direction, FrameToHost, Identity, MidiError, MidiPorts, PortRequest, RoleGear,
    Traffic,
};
use crate::render::{Feed, Inlet, Origin, Outlet, Swap, TimeBase, inlet, outlet};
use crate::rig::{Deployment, MidiPort, Rig};

/// A MIDI port of the rig with the outer ends of its doors.
pub(super) struct PortEnds {
    pub(super) port: MidiPort,
    pub(super) inlet: Option<Inlet>,
    pub(super) outlet: Option<Outlet>,
    pub(super) traffic: Arc<Traffic>,
}

/// A MIDI port of the rig, and its place among sources and sinks.
#[derive(Clone)]
pub(super) struct PlacedPort {
    pub(super) port: MidiPort,
    pub(super) place: u16,
}

/// What passed each port of the rig, by its name: over all that opens and closes it.
#[derive(Default)]
pub(super) struct PortBook(Mutex<BTreeMap<String, Arc<Traffic>>>);

impl PortBook {
    pub(super) fn of(&self, name: &str) -> Arc<Traffic> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(book.entry(name.to_owned()).or_default())
    }
}

/// The MIDI ports of the rig that plays.
pub(super) fn placed_ports(deployment: &Deployment) -> Vec<PlacedPort> {
    let placed =
        |port: &MidiPort| Some(PlacedPort { port: port.clone(), place: deployment.port_of(&port.name)? });
    deployment.rig().midi.iter().filter_map(placed).collect()
}

/// Makes the doors of MIDI ports; the inner ends go into `swap`.
pub(super) fn make_ends(
    ports: &[PlacedPort],
    base: TimeBase,
    book: &PortBook,
    swap: &mut Swap,
) -> Vec<PortEnds> {
    let mut ends = Vec::new();
    for PlacedPort { port, place } in ports {
        let traffic = book.of(&port.name);
        let mut end = PortEnds { port: port.clone(), inlet: None, outlet: None, traffic };
        if port.is_source() {
            let (outer, source) = inlet(base);
            end.inlet = Some(outer);
            let feed = Feed { port: *place, origin: Origin::Live(source) };
            swap.sources.push((*place, Some(Box::new(feed))));
        }
        if port.is_destination() {
            let (sink, outer) = outlet();
            end.outlet = Some(outer);
            swap.sinks.push((*place, Some(Box::new(sink))));
        }
        ends.push(end);
    }
    ends
}

/// The same for a Renderer that plays: what stood at `old_places` ends.
pub(super) fn renew_ends(
    ports: &[PlacedPort],
    old_places: &[u16],
    base: TimeBase,
    book: &PortBook,
) -> (Swap, Vec<PortEnds>) {
    let mut swap = Swap::default();
    swap.sources.extend(old_places.iter().map(|place| (*place, None)));
    swap.sinks.extend(old_places.iter().map(|place| (*place, None)));
    let ends = make_ends(ports, base, book, &mut swap);
    (swap, ends)
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
            traffic: ends.traffic,
        }
    }
}

/// Gear that fills a role of the rig now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connected {
    /// The port's name in the rig.
    pub role: String,
    /// Whether the engine sends to it.
    pub is_output: bool,
    /// The device.
    pub device: Identity,
}

impl From<Connection> for Connected {
    fn from(connection: Connection) -> Connected {
        let is_output = connection.direction == Direction::Out;
        Connected { role: connection.role, is_output, device: connection.device }
    }
}

/// Whether there is anything that notes could come from.
pub(super) fn can_be_played(is_jack: bool) -> bool {
    // What only passes on what others send is no keyboard.
    let is_keyboard = |name: &str| !name.contains("Through") && !name.starts_with("System");
    if is_jack {
        return list_jack().is_ok_and(|ports| ports.midi_sources.iter().any(|name| is_keyboard(name)));
    }
    midi::list().is_ok_and(|ports| ports.iter().any(|p| p.direction == Direction::In && is_keyboard(&p.name)))
}

/// Under JACK the rig's ports are the server's, to be connected there by anyone.
pub(super) fn jack_ports(rig: &Rig) -> Vec<Connected> {
    let port = |port: &MidiPort, is_output| Connected {
        role: port.name.clone(),
        is_output,
        device: Identity { name: "a port of the JACK server".to_owned(), ..Identity::default() },
    };
    let sources = rig.midi.iter().filter(|m| m.is_source()).map(|m| port(m, false));
    sources.chain(rig.midi.iter().filter(|m| m.is_destination()).map(|m| port(m, true))).collect()
}

fn role_gear(port: &MidiPort) -> RoleGear {
    RoleGear {
        in_pattern: port.input.clone(),
        out_pattern: port.output.clone(),
        serial: port.serial.clone(),
        usb: port.usb.clone(),
        port: port.port,
    }
}

/// Whether two ports differ at most by the gear they are for.
fn is_same_role(one: &PlacedPort, other: &PlacedPort) -> bool {
    let (a, b) = (&one.port, &other.port);
    one.place == other.place
        && (&a.name, a.is_virtual) == (&b.name, b.is_virtual)
        && (a.is_source(), a.is_destination()) == (b.is_source(), b.is_destination())
}

/// The open MIDI ports.
pub(super) struct Gear {
    ports: MidiPorts,
}

impl Gear {
    pub(super) fn open(ends: Vec<PortEnds>, clock: FrameToHost) -> Result<Gear, MidiError> {
        let requests = ends.into_iter().map(PortRequest::from).collect();
        Ok(Gear { ports: midi::open(requests, clock)? })
    }

    /// Goes from one rig's ports to another's, where only the gear they are for
    /// differs; `false` where they have to be opened anew.
    pub(super) fn assign(&mut self, old: &[PlacedPort], new: &[PlacedPort]) -> bool {
        let is_same = old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same_role(old, new));
        let changed = old.iter().zip(new).filter(|(old, new)| role_gear(&old.port) != role_gear(&new.port));
        let changed = changed.filter(|(_, new)| !new.port.is_virtual);
        is_same
            && self
                .ports
                .assign(changed.map(|(_, new)| (new.port.name.clone(), role_gear(&new.port))).collect())
    }

    pub(super) fn connected(&self) -> Vec<Connected> {
        self.ports.connected().into_iter().map(Connected::from).collect()
    }

    /// What went wrong since the last call, a line each. What came and went is
    /// seen in [`connected`](Self::connected).
    pub(super) fn troubles(&mut self) -> Vec<String> {
        let told = self.ports.changes().try_iter().filter_map(|change| match change {
            Change::Connected(_) | Change::Lost(_) => None,
            Change::Trouble(trouble) => Some(trouble),
        });
        told.collect()
    }

    pub(super) fn close(self) {
        self.ports.stop();
    }
}

impl From<PortEnds> for PortRequest {
    fn from(ends: PortEnds) -> PortRequest {
        PortRequest {
            name: ends.port.name.clone(),
            gear: (!ends.port.is_virtual).then(|| role_gear(&ends.port)),
            inlet: ends.inlet,
            outlet: ends.outlet,
            traffic: ends.traffic,
        }
    }
}
