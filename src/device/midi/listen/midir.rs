//! Hearing by midir: a connection for each port, a look for new ones five times
//! a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use midir::{MidiInput, MidiInputConnection};

use super::{Listening, PORT_LIMIT, Roster, Tap, tape};
use crate::device::midi::MidiError;
use crate::device::pattern::NamePattern;
use crate::midi::codec::Parser;
use crate::unit::HostTime;

const LOOK_INTERVAL: Duration = Duration::from_millis(200);
const NAME: &str = "Antiphon monitor";

struct Ear {
    id: String,
    port: u16,
    _connection: MidiInputConnection<Parser>,
}

struct Worker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It only looks and waits.
            let _ = thread.join();
        }
    }
}

pub(super) fn listen(pattern: NamePattern) -> Result<Listening, MidiError> {
    let scanner = MidiInput::new(NAME).map_err(|error| unavailable(&error))?;
    let (tap, tape) = tape();
    let (roster, stop) = (Roster::new(PORT_LIMIT), Arc::new(AtomicBool::new(false)));
    let (shared, asked) = (roster.clone(), Arc::clone(&stop));
    let mut ears = Vec::new();
    let tap = Arc::new(Mutex::new(tap));
    look(&scanner, &pattern, &mut ears, &shared, &tap);
    let thread = std::thread::Builder::new()
        .name("antiphon-listen".into())
        .spawn(move || {
            while !asked.load(Ordering::Acquire) {
                std::thread::park_timeout(LOOK_INTERVAL);
                look(&scanner, &pattern, &mut ears, &shared, &tap);
            }
        })
        .map_err(|error| unavailable(&error))?;
    let worker = Worker { stop, thread: Some(thread) };
    Ok(Listening::new("system", tape, roster, HostTime::now().nanos(), Box::new(worker)))
}

/// Opens what came and closes what went.
fn look(
    scanner: &MidiInput,
    pattern: &NamePattern,
    ears: &mut Vec<Ear>,
    roster: &Roster,
    tap: &Arc<Mutex<Tap>>,
) {
    let ports = scanner.ports();
    ears.retain(|ear| {
        let stays = ports.iter().any(|port| port.id() == ear.id);
        if !stays {
            roster.gone(ear.port);
        }
        stays
    });
    for port in ports {
        let Ok(name) = scanner.port_name(&port) else { continue };
        if !pattern.matches_part(&name) || ears.iter().any(|ear| ear.id == port.id()) {
            continue;
        }
        let Some(number) = roster.came(&name) else { continue };
        let tap = Arc::clone(tap);
        let hear = move |_micros: u64, bytes: &[u8], parser: &mut Parser| {
            let nanos = HostTime::now().nanos();
            let mut tap = tap.lock().unwrap_or_else(PoisonError::into_inner);
            parser.feed(bytes, |parsed| tap.take(nanos, number, parsed));
        };
        let opened = MidiInput::new(NAME).ok().and_then(|mut input| {
            input.ignore(midir::Ignore::None);
            input.connect(&port, "monitor", hear, Parser::new()).ok()
        });
        match opened {
            Some(connection) => ears.push(Ear { id: port.id(), port: number, _connection: connection }),
            None => roster.gone(number),
        }
    }
}

fn unavailable(error: &dyn std::fmt::Display) -> MidiError {
    MidiError::Unavailable { reason: error.to_string() }
}
