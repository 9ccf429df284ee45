use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{BufferSize, SampleFormat, StreamConfig, SupportedBufferSize, SupportedStreamConfigRange};

use super::super::{AudioRequest, DriverError};
use super::resample::Resampling;
use super::{Direction, System};
use crate::device::pattern::NamePattern;
use crate::unit::SampleRate;

/// From what loses least to what loses most.
const FORMATS: [SampleFormat; 8] = [
    SampleFormat::F32,
    SampleFormat::I32,
    SampleFormat::I24,
    SampleFormat::F64,
    SampleFormat::U32,
    SampleFormat::I16,
    SampleFormat::U16,
    SampleFormat::U8,
];

/// Frames of a callback where nothing was asked for.
const DEFAULT_BLOCK_FRAMES: u32 = 256;
/// A server between us and the device needs more.
const DEFAULT_PULSE_BLOCK_FRAMES: u32 = 512;

/// A device, and how it will be run.
pub(super) struct Selection {
    pub(super) system: System,
    pub(super) device: cpal::Device,
    pub(super) name: String,
    pub(super) config: StreamConfig,
    pub(super) format: SampleFormat,
    /// The engine's rate.
    pub(super) rate: SampleRate,
    pub(super) device_rate: SampleRate,
    /// Frames of a callback that were asked for, at the device's rate.
    pub(super) block_frames: u32,
}

/// How an input device will be run.
pub(super) struct InputSelection {
    pub(super) config: StreamConfig,
    pub(super) format: SampleFormat,
    pub(super) rate: SampleRate,
}

impl Selection {
    /// Chooses an output device and how to run it.
    pub(super) fn of(
        system: System,
        host: &cpal::Host,
        request: &AudioRequest,
    ) -> Result<Selection, DriverError> {
        let device = match &request.device {
            Some(wanted) => named(system, host, wanted, Direction::Output)?,
            None => host
                .default_output_device()
                .ok_or_else(|| system.unavailable(&"there is no default output device"))?,
        };
        let name = name_of(&device);
        let refused =
            |reason: String| DriverError::Refused { driver: system.name(), device: name.clone(), reason };
        let ranges: Vec<_> =
            device.supported_output_configs().map_err(|error| refused(error.to_string()))?.collect();
        let preferred = device.default_output_config().ok();
        let preferred_rate = preferred.as_ref().map(|config| config.sample_rate());
        let preferred_channels = preferred.as_ref().map(|config| config.channels());
        let wanted_channels = request.output_channels.max(2);
        let channels = choose_channels(&ranges, wanted_channels, preferred_channels)
            .ok_or_else(|| refused("it has no output channels".to_owned()))?;
        let ranges: Vec<_> = ranges.into_iter().filter(|range| range.channels() == channels).collect();
        let wanted_hertz =
            request.rate.map(SampleRate::hertz).or(preferred_rate).unwrap_or(SampleRate::DEFAULT.hertz());
        let device_hertz = choose_rate(&ranges, wanted_hertz, preferred_rate);
        let device_rate = SampleRate::new(device_hertz).map_err(|error| refused(error.to_string()))?;
        let rate = request.rate.unwrap_or(device_rate);
        let range = choose_format(&ranges, device_hertz)
            .ok_or_else(|| refused("it takes no sample format that the engine can give".to_owned()))?;
        let default_frames =
            if system == System::Pulse { DEFAULT_PULSE_BLOCK_FRAMES } else { DEFAULT_BLOCK_FRAMES };
        let asked = request.block_frames.unwrap_or(default_frames);
        let at_device = u64::from(asked) * u64::from(device_hertz) / u64::from(rate.hertz());
        let block_frames = clamp_block(at_device as u32, range.buffer_size());
        Ok(Selection {
            system,
            config: StreamConfig {
                channels,
                sample_rate: device_hertz,
                buffer_size: BufferSize::Fixed(block_frames),
            },
            format: range.sample_format(),
            device,
            name,
            rate,
            device_rate,
            block_frames,
        })
    }

    pub(super) fn is_resampled(&self) -> bool {
        self.rate != self.device_rate
    }

    pub(super) fn to_engine_frames(&self, device_frames: u32) -> u32 {
        let frames = u64::from(device_frames) * u64::from(self.rate.hertz());
        (frames / u64::from(self.device_rate.hertz())) as u32
    }

    /// What resampling adds to the latency, in frames of the engine.
    pub(super) fn resampler_delay_frames(&self) -> u32 {
        if self.is_resampled() { Resampling::CHUNK_FRAMES as u32 * 3 / 2 } else { 0 }
    }

    /// How to run an input device beside this output.
    pub(super) fn input_of(&self, device: &cpal::Device, wanted: u16) -> Result<InputSelection, String> {
        let ranges: Vec<_> = device.supported_input_configs().map_err(|error| error.to_string())?.collect();
        let preferred = device.default_input_config().ok();
        let preferred_channels = preferred.as_ref().map(|config| config.channels());
        let channels = choose_channels(&ranges, wanted, preferred_channels).ok_or("it has no channels")?;
        let ranges: Vec<_> = ranges.into_iter().filter(|range| range.channels() == channels).collect();
        let preferred_rate = preferred.as_ref().map(|config| config.sample_rate());
        let hertz = choose_rate(&ranges, self.rate.hertz(), preferred_rate);
        let rate = SampleRate::new(hertz).map_err(|error| error.to_string())?;
        let range = choose_format(&ranges, hertz).ok_or("its sample format is unknown to the engine")?;
        let block_frames = clamp_block(self.block_frames, range.buffer_size());
        let buffer_size = BufferSize::Fixed(block_frames);
        let config = StreamConfig { channels, sample_rate: hertz, buffer_size };
        Ok(InputSelection { config, format: range.sample_format(), rate })
    }

    pub(super) fn refused(&self, reason: &dyn std::fmt::Display) -> DriverError {
        DriverError::Refused {
            driver: self.system.name(),
            device: self.name.clone(),
            reason: reason.to_string(),
        }
    }
}

/// What people call a device.
pub(super) fn name_of(device: &cpal::Device) -> String {
    match device.description() {
        Ok(description) => description.name().to_owned(),
        Err(_) => device.id().map(|id| id.id().to_owned()).unwrap_or_else(|_| "unnamed".to_owned()),
    }
}

/// The names by which a device can be asked for: what people call it, and what
/// the system does.
fn names_of(device: &cpal::Device) -> Vec<String> {
    let id = device.id().map(|id| id.id().to_owned());
    std::iter::once(name_of(device)).chain(id).collect()
}

/// The device of that name which plays, or hears.
pub(super) fn named(
    system: System,
    host: &cpal::Host,
    wanted: &str,
    direction: Direction,
) -> Result<cpal::Device, DriverError> {
    let is_output = direction == Direction::Output;
    // A device's own id in any of its spellings: ALSA's `plughw:0,0` is its `plughw:CARD=0,DEV=0`.
    if let Some(device) = host.device_by_id(&cpal::DeviceId::new(host.id(), wanted))
        && (if is_output { device.supports_output() } else { device.supports_input() })
    {
        return Ok(device);
    }
    let listed: Result<Vec<_>, _> = if is_output {
        host.output_devices().map(Iterator::collect)
    } else {
        host.input_devices().map(Iterator::collect)
    };
    let devices = listed.map_err(|error| system.unavailable(&error))?;
    let pattern = NamePattern::whole(wanted);
    let names: Vec<_> = devices.iter().map(names_of).collect();
    let exact = names.iter().position(|names| names.iter().any(|name| pattern.matches(name)));
    let part = || names.iter().position(|names| names.iter().any(|name| pattern.matches_part(name)));
    match exact.or_else(part) {
        Some(index) => devices.into_iter().nth(index).ok_or_else(|| system.unavailable(&"it went away")),
        None => Err(DriverError::NoSuchDevice {
            driver: system.name(),
            direction: if is_output { "output" } else { "input" },
            wanted: wanted.to_owned(),
            // ALSA has many ways to one card, all of one name.
            known: names
                .into_iter()
                .filter_map(|names| names.into_iter().next())
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect(),
        }),
    }
}

/// The device's own number of channels where that is enough, else the smallest
/// that is, else the most it has.
fn choose_channels(
    ranges: &[SupportedStreamConfigRange],
    wanted: u16,
    preferred: Option<u16>,
) -> Option<u16> {
    let offered = || ranges.iter().map(SupportedStreamConfigRange::channels).filter(|channels| *channels > 0);
    let own = preferred.filter(|own| *own >= wanted && offered().any(|channels| channels == *own));
    own.or_else(|| offered().filter(|channels| *channels >= wanted).min()).or_else(|| offered().max())
}

/// The rate that is wanted, where the device has it; else its own; else the
/// nearest that it has.
fn choose_rate(ranges: &[SupportedStreamConfigRange], wanted: u32, preferred: Option<u32>) -> u32 {
    let has = |rate: u32| ranges.iter().any(|range| contains(range, rate));
    if has(wanted) {
        return wanted;
    }
    if let Some(preferred) = preferred.filter(|preferred| has(*preferred)) {
        return preferred;
    }
    let nearest = |range: &SupportedStreamConfigRange| {
        wanted.clamp(range.min_sample_rate(), range.max_sample_rate().max(range.min_sample_rate()))
    };
    ranges.iter().map(nearest).min_by_key(|rate| rate.abs_diff(wanted)).unwrap_or(wanted)
}

fn choose_format(ranges: &[SupportedStreamConfigRange], rate: u32) -> Option<&SupportedStreamConfigRange> {
    let of =
        |format| ranges.iter().find(move |range| range.sample_format() == format && contains(range, rate));
    FORMATS.into_iter().find_map(of)
}

fn contains(range: &SupportedStreamConfigRange, rate: u32) -> bool {
    (range.min_sample_rate()..=range.max_sample_rate()).contains(&rate)
}

fn clamp_block(frames: u32, supported: &SupportedBufferSize) -> u32 {
    match supported {
        SupportedBufferSize::Range { min, max } if min <= max => frames.clamp((*min).max(1), *max),
        _ => frames.max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(channels: u16, rates: (u32, u32), format: SampleFormat) -> SupportedStreamConfigRange {
        let buffer = SupportedBufferSize::Range { min: 64, max: 1_024 };
        SupportedStreamConfigRange::new(channels, rates.0, rates.1, buffer, format)
    }

    #[test]
    fn channels_are_the_devices_own_where_enough() {
        let many = [1, 2, 4, 8].map(|channels| range(channels, (44_100, 48_000), SampleFormat::F32));
        assert_eq!(choose_channels(&many, 2, Some(2)), Some(2));
        assert_eq!(choose_channels(&many, 3, Some(2)), Some(4));
        assert_eq!(choose_channels(&many, 2, Some(8)), Some(8));
        assert_eq!(choose_channels(&many, 16, Some(2)), Some(8));
        assert_eq!(choose_channels(&many[..1], 2, None), Some(1));
        assert_eq!(choose_channels(&[], 2, None), None);
    }

    #[test]
    fn a_rate_the_device_lacks_gives_its_own_or_the_nearest() {
        let ranges =
            [range(2, (44_100, 44_100), SampleFormat::I16), range(2, (48_000, 96_000), SampleFormat::I16)];
        assert_eq!(choose_rate(&ranges, 96_000, Some(44_100)), 96_000);
        assert_eq!(choose_rate(&ranges, 22_050, Some(48_000)), 48_000);
        assert_eq!(choose_rate(&ranges, 192_000, None), 96_000);
    }

    #[test]
    fn the_best_format_at_that_rate_is_taken_and_the_block_kept_in_range() {
        let ranges = [
            range(2, (44_100, 48_000), SampleFormat::I16),
            range(2, (44_100, 48_000), SampleFormat::I32),
            range(2, (96_000, 96_000), SampleFormat::F32),
        ];
        let format = |rate| choose_format(&ranges, rate).map(|range| range.sample_format());
        assert_eq!((format(48_000), format(96_000)), (Some(SampleFormat::I32), Some(SampleFormat::F32)));
        assert_eq!(format(8_000), None);
        let supported = SupportedBufferSize::Range { min: 64, max: 1_024 };
        assert_eq!((clamp_block(17, &supported), clamp_block(4_096, &supported)), (64, 1_024));
    }
}
