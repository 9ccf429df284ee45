//! Dumps by JACK: a whole SysEx in one period, as its protocol has it.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::{Duration, Instant};

use ::jack::{
    AsyncClient, Client, Control, Error, MidiOut, Port, PortFlags, ProcessHandler, ProcessScope, RawMidi,
};

use super::server::{self, MIDI};
use crate::device::audio::DriverError;
use crate::device::midi::dump::{
    Destination, DumpError, DumpSender, Pace, RETRY, WIRE_BYTES_PER_SECOND, pause,
};
use crate::midi::SYSEX_LIMIT_BYTES;
use crate::rt::stream;

const CLIENT: &str = "antiphon-sysex";
/// A server whose periods do not come for so long is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The MIDI ports of the running server that take MIDI. Real-time: no.
///
/// # Errors
/// [`DriverError`] where no server runs.
pub fn destinations() -> Result<Vec<Destination>, DriverError> {
    let client = server::connect(CLIENT)?;
    let physical = client.ports(None, Some(MIDI), PortFlags::IS_INPUT | PortFlags::IS_PHYSICAL);
    let known = |name: String| {
        let is_hardware = physical.contains(&name);
        let is_usual = !name.contains("Midi Through");
        Destination { id: name.clone(), name, is_hardware, is_usual }
    };
    Ok(client.ports(None, Some(MIDI), PortFlags::IS_INPUT).into_iter().map(known).collect())
}

/// Opens the way to one of [`destinations`]. Real-time: no.
///
/// # Errors
/// [`DriverError`] where the server or the port is gone.
pub fn open(destination: &Destination) -> Result<Box<dyn DumpSender>, DriverError> {
    let client = server::connect(CLIENT)?;
    let refused = |error: Error| DriverError::Refused {
        driver: "jack",
        device: destination.name.clone(),
        reason: error.to_string(),
    };
    let port = client.register_port("out", MidiOut::default()).map_err(refused)?;
    let ours = format!("{}:out", client.name());
    let (writer, reader) = stream::stream(SYSEX_LIMIT_BYTES);
    let state = Arc::new(State::default());
    let message = Vec::with_capacity(SYSEX_LIMIT_BYTES);
    let process = Process { port, bytes: reader, message, state: Arc::clone(&state) };
    let active = client.activate_async((), process).map_err(refused)?;
    active.as_client().connect_ports_by_name(&ours, &destination.id).map_err(refused)?;
    let pace = destination.is_hardware.then(|| Pace::new(WIRE_BYTES_PER_SECOND));
    let mut sender = Sender { bytes: writer, state, pace, active: Some(active) };
    sender.await_period(0).map_err(|error| DriverError::Refused {
        driver: "jack",
        device: destination.name.clone(),
        reason: error.to_string(),
    })?;
    Ok(Box::new(sender))
}

/// What the callback and the sender tell each other.
#[derive(Default)]
struct State {
    /// What an empty buffer of the port holds in one event.
    limit_bytes: AtomicUsize,
    periods: AtomicU64,
    /// The length of a message that waits whole in the stream; 0 for none.
    waiting: AtomicUsize,
    refused: AtomicBool,
}

struct Process {
    port: Port<MidiOut>,
    bytes: stream::Reader<u8>,
    message: Vec<u8>,
    state: Arc<State>,
}

impl ProcessHandler for Process {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        let mut writer = self.port.writer(scope);
        self.state.limit_bytes.store(writer.max_event_size(), Relaxed);
        let waiting = self.state.waiting.load(Acquire);
        if waiting > 0 {
            // Within its capacity: nothing is allocated.
            self.message.resize(waiting.min(SYSEX_LIMIT_BYTES), 0);
            self.bytes.read(&mut self.message);
            if writer.write(&RawMidi { time: 0, bytes: &self.message }).is_err() {
                self.state.refused.store(true, Relaxed);
            }
            self.state.waiting.store(0, Release);
        }
        self.state.periods.fetch_add(1, Release);
        Control::Continue
    }
}

struct Sender {
    bytes: stream::Writer<u8>,
    state: Arc<State>,
    pace: Option<Pace>,
    active: Option<AsyncClient<(), Process>>,
}

impl Sender {
    /// Waits until there were more periods than `after`, and nothing waits.
    fn await_period(&mut self, after: u64) -> Result<(), DumpError> {
        let begin = Instant::now();
        while self.state.periods.load(Acquire) <= after || self.state.waiting.load(Acquire) > 0 {
            if begin.elapsed() > PATIENCE {
                return Err(DumpError::Failed("the JACK server does not go on".to_owned()));
            }
            std::thread::sleep(RETRY);
        }
        Ok(())
    }
}

impl DumpSender for Sender {
    fn send(
        &mut self,
        message: &[u8],
        stop: &AtomicBool,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(), DumpError> {
        if stop.load(Acquire) {
            return Err(DumpError::Stopped);
        }
        let limit_bytes = self.state.limit_bytes.load(Relaxed);
        let too_long = DumpError::TooLong {
            bytes: message.len(),
            limit_bytes,
            why: "is what a JACK port holds in one period",
        };
        if message.len() > limit_bytes {
            return Err(too_long);
        }
        self.bytes.write(message);
        let periods = self.state.periods.load(Acquire);
        self.state.waiting.store(message.len(), Release);
        self.await_period(periods)?;
        if self.state.refused.swap(false, Relaxed) {
            return Err(too_long);
        }
        progress(message.len());
        if let Some(pace) = &mut self.pace {
            pause(pace.spend(message.len(), Instant::now()), stop);
        }
        Ok(())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // What was written in the last period is read by others in this one or the next.
        let periods = self.state.periods.load(Acquire);
        let _ = self.await_period(periods + 1);
        if let Some(active) = self.active.take() {
            drop(active.deactivate());
        }
    }
}
