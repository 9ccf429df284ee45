//! To the rate, the length, the loudness and with the ends that are wanted.

use rubato::audioadapter::Adapter;
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::checks::Found;
use crate::generate::{Failure, FailureKind};
use crate::unit::SampleRate;

/// The loudness that all is brought to, and the peak that nothing exceeds.
const LOUDNESS_LUFS: f64 = -16.0;
const PEAK_DECIBELS: f64 = -1.0;
/// Silence at the ends is cut into no click.
const FADE_SECONDS: f64 = 0.005;
/// Frames that are resampled at a time.
const CHUNK: usize = 4_096;

/// A channel at another rate, by bands of its spectrum.
pub(super) fn resampled(channel: &[f32], from_hertz: u32, to: SampleRate) -> Found {
    let to_hertz = to.hertz();
    if from_hertz == to_hertz {
        return Found::Channel(Ok(channel.to_vec()));
    }
    let fault =
        |what: String| Failure::new(FailureKind::Fault, format!("the sound could not be resampled ({what})"));
    let resample = || -> Result<Vec<f32>, Failure> {
        let input =
            SequentialSlice::new(channel, 1, channel.len()).map_err(|error| fault(error.to_string()))?;
        let mut resampler =
            Fft::<f32>::new(from_hertz as usize, to_hertz as usize, CHUNK, 1, FixedSync::Input)
                .map_err(|error| fault(error.to_string()))?;
        let output =
            resampler.process_all(&input, channel.len(), None).map_err(|error| fault(error.to_string()))?;
        Ok((0..output.frames()).map(|frame| output.read_sample(0, frame).unwrap_or(0.0)).collect())
    };
    Found::Channel(resample())
}

/// No longer than so many frames, and all channels alike.
pub(super) fn cut(channels: &mut [Vec<f32>], frames: Option<usize>) {
    let shortest = channels.iter().map(Vec::len).min().unwrap_or(0);
    let frames = frames.unwrap_or(usize::MAX).min(shortest);
    channels.iter_mut().for_each(|channel| channel.truncate(frames));
}

/// What brings it to the loudness that is wanted, as far as its peak allows: in hundredths of a decibel, so
/// that the last bits of a measurement change no sample.
pub(super) fn gain_decibels(loudness: Option<f64>, peak: Option<f64>) -> f64 {
    let louder = loudness.map_or(0.0, |lufs| LOUDNESS_LUFS - lufs);
    let room = peak.map_or(0.0, |peak| PEAK_DECIBELS - peak);
    let gain = louder.min(room);
    if gain.is_finite() { (gain * 100.0).floor() / 100.0 } else { 0.0 }
}

/// Gain, and fades at both ends.
pub(super) fn finish(channels: &mut [Vec<f32>], hertz: u32, gain_decibels: f64) {
    let gain = libm::exp10(gain_decibels / 20.0) as f32;
    let fade = (FADE_SECONDS * f64::from(hertz)) as usize;
    for channel in channels {
        channel.iter_mut().for_each(|sample| *sample *= gain);
        let fade = fade.min(channel.len() / 2);
        for i in 0..fade {
            let weight = i as f32 / fade as f32;
            let last = channel.len() - 1 - i;
            channel[i] *= weight;
            channel[last] *= weight;
        }
    }
}
