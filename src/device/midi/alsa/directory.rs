//! Who is there: clients, ports and their names.

use std::path::Path;

use alsa::seq::{Addr, ClientIter, PortCap, PortIter, PortType, Seq};

use super::super::identity::Wanted;
use super::super::{Direction, Identity, MidiPortInfo};
use super::card;
use crate::device::pattern::NamePattern;

/// The kernel's own client: timer and announcements.
const SYSTEM_CLIENT: i32 = 0;
const THROUGH_CLIENT: &str = "Midi Through";

/// A port of another client.
#[derive(Clone, Debug)]
pub(super) struct Gear {
    pub(super) addr: Addr,
    client: String,
    port: String,
    can_send: bool,
    can_receive: bool,
    card: card::Card,
    /// It leads to a wire of 31,250 baud, for all that is known.
    pub(super) is_hardware: bool,
}

/// An address as one number.
pub(super) fn id(addr: Addr) -> u64 {
    (addr.client as u64) << 8 | (addr.port as u64 & 0xff)
}

/// The address of a number.
pub(super) fn addr(id: u64) -> Addr {
    Addr { client: (id >> 8) as i32, port: (id & 0xff) as i32 }
}

/// A port, where it is there and open to others.
pub(super) fn look_up(seq: &Seq, addr: Addr) -> Option<Gear> {
    let client = seq.get_any_client_info(addr.client).ok()?;
    let port = seq.get_any_port_info(addr).ok()?;
    let capability = port.get_capability();
    if capability.contains(PortCap::NO_EXPORT) {
        return None;
    }
    Some(Gear {
        addr,
        client: client.get_name().unwrap_or_default().trim().to_owned(),
        port: port.get_name().unwrap_or_default().trim().to_owned(),
        can_send: capability.contains(PortCap::READ | PortCap::SUBS_READ),
        can_receive: capability.contains(PortCap::WRITE | PortCap::SUBS_WRITE),
        card: client
            .get_card()
            .map(|number| card::look_up(Path::new(card::SYSFS), number))
            .unwrap_or_default(),
        is_hardware: port.get_type().contains(PortType::HARDWARE),
    })
}

/// All ports of all clients but our own.
pub(super) fn all(seq: &Seq, own: i32) -> Vec<Gear> {
    ClientIter::new(seq)
        .map(|client| client.get_client())
        .filter(|&client| client != own)
        .flat_map(|client| PortIter::new(seq, client).map(|port| port.addr()).collect::<Vec<_>>())
        .filter_map(|addr| look_up(seq, addr))
        .collect()
}

pub(super) fn list(seq: &Seq, own: i32) -> Vec<MidiPortInfo> {
    let mut list = Vec::new();
    for gear in all(seq, own).into_iter().filter(|gear| gear.addr.client != SYSTEM_CLIENT) {
        let id = format!("{}:{}", gear.addr.client, gear.addr.port);
        for (can, direction) in [(gear.can_send, Direction::In), (gear.can_receive, Direction::Out)] {
            if can {
                let (name, id) = (gear.name(), id.clone());
                list.push(MidiPortInfo { name, direction, id, identity: gear.identity() });
            }
        }
    }
    list
}

impl Gear {
    /// What people call it. Drivers often repeat the client's name in the port's.
    pub(super) fn name(&self) -> String {
        if self.port.starts_with(&self.client) {
            self.port.clone()
        } else {
            format!("{}:{}", self.client, self.port)
        }
    }

    /// What tells it from others of the same name.
    pub(super) fn identity(&self) -> Identity {
        Identity {
            name: self.name(),
            serial: self.card.serial.clone(),
            usb: self.card.usb.clone(),
            port: u32::try_from(self.addr.port).ok(),
        }
    }

    /// Whether a role of the rig means it, in this direction. The system's own
    /// ports and the loop-back are meant only where the pattern names something.
    pub(super) fn is_meant(&self, wanted: &Wanted, direction: Direction) -> bool {
        self.is_named(&wanted.pattern, direction) && wanted.is_met_by(&self.identity())
    }

    /// The same by its name only.
    pub(super) fn is_named(&self, pattern: &NamePattern, direction: Direction) -> bool {
        let able = if direction == Direction::In { self.can_send } else { self.can_receive };
        let is_gear = self.addr.client != SYSTEM_CLIENT && self.client != THROUGH_CLIENT;
        able && (is_gear || !pattern.is_any())
            && [
                format!("{}:{}", self.client, self.port),
                format!("{} {}", self.client, self.port),
                self.port.clone(),
                self.client.clone(),
            ]
            .iter()
            .any(|name| pattern.matches(name))
    }
}

impl Gear {
    /// Whether it takes MIDI.
    pub(super) fn can_receive(&self) -> bool {
        self.can_receive && self.addr.client != SYSTEM_CLIENT
    }

    /// Whether a person who types a name, a part of one, or an address such as
    /// `24:0` means it.
    pub(super) fn is_called(&self, pattern: &NamePattern, direction: Direction) -> bool {
        let able = if direction == Direction::In { self.can_send } else { self.can_receive };
        let address = format!("{}:{}", self.addr.client, self.addr.port);
        let part = || pattern.matches(&address) || pattern.matches_part(&self.name());
        self.is_named(pattern, direction) || able && !pattern.is_any() && part()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gear(client_number: i32, client: &str, port: &str) -> Gear {
        Gear {
            addr: Addr { client: client_number, port: 0 },
            client: client.into(),
            port: port.into(),
            can_send: true,
            can_receive: false,
            card: card::Card::default(),
            is_hardware: true,
        }
    }

    fn wanted(pattern: &str) -> Wanted {
        Wanted { pattern: NamePattern::whole(pattern), serial: None, usb: None, port: None }
    }

    #[test]
    fn a_pattern_may_name_client_port_or_both() {
        let keys = gear(24, "LabKeys", "LabKeys MIDI 1");
        for pattern in ["labkeys", "*MIDI 1", "LabKeys:LabKeys*", "LABKEYS LABKEYS MIDI ?", "*"] {
            assert!(keys.is_meant(&wanted(pattern), Direction::In), "{pattern}");
        }
        assert!(!keys.is_meant(&wanted("Lab"), Direction::In));
        assert!(!keys.is_meant(&wanted("*"), Direction::Out));
        assert_eq!(keys.name(), "LabKeys MIDI 1");
        assert_eq!(gear(128, "aseqdump", "in").name(), "aseqdump:in");
        for name in ["lab", "24:0", "MIDI 1"] {
            assert!(keys.is_called(&NamePattern::whole(name), Direction::In), "{name}");
        }
        assert!(!keys.is_called(&NamePattern::whole("other"), Direction::In));
    }

    #[test]
    fn any_means_gear_and_not_the_loop_back() {
        let through = gear(14, THROUGH_CLIENT, "Midi Through Port-0");
        let system = gear(0, "System", "Announce");
        for gear in [through, system] {
            assert!(!gear.is_meant(&wanted("*"), Direction::In));
            assert!(gear.is_meant(&wanted(&gear.client), Direction::In));
        }
    }
}
