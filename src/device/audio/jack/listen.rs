//! Hearing JACK's MIDI ports: a client of its own, each event at its frame.

use std::time::Duration;

use ::jack::{
    AsyncClient, Client, ClientStatus, Control, Error, Frames, MidiIn, NotificationHandler, Port, PortFlags,
    ProcessHandler, ProcessScope,
};
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::server::{self, MIDI};
use super::split::Splitter;
use crate::device::audio::DriverError;
use crate::device::midi::listen::{Listening, Roster, Tap, tape};
use crate::device::pattern::NamePattern;

/// Ports that may appear later, beside those that are there.
const SPARE_PORTS: usize = 16;
/// The most ports that are heard at the same time.
const EARS: usize = 128;
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long a server may take to let us go.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Listens to the MIDI ports of the running server whose names fit `pattern`
/// (a glob or a part of the name), or to all. Real-time: no.
///
/// # Errors
/// [`DriverError`] where no server runs or it refuses.
pub fn listen(pattern: Option<&str>) -> Result<Listening, DriverError> {
    let client = server::connect("antiphon-monitor")?;
    let refused = |error: Error| DriverError::Refused {
        driver: "jack",
        device: "antiphon-monitor".to_owned(),
        reason: error.to_string(),
    };
    let pattern = NamePattern::whole(pattern.unwrap_or("*"));
    let own = client.name().to_owned();
    let count = (sources(&client, &own, &pattern).len() + SPARE_PORTS).min(EARS);
    let mut ears = Vec::with_capacity(count);
    for number in 1..=count {
        let port = client.register_port(&format!("in_{number}"), MidiIn::default()).map_err(refused)?;
        ears.push(Ear { port, splitter: Splitter::new() });
    }
    let (tap, tape) = tape();
    let roster = Roster::new(count);
    let process = Process { ears, tap, rate_hertz: client.sample_rate(), clock: None };
    let notify = Notify { roster: roster.clone() };
    let active = client.activate_async(notify, process).map_err(refused)?;
    let mut bay = Bay { own, pattern, heard: vec![None; count], roster: roster.clone() };
    bay.look(active.as_client());
    let (stop, stopped) = bounded::<()>(1);
    let (end, ended) = bounded(1);
    std::thread::Builder::new()
        .name("antiphon-listen".to_owned())
        .spawn(move || {
            bay.serve(active, &stopped);
            let _ = end.send(());
        })
        .map_err(|error| DriverError::Refused {
            driver: "jack",
            device: "antiphon-monitor".to_owned(),
            reason: error.to_string(),
        })?;
    Ok(Listening::new("jack", tape, roster, 0, Box::new(Worker { stop: Some(stop), ended })))
}

struct Worker {
    /// Dropping it asks the thread to end.
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop = None;
        // A dead server's library may never let go: then its thread stays behind.
        let _ = self.ended.recv_timeout(STOP_TIMEOUT);
    }
}

struct Ear {
    port: Port<MidiIn>,
    splitter: Splitter,
}

/// The process callback. Frames are counted from the first period, beyond
/// where the server's own count begins anew.
struct Process {
    ears: Vec<Ear>,
    tap: Tap,
    rate_hertz: u32,
    /// The server's count at the last period, and ours.
    clock: Option<(Frames, u64)>,
}

impl Process {
    fn advance(&mut self, now: Frames) -> u64 {
        let ours = self.clock.map_or(0, |(last, ours)| ours + u64::from(now.wrapping_sub(last)));
        self.clock = Some((now, ours));
        ours
    }
}

impl ProcessHandler for Process {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        let first = self.advance(scope.last_frame_time());
        let (tap, rate) = (&mut self.tap, u128::from(self.rate_hertz.max(1)));
        for (number, ear) in self.ears.iter_mut().enumerate() {
            for event in ear.port.iter(scope) {
                let frame = first + u64::from(event.time);
                let nanos = (u128::from(frame) * NANOS_PER_SECOND / rate) as u64;
                ear.splitter.take(event.bytes, |parsed| tap.take(nanos, number as u16, parsed));
            }
        }
        Control::Continue
    }
}

struct Notify {
    roster: Roster,
}

impl NotificationHandler for Notify {
    unsafe fn shutdown(&mut self, _status: ClientStatus, _reason: &str) {
        self.roster.end("the JACK server ended, or threw the program out");
    }
}

/// Sees to it that every port that fits is connected to an ear of its own.
struct Bay {
    own: String,
    pattern: NamePattern,
    /// By ear: the port that it hears.
    heard: Vec<Option<String>>,
    roster: Roster,
}

impl Bay {
    fn serve(&mut self, active: AsyncClient<Notify, Process>, stopped: &Receiver<()>) {
        while matches!(stopped.recv_timeout(LOOK_INTERVAL), Err(RecvTimeoutError::Timeout)) {
            self.look(active.as_client());
        }
        // Of a dead server this may fail; the client is closed either way.
        drop(active.deactivate());
    }

    fn look(&mut self, client: &Client) {
        let there = sources(client, &self.own, &self.pattern);
        for (number, heard) in self.heard.iter_mut().enumerate() {
            if heard.as_ref().is_some_and(|name| !there.contains(name)) {
                self.roster.gone(number as u16);
                *heard = None;
            }
        }
        for name in there {
            if self.heard.iter().flatten().any(|heard| *heard == name) {
                continue;
            }
            let Some(number) = self.roster.came(&name) else { continue };
            let ours = format!("{}:in_{}", self.own, number + 1);
            match client.connect_ports_by_name(&name, &ours) {
                Ok(()) | Err(Error::PortAlreadyConnected(..)) => {
                    self.heard[usize::from(number)] = Some(name);
                }
                // It went away in between: the next look tells.
                Err(_) => self.roster.gone(number),
            }
        }
    }
}

/// The ports of others that send MIDI and fit.
fn sources(client: &Client, own: &str, pattern: &NamePattern) -> Vec<String> {
    let mut names = client.ports(None, Some(MIDI), PortFlags::IS_OUTPUT);
    names.retain(|name| {
        let is_own = name.strip_prefix(own).is_some_and(|rest| rest.starts_with(':'));
        let aliases = || client.port_by_name(name).and_then(|port| port.aliases().ok()).unwrap_or_default();
        !is_own && (pattern.matches_part(name) || aliases().iter().any(|alias| pattern.matches_part(alias)))
    });
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_frames_goes_on_where_the_servers_begins_anew() {
        let (tap, _tape) = tape();
        let mut process = Process { ears: Vec::new(), tap, rate_hertz: 48_000, clock: None };
        assert_eq!(process.advance(u32::MAX - 99), 0);
        assert_eq!(process.advance(412), 512);
        assert_eq!(process.advance(924), 1_024);
    }
}
