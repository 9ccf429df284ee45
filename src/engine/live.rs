//! Plays a rig on real devices, until it is told to stop.

mod gear;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gear::{Gear, PortEnds, make_ends};

pub use gear::Connected;

use super::conductor::{Conductor, Happening};
use super::error::Error;
use super::scores::{NamedScore, named_scores, place_scores};
use super::summary::Summary;
use crate::device::audio::{
    self, AudioDriver, AudioRequest, Callback, CallbackReport, CallbackStats, DriverChoice, StreamInfo,
};
use crate::device::memory;
use crate::journal::{RecordSummary, Recorder};
use crate::render::{Command, Renderer, RendererSettings, Score, Snapshot, Swap, TimeBase, tap};
use crate::rig::{Deployment, Rig};
use crate::rt::baton::Baton;
use crate::unit::{Frame, SampleRate};

/// The recorder may be stalled by its disk for so long without a loss.
const RECORD_RING_SECONDS: f64 = 8.0;
/// How long the last notes get to end before the device is closed.
const FAREWELL_SECONDS: f64 = 0.03;
const FAREWELL_LIMIT: Duration = Duration::from_millis(500);
const MASTER_DECIBELS: std::ops::RangeInclusive<f32> = -60.0..=12.0;

/// What to play, and on what.
pub struct Job {
    /// The rig, checked.
    pub rig: Rig,
    /// MIDI files, from the first frame on.
    pub scores: Vec<NamedScore>,
    /// Where there is nothing to play on, this plays, over and over, until
    /// somebody does.
    pub demo: Option<crate::midi::file::Score>,
    /// The device; its rate, block and channels are filled in from the rig.
    pub request: AudioRequest,
    /// Records what is played.
    pub record: Option<PathBuf>,
    /// Plays for so long, counted in frames.
    pub seconds: Option<f64>,
}

/// A rig that plays. Call [`attend`](Live::attend) every few milliseconds.
pub struct Live {
    conductor: Conductor,
    baton: Arc<Baton<Renderer>>,
    stats: Arc<CallbackStats>,
    driver: Box<dyn AudioDriver>,
    request: AudioRequest,
    gear: Option<Gear>,
    recorder: Option<Recorder>,
    record_failed: bool,
    /// That the input is gone was said.
    input_lost: bool,
    until: Option<Frame>,
    xruns_before: u64,
    master_decibels: f32,
    next_rig: Option<Rig>,
    messages: Vec<String>,
}

/// How a recording stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recording {
    /// The file.
    pub path: PathBuf,
    /// Frames in it.
    pub frames: Frame,
    /// Frames that a slow disk cost.
    pub lost_frames: Frame,
    /// Whether an error ended it.
    pub failed: bool,
}

/// What came of it.
pub struct Played {
    /// The driver at the end.
    pub info: StreamInfo,
    /// Counts and faults.
    pub summary: Summary,
    /// Frames played; the few in which the last notes end after the time was
    /// over are not counted, nor recorded.
    pub frames: Frame,
    /// How long callbacks took.
    pub callbacks: CallbackReport,
    /// Periods the devices missed.
    pub xruns: u64,
    /// The recording, if there was one.
    pub recording: Option<RecordSummary>,
}

impl Live {
    /// Opens the device, the MIDI ports and the recording, and begins to play.
    ///
    /// # Errors
    /// [`Error`] where a driver asked for by name does not work, a name is not in
    /// the rig, or the recording cannot be made.
    pub fn start(job: Job) -> Result<Live, Error> {
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
        let (mut renderer, conductor) = Conductor::new(job.rig, settings, 0, extend)?;
        let mut recorder = None;
        if let Some(path) = &job.record {
            let (tap, reader) = tap(channels, info.rate.frames(RECORD_RING_SECONDS) as usize);
            recorder = Some(Recorder::start(path, reader, info.rate)?);
            renderer.record(Box::new(tap), until);
        }
        let mut live = Live {
            conductor,
            baton: Arc::new(Baton::new(renderer)),
            stats: Arc::new(CallbackStats::new(info.rate)),
            driver,
            request,
            gear: None,
            recorder,
            record_failed: false,
            input_lost: false,
            until,
            xruns_before: 0,
            master_decibels: 0.0,
            next_rig: None,
            messages,
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

    /// Starts the driver's callbacks and opens the gear.
    fn begin(&mut self, ends: Vec<PortEnds>) -> Result<(), Error> {
        let callback = Callback::new(Arc::clone(&self.baton), Arc::clone(&self.stats));
        if self.is_jack() {
            let ports = ends.into_iter().map(Into::into).collect();
            return Ok(self.driver.start(callback, ports)?);
        }
        self.driver.start(callback, Vec::new())?;
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
                Happening::GivenUp { actor, reason } => format!("`{actor}` stays silent: {reason}"),
                Happening::RigPlays => "the changed rig plays".to_owned(),
            });
        }
        if let Some(fault) = self.driver.fault() {
            tracing::warn!(driver = self.driver.info().driver, %fault, "the driver is given up");
            self.messages.push(format!("{fault}; playing goes on without a device"));
            self.fall_back();
        }
        if let Some(fault) = self.driver.warning().filter(|_| !self.input_lost) {
            self.input_lost = true;
            self.messages.push(fault.to_string());
        }
        if let Some(error) = self.recorder.as_mut().and_then(Recorder::take_error) {
            self.record_failed = true;
            self.messages.push(format!("the recording stops: {error}"));
        }
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

    /// Goes to a changed rig; of several in a row the newest is taken.
    pub fn change(&mut self, rig: Rig) {
        self.next_rig = Some(rig);
    }

    fn take_rig(&mut self, rig: Rig) {
        let request = fill(self.request.clone(), &rig);
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
        let channels_changed = (request.output_channels, request.input_channels)
            != (self.request.output_channels, self.request.input_channels);
        if channels_changed || midi_changed && self.is_jack() {
            // The device needs other ports: it is opened anew, and the timeline
            // goes on where it was.
            self.request = request;
            self.driver.stop();
            self.xruns_before += self.driver.xruns();
            let info = self.driver.info();
            let again = AudioRequest {
                driver: info.driver.parse().unwrap_or(DriverChoice::Auto),
                rate: Some(info.rate),
                ..self.request.clone()
            };
            match audio::open(&again) {
                Ok(opened) => self.driver = opened.driver,
                Err(error) => {
                    self.messages.push(format!("{error}; playing goes on without a device"));
                    self.take_null_clock();
                }
            }
            self.renew_gear(&old_ports, true);
        } else if midi_changed {
            self.renew_gear(&old_ports, false);
        }
    }

    /// The device is gone: the null clock takes the Renderer over.
    fn fall_back(&mut self) {
        let was_jack = self.is_jack();
        self.driver.stop();
        self.xruns_before += self.driver.xruns();
        self.take_null_clock();
        if was_jack {
            let ports: Vec<u16> = self.ports();
            self.renew_gear(&ports, true);
        } else {
            let callback = Callback::new(Arc::clone(&self.baton), Arc::clone(&self.stats));
            if let Err(error) = self.driver.start(callback, Vec::new()) {
                self.messages.push(error.to_string());
            }
        }
    }

    fn take_null_clock(&mut self) {
        match null_clock(self.driver.info()) {
            Ok(driver) => self.driver = driver,
            Err(error) => self.messages.push(error.to_string()),
        }
    }

    /// New doors for the MIDI ports of the rig; what stood at `old_ports` ends.
    fn renew_gear(&mut self, old_ports: &[u16], start_driver: bool) {
        if let Some(gear) = self.gear.take() {
            gear.close();
        }
        let mut swap = Swap::default();
        swap.sources.extend(old_ports.iter().map(|place| (*place, None)));
        swap.sinks.extend(old_ports.iter().map(|place| (*place, None)));
        let ends = make_ends(self.conductor.deployment(), time_base(self.is_jack()), &mut swap);
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

    fn is_jack(&self) -> bool {
        self.driver.info().driver == DriverChoice::Jack.name()
    }

    /// What was got from the device.
    pub fn info(&self) -> &StreamInfo {
        self.driver.info()
    }

    /// The rig that plays.
    pub fn rig(&self) -> &Rig {
        self.conductor.deployment().rig()
    }

    /// Frames from a key to its sound's leaving the callback.
    pub fn midi_latency_frames(&self) -> u32 {
        let fixed = self.rig().engine.midi_latency_frames;
        fixed.unwrap_or(if self.is_jack() { 0 } else { self.info().block_frames })
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
        self.stats.report()
    }

    /// Periods that devices missed so far.
    pub fn xruns(&self) -> u64 {
        self.xruns_before + self.driver.xruns()
    }

    /// The gear that is connected.
    pub fn gear(&self) -> Vec<Connected> {
        if self.is_jack() {
            return gear::jack_ports(self.rig());
        }
        self.gear.as_ref().map_or_else(Vec::new, Gear::connected)
    }

    /// The recording, if there is one.
    pub fn recording(&self) -> Option<Recording> {
        let recorder = self.recorder.as_ref()?;
        Some(Recording {
            path: recorder.path().to_owned(),
            frames: recorder.frames(),
            lost_frames: recorder.lost_frames(),
            failed: self.record_failed,
        })
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
        self.driver.stop();
        if let Some(gear) = self.gear.take() {
            gear.close();
        }
        let mut summary = self.conductor.summary();
        summary.snapshot.dropped_events += self.driver.dropped_midi();
        let xruns = self.xruns();
        // The Renderer goes, and with it the recording's writing end.
        drop(self.baton.take());
        let recording = self.recorder.take().map(Recorder::finish);
        let frames = summary.snapshot.frame.min(self.until.unwrap_or(Frame::MAX));
        Played {
            info: self.driver.info().clone(),
            summary,
            frames,
            callbacks: self.stats.report(),
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

/// The clock that goes on when a device is gone, at the same rate and block.
fn null_clock(info: &StreamInfo) -> Result<Box<dyn AudioDriver>, Error> {
    let request = AudioRequest {
        driver: DriverChoice::Null,
        rate: Some(info.rate),
        block_frames: Some(info.block_frames),
        output_channels: info.output_channels,
        ..AudioRequest::default()
    };
    Ok(audio::open(&request)?.driver)
}

fn demo_feeds(rig: &Rig, demo: Option<&crate::midi::file::Score>, rate: SampleRate) -> Vec<(String, Score)> {
    let port = rig.midi.iter().find(|m| m.is_source());
    let (Some(port), Some(demo)) = (port, demo) else { return Vec::new() };
    let performance = demo.at(rate, 0);
    let score = Score::new(performance.events, performance.sysex).repeating(performance.end_frame).yielding();
    vec![(port.name.clone(), score)]
}
