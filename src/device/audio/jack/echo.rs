//! Sending MIDI and hearing it again at a JACK server, each message at its frame.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ::jack::{
    AsyncClient, Client, ClientStatus, Control, Error, Frames, MidiIn, MidiOut, NotificationHandler, Port,
    PortFlags, ProcessHandler, ProcessScope, RawMidi,
};
use crossbeam::channel::bounded;

use super::server::{self, MIDI};
use crate::device::audio::DriverError;
use crate::device::midi::echo::{Echo, MARKS, Mark, Shared, message};
use crate::device::pattern::NamePattern;
use crate::rt::ring::{Sender, ring};

/// What the server calls us.
const CLIENT: &str = "antiphon-bench";
const OUT: &str = "midi_out";
const IN: &str = "midi_in";
/// How long a server may take to let us go.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A client with a MIDI port in each direction, whose ends can be connected here
/// and there. Real-time: no.
pub struct JackEcho {
    active: Option<AsyncClient<Notify, Process>>,
    /// Frames of a period.
    pub period_frames: u32,
    rate_hertz: u32,
    shared: Arc<Shared>,
    marks: Option<crate::rt::ring::Receiver<Mark>>,
    output: String,
    input: String,
}

impl JackEcho {
    /// Opens the client at the running server.
    ///
    /// # Errors
    /// [`DriverError`] where none runs, or it refuses.
    pub fn open() -> Result<JackEcho, DriverError> {
        let client = server::connect(CLIENT)?;
        let own = |port: &str| format!("{}:{port}", client.name());
        let (output, input) = (own(OUT), own(IN));
        let (period_frames, rate_hertz) = (client.buffer_size(), client.sample_rate());
        let shared = Arc::<Shared>::default();
        let (sender, marks) = ring(MARKS);
        let process = Process {
            input: client.register_port(IN, MidiIn::default()).map_err(refused)?,
            output: client.register_port(OUT, MidiOut::default()).map_err(refused)?,
            marks: sender,
            shared: Arc::clone(&shared),
            clock: None,
            next: 0,
            number: 0,
        };
        let notify = Notify { shared: Arc::clone(&shared) };
        let active = client.activate_async(notify, process).map_err(refused)?;
        Ok(JackEcho {
            active: Some(active),
            period_frames,
            rate_hertz,
            shared,
            marks: Some(marks),
            output,
            input,
        })
    }

    /// The MIDI ports that a pattern means: those that take MIDI, or those that give it.
    pub fn ports(&self, pattern: &str, take: bool) -> Vec<String> {
        let Some(client) = self.client() else { return Vec::new() };
        let pattern = NamePattern::whole(pattern);
        let flags = if take { PortFlags::IS_INPUT } else { PortFlags::IS_OUTPUT };
        let mut names = client.ports(None, Some(MIDI), flags);
        names.retain(|name| {
            let aliases =
                || client.port_by_name(name).and_then(|port| port.aliases().ok()).unwrap_or_default();
            let is_own = *name == self.output || *name == self.input;
            !is_own
                && (pattern.matches_part(name) || aliases().iter().any(|alias| pattern.matches_part(alias)))
        });
        names
    }

    /// Connects our ports to those of others.
    ///
    /// # Errors
    /// [`DriverError`] where one of them is gone or refuses.
    pub fn connect(&self, output: &str, input: &str) -> Result<(), DriverError> {
        let Some(client) = self.client() else { return Ok(()) };
        for (from, to) in [(self.output.as_str(), output), (input, self.input.as_str())] {
            match client.connect_ports_by_name(from, to) {
                Ok(()) | Err(Error::PortAlreadyConnected(..)) => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(())
    }

    /// Connects our own ports with each other.
    ///
    /// # Errors
    /// [`DriverError`] where the server refuses.
    pub fn connect_itself(&self) -> Result<(), DriverError> {
        self.connect(&self.input, &self.output)
    }

    /// What others connected us to: where our output leads and what our input hears;
    /// `None` as long as one of them is open.
    pub fn connected(&self) -> Option<(String, String)> {
        let client = self.client()?;
        let other = |port: &str| {
            let port = client.port_by_name(port)?;
            port.get_connections().into_iter().next()
        };
        Some((other(&self.output)?, other(&self.input)?))
    }

    /// Our ports at the server: out and in.
    pub fn port_names(&self) -> [String; 2] {
        [self.output.clone(), self.input.clone()]
    }

    /// The path, with its ends as they are connected now.
    pub fn listen(mut self) -> Echo {
        let ends = self.connected();
        let path = match &ends {
            Some((output, _)) if *output == self.input => format!("{} → {}", self.output, self.input),
            Some((output, input)) => format!("{} → {output} … {input} → {}", self.output, self.input),
            None => "not connected".to_owned(),
        };
        let tapes = self.marks.take().into_iter().collect();
        Echo {
            driver: super::NAME,
            path,
            ticks_per_second: u64::from(self.rate_hertz),
            period_ticks: u64::from(self.period_frames),
            shared: Arc::clone(&self.shared),
            tapes,
            _worker: Box::new(self),
        }
    }

    fn client(&self) -> Option<&Client> {
        self.active.as_ref().map(AsyncClient::as_client)
    }
}

impl Drop for JackEcho {
    fn drop(&mut self) {
        let Some(active) = self.active.take() else { return };
        let (end, ended) = bounded::<()>(1);
        let close = move || {
            // Of a dead server this may fail; the client is closed either way.
            drop(active.deactivate());
            let _ = end.send(());
        };
        // A dead server's library may never let go: then its thread stays behind.
        if std::thread::Builder::new().name("antiphon-echo".to_owned()).spawn(close).is_ok() {
            let _ = ended.recv_timeout(STOP_TIMEOUT);
        }
    }
}

fn refused(error: Error) -> DriverError {
    DriverError::Refused { driver: super::NAME, device: CLIENT.to_owned(), reason: error.to_string() }
}

struct Notify {
    shared: Arc<Shared>,
}

impl NotificationHandler for Notify {
    unsafe fn shutdown(&mut self, _status: ClientStatus, _reason: &str) {
        self.shared.end("the JACK server ended, or threw the program out");
    }

    fn xrun(&mut self, _: &Client) -> Control {
        self.shared.xruns.fetch_add(1, Relaxed);
        Control::Continue
    }
}

/// The process callback. Frames are counted from the first period, beyond where
/// the server's own count begins anew.
struct Process {
    input: Port<MidiIn>,
    output: Port<MidiOut>,
    marks: Sender<Mark>,
    shared: Arc<Shared>,
    /// The server's count at the last period, and ours.
    clock: Option<(Frames, u64)>,
    /// The frame of the next message.
    next: u64,
    number: u64,
}

impl Process {
    fn advance(&mut self, now: Frames) -> u64 {
        let ours = self.clock.map_or(0, |(last, ours)| ours + u64::from(now.wrapping_sub(last)));
        self.clock = Some((now, ours));
        ours
    }

    fn send(&mut self, first: u64, scope: &ProcessScope) {
        let interval = self.shared.interval.load(Relaxed);
        let end = first + u64::from(scope.n_frames());
        let mut writer = self.output.writer(scope);
        // What could not go while periods were missed goes at its pace from here on.
        self.next = self.next.max(first);
        while self.next < end {
            let is_release = !self.number.is_multiple_of(2);
            if !(interval > 0 || is_release) || self.marks.vacant() == 0 {
                break;
            }
            let (bytes, offset) = (message(self.number), (self.next - first) as u32);
            if writer.write(&RawMidi { time: offset, bytes: &bytes }).is_err() {
                break;
            }
            let _ = self.marks.send(Mark::Sent { number: self.number, time: self.next });
            self.number += 1;
            self.next += interval.max(1);
            self.shared.is_holding.store(!is_release, Relaxed);
        }
    }
}

impl ProcessHandler for Process {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        let first = self.advance(scope.last_frame_time());
        // All that comes is read before anything is written: connected to itself, a
        // client's two ports share a buffer.
        for event in self.input.iter(scope) {
            let mut bytes = [0; 3];
            let length = event.bytes.len().min(3);
            bytes[..length].copy_from_slice(&event.bytes[..length]);
            let time = first + u64::from(event.time);
            if self.marks.send(Mark::Heard { bytes, time }).is_err() {
                self.shared.missed.fetch_add(1, Relaxed);
            }
        }
        self.send(first, scope);
        self.shared.beats.fetch_add(1, Relaxed);
        Control::Continue
    }
}
