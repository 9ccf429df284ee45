use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::Connected;
use super::board::Board;
use super::parts::{Parts, take_over};
use crate::actor::{Actor, Context, Heirloom, Held, Outcome};
use crate::engine::changes::Changes;
use crate::engine::summary::LogSummary;
use crate::journal::log::{BlackBox, Entry, Header, LogError, LogFile, Names, Scribe, build};
use crate::render::LogReader;
use crate::rig::Deployment;
use crate::unit::{Frame, SampleRate};

/// How often the log is written. Its ring holds seconds.
const LOOK: Duration = Duration::from_millis(20);
/// How often it says how far it has come, while nothing happens.
const PROGRESS_SECONDS: f64 = 0.1;
/// How often it is brought to the disk, for the case that the power fails.
const SYNC: Duration = Duration::from_secs(5);
/// How often the black box is written: as much may be missing of a killed player.
const BOX: Duration = Duration::from_millis(250);
/// What is kept around a fault goes on for so long after it.
const AFTER_FAULT_SECONDS: f64 = 3.0;
/// The ring's room for events and commands …
const RING_BYTES: usize = 4 << 20;
/// … and for what is heard, for so long.
const INPUT_SECONDS: f64 = 8.0;

/// How much the ring of a log must hold where so many channels are heard.
pub(super) fn ring_bytes(rate: SampleRate, input_channels: u16) -> usize {
    // A quantum's record has a head, and samples of four bytes.
    RING_BYTES + rate.frames(INPUT_SECONDS) as usize * usize::from(input_channels) * 5
}

/// Keeps the log: what the Renderer met, and what happened around it.
pub(super) struct LogKeeping {
    reader: LogReader,
    scribe: Scribe,
    file: Option<LogFile>,
    black_box: Option<BlackBox>,
    /// A fault came, or several: a copy of the black box is kept after this frame.
    aside_at: Option<Frame>,
    boxed: Instant,
    rate: SampleRate,
    records: Vec<u8>,
    seen: Seen,
    /// How far the file says that it has come.
    told: Frame,
    synced: Instant,
    has_build: bool,
    has_failed: bool,
}

/// What of the board was told last.
#[derive(Default)]
struct Seen {
    driver: String,
    device: String,
    gear: Vec<Connected>,
    xruns: u64,
    faults: usize,
    rigs: u32,
}

impl LogKeeping {
    pub(super) fn new(
        reader: LogReader,
        scribe: Scribe,
        file: Option<LogFile>,
        rate: SampleRate,
    ) -> LogKeeping {
        LogKeeping {
            reader,
            scribe,
            file,
            black_box: None,
            aside_at: None,
            boxed: Instant::now(),
            rate,
            records: Vec::new(),
            seen: Seen::default(),
            told: 0,
            synced: Instant::now(),
            has_build: false,
            has_failed: false,
        }
    }

    /// The same with a black box; says what came of making it.
    pub(super) fn with(
        self,
        black_box: Option<Result<(BlackBox, Option<PathBuf>), LogError>>,
    ) -> (LogKeeping, Option<String>) {
        match black_box {
            None => (self, None),
            Some(Ok((black_box, left))) => {
                let said = left.map(|path| {
                    let path = path.display();
                    format!("the last player was killed; its last minutes are in {path} (`antiphon log`)")
                });
                (LogKeeping { black_box: Some(black_box), ..self }, said)
            }
            Some(Err(error)) => (self, Some(format!("{error}; there is no black box"))),
        }
    }

    /// Writes what came since the last time.
    pub(super) fn look(&mut self, board: &Board) {
        if !self.has_build {
            self.has_build = true;
            build().into_iter().for_each(|entry| self.scribe.note(entry));
        }
        self.watch(board);
        if let Err(error) = self.write(None) {
            self.file = None;
            if !std::mem::replace(&mut self.has_failed, true) {
                board.say(format!("{error}; the log ends there, and playing goes on"));
            }
        }
        self.look_after_box(board, false);
    }

    /// Writes what is to be in the black box, a few times a second.
    fn look_after_box(&mut self, board: &Board, is_over: bool) {
        let frame = self.reader.frame();
        let is_due = self.aside_at.is_some_and(|at| is_over || frame >= at);
        let Some(black_box) = &mut self.black_box else { return };
        if !(is_over || is_due || self.boxed.elapsed() >= BOX) {
            return;
        }
        self.boxed = Instant::now();
        black_box.entry(&Entry::Progress { frame });
        let mut written = black_box.write(frame);
        if is_due && written.is_ok() {
            self.aside_at = None;
            written = black_box.keep("fault").map(|path| {
                board.say(format!("what led to the fault is kept in {} (`antiphon log`)", path.display()));
            });
        }
        if is_over && written.is_ok() {
            black_box.entry(&Entry::End { frame });
            written = black_box.write(frame);
        }
        if let Err(error) = written {
            let path = black_box.path().display();
            board.say(format!("the black box {path} cannot be written: {error}; playing goes on without it"));
            self.black_box = None;
        }
    }

    /// Tells the log what is new on the board.
    fn watch(&mut self, board: &Board) {
        let frame = board.frame();
        let Seen { driver, device, gear, xruns, faults, rigs } = &mut self.seen;
        let shown = board.shown();
        if *rigs != shown.rigs {
            *rigs = shown.rigs;
            if let Some(black_box) = &mut self.black_box {
                black_box.rename(&shown.names);
            }
            self.scribe.note(Entry::Names { frame, names: shown.names.clone() });
        }
        if *driver != shown.info.driver || *device != shown.info.device {
            shown.info.driver.clone_into(driver);
            device.clone_from(&shown.info.device);
            self.scribe.note(Entry::Device {
                frame,
                driver: driver.clone(),
                device: device.clone(),
                block_frames: shown.info.block_frames,
            });
        }
        if *gear != shown.gear {
            let gone = gear.iter().filter(|one| !shown.gear.contains(one)).map(|one| (one, false));
            let come = shown.gear.iter().filter(|one| !gear.contains(one)).map(|one| (one, true));
            for (Connected { role, is_output, device }, is_connected) in gone.chain(come) {
                self.scribe.note(Entry::Gear {
                    frame,
                    role: role.clone(),
                    device: device.name.clone(),
                    is_output: *is_output,
                    is_connected,
                });
            }
            gear.clone_from(&shown.gear);
        }
        if *xruns != shown.xruns {
            *xruns = shown.xruns;
            self.scribe.note(Entry::Xruns { frame, count: shown.xruns });
        }
        for fault in shown.faults().iter().skip(*faults) {
            self.scribe.note(Entry::Fault {
                frame: fault.frame,
                actor: fault.actor.clone(),
                kind: fault.kind.name().to_owned(),
                place: fault.place.clone(),
            });
            let aside_at = frame + self.rate.frames(AFTER_FAULT_SECONDS);
            self.aside_at.get_or_insert(aside_at);
        }
        *faults = shown.faults().len();
    }

    fn write(&mut self, end: Option<Frame>) -> Result<(), LogError> {
        // In this order: all before the frame is in the ring by then, and a parcel is
        // told of before it is lent.
        let frame = self.reader.frame();
        self.records.resize(self.reader.waiting(), 0);
        let count = self.reader.read(&mut self.records);
        self.records.truncate(count);
        let entries = self.scribe.take();
        if let Some(black_box) = &mut self.black_box {
            entries.iter().for_each(|entry| black_box.entry(entry));
            black_box.records(&self.records);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        entries.iter().for_each(|entry| file.entry(entry));
        file.records(&self.records);
        if frame >= self.told + self.rate.frames(PROGRESS_SECONDS) || end.is_some() && frame > self.told {
            self.told = frame;
            file.entry(&Entry::Progress { frame });
        }
        if let Some(end) = end {
            file.entry(&Entry::End { frame: end });
            return file.sync();
        }
        file.flush()?;
        if self.synced.elapsed() >= SYNC {
            file.sync()?;
            self.synced = Instant::now();
        }
        Ok(())
    }

    /// Writes the rest; the Renderer is gone. Where `until` is given, nothing counts
    /// that came after it.
    pub(super) fn finish(mut self, board: &Board, until: Option<Frame>) -> LogSummary {
        self.watch(board);
        let frames = self.reader.frame().min(until.unwrap_or(Frame::MAX));
        let error = self.write(Some(frames)).err().map(|error| error.to_string());
        self.look_after_box(board, true);
        let file = self.file.as_ref();
        LogSummary {
            is_wanted: file.is_some() || self.has_failed,
            path: file.map(|file| file.path().to_owned()),
            frames,
            bytes: file.map_or(0, LogFile::bytes),
            lost_records: self.reader.lost(),
            error,
        }
    }
}

/// What a log begins with.
pub(super) fn header(changes: &Changes, rate: SampleRate, channels: u16) -> Header {
    Header { channels, seed: super::SEED, names: names(changes.deployment()), ..Header::new(rate) }
}

/// The rig's words for its numbers.
pub(super) fn names(deployment: &Deployment) -> Names {
    let rig = deployment.rig();
    let actors = rig.actors.iter().map(|actor| actor.name.as_str());
    let inputs = rig.inputs.iter().map(|input| input.name.as_str());
    let node = |name: &str| Some((deployment.node_of(name)?, name.to_owned()));
    let parameters = rig.actors.iter().filter_map(|actor| {
        let names = actor.kind.parameters().iter().map(|parameter| parameter.name.to_owned()).collect();
        Some((deployment.node_of(&actor.name)?, names))
    });
    let port = |name: &str| Some((deployment.port_of(name)?, name.to_owned()));
    Names {
        rig: rig.name.clone(),
        nodes: actors.chain(inputs).filter_map(node).collect(),
        parameters: parameters.collect(),
        ports: rig.midi.iter().filter_map(|midi| port(&midi.name)).collect(),
        ..Names::default()
    }
}

/// The keeper of the log in the tree.
pub(super) struct LogActor {
    parts: Arc<Parts>,
    keeping: Held<LogKeeping>,
}

/// What it takes.
pub(super) struct Look;

impl LogActor {
    pub(super) fn new(parts: &Arc<Parts>, keeping: &Heirloom<LogKeeping>) -> LogActor {
        LogActor { parts: Arc::clone(parts), keeping: take_over(keeping) }
    }
}

impl Actor for LogActor {
    type Message = Look;
    const LABELS: &'static [&'static str] = &["look"];

    async fn started(&mut self, context: &mut Context<LogActor>) -> Outcome {
        context.every(LOOK, || Look);
        Ok(())
    }

    async fn handle(&mut self, _: Look, _: &mut Context<LogActor>) -> Outcome {
        block_in_place(|| self.keeping.look(&self.parts.board));
        Ok(())
    }
}
