//! MIDI by midir, where there is no ALSA sequencer: CoreMIDI and WinMM.
//!
//! midir never says that a device came or went, so a watcher compares the
//! lists of ports every 200 ms. Each device's input has a thread of the
//! system's; outputs share one of ours.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use midir::{MidiIO, MidiInput, MidiInputConnection, MidiOutput, MidiOutputConnection};

use super::board::Board;
use super::identity::Wanted;
use super::input::Input;
use super::output::{Output, Wire};
use super::{
    CLIENT_NAME, Direction, FrameToHost, Identity, MidiError, MidiPortInfo, PortRequest, RoleGear, Worker,
};
use crate::unit::HostTime;

const WATCH_INTERVAL: Duration = Duration::from_millis(200);
const OUTPUT_INTERVAL: Duration = Duration::from_millis(1);

pub(super) fn open(
    requests: Vec<PortRequest>,
    frame_to_host: FrameToHost,
    board: Board,
) -> Result<Box<dyn Worker>, MidiError> {
    let scanners = Scanners::open()?;
    let (mut roles, mut outputs) = (Vec::new(), Vec::new());
    for request in requests {
        let destinations = Arc::<Mutex<Vec<Destination>>>::default();
        let heard = request.gear.as_ref().and_then(RoleGear::heard);
        let played = request.gear.as_ref().and_then(RoleGear::played);
        let traffic = request.traffic;
        let output =
            request.outlet.map(|outlet| Arc::new(Mutex::new(Output::new(outlet, Arc::clone(&traffic)))));
        outputs.extend(output.iter().map(|output| (Arc::clone(output), Arc::clone(&destinations))));
        roles.push(Role {
            name: request.name,
            heard,
            played,
            is_virtual: request.gear.is_none(),
            output,
            input: request.inlet.map(|inlet| Arc::new(Mutex::new(Input::new(inlet, traffic)))),
            destinations,
            sources: Vec::new(),
        });
    }
    let mut watcher = Watcher { scanners, roles, board, next_id: 1 };
    watcher.open_virtual();
    watcher.compare();
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    let asked = Arc::clone(&stop);
    threads.push(spawn("antiphon-midi-watch", move || {
        while !asked.load(Ordering::Acquire) {
            std::thread::park_timeout(WATCH_INTERVAL);
            watcher.compare();
        }
        // Dropped here: the connections close on the thread that opened them.
        drop(watcher);
    })?);
    let asked = Arc::clone(&stop);
    threads.insert(0, spawn("antiphon-midi-out", move || send(outputs, &frame_to_host, &asked))?);
    Ok(Box::new(Threads { stop, threads }))
}

pub(super) fn list() -> Result<Vec<MidiPortInfo>, MidiError> {
    let scanners = Scanners::open()?;
    let mut list = Vec::new();
    for (direction, ports) in [
        (Direction::In, ports(&scanners.input, midir::MidiInputPort::id)),
        (Direction::Out, ports(&scanners.output, midir::MidiOutputPort::id)),
    ] {
        let info = |(id, name): (String, String)| {
            let identity = known(&name);
            MidiPortInfo { name, direction, id, identity }
        };
        list.extend(ports.into_iter().map(info));
    }
    Ok(list)
}

/// midir tells names, and nothing of plugs and serial numbers.
fn known(name: &str) -> Identity {
    Identity { name: name.to_owned(), ..Identity::default() }
}

fn is_meant(wanted: Option<&Wanted>, name: &str) -> bool {
    wanted.is_some_and(|wanted| wanted.pattern.matches(name) && wanted.is_met_by(&known(name)))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, MidiError> {
    std::thread::Builder::new().name(name.into()).spawn(work).map_err(|error| unavailable(&error))
}

fn unavailable(error: &dyn std::fmt::Display) -> MidiError {
    MidiError::Unavailable { reason: error.to_string() }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever broke while holding it left at worst a message unsent.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The identifiers and names of the ports there are.
fn ports<I: MidiIO>(io: &I, id: impl Fn(&I::Port) -> String) -> Vec<(String, String)> {
    io.ports().iter().filter_map(|port| Some((id(port), io.port_name(port).ok()?))).collect()
}

/// midir's two ends, used only to look.
struct Scanners {
    input: MidiInput,
    output: MidiOutput,
}

impl Scanners {
    fn open() -> Result<Scanners, MidiError> {
        let input = MidiInput::new(CLIENT_NAME).map_err(|error| unavailable(&error))?;
        let output = MidiOutput::new(CLIENT_NAME).map_err(|error| unavailable(&error))?;
        Ok(Scanners { input, output })
    }
}

struct Role {
    name: String,
    heard: Option<Wanted>,
    played: Option<Wanted>,
    is_virtual: bool,
    output: Option<Arc<Mutex<Output>>>,
    input: Option<Arc<Mutex<Input>>>,
    destinations: Arc<Mutex<Vec<Destination>>>,
    sources: Vec<Source>,
}

/// A device that we listen to; dropping the connection closes it.
struct Source {
    /// Our number for it.
    id: u64,
    port: String,
    _connection: MidiInputConnection<()>,
}

struct Destination {
    id: u64,
    port: String,
    connection: MidiOutputConnection,
}

struct Watcher {
    scanners: Scanners,
    roles: Vec<Role>,
    board: Board,
    next_id: u64,
}

impl Watcher {
    /// Connects what is new and meant, and lets go of what is no longer there.
    fn compare(&mut self) {
        let inputs = ports(&self.scanners.input, midir::MidiInputPort::id);
        let outputs = ports(&self.scanners.output, midir::MidiOutputPort::id);
        for role in self.roles.iter_mut().filter(|role| !role.is_virtual) {
            role.lose(&inputs, &outputs, &self.board);
            for (port, name) in &inputs {
                role.listen(port, name, &mut self.next_id, &self.board);
            }
            for (port, name) in &outputs {
                role.send_to(port, name, &mut self.next_id, &self.board);
            }
        }
    }

    #[cfg(unix)]
    fn open_virtual(&mut self) {
        use midir::os::unix::{VirtualInput, VirtualOutput};
        for role in self.roles.iter_mut().filter(|role| role.is_virtual) {
            let (id, port) = (self.next_id, String::new());
            self.next_id += 1;
            if let Some(input) = &role.input {
                let made = new_input().and_then(|end| {
                    end.create_virtual(&role.name, receiver(input, id), ()).map_err(|error| error.to_string())
                });
                match made {
                    Ok(_connection) => {
                        role.sources.push(Source { id, port: port.clone(), _connection });
                    }
                    Err(error) => self.board.trouble(format!("no port for `{}`: {error}", role.name)),
                }
            }
            if role.output.is_none() {
                continue;
            }
            let made = MidiOutput::new(CLIENT_NAME)
                .map_err(|error| error.to_string())
                .and_then(|end| end.create_virtual(&role.name).map_err(|error| error.to_string()));
            match made {
                Ok(connection) => lock(&role.destinations).push(Destination { id, port, connection }),
                Err(error) => self.board.trouble(format!("no port for `{}`: {error}", role.name)),
            }
        }
    }

    #[cfg(not(unix))]
    fn open_virtual(&mut self) {
        for role in self.roles.iter().filter(|role| role.is_virtual) {
            let name = &role.name;
            self.board.trouble(format!(
                "Windows has no virtual MIDI ports for `{name}`: install a loop-back driver and name it by `in` or `out`"
            ));
        }
    }
}

impl Role {
    fn lose(&mut self, inputs: &[(String, String)], outputs: &[(String, String)], board: &Board) {
        let is_there = |list: &[(String, String)], port: &str| list.iter().any(|(id, _)| id == port);
        let time = HostTime::now().nanos();
        for source in self.sources.extract_if(.., |source| !is_there(inputs, &source.port)) {
            if let Some(input) = &self.input {
                lock(input).lost(source.id, time);
            }
            board.lost(source.id, &self.name, Direction::In);
        }
        for lost in lock(&self.destinations).extract_if(.., |lost| !is_there(outputs, &lost.port)) {
            if let Some(output) = &self.output {
                lock(output).detach(lost.id);
            }
            board.lost(lost.id, &self.name, Direction::Out);
        }
    }

    fn listen(&mut self, port: &str, name: &str, next_id: &mut u64, board: &Board) {
        let Some(input) = &self.input else { return };
        if !is_meant(self.heard.as_ref(), name) || self.sources.iter().any(|source| source.port == port) {
            return;
        }
        let id = *next_id;
        let connected = new_input().and_then(|end| {
            let found = end.find_port_by_id(port).ok_or_else(|| "it went away".to_owned())?;
            end.connect(&found, &self.name, receiver(input, id), ()).map_err(|error| error.to_string())
        });
        // One that is refused (in use by another program, say) is tried again
        // with the next look; it is no trouble of the rig's.
        if let Ok(_connection) = connected {
            *next_id += 1;
            lock(input).attach(id, &known(name), HostTime::now().nanos());
            self.sources.push(Source { id, port: port.to_owned(), _connection });
            board.connected(id, &self.name, Direction::In, &known(name));
        }
    }

    fn send_to(&mut self, port: &str, name: &str, next_id: &mut u64, board: &Board) {
        let is_there = || lock(&self.destinations).iter().any(|there| there.port == port);
        let Some(output) = &self.output else { return };
        if !is_meant(self.played.as_ref(), name) || is_there() {
            return;
        }
        let connected = MidiOutput::new(CLIENT_NAME).ok().and_then(|end| {
            let found = end.find_port_by_id(port)?;
            end.connect(&found, &self.name).ok()
        });
        if let Some(connection) = connected {
            let id = *next_id;
            *next_id += 1;
            lock(&self.destinations).push(Destination { id, port: port.to_owned(), connection });
            lock(output).attach(id);
            board.connected(id, &self.name, Direction::Out, &known(name));
        }
    }
}

fn new_input() -> Result<MidiInput, String> {
    let mut input = MidiInput::new(CLIENT_NAME).map_err(|error| error.to_string())?;
    input.ignore(midir::Ignore::None);
    Ok(input)
}

/// What midir calls for each message of a device.
fn receiver(input: &Arc<Mutex<Input>>, id: u64) -> impl FnMut(u64, &[u8], &mut ()) + Send + 'static {
    let input = Arc::clone(input);
    move |_, bytes, ()| {
        let time = HostTime::now().nanos();
        lock(&input).stream(id, time, bytes);
    }
}

/// All devices of one destination; a device that refuses does not stop the others.
struct Devices<'a>(&'a mut [Destination]);

impl Wire for Devices<'_> {
    fn message(&mut self, bytes: &[u8], _: HostTime) -> bool {
        for destination in self.0.iter_mut() {
            // One that is gone is let go of by the watcher.
            let _ = destination.connection.send(bytes);
        }
        true
    }

    /// These systems take a SysEx only whole.
    fn sysex(&mut self, rest: &[u8], due: HostTime) -> usize {
        self.message(rest, due);
        rest.len()
    }

    fn private(&mut self, device: u64, bytes: &[u8]) -> bool {
        for destination in self.0.iter_mut().filter(|destination| destination.id == device) {
            let _ = destination.connection.send(bytes);
        }
        true
    }
}

type Outputs = Vec<(Arc<Mutex<Output>>, Arc<Mutex<Vec<Destination>>>)>;

fn send(outputs: Outputs, frame_to_host: &FrameToHost, stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        let now = HostTime::now();
        let mut wait = OUTPUT_INTERVAL;
        for (output, destinations) in &outputs {
            let mut output = lock(output);
            let mut destinations = lock(destinations);
            if let Some(due) = output.pump(now, frame_to_host, &mut Devices(&mut destinations)) {
                wait = wait.min(Duration::from_nanos(due.since(now)));
            }
        }
        let is_idle = outputs.is_empty();
        std::thread::park_timeout(if is_idle { WATCH_INTERVAL } else { wait });
    }
    for (output, destinations) in &outputs {
        lock(output).finish(&mut Devices(&mut lock(destinations)), || false);
    }
}

struct Threads {
    stop: Arc<AtomicBool>,
    /// The sender first: it has a last word before the ports close.
    threads: Vec<JoinHandle<()>>,
}

impl Worker for Threads {
    fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // A thread that broke has nothing left to close.
            let _ = thread.join();
        }
    }
}
