//! MIDI ports: gear that comes and goes, behind one door.
//!
//! [`open`] makes the rig's ports and looks for the gear that its patterns
//! name, now and whenever something is plugged in. On Linux this is the ALSA
//! sequencer itself ([`alsa`](self)); elsewhere midir. What arrives is stamped
//! by us on arrival, with the clock that the audio callback reads.

#[cfg(target_os = "linux")]
mod alsa;
mod board;
pub mod dump;
pub mod echo;
mod identity;
mod input;
pub mod listen;
mod lookout;
pub(in crate::device) mod memory;
// Linux has no use for it, but compiles it in tests to keep it whole.
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(dead_code))]
mod midir;
mod output;
mod traffic;

use std::fmt;
use std::sync::Arc;

use crossbeam::channel::Receiver;

use self::board::Board;
pub use self::identity::Identity;
use self::identity::Wanted;
pub use self::lookout::Lookout;
pub use self::traffic::{Traffic, TrafficCount};
use crate::device::pattern::NamePattern;
use crate::render::{Inlet, Outlet};
use crate::unit::{Frame, HostTime};

/// The name that other programs see.
const CLIENT_NAME: &str = "Antiphon";

/// When a frame of the engine's timeline is to leave by a port.
pub type FrameToHost = Box<dyn Fn(Frame) -> HostTime + Send>;

/// One MIDI role of the rig.
pub struct PortRequest {
    /// Its name in the rig.
    pub name: String,
    /// The gear it is for; none where it is a port of our own, which connects to
    /// nothing.
    pub gear: Option<RoleGear>,
    /// Where what passes is counted.
    pub traffic: Arc<Traffic>,
    /// Where what comes in goes, for a source.
    pub inlet: Option<Inlet>,
    /// Where what goes out comes from, for a destination.
    pub outlet: Option<Outlet>,
}

/// The gear that a role of the rig is for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoleGear {
    /// Glob on the names of ports to listen to.
    pub in_pattern: Option<String>,
    /// Glob on the names of ports to send to.
    pub out_pattern: Option<String>,
    /// Only the device of this serial number.
    pub serial: Option<String>,
    /// Only the device that is plugged in here, such as `1-1.2`.
    pub usb: Option<String>,
    /// Only this of the device's ports, counted from 0.
    pub port: Option<u32>,
}

impl RoleGear {
    fn wanted(&self, pattern: Option<&String>) -> Option<Wanted> {
        pattern.map(|pattern| Wanted {
            pattern: NamePattern::whole(pattern),
            serial: self.serial.clone(),
            usb: self.usb.clone(),
            port: self.port,
        })
    }

    /// What is asked of the gear to be heard.
    fn heard(&self) -> Option<Wanted> {
        self.wanted(self.in_pattern.as_ref())
    }

    /// What is asked of the gear to be played.
    fn played(&self) -> Option<Wanted> {
        self.wanted(self.out_pattern.as_ref())
    }
}

/// Which way a connection or a port goes, seen from the engine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// The engine listens.
    In,
    /// The engine sends.
    Out,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Direction::In { "in" } else { "out" })
    }
}

/// A rig's role and the gear that fills it now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    /// The port's name in the rig.
    pub role: String,
    /// Which way.
    pub direction: Direction,
    /// The device.
    pub device: Identity,
}

/// What changed, for a status line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Gear was found, or plugged in.
    Connected(Connection),
    /// Gear was pulled, or its program ended. Its notes were released.
    Lost(Connection),
    /// MIDI goes on without something, or not at all; the text says what and why.
    Trouble(String),
}

/// A port that the system offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MidiPortInfo {
    /// As a pattern of the rig sees it.
    pub name: String,
    /// Which way it could be used.
    pub direction: Direction,
    /// The system's own name for it, such as `24:0`.
    pub id: String,
    /// What tells it from others of the same name.
    pub identity: Identity,
}

/// Why there is no MIDI.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MidiError {
    /// The system offers no MIDI, or keeps it from us.
    #[error("no MIDI: {reason}")]
    Unavailable {
        /// What is wrong and what to do.
        reason: String,
    },
    /// A port could not be made.
    #[error("no MIDI port for `{role}`: {reason}")]
    Port {
        /// The rig's name of it.
        role: String,
        /// What the system said.
        reason: String,
    },
}

/// Open ports; they close when this is dropped. Real-time: no.
pub struct MidiPorts {
    board: Board,
    changes: Receiver<Change>,
    worker: Box<dyn Worker>,
}

/// A backend at work.
trait Worker: Send {
    /// Ends all notes at the destinations and closes the ports, within a second.
    fn stop(&mut self);

    /// Puts other gear in the roles; whether it can do that without closing ports.
    fn assign(&mut self, _roles: Vec<Assigned>) -> bool {
        false
    }
}

/// What gear a role is for from now on.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
struct Assigned {
    role: String,
    heard: Option<Wanted>,
    played: Option<Wanted>,
}

/// Makes the rig's ports and connects them. Ports with no gear wait for it.
/// Real-time: no.
///
/// # Errors
/// [`MidiError`] where the system has no MIDI or refuses a port; the requests,
/// and with them the doors, are dropped then.
pub fn open(ports: Vec<PortRequest>, frame_to_host: FrameToHost) -> Result<MidiPorts, MidiError> {
    let (board, changes) = Board::new();
    #[cfg(target_os = "linux")]
    let worker = alsa::open(ports, frame_to_host, board.clone())?;
    #[cfg(not(target_os = "linux"))]
    let worker = midir::open(ports, frame_to_host, board.clone())?;
    Ok(MidiPorts { board, changes, worker })
}

/// The ports that the system offers now. Real-time: no.
///
/// # Errors
/// [`MidiError`] where it has no MIDI.
pub fn list() -> Result<Vec<MidiPortInfo>, MidiError> {
    #[cfg(target_os = "linux")]
    return alsa::list();
    #[cfg(not(target_os = "linux"))]
    return midir::list();
}

impl MidiPorts {
    /// What is connected now.
    pub fn connected(&self) -> Vec<Connection> {
        self.board.connections()
    }

    /// What changed, in order. At most 64 wait; what nobody reads is forgotten,
    /// and [`MidiPorts::connected`] stays true.
    pub fn changes(&self) -> &Receiver<Change> {
        &self.changes
    }

    /// Puts other gear in roles that there are: it is connected, what was there before
    /// is let go of, and all else plays on. `false` where the system's ports have to be
    /// opened anew for that.
    pub fn assign(&mut self, roles: Vec<(String, RoleGear)>) -> bool {
        let assigned =
            |(role, gear): (String, RoleGear)| Assigned { role, heard: gear.heard(), played: gear.played() };
        self.worker.assign(roles.into_iter().map(assigned).collect())
    }

    /// Ends all notes at the destinations and closes the ports, within a second.
    pub fn stop(mut self) {
        self.worker.stop();
    }
}

impl Drop for MidiPorts {
    fn drop(&mut self) {
        self.worker.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Playing goes on without MIDI, so a machine that has none must get a
    /// reason, and not a panic or a wait.
    #[test]
    fn ports_open_and_close_or_say_why_not() {
        let (inlet, _source) = crate::render::inlet(crate::render::TimeBase::Host);
        let request = PortRequest {
            name: "keys".into(),
            gear: None,
            inlet: Some(inlet),
            outlet: None,
            traffic: Arc::default(),
        };
        match open(vec![request], Box::new(HostTime)) {
            Ok(ports) => {
                assert!(ports.connected().is_empty());
                ports.stop();
            }
            Err(error) => assert!(error.to_string().starts_with("no MIDI: "), "{error}"),
        }
        match list() {
            Ok(ports) => assert!(ports.iter().all(|port| !port.identity.name.is_empty())),
            Err(error) => assert!(error.to_string().starts_with("no MIDI: "), "{error}"),
        }
    }

    #[test]
    fn the_board_tells_each_change_once() {
        let (board, changes) = Board::new();
        let keys = Identity { name: "LabKeys".into(), ..Identity::default() };
        board.connected(1, "keys", Direction::In, &keys);
        board.connected(1, "keys", Direction::In, &keys);
        board.connected(1, "keys", Direction::Out, &keys);
        assert_eq!(board.connections().len(), 2);
        assert!(board.lost(1, "keys", Direction::In) && !board.lost(1, "keys", Direction::In));
        let told: Vec<Change> = changes.try_iter().collect();
        assert_eq!(told.len(), 3);
        assert!(matches!(&told[2], Change::Lost(lost) if lost.device == keys));
    }
}
