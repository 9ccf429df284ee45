use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::engine::Error;
use crate::engine::offline::gather::make_folder;
use crate::journal::{BitDepth, WavOut};
use crate::render::Stems;
use crate::unit::{Frame, QUANTUM_FRAMES, SampleRate};

/// A file for each actor that played: silent while it was not in the rig.
pub(super) struct StemFiles {
    folder: Option<PathBuf>,
    rate: SampleRate,
    channels: usize,
    bits: BitDepth,
    files: BTreeMap<String, Stem>,
    /// By node.
    names: BTreeMap<u16, String>,
    /// Where in the quantum the call begins.
    at: usize,
    frames: Frame,
}

struct Stem {
    samples: [[f32; QUANTUM_FRAMES]; 2],
    wav: WavOut,
}

const SILENCE: [f32; QUANTUM_FRAMES] = [0.0; QUANTUM_FRAMES];

impl StemFiles {
    pub(super) fn new(
        folder: Option<&Path>,
        rate: SampleRate,
        channels: usize,
        bits: BitDepth,
    ) -> Result<StemFiles, Error> {
        if let Some(folder) = folder {
            make_folder(folder)?;
        }
        let folder = folder.map(Path::to_owned);
        let (files, names) = (BTreeMap::new(), BTreeMap::new());
        Ok(StemFiles { folder, rate, channels, bits, files, names, at: 0, frames: 0 })
    }

    /// Who stands where from the next quantum on.
    ///
    /// # Errors
    /// [`Error`] where a file cannot be made for one who is new.
    pub(super) fn seat(&mut self, names: &BTreeMap<u16, String>) -> Result<(), Error> {
        let Some(folder) = self.folder.as_ref().filter(|_| self.names != *names) else { return Ok(()) };
        self.names.clone_from(names);
        for name in names.values() {
            if self.files.contains_key(name) {
                continue;
            }
            let path = folder.join(format!("{name}.wav"));
            let mut wav = WavOut::create(&path, self.rate, self.channels, self.bits, None)?;
            let mut left = self.frames;
            while left > 0 {
                let frames = left.min(QUANTUM_FRAMES as Frame);
                wav.write(&[&SILENCE[..frames as usize]])?;
                left -= frames;
            }
            self.files.insert(name.clone(), Stem { samples: [SILENCE; 2], wav });
        }
        Ok(())
    }

    /// A call begins here in the quantum.
    pub(super) fn begin(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn as_dyn(&mut self) -> Option<&mut dyn Stems> {
        if self.folder.is_some() { Some(self) } else { None }
    }

    /// Writes the first frames of the quantum.
    pub(super) fn write(&mut self, frames: usize) -> Result<(), Error> {
        self.frames += frames as Frame;
        for Stem { samples: [left, right], wav } in self.files.values_mut() {
            wav.write(&[&left[..frames], &right[..frames]])?;
            (*left, *right) = (SILENCE, SILENCE);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        for stem in self.files.into_values() {
            stem.wav.finish()?;
        }
        Ok(())
    }
}

impl Stems for StemFiles {
    fn stem(&mut self, node: u16, start: usize, left: &[f32], right: &[f32]) {
        let start = self.at + start;
        let Some(stem) = self.names.get(&node).and_then(|name| self.files.get_mut(name)) else { return };
        for (place, samples) in stem.samples.iter_mut().zip([left, right]) {
            if let Some(place) = place.get_mut(start..start + samples.len()) {
                place.copy_from_slice(samples);
            }
        }
    }
}
