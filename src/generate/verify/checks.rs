use ebur128::{EbuR128, Mode};

use super::Fingerprint;
use crate::generate::Failure;

/// As many samples at full scale one after the other are a clip.
const CLIP_SAMPLES: usize = 3;
/// From here on a sample is at full scale: that of 16 bits is a little below 1.
const FULL_SCALE: f32 = 0.9995;

/// What a check found.
pub(super) enum Found {
    Clipped(u32),
    Offset(f32),
    Channel(Result<Vec<f32>, Failure>),
    Loudness(Option<f64>),
    Peak(f64),
    Tempo(Option<f64>),
    Likeness(Fingerprint),
}

/// Runs of samples at full scale.
pub(super) fn clipping(channels: &[Vec<f32>]) -> Found {
    let mut places = 0;
    for channel in channels {
        let mut run = 0;
        for sample in channel {
            run = if sample.abs() >= FULL_SCALE { run + 1 } else { 0 };
            places += u32::from(run == CLIP_SAMPLES);
        }
    }
    Found::Clipped(places)
}

/// The mean of the samples, of the channel where it is farthest from 0.
pub(super) fn offset(channels: &[Vec<f32>]) -> Found {
    let mean = |channel: &Vec<f32>| {
        channel.iter().map(|sample| f64::from(*sample)).sum::<f64>() / channel.len().max(1) as f64
    };
    Found::Offset(
        channels.iter().map(mean).fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a }) as f32
    )
}

/// Loudness after EBU R 128; of less than its 400 ms, that of the mean power.
pub(super) fn loudness(channels: &[Vec<f32>], rate_hertz: u32) -> Found {
    let slices: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    let measured = EbuR128::new(slices.len() as u32, rate_hertz, Mode::I).and_then(|mut meter| {
        meter.add_frames_planar_f32(&slices)?;
        meter.loudness_global()
    });
    let frames = channels.first().map_or(0, Vec::len);
    let is_short = (frames as f64) < 0.4 * f64::from(rate_hertz);
    Found::Loudness(match measured {
        Ok(lufs) if lufs.is_finite() || !is_short => Some(lufs),
        _ => {
            let power: f64 = channels.iter().flatten().map(|sample| f64::from(sample * sample)).sum();
            Some(-0.691 + 10.0 * libm::log10(power / frames.max(1) as f64))
        }
    })
}

/// The true peak of a channel, in dB of full scale.
pub(super) fn true_peak(channel: &[f32], rate_hertz: u32) -> Found {
    let measured = EbuR128::new(1, rate_hertz, Mode::TRUE_PEAK).and_then(|mut meter| {
        meter.add_frames_planar_f32(&[channel])?;
        meter.true_peak(0)
    });
    let sample_peak = channel.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    Found::Peak(20.0 * libm::log10(measured.unwrap_or(0.0).max(f64::from(sample_peak))))
}
