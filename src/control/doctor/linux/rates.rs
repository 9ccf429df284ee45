//! Resampling in the path: where a device runs at another rate than its server.

use std::time::Instant;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::control::doctor::{Check, Status};
use crate::measure::machine::Root;
use crate::measure::summary::number;

/// As the engine's own drivers convert: `device/audio/system/resample.rs`.
const CHUNK_FRAMES: usize = 256;

/// The rates at which sound cards play just now, by the kernel.
fn card_rates(root: &Root) -> Vec<(String, u32)> {
    let mut rates = Vec::new();
    for card in root.names("proc/asound").into_iter().filter(|name| name.starts_with("card")) {
        for stream in root.names(&format!("proc/asound/{card}")) {
            if !stream.starts_with("pcm") || !stream.ends_with('p') {
                continue;
            }
            for part in root.names(&format!("proc/asound/{card}/{stream}")) {
                let text = root.text(&format!("proc/asound/{card}/{stream}/{part}/hw_params"));
                let rate = text.as_deref().and_then(|text| {
                    let line = text.lines().find_map(|line| line.strip_prefix("rate:"))?;
                    line.split_whitespace().next()?.parse().ok()
                });
                if let Some(rate) = rate {
                    let name = root.text(&format!("proc/asound/{card}/id")).unwrap_or_else(|| card.clone());
                    rates.push((name, rate));
                }
            }
        }
    }
    rates
}

/// `server_hertz` is the rate at which the sound server works.
pub(super) fn resampling(root: &Root, server_hertz: Option<u32>) -> Check {
    const NAME: &str = "resampling";
    const WANTED: &str = "the device's rate is the engine's";
    let rates = card_rates(root);
    let Some(server) = server_hertz else {
        return Check::new(NAME, WANTED, "no server says its rate")
            .but(Status::Unknown, "nothing: `antiphon bench latency` says at which rates it ran");
    };
    let Some((card, device)) = rates.iter().find(|(_, rate)| *rate != server) else {
        return Check::new(NAME, WANTED, format!("none: {server} Hz"));
    };
    let fix =
        format!("`pw-metadata -n settings 0 clock.force-rate {device}`, or `antiphon play --rate {device}`");
    Check::new(NAME, WANTED, format!("{card} plays at {device} Hz, its server at {server} Hz"))
        .costing(cost(server, *device))
        .but(Status::Warn, fix)
}

/// What it takes of a processor to convert two channels here, and how long a sound
/// is held back by it: by the resampler that our own drivers use.
fn cost(from: u32, to: u32) -> Option<String> {
    let mut resampler = Fft::<f32>::new(from as usize, to as usize, CHUNK_FRAMES, 2, FixedSync::Both).ok()?;
    let (frames_in, frames_out) = (resampler.input_frames_max(), resampler.output_frames_max());
    let before: Vec<f32> = (0..2 * frames_in).map(|number| (number % 97) as f32 / 97.0 - 0.5).collect();
    let mut after = vec![0.0_f32; 2 * frames_out];
    let chunks = (from as usize).div_ceil(frames_in);
    let begin = Instant::now();
    for _ in 0..chunks {
        let input = InterleavedSlice::new(&before[..], 2, frames_in).ok()?;
        let mut output = InterleavedSlice::new_mut(&mut after[..], 2, frames_out).ok()?;
        resampler.process_into_buffer(&input, &mut output, None).ok()?;
    }
    let seconds = (chunks * frames_in) as f64 / f64::from(from);
    let share = 100.0 * begin.elapsed().as_secs_f64() / seconds;
    let delay_ms = 1_000.0 * resampler.output_delay() as f64 / f64::from(to);
    let chunk_ms = 1_000.0 * frames_in as f64 / f64::from(from);
    Some(format!(
        "measured with our own resampler: {} % of a processor; it holds sound back by {} ms, and a chunk of {} ms",
        number(share),
        number(delay_ms),
        number(chunk_ms)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resampler_s_cost_is_measured() {
        let cost = cost(48_000, 44_100).expect("these rates can be converted");
        assert!(cost.contains("% of a processor") && cost.contains("ms"), "{cost}");
    }
}
