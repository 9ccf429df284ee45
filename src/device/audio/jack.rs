//! A native JACK client: audio and MIDI in one process callback, so that an
//! event keeps its frame. Also the way to PipeWire.

mod dump;
mod echo;
mod library;
mod link;
mod listen;
mod midi;
mod notify;
mod patch;
mod patchbay;
mod process;
mod server;
mod split;
mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use ::jack::{AudioIn, AudioOut, Client, MidiIn, MidiOut, Port, PortSpec};
use crossbeam::channel::{Receiver, Sender, bounded};

pub use dump::{destinations as dump_destinations, open as open_dump};
pub use echo::JackEcho;
pub use listen::listen;
pub use midi::JackMidiPort;
pub use patch::JackPatch;
pub use server::{JackPorts, list};

use super::callback::Reins;
use super::error::{DriverFault, FaultLatch};
use super::watch::Watch;
use super::{AudioDriver, AudioRequest, Callback, DriverError, StreamInfo};
use crate::unit::HostTime;
use link::{Link, Remembered, Watched};
use midi::{InPort, OutPort};
use notify::Notify;
use patchbay::{Patchbay, Wish};
use process::{MAX_CHANNELS, Process};

const NAME: &str = "jack";
/// How long a server may take to let us go before we leave without its leave.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// The same for a dead one, whose successor is waited for.
const DEAD_TIMEOUT: Duration = Duration::from_millis(200);

/// Ports that may appear before the patchbay has looked.
const ORDERS: usize = 256;

/// What the callbacks tell the control world.
#[derive(Default)]
struct Health {
    fault: FaultLatch,
    xruns: AtomicU64,
    dropped_midi: AtomicU64,
    /// The latest SysEx that was too long, in bytes; 0 for none.
    refused_sysex_bytes: AtomicUsize,
    /// What a port holds in one period.
    sysex_limit_bytes: AtomicUsize,
    /// Periods, to see whether the server still lives.
    calls: AtomicU64,
}

/// A JACK client, open and perhaps running.
pub(super) struct JackDriver {
    info: StreamInfo,
    request: AudioRequest,
    /// Until the callbacks begin; afterwards the patchbay's thread has it.
    client: Option<Client>,
    running: Option<Running>,
    health: Arc<Health>,
    watch: Watch,
}

struct Running {
    orders: Sender<patchbay::Order>,
    ended: Receiver<()>,
    reins: Arc<Reins>,
}

impl JackDriver {
    pub(super) fn open(request: &AudioRequest) -> Result<JackDriver, DriverError> {
        let client = server::connect(&request.client_name)?;
        let rate = server::rate_of(&client)?;
        if let Some(wanted) = request.rate.filter(|wanted| *wanted != rate) {
            return Err(DriverError::ServerRate { wanted_hertz: wanted.hertz(), server_hertz: rate.hertz() });
        }
        let block_frames = client.buffer_size();
        let info = StreamInfo {
            driver: NAME,
            device: client.name().to_owned(),
            rate,
            device_rate: rate,
            block_frames,
            latency_frames: server::playback_latency_frames(&client).max(block_frames),
            output_channels: request.output_channels.clamp(2, MAX_CHANNELS as u16),
            input_channels: request.input_channels.min(MAX_CHANNELS as u16),
        };
        let health = Arc::new(Health::default());
        Ok(JackDriver {
            info,
            request: request.clone(),
            client: Some(client),
            running: None,
            health,
            watch: Watch::default(),
        })
    }
}

impl AudioDriver for JackDriver {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn start(&mut self, callback: Callback, jack_midi: Vec<JackMidiPort>) -> Result<(), DriverError> {
        let Some(client) = self.client.take() else {
            return Err(refused(&self.info, "it was stopped and has to be opened anew"));
        };
        let reins = callback.reins();
        let wishes = wishes(&jack_midi);
        let audio = AudioPorts::register(&client, &self.info)?;
        let (inputs, outputs, watched) = register_midi(&client, &self.info, jack_midi, &self.health)?;
        let (orders, order_receiver) = bounded(ORDERS);
        let (end, ended) = bounded(1);
        let notify = Notify {
            health: Arc::clone(&self.health),
            rate_hertz: self.info.rate.hertz(),
            reins: Arc::clone(&reins),
            orders: orders.clone(),
        };
        let patchbay = Patchbay::new(client.name(), &self.info, &self.request, wishes, watched);
        let process = Process::new(callback, audio, (inputs, outputs), Arc::clone(&self.health));
        let active = client
            .activate_async(notify, process)
            .map_err(|error| refused(&self.info, &error.to_string()))?;
        let health = Arc::clone(&self.health);
        let body = move || {
            patchbay.serve(active, &order_receiver, &health.fault);
            let _ = end.send(());
        };
        std::thread::Builder::new()
            .name("antiphon-jack".to_owned())
            .spawn(body)
            .map_err(|error| refused(&self.info, &error.to_string()))?;
        self.running = Some(Running { orders, ended, reins });
        self.watch.begin(HostTime::now());
        Ok(())
    }

    fn fault(&self) -> Option<DriverFault> {
        // While freewheeling a period may wait for the recorder.
        let may_wait = self.running.as_ref().is_some_and(|running| running.reins.is_freewheeling());
        self.watch.look(self.health.calls.load(Relaxed), may_wait, HostTime::now(), &self.health.fault);
        self.health.fault.get()
    }

    fn xruns(&self) -> u64 {
        self.health.xruns.load(Relaxed)
    }

    fn dropped_midi(&self) -> u64 {
        self.health.dropped_midi.load(Relaxed)
    }

    fn refused_sysex(&self) -> Option<(usize, usize)> {
        let bytes = self.health.refused_sysex_bytes.swap(0, Relaxed);
        (bytes > 0).then(|| (bytes, self.health.sysex_limit_bytes.load(Relaxed)))
    }

    fn stop(&mut self) {
        self.client = None;
        self.watch.end();
        if let Some(running) = self.running.take() {
            running.reins.retire();
            let patience = if self.health.fault.is_set() { DEAD_TIMEOUT } else { STOP_TIMEOUT };
            if running.orders.send_timeout(patchbay::Order::Stop, patience).is_ok() {
                // A dead server's library may never let go: then its thread stays behind.
                let _ = running.ended.recv_timeout(patience);
            }
        }
    }
}

impl Drop for JackDriver {
    fn drop(&mut self) {
        self.stop();
    }
}

fn refused(info: &StreamInfo, reason: &str) -> DriverError {
    DriverError::Refused { driver: NAME, device: info.device.clone(), reason: reason.to_owned() }
}

fn register<S: PortSpec>(
    client: &Client,
    info: &StreamInfo,
    name: &str,
    spec: S,
) -> Result<Port<S>, DriverError> {
    client
        .register_port(name, spec)
        .map_err(|error| refused(info, &format!("the port `{name}` cannot be made: {error}")))
}

struct AudioPorts {
    inputs: Vec<Port<AudioIn>>,
    outputs: Vec<Port<AudioOut>>,
}

impl AudioPorts {
    fn register(client: &Client, info: &StreamInfo) -> Result<AudioPorts, DriverError> {
        let output = |channel| register(client, info, &format!("out_{channel}"), AudioOut::default());
        let input = |channel| register(client, info, &format!("in_{channel}"), AudioIn::default());
        Ok(AudioPorts {
            outputs: (1..=info.output_channels).map(output).collect::<Result<_, _>>()?,
            inputs: (1..=info.input_channels).map(input).collect::<Result<_, _>>()?,
        })
    }
}

fn register_midi(
    client: &Client,
    info: &StreamInfo,
    ports: Vec<JackMidiPort>,
    health: &Arc<Health>,
) -> Result<MidiPorts, DriverError> {
    let (mut inputs, mut outputs, mut watched) = (Vec::new(), Vec::new(), Vec::new());
    for port in ports {
        let (in_name, out_name) = port.port_names();
        let traffic = port.traffic;
        let mut remember = |name: &str, is_input| {
            let link = Arc::<Link>::default();
            watched.push(Watched::new(format!("{}:{name}", client.name()), is_input, Arc::clone(&link)));
            Remembered::new(link, Arc::clone(&traffic))
        };
        if let Some(inlet) = port.input {
            let registered = register(client, info, &in_name, MidiIn::default())?;
            inputs.push(InPort::new(registered, inlet, Arc::clone(health), remember(&in_name, true)));
        }
        if let Some(outlet) = port.output {
            let registered = register(client, info, &out_name, MidiOut::default())?;
            outputs.push(OutPort::new(registered, outlet, Arc::clone(health), remember(&out_name, false)));
        }
    }
    Ok((inputs, outputs, watched))
}

/// Our MIDI ports, and what the patchbay watches of them.
type MidiPorts = (Vec<InPort>, Vec<OutPort>, Vec<Watched>);

/// What named gear is to be connected to.
fn wishes(ports: &[JackMidiPort]) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for port in ports.iter().filter(|port| !port.is_virtual) {
        let (in_name, out_name) = port.port_names();
        if let (Some(pattern), true) = (&port.in_pattern, port.input.is_some()) {
            wishes.push(Wish::from_gear(&in_name, pattern));
        }
        if let (Some(pattern), true) = (&port.out_pattern, port.output.is_some()) {
            wishes.push(Wish::to_gear(&out_name, pattern));
        }
    }
    wishes
}
