//! Hearing what ports send, as it comes: for the monitor and for dumps.
//!
//! One client of the system (or of JACK, in `device/audio/jack`) listens to
//! every port that fits a pattern, now and when it appears, and puts what comes
//! on a [`Tape`] with the time at which it came and the number of its port. The
//! tape is bounded; what does not fit is counted, and a SysEx that lost a part
//! never looks whole.

#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(dead_code))]
mod midir;
mod tape;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::tape::{Heard, Tape};
pub(crate) use self::tape::{Tap, tape};
use super::MidiError;
use crate::device::pattern::NamePattern;

/// The most ports that are heard at the same time.
pub const PORT_LIMIT: usize = 256;

/// A port that is heard, or was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeardPort {
    /// As people know it.
    pub name: String,
    /// Whether it is there now.
    pub is_there: bool,
}

/// Ports by their numbers on the tape, shared by who listens and who shows.
#[derive(Clone)]
pub(crate) struct Roster(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    limit: usize,
    ports: Vec<HeardPort>,
    ended: Option<String>,
    refused: u64,
    overflows: u64,
}

impl Roster {
    /// For so many ports, at most [`PORT_LIMIT`].
    pub(crate) fn new(limit: usize) -> Roster {
        Roster(Arc::new(Mutex::new(State { limit: limit.min(PORT_LIMIT), ..State::default() })))
    }

    /// A port appeared: its number, which one of the same name that went may
    /// have had before; `None` beyond the limit.
    pub(crate) fn came(&self, name: &str) -> Option<u16> {
        let mut state = self.lock();
        let before = state.ports.iter().position(|port| !port.is_there && port.name == name);
        if let Some(index) = before {
            state.ports[index].is_there = true;
            return Some(index as u16);
        }
        if state.ports.len() >= state.limit {
            state.refused += 1;
            return None;
        }
        state.ports.push(HeardPort { name: name.to_owned(), is_there: true });
        Some((state.ports.len() - 1) as u16)
    }

    pub(crate) fn gone(&self, port: u16) {
        if let Some(port) = self.lock().ports.get_mut(usize::from(port)) {
            port.is_there = false;
        }
    }

    /// The system itself dropped events before they reached us.
    pub(crate) fn overflowed(&self) {
        self.lock().overflows += 1;
    }

    /// Nothing more will come, and why; the first reason stays.
    pub(crate) fn end(&self, reason: impl Into<String>) {
        self.lock().ended.get_or_insert(reason.into());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one step: it is whole even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open ear; it closes when this is dropped.
pub struct Listening {
    /// What comes.
    pub tape: Tape,
    /// The driver's name.
    pub driver: &'static str,
    /// When it began, on the clock of the tape's times.
    pub begin_nanos: u64,
    roster: Roster,
    _worker: Box<dyn Send>,
}

impl Listening {
    pub(crate) fn new(
        driver: &'static str,
        tape: Tape,
        roster: Roster,
        begin_nanos: u64,
        worker: Box<dyn Send>,
    ) -> Listening {
        Listening { tape, driver, begin_nanos, roster, _worker: worker }
    }

    /// The ports heard so far, by their numbers on the tape.
    pub fn ports(&self) -> Vec<HeardPort> {
        self.roster.lock().ports.clone()
    }

    /// Ports that were one too many.
    pub fn refused_ports(&self) -> u64 {
        self.roster.lock().refused
    }

    /// How often the system dropped events before they reached us; how many
    /// it does not say.
    pub fn overflows(&self) -> u64 {
        self.roster.lock().overflows
    }

    /// Why nothing more will come, where that is so.
    pub fn ended(&self) -> Option<String> {
        self.roster.lock().ended.clone()
    }
}

/// Listens to the system's ports whose names fit `pattern` (a glob or a part of
/// the name), or to all. Real-time: no.
///
/// # Errors
/// [`MidiError`] where the system has no MIDI.
pub fn listen(pattern: Option<&str>) -> Result<Listening, MidiError> {
    let pattern = NamePattern::whole(pattern.unwrap_or("*"));
    #[cfg(target_os = "linux")]
    return super::alsa::listen(pattern);
    #[cfg(not(target_os = "linux"))]
    return midir::listen(pattern);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_comes_back_has_its_old_number_and_there_is_a_limit() {
        let roster = Roster::new(PORT_LIMIT);
        assert_eq!((roster.came("a"), roster.came("a"), roster.came("b")), (Some(0), Some(1), Some(2)));
        roster.gone(1);
        assert_eq!((roster.came("b"), roster.came("a")), (Some(3), Some(1)));
        for _ in 4..PORT_LIMIT {
            assert!(roster.came("c").is_some());
        }
        assert_eq!(roster.came("d"), None);
        assert_eq!(roster.lock().refused, 1);
    }

    #[test]
    fn listening_works_or_says_why_not() {
        match listen(None) {
            Ok(listening) => assert_eq!(listening.ended(), None),
            Err(error) => assert!(error.to_string().starts_with("no MIDI: "), "{error}"),
        }
    }
}
