//! A log, played again: to the bit what was played live.

mod extent;
mod parcels;
mod ports;
mod stems;

use std::collections::VecDeque;
use std::path::PathBuf;

pub use extent::Extent;

use parcels::Parcels;
use ports::Heard;
use stems::StemFiles;

use super::doors::{Came, Doors};
use super::error::{Error, ErrorKind};
use super::offline::gather::MidiGather;
use super::streams::Trouble;
use super::summary::{CableLoss, FAULTS_KEPT, FaultRecord, SCENES_KEPT, SceneRecord, Summary};
use super::workshop::Workshop;
use crate::journal::log::{Entry, LogError, LogInput, Told};
use crate::journal::{BitDepth, WavOut};
use crate::render::{CHANNELS, Record, Renderer, RendererSettings, renderer};
use crate::rt::guard::{self, Place};
use crate::stage::Kinds;
use crate::unit::{Frame, QUANTUM_FRAMES, SampleRate};

const QUANTUM: Frame = QUANTUM_FRAMES as Frame;
/// What a quantum may bring, which is more than live it can.
const EVENTS_PER_QUANTUM: usize = 4_096;
const STRETCHES_PER_QUANTUM: usize = 8_192;

/// What to play again.
pub struct Job {
    /// The log.
    pub log: PathBuf,
    /// Where the sound goes.
    pub out: PathBuf,
    /// A folder for a file of each actor's output.
    pub stems: Option<PathBuf>,
    /// A folder for a file of each MIDI destination.
    pub midi_out: Option<PathBuf>,
    /// The samples' format in the file.
    pub bits: BitDepth,
    /// What the rigs of the log may name.
    pub kinds: Kinds,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Counts and faults.
    pub summary: Summary,
    /// The rate of the log.
    pub rate: SampleRate,
    /// The length of the log's last calls.
    pub block_frames: u32,
    /// Frames written.
    pub frames: Frame,
    /// Channels written.
    pub channels: usize,
    /// What the log holds.
    pub extent: Extent,
    /// How long it took, in seconds.
    pub elapsed_seconds: f64,
}

/// Plays a log; tells `progress` how many frames of how many are done, and their rate.
///
/// # Errors
/// [`Error`] where the log cannot be read or played, or the disk does not take
/// what is written. A file that was there stays then.
pub fn replay(job: &Job, progress: impl FnMut(Frame, Frame, SampleRate)) -> Result<Replayed, Error> {
    replay_with(job, Workshop::default(), progress)
}

/// As [`replay`], with another workshop for what clips play.
///
/// # Errors
/// As [`replay`], and where a clip's sound is not what it was.
pub fn replay_with(
    job: &Job,
    workshop: Workshop,
    mut progress: impl FnMut(Frame, Frame, SampleRate),
) -> Result<Replayed, Error> {
    let started = std::time::Instant::now();
    let extent = Extent::read(&job.log)?;
    if extent.header.black_box {
        let message = format!(
            "{} is a black box: it holds the last minutes of something longer, and cannot be played; \
             `antiphon log` shows what is in it",
            job.log.display()
        );
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let header = &extent.header;
    let rate = SampleRate::new(header.rate_hertz).map_err(|error| damaged(error.to_string()))?;
    let channels = usize::from(header.channels);
    if !(1..=CHANNELS).contains(&channels) {
        return Err(damaged(format!("it has {channels} channels")).into());
    }
    guard::rehearse();
    let mut replay = Replay::new(job, rate, header.seed, workshop)?;
    let mut out = WavOut::create(&job.out, rate, channels, job.bits, Some(extent.frames))?;
    let mut stems = StemFiles::new(job.stems.as_deref(), rate, channels, job.bits)?;
    let mut heard = Heard::new(channels);
    while replay.renderer.frame() < extent.frames {
        let begin = replay.renderer.frame();
        let end = begin + QUANTUM;
        replay.prepare(end, &mut heard)?;
        replay.fetch()?;
        stems.seat(replay.parcels.names())?;
        replay.play(begin, end, &mut heard, &mut stems)?;
        let fit = (extent.frames - begin).min(QUANTUM);
        replay.parcels.midi.collect(begin + fit);
        replay.parcels.played.collect(begin + fit);
        out.write(&heard.played(fit as usize))?;
        stems.write(fit as usize)?;
        progress(begin + fit, extent.frames, rate);
    }
    out.finish()?;
    stems.finish()?;
    if let Some(folder) = &job.stems {
        replay.parcels.played.write(folder, extent.frames)?;
    }
    if let Some(folder) = &job.midi_out {
        replay.parcels.midi.write(folder, extent.frames)?;
    }
    Ok(Replayed {
        summary: replay.summary(),
        rate,
        block_frames: replay.call_frames,
        frames: extent.frames,
        channels,
        extent,
        elapsed_seconds: started.elapsed().as_secs_f64(),
    })
}

fn damaged(what: impl Into<String>) -> LogError {
    LogError::Damaged(what.into())
}

/// A Renderer that gets what the log says, quantum by quantum, cut where calls
/// were cut.
struct Replay {
    input: LogInput,
    renderer: Box<Renderer>,
    doors: Doors,
    parcels: Parcels,
    /// Lengths of calls that are still to come.
    calls: VecDeque<(Frame, u32)>,
    call_frames: u32,
    call_end: Frame,
    faults: Vec<FaultRecord>,
    scenes: Vec<SceneRecord>,
    violations_before: u64,
    fault_allocations_before: u64,
}

impl Replay {
    fn new(job: &Job, rate: SampleRate, seed: u64, workshop: Workshop) -> Result<Replay, Error> {
        let (input, _) = LogInput::open(&job.log)?;
        let settings = RendererSettings { rate, midi_latency_frames: 0 };
        let (mut renderer, handle, _) = renderer(settings);
        // Also where nothing comes in: no clock judges it.
        renderer.script();
        let midi = MidiGather::new(job.midi_out.is_some(), rate);
        let played = MidiGather::new(job.stems.is_some(), rate).closing();
        Ok(Replay {
            input,
            renderer,
            doors: Doors::new(handle, rate),
            parcels: Parcels::new(job.kinds.clone(), rate, seed, [midi, played], workshop),
            calls: VecDeque::new(),
            call_frames: 0,
            call_end: 0,
            faults: Vec::new(),
            scenes: Vec::new(),
            violations_before: guard::violations(),
            fault_allocations_before: guard::fault_allocations(),
        })
    }

    /// Hands the Renderer what happened in the quantum before `end`.
    fn prepare(&mut self, end: Frame, heard: &mut Heard) -> Result<(), Error> {
        let begin = end - QUANTUM;
        let Replay { input, renderer, doors, parcels, calls, faults, .. } = self;
        renderer.script().forget_before(begin);
        heard.forget();
        let (mut events, mut stretches) = (0, 0);
        while let Some(told) = input.next_before(end)? {
            let record = match told {
                Told::Record(record) => record,
                Told::Entry(Entry::Parcel(parcel)) => {
                    parcels.note(parcel)?;
                    continue;
                }
                Told::Entry(_) | Told::Header(_) => continue,
            };
            if record.frame() < begin {
                return Err(damaged("what it says is not in order").into());
            }
            match record {
                Record::Call { frame, frames } => calls.push_back((frame, frames)),
                Record::Event { event, bytes } => {
                    events += 1;
                    renderer.script().event(event, bytes);
                }
                Record::Command { command, .. } => {
                    if !doors.command(command) {
                        return Err(damaged("too many commands at once").into());
                    }
                }
                Record::Swap { serial, .. } => {
                    // What a processor said belongs to the newest fault of its node.
                    let swap = parcels.make(serial, |actor| {
                        faults.iter().rposition(|fault| fault.actor == actor).unwrap_or(usize::MAX) as u64
                    })?;
                    doors.lend(swap);
                }
                Record::Input { frame, channel, samples } => {
                    stretches += 1;
                    heard.hear(frame, channel, samples);
                }
                Record::Missing { frame, node, was_sent } => renderer.script().missing(node, frame, was_sent),
                Record::Dry { frame, node, lanes } => renderer.script().dry(node, frame, lanes),
                Record::Verdict { frame, node, kind } => renderer.script().verdict(node, frame, kind),
                // Nothing is played from here on.
                Record::Gap { .. } => break,
            }
            if events > EVENTS_PER_QUANTUM || stretches > STRETCHES_PER_QUANTUM {
                return Err(damaged("too much happens at once").into());
            }
        }
        Ok(())
    }

    /// Fetches what clips play from a disk.
    fn fetch(&self) -> Result<(), Error> {
        self.doors.streams().fill().map_err(|Trouble { clip, reason }| {
            Error::new(ErrorKind::Device, format!("the clip `{clip}` cannot be read: {reason}"))
        })
    }

    /// Plays to `end`, in the pieces in which it was played.
    fn play(
        &mut self,
        begin: Frame,
        end: Frame,
        heard: &mut Heard,
        stems: &mut StemFiles,
    ) -> Result<(), Error> {
        loop {
            let now = self.renderer.frame();
            if now >= end {
                break;
            }
            if now == self.call_end {
                match self.calls.front() {
                    Some((frame, frames)) if *frame == now => {
                        self.call_frames = *frames;
                        self.calls.pop_front();
                    }
                    Some((frame, _)) if *frame < now => {
                        return Err(damaged("its calls do not follow each other").into());
                    }
                    _ => {}
                }
                if self.call_frames == 0 {
                    return Err(damaged("it does not say how it was called").into());
                }
                self.call_end = now.saturating_add(Frame::from(self.call_frames));
            }
            let frames = (self.call_end.min(end) - now) as usize;
            heard.begin(begin, now);
            stems.begin((now - begin) as usize);
            let _fence = guard::enter();
            self.renderer.render_until_fault(frames, heard, stems.as_dyn());
        }
        self.attend();
        Ok(())
    }

    /// Takes what came out of the Renderer.
    fn attend(&mut self) {
        for came in self.doors.look() {
            match came {
                Came::Fault(fault) if self.faults.len() < FAULTS_KEPT => {
                    let place = (fault.place != Place::NONE).then(|| fault.place.to_string());
                    let actor = self.parcels.name_of(fault.node).unwrap_or_default().to_owned();
                    let (kind, frame) = (fault.kind, fault.frame);
                    self.faults.push(FaultRecord { actor, kind, frame, place, message: None });
                }
                Came::LastWords { mark, text } => {
                    if let Some(record) = self.faults.get_mut(mark as usize) {
                        record.message.get_or_insert(text);
                    }
                }
                Came::Scene(scene) if self.scenes.len() < SCENES_KEPT => {
                    let name = self.parcels.deployment().and_then(|d| d.scene_name(scene.id));
                    let record = |name: &str| SceneRecord { name: name.to_owned(), frame: scene.frame };
                    self.scenes.extend(name.map(record));
                }
                Came::Fault(_) | Came::Scene(_) | Came::Done { .. } | Came::Moved { .. } => {}
            }
        }
        self.doors.post();
    }

    fn summary(&mut self) -> Summary {
        Summary {
            edges: self
                .parcels
                .deployment()
                .into_iter()
                .flat_map(|d| d.cables())
                .map(CableLoss::of)
                .collect(),
            snapshot: self.doors.snapshot(),
            faults: std::mem::take(&mut self.faults),
            scenes: std::mem::take(&mut self.scenes),
            generators: Vec::new(),
            clips: self.doors.streams().records(),
            restarts: self.parcels.revived(),
            quarantined: Vec::new(),
            isolated: Vec::new(),
            rt_violations: guard::violations() - self.violations_before,
            fault_allocations: guard::fault_allocations() - self.fault_allocations_before,
        }
    }
}
