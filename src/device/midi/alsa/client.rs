//! Our client and its ports: made, connected, and kept connected.

use std::ffi::CString;
use std::sync::Arc;

use alsa::poll::Descriptors;
use alsa::seq::{Addr, Connect, Event, EventType, PortCap, PortSubscribe, PortType, Seq};

use super::super::board::Board;
use super::super::identity::Wanted;
use super::super::input::Input;
use super::super::output::Output;
use super::super::{Assigned, CLIENT_NAME, Direction, Identity, MidiError, PortRequest, RoleGear};
use super::directory::{self, Gear, id};
use super::queue::Queue;
use super::{describe, open_sequencer, unavailable};
use crate::unit::HostTime;

/// Events the kernel holds for us in each direction: the most it allows.
const POOL_EVENTS: u32 = 2_000;

pub(super) struct Client {
    pub(super) seq: Seq,
    own: i32,
    announcements: i32,
    pub(super) ports: Vec<Port>,
    /// Where there is none, we stamp what comes, and send what is due, ourselves.
    pub(super) queue: Option<Queue>,
    board: Board,
}

/// A role's port.
pub(super) struct Port {
    role: String,
    pub(super) number: i32,
    heard: Option<Wanted>,
    played: Option<Wanted>,
    pub(super) input: Option<Input>,
    pub(super) output: Option<Output>,
    /// Whom it sends to, and whether that is a slow wire.
    destinations: Vec<(Addr, bool)>,
}

impl Port {
    /// Whether a wire that could be slow hangs on it.
    pub(super) fn is_slow(&self) -> bool {
        self.destinations.iter().any(|(_, slow)| *slow)
    }
}

/// What the sequencer announced.
#[derive(Clone, Copy, Debug)]
pub(super) enum News {
    Appeared(Addr),
    Gone(Addr),
    ClientGone(i32),
    Subscribed(Connect),
    Unsubscribed(Connect),
}

impl Client {
    pub(super) fn open(requests: Vec<PortRequest>, board: Board) -> Result<Client, MidiError> {
        let seq = open_sequencer()?;
        let failed = |error| unavailable(describe(error));
        seq.set_client_name(&c_string(CLIENT_NAME)).map_err(failed)?;
        let own = seq.client_id().map_err(failed)?;
        // Smaller pools do too: these are wishes.
        let _ = seq.set_client_pool_input(POOL_EVENTS);
        let _ = seq.set_client_pool_output(POOL_EVENTS);
        let mut ports = Vec::with_capacity(requests.len());
        for request in requests {
            ports.push(Port::make(&seq, request)?);
        }
        let announcements = seq
            .create_simple_port(c"announcements", PortCap::WRITE | PortCap::NO_EXPORT, PortType::APPLICATION)
            .map_err(failed)?;
        let queue = stamping_queue(&seq, own, &ports)
            .map_err(|error| board.trouble(format!("MIDI is stamped and sent without a queue: {error}")))
            .ok();
        let mut client = Client { seq, own, announcements, ports, queue, board };
        // First listen, then look: so nothing appears unseen in between.
        subscribe(&client.seq, Addr::system_announce(), Addr { client: own, port: announcements })
            .map_err(failed)?;
        for gear in directory::all(&client.seq, own) {
            client.connect(&gear);
        }
        Ok(client)
    }

    /// What an event announces, where it comes from the kernel.
    pub(super) fn news(&self, event: &Event<'_>) -> Option<News> {
        if event.get_source().client != 0 || event.get_dest().port != self.announcements {
            return None;
        }
        Some(match event.get_type() {
            EventType::PortStart | EventType::PortChange => News::Appeared(event.get_data()?),
            EventType::PortExit => News::Gone(event.get_data()?),
            EventType::ClientExit => News::ClientGone(event.get_data::<Addr>()?.client),
            EventType::PortSubscribed => News::Subscribed(event.get_data()?),
            EventType::PortUnsubscribed => News::Unsubscribed(event.get_data()?),
            _ => return None,
        })
    }

    pub(super) fn follow(&mut self, news: News) {
        match news {
            News::Appeared(addr) if addr.client != self.own => {
                if let Some(gear) = directory::look_up(&self.seq, addr) {
                    self.connect(&gear);
                }
            }
            News::Appeared(_) => {}
            News::Gone(addr) => self.gone(|other| other == addr),
            News::ClientGone(client) => self.gone(|other| other.client == client),
            News::Subscribed(Connect { sender, dest }) => self.subscribed(sender, dest),
            News::Unsubscribed(Connect { sender, dest }) => self.unsubscribed(sender, dest),
        }
    }

    /// Ends all that any source holds: nobody knows any more what that is.
    pub(super) fn reset_sources(&mut self) {
        let now = HostTime::now().nanos();
        for input in self.ports.iter_mut().filter_map(|port| port.input.as_mut()) {
            input.reset(now);
        }
    }

    /// The kernel dropped events, announcements perhaps among them.
    pub(super) fn overflowed(&mut self) {
        self.reset_sources();
        self.board.trouble("the system dropped MIDI that came too fast; its notes were ended");
        for gear in directory::all(&self.seq, self.own) {
            self.connect(&gear);
        }
    }

    /// Other gear for roles: what only the old one meant is let go of, what others
    /// connected by hand stays.
    pub(super) fn assign(&mut self, roles: Vec<Assigned>) {
        for Assigned { role, heard, played } in roles {
            let Some(index) = self.ports.iter().position(|port| port.role == role) else { continue };
            let port = &mut self.ports[index];
            let before =
                [std::mem::replace(&mut port.heard, heard), std::mem::replace(&mut port.played, played)];
            let own = Addr { client: self.own, port: port.number };
            let sources = port.input.as_ref().map(Input::devices).unwrap_or_default();
            let sources = sources.into_iter().map(|id| (directory::addr(id), Direction::In));
            let destinations = port.destinations.iter().map(|(addr, _)| (*addr, Direction::Out));
            for (addr, direction) in sources.chain(destinations).collect::<Vec<_>>() {
                let Some(gear) = directory::look_up(&self.seq, addr) else { continue };
                let is_in = direction == Direction::In;
                let port = &self.ports[index];
                let now = if is_in { &port.heard } else { &port.played };
                let is_meant = |wanted: &Option<Wanted>| {
                    wanted.as_ref().is_some_and(|wanted| gear.is_meant(wanted, direction))
                };
                if !is_meant(&before[usize::from(!is_in)]) || is_meant(now) {
                    continue;
                }
                let (sender, dest) = if is_in { (addr, own) } else { (own, addr) };
                // Gone already: its announcement says the same.
                let _ = self.seq.unsubscribe_port(sender, dest);
                self.unsubscribed(sender, dest);
            }
        }
        for gear in directory::all(&self.seq, self.own) {
            self.connect(&gear);
        }
    }

    fn connect(&mut self, gear: &Gear) {
        for index in 0..self.ports.len() {
            let port = &self.ports[index];
            let own = Addr { client: self.own, port: port.number };
            let is_meant = |wanted: &Option<Wanted>, direction| {
                wanted.as_ref().is_some_and(|wanted| gear.is_meant(wanted, direction))
            };
            let listens = port.input.is_some() && is_meant(&port.heard, Direction::In);
            let sends = port.output.is_some() && is_meant(&port.played, Direction::Out);
            if listens {
                self.try_subscribe(gear.addr, own, gear);
            }
            if sends {
                self.try_subscribe(own, gear.addr, gear);
            }
        }
    }

    fn try_subscribe(&mut self, sender: Addr, dest: Addr, gear: &Gear) {
        match subscribe(&self.seq, sender, dest) {
            Ok(()) => self.subscribed(sender, dest),
            // It is connected already.
            Err(error) if error.errno() == libc::EBUSY => {}
            Err(error) => {
                self.board.trouble(format!("`{}` cannot be used: {}", gear.name(), describe(error)));
            }
        }
    }

    /// A connection came to be, made by us or by another program.
    fn subscribed(&mut self, sender: Addr, dest: Addr) {
        let (own, direction, other) = match (sender.client == self.own, dest.client == self.own) {
            (true, false) => (sender, Direction::Out, dest),
            (false, true) => (dest, Direction::In, sender),
            _ => return,
        };
        let Some(port) = self.ports.iter_mut().find(|port| port.number == own.port) else { return };
        let gear = directory::look_up(&self.seq, other);
        let identity = gear.as_ref().map(Gear::identity).unwrap_or_else(|| Identity {
            name: format!("{}:{}", other.client, other.port),
            ..Identity::default()
        });
        match direction {
            Direction::In => {
                if let Some(input) = &mut port.input {
                    input.attach(id(other), &identity, HostTime::now().nanos());
                }
            }
            Direction::Out => {
                if port.destinations.iter().all(|(addr, _)| *addr != other) {
                    port.destinations.push((other, gear.is_some_and(|gear| gear.is_hardware)));
                    if let Some(output) = &mut port.output {
                        output.attach(id(other));
                    }
                }
            }
        }
        self.board.connected(id(other), &port.role, direction, &identity);
    }

    fn unsubscribed(&mut self, sender: Addr, dest: Addr) {
        let now = HostTime::now().nanos();
        if dest.client == self.own {
            if let Some(port) = self.ports.iter_mut().find(|port| port.number == dest.port) {
                port.lose_source(sender, now, &self.board);
            }
        } else if let Some(port) = self.ports.iter_mut().find(|port| port.number == sender.port) {
            port.lose_destination(dest, &self.board);
        }
    }

    fn gone(&mut self, is_gone: impl Fn(Addr) -> bool) {
        let now = HostTime::now().nanos();
        for port in &mut self.ports {
            let sources = port.input.as_ref().map(Input::devices).unwrap_or_default();
            for source in sources.into_iter().map(directory::addr).filter(|&addr| is_gone(addr)) {
                port.lose_source(source, now, &self.board);
            }
            let lost: Vec<Addr> =
                port.destinations.iter().map(|(addr, _)| *addr).filter(|&addr| is_gone(addr)).collect();
            for destination in lost {
                port.lose_destination(destination, &self.board);
            }
        }
    }
}

impl Port {
    fn make(seq: &Seq, request: PortRequest) -> Result<Port, MidiError> {
        let mut capability = PortCap::empty();
        if request.inlet.is_some() {
            capability |= PortCap::WRITE | PortCap::SUBS_WRITE;
        }
        if request.outlet.is_some() {
            capability |= PortCap::READ | PortCap::SUBS_READ;
        }
        if request.inlet.is_some() && request.outlet.is_some() {
            capability |= PortCap::DUPLEX;
        }
        let kind = PortType::MIDI_GENERIC | PortType::SOFTWARE | PortType::APPLICATION;
        let number = seq
            .create_simple_port(&c_string(&request.name), capability, kind)
            .map_err(|error| MidiError::Port { role: request.name.clone(), reason: describe(error) })?;
        let gear = request.gear.as_ref();
        let (heard, played) = (gear.and_then(RoleGear::heard), gear.and_then(RoleGear::played));
        let traffic = request.traffic;
        Ok(Port {
            role: request.name,
            number,
            heard,
            played,
            input: request.inlet.map(|inlet| Input::new(inlet, Arc::clone(&traffic))),
            output: request.outlet.map(|outlet| Output::new(outlet, traffic)),
            destinations: Vec::new(),
        })
    }

    fn lose_source(&mut self, addr: Addr, now: u64, board: &Board) {
        if let Some(input) = &mut self.input {
            input.lost(id(addr), now);
        }
        board.lost(id(addr), &self.role, Direction::In);
    }

    fn lose_destination(&mut self, addr: Addr, board: &Board) {
        self.destinations.retain(|(other, _)| *other != addr);
        if let Some(output) = &mut self.output {
            output.detach(id(addr));
        }
        board.lost(id(addr), &self.role, Direction::Out);
    }
}

/// A queue that stamps what comes in by our ports.
fn stamping_queue(seq: &Seq, own: i32, ports: &[Port]) -> Result<Queue, String> {
    let descriptors = (seq, None).get().map_err(describe)?;
    let descriptor = descriptors.first().map_or(-1, |descriptor| descriptor.fd);
    let queue = Queue::start(seq, descriptor, ports.iter().any(|port| port.output.is_some()))?;
    for port in ports.iter().filter(|port| port.input.is_some()) {
        let mut info = seq.get_any_port_info(Addr { client: own, port: port.number }).map_err(describe)?;
        info.set_timestamping(true);
        info.set_timestamp_real(true);
        info.set_timestamp_queue(queue.number());
        seq.set_port_info(port.number, &mut info).map_err(describe)?;
    }
    Ok(queue)
}

fn subscribe(seq: &Seq, sender: Addr, dest: Addr) -> alsa::Result<()> {
    let subscription = PortSubscribe::empty()?;
    subscription.set_sender(sender);
    subscription.set_dest(dest);
    seq.subscribe_port(&subscription)
}

/// A name for the kernel, which ends names at a zero byte.
fn c_string(name: &str) -> CString {
    let bytes: Vec<u8> = name.bytes().filter(|&byte| byte != 0).collect();
    // Without zeros there is no error.
    CString::new(bytes).unwrap_or_default()
}
