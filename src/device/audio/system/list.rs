use cpal::SupportedStreamConfigRange;
use cpal::traits::{DeviceTrait, HostTrait};

use super::super::DriverError;
use super::System;
use super::select::name_of;

/// Rates that are shown where a device offers a range of them, in Hz.
pub const USUAL_RATES: [u32; 12] =
    [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000, 176_400, 192_000];

/// Which way a device's sound goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// It plays.
    Output,
    /// It hears.
    Input,
}

/// One direction of an audio device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioDevice {
    /// What people call it.
    pub name: String,
    /// What the system calls it.
    pub id: String,
    /// Which way.
    pub direction: Direction,
    /// The most channels that it has.
    pub channels: u16,
    /// Rates that it runs at, in Hz, lowest first.
    pub rates_hertz: Vec<u32>,
    /// The shortest and the longest block, in frames; empty where the system
    /// does not say.
    pub blocks_frames: Vec<u32>,
}

/// The devices that a system has now. Those that cannot be asked (in use, or
/// configured but not there) are left out. Real-time: no.
///
/// # Errors
/// [`DriverError`] where the system itself cannot be reached.
pub fn list(system: System) -> Result<Vec<AudioDevice>, DriverError> {
    let host = system.host()?;
    let devices = host.devices().map_err(|error| system.unavailable(&error))?;
    let mut found = Vec::new();
    for device in devices {
        // ALSA's bin is always there, and no device.
        if device.id().is_ok_and(|id| id.id() == "null") {
            continue;
        }
        if device.supports_output()
            && let Ok(configs) = device.supported_output_configs()
        {
            found.extend(describe(&device, Direction::Output, configs));
        }
        if device.supports_input()
            && let Ok(configs) = device.supported_input_configs()
        {
            found.extend(describe(&device, Direction::Input, configs));
        }
    }
    Ok(found)
}

/// Whether a system has a device of that name, in any spelling that it knows, which goes that
/// way. Real-time: no.
pub fn has_device(system: System, name: &str, direction: Direction) -> bool {
    system.host().and_then(|host| super::select::named(system, &host, name, direction)).is_ok()
}

fn describe(
    device: &cpal::Device,
    direction: Direction,
    configs: impl Iterator<Item = SupportedStreamConfigRange>,
) -> Option<AudioDevice> {
    let configs: Vec<_> = configs.collect();
    let channels = configs.iter().map(SupportedStreamConfigRange::channels).max()?;
    let has = |rate: u32| {
        configs.iter().any(|range| (range.min_sample_rate()..=range.max_sample_rate()).contains(&rate))
    };
    let ends = configs.iter().flat_map(|range| [range.min_sample_rate(), range.max_sample_rate()]);
    let mut rates_hertz: Vec<u32> = USUAL_RATES.into_iter().filter(|rate| has(*rate)).collect();
    if rates_hertz.is_empty() {
        rates_hertz.extend(ends);
        rates_hertz.sort_unstable();
        rates_hertz.dedup();
    }
    let blocks = || {
        configs.iter().filter_map(|range| match range.buffer_size() {
            cpal::SupportedBufferSize::Range { min, max } => Some((*min, *max)),
            cpal::SupportedBufferSize::Unknown => None,
        })
    };
    let shortest = blocks().map(|(min, _)| min).min();
    let longest = blocks().map(|(_, max)| max).max();
    Some(AudioDevice {
        name: name_of(device),
        id: device.id().map(|id| id.id().to_owned()).unwrap_or_default(),
        direction,
        channels,
        rates_hertz,
        blocks_frames: shortest.into_iter().chain(longest).collect(),
    })
}
