//! Plays a rig on real devices, until it is told to stop: a tree of actors around
//! a Renderer.

mod actors;
mod audio;
mod board;
mod device;
mod gear;
mod generators;
mod group;
mod job;
mod loader;
mod logging;
mod midi;
mod parts;
mod port;
mod recording;
mod renderer;
mod rig;
mod scene;
mod search;
mod stage;
mod threads;
mod tree;
mod watchdog;

pub(super) use tree::supervision;

use std::sync::Arc;
use std::time::{Duration, Instant};

use audio::AudioKeeping;
use board::Board;
use device::Device;
use gear::{PortBook, make_ends, placed_ports};
use generators::Suppliers;
use group::Members;
use loader::Loading;
use logging::LogKeeping;
use midi::MidiKeeping;
use parts::{Addresses, Parts, send};
use recording::RecordKeeper;
use renderer::{RendererKeeping, RendererMessage};
use rig::{RigKeeping, RigMessage};
use threads::Threads;
use tree::Branch;
use watchdog::Watchdog;

pub use actors::ActorState;
pub use board::StageReport;
pub use gear::Connected;
pub use job::{Job, Played, Recording, Watched};
pub use port::PortReport;
pub use scene::{SceneState, SceneTurn};
pub use stage::{SetError, StageMessage};
pub use watchdog::{Hang, OnHang};

use super::conductor;
use super::error::{Error, ErrorKind};
use super::inject::{self, Inject};
use super::scores::{named_scores, place_scores};
use super::sounds;
use super::streams::Fetcher;
use super::summary::Summary;
use super::workers;
use super::workshop::Workshop;
use crate::actor::{Address, AnyAddress, Heirloom, Held, Options, Settings, System};
use crate::device::audio::{
    self as audio_drivers, AudioRequest, CallbackReport, CallbackStats, CallbackTimes, DriverChoice,
    StreamInfo, scheduling::ThreadId,
};
use crate::device::memory;
use crate::journal::Recorder;
use crate::journal::log::{BlackBox, LogFile, Scribe};
use crate::render::{
    self, Command, RendererSettings, Score, Snapshot, Swap, TimeBase, TransportView, Turn, tap,
};
use crate::rig::{Deployment, Rig};
use crate::stage::Role;
use crate::transport::{Lock, Order};
use crate::unit::{Frame, HostTime, SampleRate};

/// The recorder may be stalled by its disk for so long without a loss.
const RECORD_RING_SECONDS: f64 = 8.0;
/// What is random live is so by the same seed each time.
const SEED: u64 = 0;
/// How long the last notes get to end before the device is closed.
const FAREWELL_SECONDS: f64 = 0.03;
const FAREWELL_LIMIT: Duration = Duration::from_millis(500);
/// How long all actors together may take to end; each has its own limit below it.
const STOP_LIMIT: Duration = Duration::from_secs(15);
const MASTER_DECIBELS: std::ops::RangeInclusive<f32> = -60.0..=12.0;
/// Actors beside those of the rig that can be killed on purpose.
const OTHERS: [&str; 14] = [
    "engine",
    "renderer",
    "rig",
    "loader",
    "device",
    "audio",
    "midi",
    "journal",
    "recorder",
    "log",
    "instrument",
    "stage",
    "clip",
    "generator",
];

/// A rig that plays, by itself. Call [`attend`](Live::attend) now and then to hear
/// what it has to say.
pub struct Live {
    parts: Arc<Parts>,
    system: Option<System>,
    stats: Arc<CallbackStats>,
    until: Option<Frame>,
    master_decibels: f32,
    /// How well a clock was known that is followed.
    lock: Lock,
    /// Actors that are to be killed, and when.
    kills: Vec<(Frame, String)>,
    watchdog: Watchdog,
    /// Fetches what clips play from a disk.
    _fetcher: Fetcher,
    /// Dropped last.
    threads: Threads,
}

impl Live {
    /// Opens the device, the MIDI ports and the recording, and begins to play.
    ///
    /// # Errors
    /// [`Error`] where a driver asked for by name does not work, a name is not in
    /// the rig, or the recording cannot be made.
    pub fn start(job: Job) -> Result<Live, Error> {
        Live::start_with(job, Workshop::default())
    }

    /// As [`start`](Self::start), with another workshop for what clips and generators play.
    ///
    /// # Errors
    /// As [`start`](Self::start), and where a clip has no sound.
    pub fn start_with(mut job: Job, workshop: Workshop) -> Result<Live, Error> {
        inject::check(&job.injections, &job.rig, &OTHERS)?;
        let threads = Threads::start()?;
        let request = fill(job.request, &job.rig);
        let opened = audio_drivers::open(&request)?;
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
        messages.extend(workers::refusal(&job.rig));
        let workshop = if job.log.is_some() { workshop.for_log() } else { workshop };
        sounds::load_all(&mut job.rig, info.rate, &workshop)?;
        let is_jack = info.driver == DriverChoice::Jack.name();
        let latency =
            job.rig.engine.midi_latency_frames.unwrap_or(if is_jack { 0 } else { info.block_frames });
        let (mut feeds, _) = named_scores(&job.rig, &job.scores, info.rate)?;
        let demo = job.demo.filter(|_| !gear::can_be_played(is_jack));
        feeds.extend(demo_feeds(&job.rig, demo.as_ref(), info.rate));
        let mut ends = Vec::new();
        let ports = PortBook::default();
        let settings = RendererSettings { rate: info.rate, midi_latency_frames: Frame::from(latency) };
        let extend = |deployment: &Deployment, swap: &mut Swap| {
            ends = make_ends(&placed_ports(deployment), time_base(is_jack, deployment.rig()), &ports, swap);
            swap.sources.extend(place_scores(deployment, feeds));
        };
        let until = job.seconds.map(|seconds| info.rate.frames(seconds));
        let minutes = job.rig.engine.black_box_minutes;
        let black_box = job.black_box.as_deref().filter(|_| minutes > 0);
        let scribe = (job.log.is_some() || black_box.is_some()).then(Scribe::default);
        let made = conductor::make(job.rig, settings, SEED, job.mending, scribe.clone(), extend)?;
        let conductor::Parts { mut renderer, mut doors, clock, changes, keepers, mut suppliers } = made;
        let fetcher = Fetcher::start(doors.streams())?;
        let streams = doors.streams().clone();
        for supplier in suppliers.iter_mut().filter(|supplier| supplier.is_local()) {
            // What is made here is there before the first frame.
            while let Some(index) = supplier.wanted(0, &TransportView::default()) {
                match workshop.segment(supplier.order(), index) {
                    Ok(segment) => doors.lend(supplier.lend(segment, 0)),
                    Err(failure) => return Err(Error::new(ErrorKind::Input, failure.to_string())),
                }
            }
        }
        renderer.measure_stages(HostTime::now);
        doors.inject(inject::for_renderer(&job.injections, changes.deployment(), info.rate));
        if let Some(id) = job.scene.as_deref().and_then(|name| changes.deployment().scene_id(name)) {
            doors.command(Command::Scene(Turn::To(id)));
        }
        let mut recording = None;
        if let Some(path) = &job.record {
            let channels = usize::from(request.output_channels);
            let (tap, reader) = tap(channels, info.rate.frames(RECORD_RING_SECONDS) as usize);
            let recorder = Recorder::start(path, reader, info.rate)?;
            recording = Some(Heirloom::new(RecordKeeper::new(recorder, info.rate)));
            renderer.record(Box::new(tap), until);
        }
        let mut log = None;
        if let Some(scribe) = scribe {
            let channels = request.output_channels;
            let header = logging::header(&changes, info.rate, channels);
            let file = job.log.as_deref().map(|path| LogFile::create(path, &header)).transpose()?;
            let (writer, reader) =
                render::log(logging::ring_bytes(info.rate, request.input_channels), file.is_some());
            renderer.keep_log(Box::new(writer));
            let black_box = black_box.map(|path| BlackBox::create(path, minutes, header));
            let (keeping, said) = LogKeeping::new(reader, scribe, file, info.rate).with(black_box);
            messages.extend(said);
            log = Some(Heirloom::new(keeping));
        }
        // A page fault in the callback is a wait, so everything that it will
        // touch is fetched and held before it first runs. Where the limit is too
        // low for that, `doctor` says so.
        if let Err(error) = memory::lock() {
            tracing::info!(%error, "memory is not locked");
        }
        let mut device = Device::new(driver, request.clone(), renderer, info.rate);
        let stats = device.stats();
        let sights = doors.sights();
        let mut gear = MidiKeeping::default();
        if is_jack {
            device.start(ends.into_iter().map(Into::into).collect())?;
        } else {
            device.start(Vec::new())?;
            messages.extend(gear.open(placed_ports(changes.deployment()), ends, clock.clone(), &info));
        }
        let board = Board::new(info.clone(), is_jack, changes.deployment(), sights.0.clone(), streams);
        let watchdog = Watchdog::start(Arc::clone(&stats), sights);
        messages.into_iter().for_each(|message| board.say(message));
        let mut keepers = keepers;
        let mut members = |role| {
            let mine = keepers.extract_if(.., |keeper| keeper.blueprint().role() == role);
            Heirloom::new(Members::new(mine, info.rate, job.mending))
        };
        let parts = Arc::new(Parts {
            board,
            clock,
            addresses: Addresses::default(),
            renderer: Heirloom::new(RendererKeeping::new(doors)),
            instruments: members(Role::Instrument),
            stages: members(Role::Stage),
            clips: members(Role::Clip),
            generators: Heirloom::new(Suppliers::new(suppliers)),
            workshop,
            audio: Heirloom::new(AudioKeeping::new(device, placed_ports(changes.deployment()))),
            midi: Heirloom::new(gear),
            ports,
            recording,
            log,
            rig: Heirloom::new(RigKeeping::new(changes, request)),
            loading: job.watch.map(|watched| Arc::new(Loading::new(watched.path, watched.kinds))),
        });
        let system = {
            let _runtime = threads.enter();
            let system = System::new(Settings { supervision: tree::supervision(), ..Settings::default() });
            let root = Arc::clone(&parts);
            system
                .spawn(tree::ENGINE, Options::new(), move || Branch::engine(&root))
                .map_err(|error| Error::new(ErrorKind::Device, error.to_string()))?;
            system
        };
        let killed = job.injections.iter().filter(|injection| injection.what == Inject::Kill);
        Ok(Live {
            kills: killed.map(|kill| (info.rate.frames(kill.seconds), kill.actor.clone())).collect(),
            parts,
            threads,
            system: Some(system),
            stats,
            until,
            master_decibels: 0.0,
            lock: Lock::Free,
            watchdog,
            _fetcher: fetcher,
        })
    }

    /// Has `on_hang` called, on a thread of its own, if a callback does not come
    /// back. Nothing here can be relied on from then on: end the process.
    pub fn on_hang(&mut self, on_hang: OnHang) {
        self.watchdog.on_hang(on_hang);
    }

    /// Gives what the musician should hear of, a line each.
    pub fn attend(&mut self) -> Vec<String> {
        let now = self.parts.board.frame();
        let due: Vec<String> =
            self.kills.iter().filter(|(frame, _)| *frame <= now).map(|(_, actor)| actor.clone()).collect();
        self.kills.retain(|(frame, _)| *frame > now);
        for actor in due {
            if !self.kill(&actor) {
                self.parts.board.say(format!("there is no actor `{actor}` to be killed"));
            }
        }
        let news = self.clock_news();
        news.into_iter().for_each(|news| self.parts.board.say(news));
        self.parts.board.take_messages()
    }

    /// Makes an actor of the tree fail, by its name in the rig or its path, such as
    /// `/engine/journal/recorder` or `journal/recorder`; `false` where there is none.
    pub fn kill(&self, actor: &str) -> bool {
        let found = self.find(actor);
        if let Some(found) = &found {
            found.kill("killed on purpose");
        }
        found.is_some()
    }

    /// An actor of the tree, by its name in the rig or its path.
    pub fn find(&self, actor: &str) -> Option<AnyAddress> {
        let system = self.system.as_ref()?;
        let engine = format!("/{}", tree::ENGINE);
        if actor == tree::ENGINE {
            return system.find(&engine);
        }
        let places =
            ["", "/instrument", "/stage", "/clip", "/generator", "/device", "/journal", "/device/midi"];
        let below = places.iter().map(|place| format!("{engine}{place}/{actor}"));
        let found = below.chain([actor.to_owned()]).find_map(|path| system.find(&path));
        found.or_else(|| self.parts.workshop.find(actor))
    }

    /// The address of the keeper of an instrument or a stage, by its name in the
    /// rig: the same over all restarts.
    pub fn keeper(&self, actor: &str) -> Option<Address<StageMessage>> {
        self.find(actor)?.typed()
    }

    /// All actors as they are now, parents first.
    pub fn actors(&self) -> Vec<ActorState> {
        let mut roots = self.system.as_ref().map(System::snapshot).unwrap_or_default();
        roots.extend(self.parts.workshop.snapshot());
        actors::states(&roots, &self.parts)
    }

    /// Goes to a changed rig; of several in a row the newest is taken.
    pub fn change(&mut self, rig: Rig) {
        send(&self.parts.addresses.rig, RigMessage::Change(Box::new(rig)));
    }

    /// What was got from the device.
    pub fn info(&self) -> StreamInfo {
        self.parts.board.shown().info.clone()
    }

    /// The rig that plays.
    pub fn rig(&self) -> Arc<Rig> {
        Arc::clone(&self.parts.board.shown().rig)
    }

    /// Frames from a key to its sound's leaving the callback.
    pub fn midi_latency_frames(&self) -> u32 {
        let shown = self.parts.board.shown();
        let fixed = shown.rig.engine.midi_latency_frames;
        fixed.unwrap_or(if shown.is_jack { 0 } else { shown.info.block_frames })
    }

    /// By how much MIDI that goes out leaves after its frame, so that none is late: nothing
    /// on JACK, where each keeps its frame.
    pub fn send_ahead(&self) -> Duration {
        let shown = self.parts.board.shown();
        if shown.is_jack { Duration::ZERO } else { midi::send_ahead(&shown.info) }
    }

    /// Whether the time it was to play is over.
    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| self.parts.board.frame() >= until)
    }

    /// What the Renderer shows.
    pub fn snapshot(&self) -> Snapshot {
        self.parts.board.shown().snapshot
    }

    /// Counts and faults so far.
    pub fn summary(&self) -> Summary {
        self.parts.board.summary()
    }

    /// When MIDI of a frame is sent where a clock tells: as the frame is played.
    pub fn time_of(&self, frame: Frame) -> HostTime {
        self.parts.clock.time_of(frame)
    }

    /// How callbacks went so far.
    pub fn callbacks(&self) -> CallbackReport {
        self.stats.report()
    }

    /// Each callback from the next one on.
    pub fn callback_times(&self) -> CallbackTimes {
        CallbackTimes::new(Arc::clone(&self.stats))
    }

    /// The callback's thread, where the system numbers threads.
    pub fn callback_thread(&self) -> Option<ThreadId> {
        self.stats.thread()
    }

    /// Periods that devices missed so far.
    pub fn xruns(&self) -> u64 {
        self.parts.board.shown().xruns
    }

    /// The gear that is connected.
    pub fn gear(&self) -> Vec<Connected> {
        let shown = self.parts.board.shown();
        if shown.is_jack { gear::jack_ports(&shown.rig) } else { shown.gear.clone() }
    }

    /// The recording, if there is one.
    pub fn recording(&self) -> Option<Recording> {
        self.parts.board.shown().recording.clone()
    }

    fn command(&self, command: Command) {
        self.parts.addresses.to_renderer(RendererMessage::Command(command));
    }

    /// Goes to another scene; `false` where the rig has none of this name.
    pub fn turn(&mut self, turn: &SceneTurn) -> bool {
        let turn = self.parts.board.shown().stand.turn(turn);
        if let Some(turn) = turn {
            self.command(Command::Scene(turn));
        }
        turn.is_some()
    }

    /// The scene that is played, where the rig has any.
    pub fn scene(&self) -> Option<SceneState> {
        self.parts.board.shown().stand.state()
    }

    /// What a control moved last, and where to, for the musician.
    pub fn moved(&self) -> Option<String> {
        self.parts.board.shown().stand.moved().map(str::to_owned)
    }

    /// Ends every note.
    pub fn panic(&mut self) {
        self.command(Command::Panic);
    }

    /// Tells the transport what to do.
    pub fn transport(&mut self, order: Order) {
        self.command(Command::Transport(order));
    }

    /// What is to be said of a clock that is followed, where that changed.
    fn clock_news(&mut self) -> Option<String> {
        let (rig, lock) = (self.rig(), self.snapshot().transport.lock);
        let before = std::mem::replace(&mut self.lock, lock);
        let port = &rig.midi.get(rig.transport.follow?)?.name;
        match (before, lock) {
            (before, Lock::Lost) if before != Lock::Lost => {
                Some(format!("the clock of `{port}` broke off; the tempo holds"))
            }
            (Lock::Lost, Lock::Locking | Lock::Locked) => Some(format!("the clock of `{port}` is back")),
            _ => None,
        }
    }

    /// The master level, in dB.
    pub fn master_decibels(&self) -> f32 {
        self.master_decibels
    }

    /// Raises or lowers the master level.
    pub fn change_master(&mut self, decibels: f32) {
        self.master_decibels =
            (self.master_decibels + decibels).clamp(*MASTER_DECIBELS.start(), *MASTER_DECIBELS.end());
        self.command(Command::Master { decibels: self.master_decibels });
    }

    /// Ends every note, closes what is open; gives what came of it.
    pub fn stop(mut self) -> Played {
        self.command(Command::Panic);
        let begun = Instant::now();
        let parts = Arc::clone(&self.parts);
        let board = &parts.board;
        let until = board.frame() + self.info().rate.frames(FAREWELL_SECONDS);
        while board.frame() < until && begun.elapsed() < FAREWELL_LIMIT {
            // The device's own clock moves this on; there is nothing to await.
            std::thread::sleep(Duration::from_millis(2));
        }
        let actors = self.actors();
        let hung = self.stop_tree();
        if !hung.is_empty() {
            tracing::error!(?hung, "actors hang and are left behind");
        }
        // What the actors kept is in its place again; what one holds that hangs is
        // left to it.
        if let Some(mut audio) = self.parts.audio.take() {
            audio.stop(board);
        }
        if let Some(mut renderer) = self.parts.renderer.take() {
            renderer.look(board);
        }
        if let Some(mut midi) = self.parts.midi.take() {
            midi.close();
        }
        let recording = self.parts.recording.as_ref().and_then(Heirloom::take).map(Held::keep);
        let recording = recording.map(RecordKeeper::finish);
        let log = self.parts.log.as_ref().and_then(Heirloom::take).map(Held::keep);
        let log = log.map(|log| log.finish(board, self.until)).filter(|log| log.is_wanted);
        let summary = self.summary();
        let frames = summary.snapshot.frame.min(self.until.unwrap_or(Frame::MAX));
        Played {
            info: self.info(),
            summary,
            frames,
            callbacks: self.callbacks(),
            xruns: self.xruns(),
            recording,
            log,
            actors,
        }
    }

    /// Ends all actors, the last started first; gives those that do not end.
    fn stop_tree(&mut self) -> Vec<String> {
        let Some(system) = self.system.take() else { return Vec::new() };
        let (tell, told) = crossbeam::channel::bounded(1);
        self.threads.spawn(async move {
            let shutdown = system.stop().await;
            // Nobody waits for it after a timeout.
            let _ = tell.send(shutdown);
        });
        match told.recv_timeout(STOP_LIMIT) {
            Ok(shutdown) => shutdown.hung.iter().map(ToString::to_string).collect(),
            Err(_) => vec![format!("/{}", tree::ENGINE)],
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop_tree();
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

/// JACK's events have their frame, and wait no longer than the rig says; for all others
/// the Renderer has the latency.
fn time_base(is_jack: bool, rig: &Rig) -> TimeBase {
    if is_jack { jack_time_base(rig) } else { TimeBase::Host }
}

fn jack_time_base(rig: &Rig) -> TimeBase {
    TimeBase::FramesLater(Frame::from(rig.engine.midi_latency_frames.unwrap_or(0)))
}

fn demo_feeds(rig: &Rig, demo: Option<&crate::midi::file::Score>, rate: SampleRate) -> Vec<(String, Score)> {
    let port = rig.midi.iter().find(|m| m.is_source());
    let (Some(port), Some(demo)) = (port, demo) else { return Vec::new() };
    let performance = demo.at(rate, 0);
    let score = Score::new(performance.events, performance.sysex).repeating(performance.end_frame).yielding();
    vec![(port.name.clone(), score)]
}
