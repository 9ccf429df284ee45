//! The system's own audio, by cpal: ALSA and PulseAudio on Linux, CoreAudio,
//! WASAPI.

mod capture;
mod list;
mod player;
mod quiet;
mod resample;
mod select;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{ErrorKind, FromSample, SampleFormat, SizedSample};

pub use list::{AudioDevice, Direction, USUAL_RATES, has_device, list};

use super::callback::Reins;
use super::error::{DriverFault, FaultKind, FaultLatch};
use super::watch::Watch;
use super::{AudioDriver, AudioRequest, Callback, DriverError, JackMidiPort, StreamInfo};
use crate::rt::baton::Baton;
use crate::unit::HostTime;
use capture::Capture;
use player::Player;
use select::Selection;

/// How long a device may take to let go before we leave without its leave.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// The same for a dead one: its successor is waited for.
const DEAD_TIMEOUT: Duration = Duration::from_millis(200);
/// How long a server may take to make a stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the error callback keeps its thread after the fatal error: a dead
/// server's plugin would call it a hundred thousand times a second.
const DEAD_STREAM_NAP: Duration = Duration::from_millis(20);

/// So many errors without a callback between them, and the stream is dead.
const REPEATS_OF_THE_DEAD: u32 = 8;
const REPEAT_NAP: Duration = Duration::from_millis(5);

/// One of cpal's hosts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    /// A PulseAudio server, PipeWire's included.
    Pulse,
    /// The Linux kernel's devices.
    Alsa,
    /// macOS.
    CoreAudio,
    /// Windows.
    Wasapi,
}

impl System {
    /// The driver's name, as in `--driver`.
    pub const fn name(self) -> &'static str {
        match self {
            System::Pulse => "pulse",
            System::Alsa => "alsa",
            System::CoreAudio => "coreaudio",
            System::Wasapi => "wasapi",
        }
    }

    const fn cpal_name(self) -> &'static str {
        match self {
            System::Pulse => "PulseAudio",
            other => other.name(),
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            System::Pulse => "start PulseAudio or pipewire-pulse for this user, or use another `--driver`",
            System::Alsa => {
                "plug in a sound card, see that the user is in the group `audio`, or use another `--driver`"
            }
            System::CoreAudio | System::Wasapi => {
                "see the system's sound settings, or use another `--driver`"
            }
        }
    }

    fn unavailable(self, reason: &dyn std::fmt::Display) -> DriverError {
        DriverError::Unavailable { driver: self.name(), reason: reason.to_string(), advice: self.advice() }
    }

    fn host(self) -> Result<cpal::Host, DriverError> {
        quiet::silence_alsa();
        let id = cpal::ALL_HOSTS.iter().find(|id| id.name().eq_ignore_ascii_case(self.cpal_name()));
        let id = id.ok_or(DriverError::NotOnThisSystem { driver: self.name() })?;
        cpal::host_from_id(*id).map_err(|error| self.unavailable(&error))
    }
}

/// What the callbacks tell the control world.
#[derive(Default)]
struct Health {
    fault: FaultLatch,
    xruns: AtomicU64,
    /// Calls of the device, to see whether it still lives.
    calls: AtomicU64,
    /// An input that died leaves the output playing.
    input_fault: FaultLatch,
    input_calls: AtomicU64,
    /// Times that the ring between input and output lost or made up frames.
    gaps: AtomicU64,
    delays: Delays,
}

/// What the device says of its own delays, and what waits between its two ends; in
/// nanoseconds, 0 where it says nothing.
#[derive(Default)]
struct Delays {
    output_nanos: AtomicU64,
    input_nanos: AtomicU64,
    between_nanos: AtomicU64,
}

/// Which stream of a driver.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Output,
    Input,
}

/// An open device, and perhaps its input.
pub(super) struct SystemDriver {
    info: StreamInfo,
    health: Arc<Health>,
    /// Where the callback waits for the device's thread to take it.
    callback: Arc<Baton<Callback>>,
    reins: Option<Arc<Reins>>,
    streams: Vec<cpal::Stream>,
    watch: Watch,
}

impl SystemDriver {
    pub(super) fn open(system: System, request: &AudioRequest) -> Result<SystemDriver, DriverError> {
        let host = system.host()?;
        let selection = Selection::of(system, &host, request)?;
        let health = Arc::new(Health::default());
        let callback = Arc::new(Baton::empty());
        let (capture, input) = match request.input_channels {
            0 => (None, None),
            channels => {
                let wanted = (request.input_device.as_deref(), channels);
                let (capture, reader) = Capture::open(system, &host, &selection, wanted, &health)?;
                (Some(capture), Some(reader))
            }
        };
        let player = Player::new(&selection, Arc::clone(&callback), input, Arc::clone(&health))
            .map_err(|reason| selection.refused(&reason))?;
        let stream = build_output(&selection, player, &health)?;
        let device_block = stream.buffer_size().unwrap_or(selection.block_frames);
        let block_frames = selection.to_engine_frames(device_block).max(1);
        let info = StreamInfo {
            driver: system.name(),
            device: selection.name.clone(),
            rate: selection.rate,
            device_rate: selection.device_rate,
            block_frames,
            // The device plays one buffer while we fill the other.
            latency_frames: 2 * block_frames + selection.resampler_delay_frames(),
            output_channels: selection.config.channels,
            input_channels: request.input_channels,
        };
        let streams = std::iter::once(stream).chain(capture).collect();
        Ok(SystemDriver { info, health, callback, reins: None, streams, watch: Watch::default() })
    }
}

impl AudioDriver for SystemDriver {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn start(&mut self, callback: Callback, _jack_midi: Vec<JackMidiPort>) -> Result<(), DriverError> {
        let refused = |reason: &dyn std::fmt::Display| DriverError::Refused {
            driver: self.info.driver,
            device: self.info.device.clone(),
            reason: reason.to_string(),
        };
        if self.streams.is_empty() {
            return Err(refused(&"it was stopped and has to be opened anew"));
        }
        self.reins = Some(callback.reins());
        self.callback.put(Box::new(callback));
        // The input first, so that the first callback finds something.
        for stream in self.streams.iter().rev() {
            stream.play().map_err(|error| refused(&error))?;
        }
        self.watch.begin(HostTime::now());
        Ok(())
    }

    fn fault(&self) -> Option<DriverFault> {
        self.watch.look(self.health.calls.load(Relaxed), false, HostTime::now(), &self.health.fault);
        self.health.fault.get()
    }

    fn warning(&self) -> Option<DriverFault> {
        self.health.input_fault.get()
    }

    fn xruns(&self) -> u64 {
        self.health.xruns.load(Relaxed)
    }

    fn gaps(&self) -> u64 {
        self.health.gaps.load(Relaxed)
    }

    fn claimed_round_trip_frames(&self) -> Option<f64> {
        let Delays { output_nanos, input_nanos, between_nanos } = &self.health.delays;
        let (output, input) = (output_nanos.load(Relaxed), input_nanos.load(Relaxed));
        if output == 0 || input == 0 {
            return None;
        }
        let seconds = (output + input + between_nanos.load(Relaxed)) as f64 * 1e-9;
        Some(seconds * f64::from(self.info.rate.hertz()))
    }

    fn stop(&mut self) {
        if let Some(reins) = self.reins.take() {
            reins.retire();
        }
        let streams = std::mem::take(&mut self.streams);
        self.watch.end();
        if streams.is_empty() {
            return;
        }
        // A dead server's library may never let go: then its thread stays behind.
        let (done, ended) = mpsc::channel();
        let body = move || {
            drop(streams);
            let _ = done.send(());
        };
        if std::thread::Builder::new().name("antiphon-stop".to_owned()).spawn(body).is_ok() {
            let patience = if self.health.fault.is_set() { DEAD_TIMEOUT } else { STOP_TIMEOUT };
            let _ = ended.recv_timeout(patience);
        }
    }
}

impl Drop for SystemDriver {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a stream's error callback does: counts xruns, latches the first fatal
/// error, and slows a dead stream's thread down. An error that no kind calls
/// fatal is fatal when it comes again and again while `calls` stands still.
fn on_error(health: Arc<Health>, end: End) -> impl FnMut(cpal::Error) + Send + 'static {
    let (mut calls_before, mut repeats) = (u64::MAX, 0);
    move |error| {
        let latch = if end == End::Output { &health.fault } else { &health.input_fault };
        if latch.is_set() {
            std::thread::sleep(DEAD_STREAM_NAP);
            return;
        }
        let kind = match error.kind() {
            ErrorKind::Xrun => {
                health.xruns.fetch_add(1, Relaxed);
                return;
            }
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => return,
            ErrorKind::DeviceNotAvailable => FaultKind::DeviceGone,
            ErrorKind::HostUnavailable => FaultKind::ServerGone,
            ErrorKind::StreamInvalidated | ErrorKind::PermissionDenied => FaultKind::StreamInvalid,
            _ => {
                let counter = if end == End::Output { &health.calls } else { &health.input_calls };
                let calls = counter.load(Relaxed);
                repeats = if calls == calls_before { repeats + 1 } else { 1 };
                calls_before = calls;
                if repeats < REPEATS_OF_THE_DEAD {
                    std::thread::sleep(REPEAT_NAP);
                    return;
                }
                FaultKind::StreamInvalid
            }
        };
        latch.set(kind, error.to_string());
    }
}

fn build_output(
    selection: &Selection,
    player: Player,
    health: &Arc<Health>,
) -> Result<cpal::Stream, DriverError> {
    match selection.format {
        SampleFormat::I16 => build::<i16>(selection, player, health),
        SampleFormat::I24 => build::<cpal::I24>(selection, player, health),
        SampleFormat::I32 => build::<i32>(selection, player, health),
        SampleFormat::U8 => build::<u8>(selection, player, health),
        SampleFormat::U16 => build::<u16>(selection, player, health),
        SampleFormat::U32 => build::<u32>(selection, player, health),
        SampleFormat::F64 => build::<f64>(selection, player, health),
        _ => build::<f32>(selection, player, health),
    }
}

fn build<T: SizedSample + FromSample<f32>>(
    selection: &Selection,
    mut player: Player,
    health: &Arc<Health>,
) -> Result<cpal::Stream, DriverError> {
    selection
        .device
        .build_output_stream(
            selection.config,
            move |data: &mut [T], info: &cpal::OutputCallbackInfo| {
                let stamp = info.timestamp();
                let delay = stamp.playback.checked_duration_since(stamp.callback).unwrap_or_default();
                player.health().delays.output_nanos.store(delay.as_nanos() as u64, Relaxed);
                player.fill(data);
            },
            on_error(Arc::clone(health), End::Output),
            Some(OPEN_TIMEOUT),
        )
        .map_err(|error| selection.refused(&error))
}
