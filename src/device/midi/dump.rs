//! Sending SysEx dumps, one after the other, no faster than a wire takes them.

#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(dead_code))]
mod midir;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::MidiError;
use crate::midi::SYSEX_CHUNK_BYTES;

/// What a wire of 31,250 baud takes.
pub(crate) const WIRE_BYTES_PER_SECOND: f64 = 3_125.0;
/// What another program is given: its queue in the system is short.
#[cfg(target_os = "linux")]
pub(crate) const PROGRAM_BYTES_PER_SECOND: f64 = 250_000.0;
/// What may be ahead of the wire: half of what a system buffers for it.
const AHEAD_BYTES: f64 = 2_048.0;
/// How long a full queue is waited for at a time.
pub(crate) const RETRY: Duration = Duration::from_millis(1);

/// A port to which dumps could go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    /// As people know it.
    pub name: String,
    /// The system's own name for it.
    pub id: String,
    /// A wire of 31,250 baud may hang on it.
    pub is_hardware: bool,
    /// It is meant where nothing is named: no loop-back.
    pub is_usual: bool,
}

/// Why a dump did not go out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DumpError {
    /// It is longer than the way to the port carries.
    #[error("it has {bytes} bytes; this port takes {limit_bytes} at most, which {why}")]
    TooLong {
        /// The message's length.
        bytes: usize,
        /// The longest.
        limit_bytes: usize,
        /// Where the limit comes from.
        why: &'static str,
    },
    /// The port took nothing for too long, or is gone.
    #[error("{0}")]
    Failed(String),
    /// The person who sent it stopped it.
    #[error("stopped before its end")]
    Stopped,
}

/// An open way to one port; it closes when this is dropped.
pub trait DumpSender: Send {
    /// Sends one whole SysEx and returns when the port has taken it. `progress`
    /// is told how many of its bytes went; where `stop` is set it ends at once,
    /// with an `F7`.
    ///
    /// # Errors
    /// [`DumpError`].
    fn send(
        &mut self,
        message: &[u8],
        stop: &AtomicBool,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(), DumpError>;
}

/// The system's ports that take MIDI. Real-time: no.
///
/// # Errors
/// [`MidiError`] where it has no MIDI.
pub fn destinations() -> Result<Vec<Destination>, MidiError> {
    #[cfg(target_os = "linux")]
    return super::alsa::dump_destinations();
    #[cfg(not(target_os = "linux"))]
    return midir::destinations();
}

/// Opens the way to one of [`destinations`]. Real-time: no.
///
/// # Errors
/// [`MidiError`] where it is gone or refuses.
pub fn open(destination: &Destination) -> Result<Box<dyn DumpSender>, MidiError> {
    #[cfg(target_os = "linux")]
    return super::alsa::open_dump(destination);
    #[cfg(not(target_os = "linux"))]
    return midir::open(destination);
}

/// Keeps bytes to a speed.
pub(crate) struct Pace {
    bytes_per_second: f64,
    ahead: f64,
    since: Instant,
}

impl Pace {
    pub(crate) fn new(bytes_per_second: f64) -> Pace {
        Pace { bytes_per_second, ahead: 0.0, since: Instant::now() }
    }

    /// Counts bytes that went; gives how long the next have to wait.
    pub(crate) fn spend(&mut self, bytes: usize, now: Instant) -> Duration {
        let drained = now.duration_since(self.since).as_secs_f64() * self.bytes_per_second;
        self.ahead = (self.ahead - drained).max(0.0) + bytes as f64;
        self.since = now;
        let next = SYSEX_CHUNK_BYTES as f64;
        Duration::from_secs_f64(((self.ahead + next - AHEAD_BYTES) / self.bytes_per_second).max(0.0))
    }

    /// How long until the wire is done with all that went.
    #[cfg(target_os = "linux")]
    pub(crate) fn rest(&self, now: Instant) -> Duration {
        let drained = now.duration_since(self.since).as_secs_f64() * self.bytes_per_second;
        Duration::from_secs_f64((self.ahead - drained).max(0.0) / self.bytes_per_second)
    }
}

/// Sleeps, but not beyond a stop for long.
pub(crate) fn pause(wait: Duration, stop: &AtomicBool) {
    let until = Instant::now() + wait;
    while !stop.load(Ordering::Acquire) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(Duration::from_millis(20)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_keeps_to_the_speed_of_its_wire() {
        let begin = Instant::now();
        let (mut now, mut sent) = (begin, 0);
        let mut pace = Pace::new(WIRE_BYTES_PER_SECOND);
        pace.since = begin;
        while sent < 20_480 {
            let wait = pace.spend(256, now);
            sent += 256;
            now += wait;
        }
        let seconds = now.duration_since(begin).as_secs_f64();
        assert!((seconds - (20_480.0 - 1_792.0) / WIRE_BYTES_PER_SECOND).abs() < 0.01, "{seconds}");
    }
}
