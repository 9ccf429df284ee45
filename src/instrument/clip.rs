//! Clips: sound from memory, or streamed from a disk, launched on the beat.

mod kind;
mod player;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use kind::{ClipKind, SYNCS};

/// The sound of a clip, at the engine's rate. Real-time: yes, but for the constructor.
#[derive(Clone, PartialEq, Debug)]
pub struct Samples {
    left: Box<[f32]>,
    /// `None` for mono: both sides hear the left.
    right: Option<Box<[f32]>>,
    digest: u64,
}

impl Samples {
    /// Of one channel, or the first two of several; `None` where they are empty or of different lengths.
    /// Real-time: no (allocates).
    pub fn new(channels: Vec<Vec<f32>>) -> Option<Arc<Samples>> {
        let mut channels = channels.into_iter();
        let left = channels.next()?.into_boxed_slice();
        let right = channels.next().map(Vec::into_boxed_slice);
        if left.is_empty() || right.as_ref().is_some_and(|right| right.len() != left.len()) {
            return None;
        }
        let all = left.iter().chain(right.iter().flatten());
        // FNV-1a, a sample at a time.
        let seed = 0xcbf2_9ce4_8422_2325 ^ u64::from(right.is_some());
        let digest = all.fold(seed, |hash, sample| {
            (hash ^ u64::from(sample.to_bits())).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Some(Arc::new(Samples { left, right, digest }))
    }

    /// How long it is. Real-time: yes.
    pub fn frames(&self) -> usize {
        self.left.len()
    }

    /// The same for the same samples, and in all likelihood for no others. Real-time: yes.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    fn side(&self, right: bool) -> &[f32] {
        match &self.right {
            Some(samples) if right => samples,
            _ => &self.left,
        }
    }
}
