use std::path::{Path, PathBuf};

use super::super::error::{Error, ErrorKind};
use super::Job;
use crate::journal::WavOut;
use crate::midi::file::Transcript;
use crate::midi::{Assembler, Event, EventKind, Message, SYSEX_CHUNK_BYTES};
use crate::render::{CLOCK_SOURCE, Outlet, Stems};
use crate::rig::Deployment;
use crate::unit::{Frame, SampleRate};

/// Collects each actor's output and writes it to a file of its own.
pub(super) struct Gather {
    /// By node: where its samples go.
    stems: Vec<(u16, [Vec<f32>; 2], WavOut)>,
    channels: usize,
    silence: Vec<f32>,
    /// Where in the call the Renderer's part of it begins.
    begin: usize,
}

impl Gather {
    pub(super) fn create(job: &Job, deployment: &Deployment, channels: usize) -> Result<Gather, Error> {
        let mut stems = Vec::new();
        let call = job.block_frames.clamp(1, super::CALL_FRAMES);
        if let Some(folder) = &job.stems {
            make_folder(folder)?;
            for actor in &job.rig.actors {
                let Some(node) = deployment.node_of(&actor.name) else { continue };
                let path = folder.join(format!("{}.wav", actor.name));
                let wav = WavOut::create(&path, job.rate, channels, job.bits, job.length)?;
                stems.push((node, [vec![0.0; call], vec![0.0; call]], wav));
            }
        }
        Ok(Gather { stems, channels, silence: vec![0.0; call], begin: 0 })
    }

    /// The Renderer goes on from this frame of the call.
    pub(super) fn begin_at(&mut self, frame: usize) {
        self.begin = frame;
    }

    pub(super) fn as_dyn(&mut self) -> Option<&mut dyn Stems> {
        if self.stems.is_empty() { None } else { Some(self) }
    }

    pub(super) fn write(&mut self, frames: usize) -> Result<(), Error> {
        for (_, [left, right], wav) in &mut self.stems {
            let mut samples = vec![&self.silence[..frames]; self.channels];
            samples[0] = &left[..frames];
            samples[1] = &right[..frames];
            wav.write(&samples)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        for (_, _, wav) in self.stems {
            wav.finish()?;
        }
        Ok(())
    }
}

impl Stems for Gather {
    fn stem(&mut self, node: u16, start: usize, left: &[f32], right: &[f32]) {
        let start = self.begin + start;
        if let Some((_, [to_left, to_right], _)) = self.stems.iter_mut().find(|(n, ..)| *n == node) {
            to_left[start..start + left.len()].copy_from_slice(left);
            to_right[start..start + right.len()].copy_from_slice(right);
        }
    }
}

/// Collects what goes to each MIDI destination.
pub(in crate::engine) struct MidiGather {
    keep: bool,
    /// What sounds at the end is ended there.
    closes: bool,
    rate: SampleRate,
    outlets: Vec<Destination>,
}

struct Destination {
    name: String,
    outlet: Outlet,
    transcript: Transcript,
    assembler: Assembler,
    /// Channel and key of what sounds.
    sounding: Vec<(u8, u8)>,
}

impl Destination {
    /// Ends what sounds.
    fn close(&mut self, frame: Frame) {
        for (channel, key) in self.sounding.drain(..) {
            self.transcript.push(frame, &[0x80 | channel, key, 64]);
        }
    }

    fn message(&mut self, event: &Event) {
        match event.message() {
            Some(Message::NoteOn { channel, key, .. }) => self.sounding.push((channel, key)),
            Some(Message::NoteOff { channel, key, .. }) => {
                self.sounding.retain(|note| *note != (channel, key));
            }
            _ => {}
        }
        self.transcript.push(event.time, event.wire());
    }
}

impl MidiGather {
    pub(in crate::engine) fn new(keep: bool, rate: SampleRate) -> MidiGather {
        MidiGather { keep, closes: false, rate, outlets: Vec::new() }
    }

    /// The same, whose files end all notes.
    pub(in crate::engine) fn closing(self) -> MidiGather {
        MidiGather { closes: true, ..self }
    }

    /// A destination; where there was one of this name, this goes on in its place.
    pub(in crate::engine) fn add(&mut self, name: &str, outlet: Outlet) {
        if let Some(there) = self.outlets.iter_mut().find(|there| there.name == name) {
            there.outlet = outlet;
            return;
        }
        self.outlets.push(Destination {
            name: name.to_owned(),
            outlet,
            transcript: Transcript::new(self.rate),
            assembler: Assembler::default(),
            sounding: Vec::new(),
        });
    }

    /// Takes what the last call sent, up to the end of what counts.
    pub(in crate::engine) fn collect(&mut self, end: Frame) {
        let mut chunk = [0; SYSEX_CHUNK_BYTES];
        for destination in &mut self.outlets {
            while let Some(event) = destination.outlet.receive(&mut chunk) {
                // A file has its ticks already, and no place for a clock's.
                if !self.keep || event.time >= end || event.source == CLOCK_SOURCE {
                    continue;
                }
                match event.kind() {
                    Some(EventKind::Sysex { first, last, bytes }) => {
                        let bytes = &chunk[..(bytes as usize).min(SYSEX_CHUNK_BYTES)];
                        let Destination { transcript, assembler, .. } = destination;
                        if let Some(whole) = assembler.chunk(event.source, bytes, first, last) {
                            transcript.push(event.time, whole);
                        }
                    }
                    Some(EventKind::Reset) => destination.close(event.time),
                    _ => destination.message(&event),
                }
            }
        }
    }

    pub(in crate::engine) fn write(&mut self, folder: &Path, end: Frame) -> Result<(), Error> {
        make_folder(folder)?;
        for destination in &mut self.outlets {
            if self.closes {
                destination.close(end);
            }
            let Destination { name, transcript, .. } = destination;
            let path: PathBuf = folder.join(format!("{name}.mid"));
            let bytes = transcript
                .finish(end)
                .map_err(|e| Error::new(ErrorKind::Disk, format!("{}: {e}", path.display())))?;
            std::fs::write(&path, bytes).map_err(|e| {
                Error::new(ErrorKind::Disk, format!("{} cannot be written: {e}", path.display()))
            })?;
        }
        Ok(())
    }
}

pub(in crate::engine) fn make_folder(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|e| {
        Error::new(ErrorKind::Disk, format!("the folder {} cannot be made: {e}", folder.display()))
    })
}
