use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{FromSample, SampleFormat, SizedSample, StreamConfig};

use super::super::DriverError;
use super::resample::Resampling;
use super::select::Selection;
use super::{Direction, End, Health, OPEN_TIMEOUT, System, on_error};
use crate::rt::{guard, stream};
use crate::unit::SampleRate;

/// The most frames that are read at a time: a resampled output asks for less.
const READ_FRAMES: usize = 4_096;

/// The input beside an output: a stream of its own, and a ring between the two
/// clocks that keeps the latency bounded.
pub(super) struct Capture {
    writer: stream::Writer<f32>,
    resampling: Option<Resampling>,
    scratch: Box<[f32]>,
    health: Arc<Health>,
}

/// The output side's end: as many frames as it plays, always.
pub(super) struct CaptureReader {
    reader: stream::Reader<f32>,
    channels: usize,
    rate: SampleRate,
    /// What should wait after a read, in samples: two blocks, as each side
    /// comes once in a block.
    target: usize,
    is_primed: bool,
    buffer: Box<[f32]>,
    health: Arc<Health>,
}

impl Capture {
    /// Opens the input that is wanted; without a name the one that belongs to the output: the
    /// device of the same name, else the default one.
    pub(super) fn open(
        system: System,
        host: &cpal::Host,
        output: &Selection,
        (wanted, wanted_channels): (Option<&str>, u16),
        health: &Arc<Health>,
    ) -> Result<(cpal::Stream, CaptureReader), DriverError> {
        let device = match wanted {
            Some(wanted) => super::select::named(system, host, wanted, Direction::Input)?,
            None => host
                .input_devices()
                .ok()
                .and_then(|mut devices| devices.find(|device| super::select::name_of(device) == output.name))
                .or_else(|| host.default_input_device())
                .ok_or_else(|| system.unavailable(&"the rig hears an input, and there is no input device"))?,
        };
        let refused = |reason: &dyn std::fmt::Display| DriverError::Refused {
            driver: system.name(),
            device: super::select::name_of(&device),
            reason: format!("as an input: {reason}"),
        };
        let input = output.input_of(&device, wanted_channels).map_err(|reason| refused(&reason))?;
        let channels = usize::from(input.config.channels);
        let block = output.to_engine_frames(output.block_frames).max(1) as usize;
        let target = 2 * block * channels;
        let (writer, reader) = stream::stream::<f32>((8 * block + 2 * READ_FRAMES) * channels);
        let resampling = if input.rate == output.rate {
            None
        } else {
            Some(Resampling::new(input.rate, output.rate, channels).map_err(|reason| refused(&reason))?)
        };
        let capture = Capture {
            writer,
            resampling,
            scratch: vec![0.0; READ_FRAMES * channels].into_boxed_slice(),
            health: Arc::clone(health),
        };
        let reader = CaptureReader {
            reader,
            channels,
            rate: output.rate,
            target,
            is_primed: false,
            buffer: vec![0.0; READ_FRAMES * channels].into_boxed_slice(),
            health: Arc::clone(health),
        };
        let stream = match input.format {
            SampleFormat::I16 => build::<i16>(&device, input.config, capture),
            SampleFormat::I24 => build::<cpal::I24>(&device, input.config, capture),
            SampleFormat::I32 => build::<i32>(&device, input.config, capture),
            SampleFormat::U8 => build::<u8>(&device, input.config, capture),
            SampleFormat::U16 => build::<u16>(&device, input.config, capture),
            SampleFormat::U32 => build::<u32>(&device, input.config, capture),
            SampleFormat::F64 => build::<f64>(&device, input.config, capture),
            _ => build::<f32>(&device, input.config, capture),
        };
        Ok((stream.map_err(|error| refused(&error))?, reader))
    }

    /// Takes a block of the input device in. Real-time: yes.
    fn take<T: SizedSample>(&mut self, data: &[T])
    where
        f32: FromSample<T>,
    {
        let _guard = guard::enter();
        let Capture { writer, resampling, scratch, health } = self;
        health.input_calls.fetch_add(1, Relaxed);
        for part in data.chunks(scratch.len().max(1)) {
            for (place, sample) in scratch.iter_mut().zip(part) {
                *place = f32::from_sample_(*sample);
            }
            let samples = &scratch[..part.len()];
            let mut send = |samples: &[f32]| {
                // Whole frames or nothing, or the channels would change places.
                if writer.vacant() < samples.len() {
                    health.xruns.fetch_add(1, Relaxed);
                } else {
                    writer.write(samples);
                }
            };
            match resampling {
                Some(resampling) => resampling.push(samples, send),
                None => send(samples),
            }
        }
    }
}

fn build<T: SizedSample>(
    device: &cpal::Device,
    config: StreamConfig,
    mut capture: Capture,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let health = Arc::clone(&capture.health);
    let take = move |data: &[T], info: &cpal::InputCallbackInfo| {
        let stamp = info.timestamp();
        let delay = stamp.callback.checked_duration_since(stamp.capture).unwrap_or_default();
        capture.health.delays.input_nanos.store(delay.as_nanos() as u64, Relaxed);
        capture.take(data);
    };
    device.build_input_stream(config, take, on_error(health, End::Input), Some(OPEN_TIMEOUT))
}

impl CaptureReader {
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// The next frames; silence until enough waits, and after it ran dry. The
    /// two devices' clocks differ: what piles up beyond twice the target is
    /// skipped. Real-time: yes.
    pub(super) fn read(&mut self, frames: usize) -> &[f32] {
        let wanted = frames.min(READ_FRAMES) * self.channels;
        let waiting = self.reader.waiting();
        if !self.is_primed {
            if waiting < wanted + self.target {
                self.buffer[..wanted].fill(0.0);
                return &self.buffer[..wanted];
            }
            self.is_primed = true;
            self.health.gaps.fetch_add(1, Relaxed);
        }
        if waiting < wanted {
            self.health.xruns.fetch_add(1, Relaxed);
            self.health.gaps.fetch_add(1, Relaxed);
            self.is_primed = false;
            self.buffer[..wanted].fill(0.0);
            return &self.buffer[..wanted];
        }
        let excess = (waiting - wanted).saturating_sub(2 * self.target);
        if excess > 0 {
            self.health.gaps.fetch_add(1, Relaxed);
            self.reader.skip((excess + self.target) / self.channels * self.channels);
        }
        let waiting_frames = (self.reader.waiting() / self.channels) as u64;
        let nanos = waiting_frames * 1_000_000_000 / u64::from(self.rate.hertz());
        self.health.delays.between_nanos.store(nanos, Relaxed);
        self.reader.read(&mut self.buffer[..wanted]);
        &self.buffer[..wanted]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(target_frames: usize) -> (stream::Writer<f32>, CaptureReader) {
        let (writer, reader) = stream::stream(100_000);
        let buffer = vec![0.0; READ_FRAMES * 2].into_boxed_slice();
        let health = Arc::default();
        (
            writer,
            CaptureReader {
                reader,
                channels: 2,
                rate: SampleRate::DEFAULT,
                target: target_frames * 2,
                is_primed: false,
                buffer,
                health,
            },
        )
    }

    #[test]
    fn it_waits_for_its_target_and_then_keeps_frames_whole() {
        let (mut writer, mut reader) = pair(64);
        writer.write(&[1.0; 2 * 64]);
        assert!(reader.read(64).iter().all(|sample| *sample == 0.0));
        writer.write(&[1.0; 2 * 64]);
        assert!(reader.read(64).iter().all(|sample| *sample == 1.0));
        assert_eq!(reader.read(64).len(), 128);
        assert!(reader.read(64).iter().all(|sample| *sample == 0.0));
        assert_eq!(reader.health.xruns.load(Relaxed), 1);
    }

    #[test]
    fn a_faster_input_is_skipped_back_to_the_target_in_whole_frames() {
        let (mut writer, mut reader) = pair(64);
        for frame in 0..1_000 {
            writer.write(&[frame as f32, -(frame as f32)]);
        }
        let read = reader.read(32);
        assert_eq!(read[0], -read[1]);
        assert_eq!(read[2], read[0] + 1.0);
        assert_eq!(reader.reader.waiting(), 2 * 64);
    }
}
