use crate::render::AudioPorts;
use crate::unit::{Frame, QUANTUM_FRAMES};

/// A device that is a log: what it hears is what was heard, and what it plays is
/// kept for a quantum.
pub(super) struct Heard {
    stretches: Vec<Stretch>,
    played: Vec<[f32; QUANTUM_FRAMES]>,
    /// The frame of the call's first sample, and its place in the quantum.
    first: Frame,
    at: usize,
}

struct Stretch {
    frame: Frame,
    channel: u16,
    samples: Vec<f32>,
}

impl Heard {
    pub(super) fn new(channels: usize) -> Heard {
        Heard { stretches: Vec::new(), played: vec![[0.0; QUANTUM_FRAMES]; channels], first: 0, at: 0 }
    }

    /// Forgets what was heard.
    pub(super) fn forget(&mut self) {
        self.stretches.clear();
    }

    /// This was heard.
    pub(super) fn hear(&mut self, frame: Frame, channel: u16, samples: &[u8]) {
        let samples = samples.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        self.stretches.push(Stretch { frame, channel, samples });
    }

    /// A call begins at `now`, in the quantum of this frame.
    pub(super) fn begin(&mut self, quantum: Frame, now: Frame) {
        (self.first, self.at) = (now, (now - quantum) as usize);
    }

    /// What was played in the first frames of the quantum.
    pub(super) fn played(&self, frames: usize) -> Vec<&[f32]> {
        self.played.iter().map(|channel| &channel[..frames]).collect()
    }
}

impl AudioPorts for Heard {
    fn output_channels(&self) -> usize {
        self.played.len()
    }

    fn read(&mut self, channel: usize, start: usize, into: &mut [f32]) {
        let frame = self.first + start as Frame;
        let mine = |s: &&Stretch| {
            usize::from(s.channel) == channel && s.frame == frame && s.samples.len() == into.len()
        };
        match self.stretches.iter().find(mine) {
            Some(stretch) => into.copy_from_slice(&stretch.samples),
            None => into.fill(0.0),
        }
    }

    fn write(&mut self, channel: usize, start: usize, from: &[f32]) {
        let start = self.at + start;
        if let Some(place) =
            self.played.get_mut(channel).and_then(|samples| samples.get_mut(start..start + from.len()))
        {
            place.copy_from_slice(from);
        }
    }
}
