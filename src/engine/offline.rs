//! Faster than real time: a rig and its files to a WAV, exactly.

pub(super) mod gather;
mod input;
mod tail;

use std::path::PathBuf;

use gather::{Gather, MidiGather};
use input::{AudioIn, open_inputs};
pub(super) use tail::Tail;

use super::conductor::{Conductor, Happening};
use super::error::{Error, ErrorKind};
use super::inject::{self, Injection};
use super::scores::{NamedScore, named_scores, place_scores};
use super::sounds;
use super::summary::Summary;
use super::workshop::Workshop;
use crate::journal::{BitDepth, WavOut};
use crate::render::{Command, Planar, RendererSettings, Swap, Turn, outlet};
use crate::rig::{Deployment, Rig};
use crate::rt::guard;
use crate::unit::{Frame, SampleRate};

/// A render call is never longer.
const CALL_FRAMES: usize = 4_096;

/// What to render.
pub struct Job {
    /// The rig, checked.
    pub rig: Rig,
    /// MIDI files, each for one MIDI input of the rig or for all.
    pub scores: Vec<NamedScore>,
    /// WAV files, each for one `[input.NAME]`.
    pub audio: Vec<(String, PathBuf)>,
    /// Where the sound goes.
    pub out: PathBuf,
    /// A folder for a file of each actor's output, and of what each generator played.
    pub stems: Option<PathBuf>,
    /// A folder for a file of each MIDI destination.
    pub midi_out: Option<PathBuf>,
    /// Frames per second.
    pub rate: SampleRate,
    /// Frames per render call, 1 to 4096; changes no sample.
    pub block_frames: usize,
    /// The samples' format in the file.
    pub bits: BitDepth,
    /// The exact length, in frames.
    pub length: Option<Frame>,
    /// How long after the end of the last track; by ear where `None`.
    pub tail: Option<Frame>,
    /// Seeds whatever is random.
    pub seed: u64,
    /// The scene to go to at the first frame.
    pub scene: Option<String>,
    /// Faults to happen on purpose.
    pub injections: Vec<Injection>,
}

impl Job {
    fn call_frames(&self) -> usize {
        self.block_frames.clamp(1, CALL_FRAMES)
    }

    fn channels(&self) -> usize {
        let highest = self.rig.outputs.iter().flat_map(|o| &o.channels).max();
        highest.map_or(2, |c| usize::from(*c) + 1).max(2)
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Counts and faults.
    pub summary: Summary,
    /// Frames written.
    pub frames: Frame,
    /// Channels written.
    pub channels: usize,
    /// Render calls made.
    pub callbacks: u64,
    /// How long it took, in seconds.
    pub elapsed_seconds: f64,
}

/// Renders a job; tells `progress` how many frames of how many are done.
///
/// # Errors
/// [`Error`] where a name is not in the rig, a kind refuses its settings, a WAV
/// is damaged, or the disk does not take it. A file that was there stays then.
pub fn render(job: Job, progress: impl FnMut(Frame, Frame)) -> Result<Rendered, Error> {
    render_with(job, Workshop::default(), progress)
}

/// As [`render`], with another workshop for what clips and generators play; waits for it.
///
/// # Errors
/// As [`render`], and where a clip has no sound or a generator no material.
pub fn render_with(
    mut job: Job,
    workshop: Workshop,
    mut progress: impl FnMut(Frame, Frame),
) -> Result<Rendered, Error> {
    let started = std::time::Instant::now();
    if job.length.is_none() && job.scores.is_empty() && job.audio.is_empty() {
        return Err(Error::new(
            ErrorKind::Usage,
            "there is nothing to render: name a MIDI file with --midi, a WAV with --audio, or a length with --for",
        ));
    }
    inject::check(&job.injections, &job.rig, &[])?;
    sounds::load_all(&mut job.rig, job.rate, &workshop)?;
    let mut inputs = open_inputs(&job)?;
    let (feeds, score_end) = named_scores(&job.rig, &job.scores, job.rate)?;
    let end = inputs.iter().map(AudioIn::frames).max().unwrap_or(0).max(score_end);
    let mut midi = MidiGather::new(job.midi_out.is_some(), job.rate);
    let mut played = MidiGather::new(job.stems.is_some(), job.rate).closing();
    let extend = |deployment: &Deployment, swap: &mut Swap| {
        swap.sources.extend(place_scores(deployment, feeds));
        for port in deployment.rig().midi.iter().filter(|m| m.is_destination()) {
            if let Some(place) = deployment.port_of(&port.name) {
                let (sink, outlet) = outlet();
                midi.add(&port.name, outlet);
                swap.sinks.push((place, Some(Box::new(sink))));
            }
        }
        for (number, generator, _) in deployment.generators() {
            let (tap, outlet) = outlet();
            played.add(&generator.name, outlet);
            swap.taps.push((number, Some(Box::new(tap))));
        }
    };
    let settings = RendererSettings { rate: job.rate, midi_latency_frames: 0 };
    let (mut renderer, conductor) = Conductor::new(job.rig.clone(), settings, job.seed, extend)?;
    let mut conductor = conductor.with_workshop(workshop);
    refuse_gaps(conductor.supply())?;
    conductor.inject(inject::for_renderer(&job.injections, conductor.deployment(), job.rate));

    if let Some(id) = job.scene.as_deref().and_then(|name| conductor.deployment().scene_id(name)) {
        conductor.command(Command::Scene(Turn::To(id)));
    }

    let (call, channels) = (job.call_frames(), job.channels());
    let mut out = WavOut::create(&job.out, job.rate, channels, job.bits, job.length)?;
    let mut stems = Gather::create(&job, conductor.deployment(), channels)?;
    let mut tail = Tail::new(end, job.tail, job.length, job.rate);
    let mut master = vec![vec![0.0_f32; call]; channels];
    let mut heard = vec![vec![0.0_f32; call]; input::channels(&job.rig)];
    let mut callbacks = 0;
    let mut frame: Frame = 0;
    let total = loop {
        if let Some(total) = tail.ended(frame) {
            break total;
        }
        // What is counted is counted of what is written, whatever the block.
        let left = job.length.map_or(call as Frame, |length| length.saturating_sub(frame).max(1));
        let call = call.min(usize::try_from(left).unwrap_or(call));
        for input in &mut inputs {
            input.read(call, &mut heard)?;
        }
        // The Renderer comes back early where a stage fails, so that a fresh one is
        // there at its frame, however long the call.
        let mut done = 0;
        while done < call {
            let device: Vec<&[f32]> = heard.iter().map(|channel| &channel[done..]).collect();
            let mut places: Vec<&mut [f32]> = master.iter_mut().map(|channel| &mut channel[done..]).collect();
            stems.begin_at(done);
            {
                let _fence = guard::enter();
                let mut ports = Planar { inputs: &device, outputs: &mut places };
                done += renderer.render_until_fault(call - done, &mut ports, stems.as_dyn());
            }
            refuse_gaps(conductor.attend())?;
        }
        callbacks += 1;
        let rig = conductor.deployment();
        for generator in &rig.rig().generators {
            if let Some(count) = rig.answers_of(&generator.name) {
                tail.hold(count.idle_since().unwrap_or(frame + call as Frame));
            }
        }
        let fit = tail.hear(frame, &master, call);
        midi.collect(frame + fit as Frame);
        played.collect(frame + fit as Frame);
        let samples: Vec<&[f32]> = master.iter().map(|channel| &channel[..fit]).collect();
        out.write(&samples)?;
        stems.write(fit)?;
        frame += call as Frame;
        progress(frame, tail.expected());
    };
    out.finish()?;
    stems.finish()?;
    if let Some(folder) = &job.stems {
        played.write(folder, total)?;
    }
    if let Some(folder) = &job.midi_out {
        midi.write(folder, total)?;
    }
    let summary = conductor.summary();
    let elapsed_seconds = started.elapsed().as_secs_f64();
    Ok(Rendered { summary, frames: total, channels, callbacks, elapsed_seconds })
}

/// A render waits for what generators and clips play; what does not come at all ends it.
fn refuse_gaps(happenings: Vec<Happening>) -> Result<(), Error> {
    for happening in happenings {
        let message = match happening {
            Happening::NoMaterial { generator, reason } => {
                format!("the generator `{generator}` has nothing to play: {reason}")
            }
            Happening::NoSound { clip, reason } => format!("the clip `{clip}` cannot be read: {reason}"),
            _ => continue,
        };
        return Err(Error::new(ErrorKind::Device, message));
    }
    Ok(())
}
