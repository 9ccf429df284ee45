use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use cpal::{FromSample, Sample};

use super::super::Callback;
use super::Health;
use super::capture::CaptureReader;
use super::resample::Resampling;
use super::select::Selection;
use crate::render::Interleaved;
use crate::rt::baton::Baton;
use crate::rt::guard;

/// The most frames rendered at a time: a device that asks for more is served in
/// several goes.
const CHUNK_FRAMES: usize = 2_048;

/// What the device's thread runs: the callback, once it is there, and the way
/// from the engine's samples to the device's.
pub(super) struct Player {
    waiting: Arc<Baton<Callback>>,
    callback: Option<Box<Callback>>,
    channels: usize,
    /// Engine samples of one go, interleaved.
    rendered: Box<[f32]>,
    input: Option<CaptureReader>,
    resampling: Option<Resampling>,
    health: Arc<Health>,
}

impl Player {
    pub(super) fn new(
        selection: &Selection,
        waiting: Arc<Baton<Callback>>,
        input: Option<CaptureReader>,
        health: Arc<Health>,
    ) -> Result<Player, String> {
        let channels = usize::from(selection.config.channels);
        let resampling = if selection.is_resampled() {
            Some(Resampling::new(selection.rate, selection.device_rate, channels)?)
        } else {
            None
        };
        Ok(Player {
            waiting,
            callback: None,
            channels,
            rendered: vec![0.0; CHUNK_FRAMES * channels].into_boxed_slice(),
            input,
            resampling,
            health,
        })
    }

    /// What the callbacks tell. Real-time: yes.
    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// Fills the device's buffer. Real-time: yes, but for the callback's first run.
    pub(super) fn fill<T: Sample + FromSample<f32>>(&mut self, data: &mut [T]) {
        let _guard = guard::enter();
        self.health.calls.fetch_add(1, Relaxed);
        if self.callback.is_none() {
            self.callback = self.waiting.take();
        }
        if self.callback.is_none() {
            data.fill(T::EQUILIBRIUM);
            return;
        }
        for part in data.chunks_mut(CHUNK_FRAMES * self.channels) {
            let samples = part.len();
            self.play(samples);
            for (place, sample) in part.iter_mut().zip(&self.rendered[..samples]) {
                *place = T::from_sample(*sample);
            }
        }
    }

    /// Puts so many samples at the device's rate into `rendered`.
    fn play(&mut self, samples: usize) {
        let (channels, input) = (self.channels, &mut self.input);
        let Some(callback) = &mut self.callback else { return };
        let mut render = |output: &mut [f32]| {
            let frames = output.len() / channels;
            let (input, input_channels) = match input {
                Some(reader) => {
                    let channels = reader.channels();
                    (reader.read(frames), channels)
                }
                None => (&[][..], 0),
            };
            let mut ports = Interleaved { input, input_channels, output, output_channels: channels };
            callback.run(frames, &mut ports);
        };
        match &mut self.resampling {
            None => render(&mut self.rendered[..samples]),
            Some(resampling) => resampling.pull(&mut self.rendered[..samples], render),
        }
    }
}
