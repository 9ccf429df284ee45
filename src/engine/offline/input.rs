use super::super::error::Error;
use super::super::scores::unknown;
use super::Job;
use crate::feed::wav::WavInput;
use crate::rig::Rig;
use crate::unit::Frame;

/// A WAV that plays into the device channels of one of the rig's inputs.
pub(super) struct AudioIn {
    wav: WavInput,
    channels: Vec<u16>,
    buffer: Vec<Vec<f32>>,
}

impl AudioIn {
    pub(super) fn frames(&self) -> Frame {
        self.wav.frames()
    }

    /// Reads the next `frames` of the file into the device's channels.
    pub(super) fn read(&mut self, frames: usize, device: &mut [Vec<f32>]) -> Result<(), Error> {
        let got = self.wav.read(frames, &mut self.buffer)?;
        for (index, channel) in self.channels.iter().enumerate() {
            // A mono file is heard on both channels of a stereo input.
            let from = &self.buffer[index.min(self.buffer.len() - 1)];
            let to = &mut device[usize::from(*channel)];
            to[..got].copy_from_slice(&from[..got]);
            to[got..].fill(0.0);
        }
        Ok(())
    }
}

pub(super) fn open_inputs(job: &Job) -> Result<Vec<AudioIn>, Error> {
    let mut inputs = Vec::new();
    for (name, path) in &job.audio {
        let Some(input) = job.rig.inputs.iter().find(|i| i.name == *name) else {
            return Err(unknown("audio input", name, job.rig.inputs.iter().map(|i| i.name.as_str())));
        };
        let wav = WavInput::open(path, job.rate)?;
        let buffer = vec![Vec::new(); wav.channels().max(1)];
        inputs.push(AudioIn { wav, channels: input.channels.clone(), buffer });
    }
    Ok(inputs)
}

/// How many device channels the rig listens to.
pub(super) fn channels(rig: &Rig) -> usize {
    rig.inputs.iter().flat_map(|i| &i.channels).map(|c| usize::from(*c) + 1).max().unwrap_or(0)
}
