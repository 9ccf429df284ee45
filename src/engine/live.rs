//! Plays a rig on real devices, until it is told to stop.

mod device;
mod gear;
mod job;
mod recording;
mod search;
mod watchdog;

use std::time::{Duration, Instant};

use device::Device;
use gear::{Gear, PortEnds, make_ends, renew_ends};
use recording::RecordKeeper;
use search::Found;
use watchdog::Watchdog;

pub use gear::Connected;
pub use job::{Job, Played, Recording};
pub use watchdog::{Hang, OnHang};

use super::conductor::{Conductor, Happening};
use super::error::Error;
use super::inject;
use super::scores::{named_scores, place_scores};
use super::summary::Summary;
use crate::device::audio::{self, AudioRequest, CallbackReport, DriverChoice, StreamInfo};
use crate::device::memory;
use crate::journal::Recorder;
use crate::render::{Command, RendererSettings, Score, Snapshot, Swap, TimeBase, tap};
use crate::rig::{Deployment, Rig};
use crate::unit::{Frame, HostTime, SampleRate};

/// The recorder may be stalled by its disk for so long without a loss.
const RECORD_RING_SECONDS: f64 = 8.0;
/// How long the last notes get to end before the device is closed.
const FAREWELL_SECONDS: f64 = 0.03;
const FAREWELL_LIMIT: Duration = Duration::from_millis(500);
const MASTER_DECIBELS: std::ops::RangeInclusive<f32> = -60.0..=12.0;

/// A rig that plays. Call [`attend`](Live::attend) every few milliseconds.
pub struct Live {
    conductor: Conductor,
    device: Device,
    gear: Option<Gear>,
    recording: Option<RecordKeeper>,
    until: Option<Frame>,
    master_decibels: f32,
    next_rig: Option<Rig>,
    /// The inner ends of the MIDI ports that a lost JACK is tried again with.
    doors: Swap,
    messages: Vec<String>,
    watchdog: Option<Watchdog>,
}

impl Live {
    /// Opens the device, the MIDI ports and the recording, and begins to play.
    ///
    /// # Errors
    /// [`Error`] where a driver asked for by name does not work, a name is not in
    /// the rig, or the recording cannot be made.
    pub fn start(job: Job) -> Result<Live, Error> {
        inject::check(&job.injections, &job.rig, &[])?;
        let request = fill(job.request, &job.rig);
        let opened = audio::open(&request)?;
        let mut messages: Vec<String> =
            opened.refused.iter().map(|(name, reason)| format!("{name} is not used: {reason}")).collect();
        let driver = opened.driver;
        let info = driver.info().clone();
        if info.output_channels > 1 && info.output_channels < request.output_channels {
            messages.push(format!(
                "{} has {} channels: what the rig plays to channel {} is not heard there",
                info.device, info.output_channels, request.output_channels
            ));
        }
        let is_jack = info.driver == DriverChoice::Jack.name();
        let latency =
            job.rig.engine.midi_latency_frames.unwrap_or(if is_jack { 0 } else { info.block_frames });
        let (mut feeds, _) = named_scores(&job.rig, &job.scores, info.rate)?;
        let demo = job.demo.filter(|_| !gear::can_be_played(is_jack));
        feeds.extend(demo_feeds(&job.rig, demo.as_ref(), info.rate));
        let mut ends = Vec::new();
        let settings = RendererSettings { rate: info.rate, midi_latency_frames: Frame::from(latency) };
        let extend = |deployment: &Deployment, swap: &mut Swap| {
            ends = make_ends(deployment, time_base(is_jack), swap);
            swap.sources.extend(place_scores(deployment, feeds));
        };
        let until = job.seconds.map(|seconds| info.rate.frames(seconds));
        let channels = usize::from(request.output_channels);
        let (mut renderer, mut conductor) = Conductor::new(job.rig, settings, 0, extend)?;
        renderer.measure_stages(HostTime::now);
        conductor.inject(inject::for_renderer(&job.injections, conductor.deployment(), info.rate));
        let mut recording = None;
        if let Some(path) = &job.record {
            let (tap, reader) = tap(channels, info.rate.frames(RECORD_RING_SECONDS) as usize);
            recording = Some(RecordKeeper::new(Recorder::start(path, reader, info.rate)?, info.rate));
            renderer.record(Box::new(tap), until);
        }
        let mut live = Live {
            conductor,
            device: Device::new(driver, request, renderer, info.rate),
            gear: None,
            recording,
            until,
            master_decibels: 0.0,
            next_rig: None,
            doors: Swap::default(),
            messages,
            watchdog: None,
        };
        // A page fault in the callback is a wait, so everything that it will
        // touch is fetched and held before it first runs. Where the limit is too
        // low for that, `doctor` says so.
        if let Err(error) = memory::lock() {
            tracing::info!(%error, "memory is not locked");
        }
        live.begin(ends)?;
        Ok(live)
    }

    /// Has `on_hang` called, on a thread of its own, if a callback does not come
    /// back. Nothing here can be relied on from then on: end the process.
    pub fn on_hang(&mut self, on_hang: OnHang) {
        self.watchdog = Some(Watchdog::start(self.device.stats(), on_hang));
    }

    /// Starts the driver's callbacks and opens the gear.
    fn begin(&mut self, ends: Vec<PortEnds>) -> Result<(), Error> {
        if self.device.is_jack() {
            return Ok(self.device.start(ends.into_iter().map(Into::into).collect())?);
        }
        self.device.start(Vec::new())?;
        self.open_gear(ends);
        Ok(())
    }

    fn open_gear(&mut self, ends: Vec<PortEnds>) {
        if ends.is_empty() {
            return;
        }
        match Gear::open(ends, Box::new(self.conductor.clock())) {
            Ok(gear) => self.gear = Some(gear),
            Err(error) => self.messages.push(format!("{error}; MIDI gear cannot be heard")),
        }
    }

    /// Looks after everything that is not realtime; gives what the musician
    /// should hear of, a line each.
    pub fn attend(&mut self) -> Vec<String> {
        for happening in self.conductor.attend() {
            self.messages.push(match happening {
                Happening::Rebuilding { actor, fault } => {
                    format!("`{actor}` failed ({fault}) and is rebuilt")
                }
                Happening::Quarantined { actor, fault, seconds } => {
                    format!("`{actor}` failed ({fault}) too often, and is tried again in {seconds:.0} s")
                }
                Happening::GivenUp { actor, reason } => format!("`{actor}` stays silent: {reason}"),
                Happening::RigPlays => "the changed rig plays".to_owned(),
            });
        }
        self.attend_device(Instant::now());
        self.attend_recording();
        if let Some(gear) = &mut self.gear {
            self.messages.extend(gear.troubles());
        }
        if !self.conductor.is_changing()
            && let Some(rig) = self.next_rig.take()
        {
            self.take_rig(rig);
        }
        std::mem::take(&mut self.messages)
    }

    fn attend_recording(&mut self) {
        if let Some(recording) = &mut self.recording {
            self.messages.extend(recording.attend());
        }
    }

    fn attend_device(&mut self, now: Instant) {
        if let Some(fault) = self.device.fault() {
            tracing::warn!(driver = self.device.info().driver, %fault, "the driver is given up");
            self.messages.push(format!("{fault}; playing goes on without a device"));
            self.fall_back(now);
        }
        if let Some(fault) = self.device.warning() {
            self.messages.push(fault.to_string());
        }
        match self.device.found(now) {
            Some(Ok(found)) => self.go_back(found),
            Some(Err(error)) => self.messages.push(format!("the device is back, but {error}")),
            None => {}
        }
        if let Some(driver) = self.device.is_due(now) {
            let mut ports = Vec::new();
            self.doors = Swap::default();
            if driver == DriverChoice::Jack {
                let ends;
                (self.doors, ends) = renew_ends(self.conductor.deployment(), &self.ports(), TimeBase::Frames);
                ports = ends.into_iter().map(Into::into).collect();
            }
            self.device.try_again(ports, now);
        }
    }

    /// Goes to a changed rig; of several in a row the newest is taken.
    pub fn change(&mut self, rig: Rig) {
        self.next_rig = Some(rig);
    }

    fn take_rig(&mut self, rig: Rig) {
        let request = fill(self.device.request().clone(), &rig);
        let old = self.conductor.deployment().rig();
        let midi_changed = old.midi != rig.midi;
        let old_ports: Vec<u16> =
            old.midi.iter().filter_map(|port| self.conductor.deployment().port_of(&port.name)).collect();
        if (old.engine.rate, old.engine.block_frames) != (rig.engine.rate, rig.engine.block_frames) {
            self.messages.push("a changed rate or block is used from the next start on".to_owned());
        }
        if let Err(error) = self.conductor.change(rig) {
            self.messages.push(format!("{error}; the old rig plays on"));
            return;
        }
        let wanted = self.device.request();
        let channels_changed = (request.output_channels, request.input_channels)
            != (wanted.output_channels, wanted.input_channels);
        if channels_changed || midi_changed && self.device.has_jack_ports() {
            // The device needs other ports: it is opened anew, and the timeline
            // goes on where it was.
            if let Err(error) = self.device.reopen(request, Instant::now()) {
                self.messages.push(format!("{error}; playing goes on without a device"));
            }
            self.renew_gear(&old_ports, true);
        } else if midi_changed {
            self.renew_gear(&old_ports, false);
        }
    }

    /// The device is gone: the null clock takes the Renderer over.
    fn fall_back(&mut self, now: Instant) {
        let was_jack = self.device.is_jack();
        if let Err(error) = self.device.lose(now) {
            self.messages.push(error.to_string());
        }
        if was_jack {
            let ports = self.ports();
            self.renew_gear(&ports, true);
        } else if let Err(error) = self.device.start(Vec::new()) {
            self.messages.push(error.to_string());
        }
    }

    /// The device is back: it takes the Renderer over from the null clock.
    fn go_back(&mut self, found: Found) {
        self.device.go_back(found);
        if self.device.is_jack() {
            if let Some(gear) = self.gear.take() {
                gear.close();
            }
            self.conductor.lend(std::mem::take(&mut self.doors));
        }
        let info = self.device.info();
        tracing::info!(driver = info.driver, device = info.device, "the device is back");
        self.messages.push(format!("{} is back and plays ({})", info.device, info.driver));
    }

    /// New doors for the MIDI ports of the rig; what stood at `old_ports` ends.
    fn renew_gear(&mut self, old_ports: &[u16], start_driver: bool) {
        if let Some(gear) = self.gear.take() {
            gear.close();
        }
        let base = time_base(self.device.is_jack());
        let (swap, ends) = renew_ends(self.conductor.deployment(), old_ports, base);
        self.conductor.lend(swap);
        if start_driver {
            if let Err(error) = self.begin(ends) {
                self.messages.push(error.to_string());
            }
        } else {
            self.open_gear(ends);
        }
    }

    fn ports(&self) -> Vec<u16> {
        let deployment = self.conductor.deployment();
        deployment.rig().midi.iter().filter_map(|port| deployment.port_of(&port.name)).collect()
    }

    /// What was got from the device.
    pub fn info(&self) -> &StreamInfo {
        self.device.info()
    }

    /// The rig that plays.
    pub fn rig(&self) -> &Rig {
        self.conductor.deployment().rig()
    }

    /// Frames from a key to its sound's leaving the callback.
    pub fn midi_latency_frames(&self) -> u32 {
        let fixed = self.rig().engine.midi_latency_frames;
        fixed.unwrap_or(if self.device.is_jack() { 0 } else { self.info().block_frames })
    }

    /// Whether the time it was to play is over.
    pub fn is_over(&mut self) -> bool {
        self.until.is_some_and(|until| self.conductor.frame() >= until)
    }

    /// What the Renderer shows.
    pub fn snapshot(&mut self) -> Snapshot {
        self.conductor.snapshot()
    }

    /// Counts and faults so far.
    pub fn summary(&mut self) -> Summary {
        self.conductor.summary()
    }

    /// How callbacks went so far.
    pub fn callbacks(&self) -> CallbackReport {
        self.device.callbacks()
    }

    /// Periods that devices missed so far.
    pub fn xruns(&self) -> u64 {
        self.device.xruns()
    }

    /// The gear that is connected.
    pub fn gear(&self) -> Vec<Connected> {
        if self.device.is_jack() {
            return gear::jack_ports(self.rig());
        }
        self.gear.as_ref().map_or_else(Vec::new, Gear::connected)
    }

    /// The recording, if there is one.
    pub fn recording(&self) -> Option<Recording> {
        self.recording.as_ref().map(RecordKeeper::state)
    }

    /// Ends every note.
    pub fn panic(&mut self) {
        self.conductor.command(Command::Panic);
    }

    /// The master level, in dB.
    pub fn master_decibels(&self) -> f32 {
        self.master_decibels
    }

    /// Raises or lowers the master level.
    pub fn change_master(&mut self, decibels: f32) {
        self.master_decibels =
            (self.master_decibels + decibels).clamp(*MASTER_DECIBELS.start(), *MASTER_DECIBELS.end());
        self.conductor.command(Command::Master { decibels: self.master_decibels });
    }

    /// Ends every note, closes what is open; gives what came of it.
    pub fn stop(mut self) -> Played {
        self.conductor.command(Command::Panic);
        let begun = Instant::now();
        let until = self.conductor.snapshot().frame + self.info().rate.frames(FAREWELL_SECONDS);
        while self.conductor.snapshot().frame < until && begun.elapsed() < FAREWELL_LIMIT {
            // The device's own clock moves this on; there is nothing to await.
            std::thread::sleep(Duration::from_millis(2));
            self.conductor.attend();
        }
        self.device.stop();
        if let Some(gear) = self.gear.take() {
            gear.close();
        }
        let mut summary = self.conductor.summary();
        summary.snapshot.dropped_events += self.device.dropped_midi();
        let xruns = self.xruns();
        let recording = self.recording.take().map(RecordKeeper::finish);
        let frames = summary.snapshot.frame.min(self.until.unwrap_or(Frame::MAX));
        Played {
            info: self.device.info().clone(),
            summary,
            frames,
            callbacks: self.device.callbacks(),
            xruns,
            recording,
        }
    }
}

/// What the command line leaves open, from the rig.
fn fill(request: AudioRequest, rig: &Rig) -> AudioRequest {
    let highest =
        |devices: &[crate::rig::Device]| devices.iter().flat_map(|d| &d.channels).map(|c| c + 1).max();
    AudioRequest {
        rate: request.rate.or(rig.engine.rate),
        block_frames: request.block_frames.or(rig.engine.block_frames),
        output_channels: highest(&rig.outputs).unwrap_or(2).max(2),
        input_channels: highest(&rig.inputs).unwrap_or(0),
        connect: rig.engine.connect,
        ..request
    }
}

fn time_base(is_jack: bool) -> TimeBase {
    if is_jack { TimeBase::Frames } else { TimeBase::Host }
}

fn demo_feeds(rig: &Rig, demo: Option<&crate::midi::file::Score>, rate: SampleRate) -> Vec<(String, Score)> {
    let port = rig.midi.iter().find(|m| m.is_source());
    let (Some(port), Some(demo)) = (port, demo) else { return Vec::new() };
    let performance = demo.at(rate, 0);
    let score = Score::new(performance.events, performance.sysex).repeating(performance.end_frame).yielding();
    vec![(port.name.clone(), score)]
}
