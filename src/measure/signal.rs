//! A signal that is found again in noise, and where it is found: to a fraction of
//! a frame.
//!
//! What is sent is a piece of a maximum-length sequence, once, with silence behind it: so
//! there is no second period to take for the first, and a delay may be longer than
//! the sequence. What comes back is divided by it in the frequency domain (a
//! regularised deconvolution, as in S. Müller and P. Massarani, "Transfer-Function
//! Measurement with Sweeps", 2001), which gives the impulse response of the path.

mod spectrum;

use spectrum::impulse_response;

/// As loud as it is sent, linear: −12 dBFS leaves a converter's filters room.
pub const AMPLITUDE: f32 = 0.25;
/// Frames of one whole sequence: 2^15 − 1.
pub const SEQUENCE_FRAMES: usize = (1 << ORDER) - 1;
const ORDER: u32 = 15;

/// Less than so far above the noise, what is found may be the noise: the largest of
/// 10^6 values of Gaussian noise reaches 5 standard deviations, 14 dB.
const LEAST_CLARITY_DECIBELS: f64 = 20.0;
/// What arrives first is taken, where it is no weaker than this against the strongest:
/// above what a filter rings before its peak (a brick wall's 0.22), below a
/// sound that goes a way of its own.
const FIRST_SHARE: f64 = 0.5;
/// Lags around a peak that are no noise.
const GUARD_FRAMES: i64 = 64;
/// Half of the window by which a peak is looked at between frames.
const INTERPOLATION_FRAMES: i64 = 32;

/// One maximum-length sequence, at [`AMPLITUDE`]: a shift register of 15 bits whose feedback
/// is the primitive polynomial x^15 + x^14 + 1. Real-time: no (allocates).
pub fn sequence() -> Vec<f32> {
    let mut register = 1_u32;
    let next = || {
        let bit = ((register >> (ORDER - 1)) ^ (register >> (ORDER - 2))) & 1;
        register = ((register << 1) | bit) & ((1 << ORDER) - 1);
        if bit == 1 { AMPLITUDE } else { -AMPLITUDE }
    };
    std::iter::repeat_with(next).take(SEQUENCE_FRAMES).collect()
}

/// What came back, and when.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arrival {
    /// How many frames after it was sent.
    pub delay_frames: f64,
    /// How far its peak stands above the noise, in dB.
    pub clarity_decibels: f64,
    /// Its level against what was sent, in dB.
    pub gain_decibels: f64,
    /// Whether it came back upside down.
    pub is_inverted: bool,
}

/// Finds `sent` in `heard`, which begins in the same frame: the first arrival that is no more
/// than 6 dB weaker than the strongest. It must have come back whole. `None` where nothing
/// stands out of the noise. Real-time: no.
pub fn arrival(sent: &[f32], heard: &[f32]) -> Option<Arrival> {
    let last = heard.len().checked_sub(sent.len())?;
    if sent.is_empty() {
        return None;
    }
    let response = impulse_response(sent, heard);
    let at = |lag: i64| response[lag.rem_euclid(response.len() as i64) as usize];
    let strongest = response[..=last].iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let first = response[..=last].iter().position(|value| value.abs() >= strongest * FIRST_SHARE)?;
    let mut peak = first as i64;
    while at(peak + 1).abs() > at(peak).abs() && peak < last as i64 {
        peak += 1;
    }
    let noise = noise(-(sent.len() as i64), last as i64, peak, at);
    let sign = at(peak).signum();
    let (delay_frames, height) = summit(peak, |lag| sign * at(lag));
    let clarity_decibels = decibels(height / noise.max(f64::MIN_POSITIVE));
    // Not a number where all is silence.
    let is_clear = height > f64::EPSILON && clarity_decibels >= LEAST_CLARITY_DECIBELS;
    is_clear.then_some(Arrival {
        delay_frames,
        clarity_decibels,
        gain_decibels: decibels(height),
        is_inverted: sign < 0.0,
    })
}

/// How strong the response is on average but around its peak, from a lag to a lag:
/// before the sending too, where nothing comes back.
fn noise(from: i64, to: i64, peak: i64, at: impl Fn(i64) -> f64) -> f64 {
    let (mut power, mut count) = (0.0, 0_u64);
    for lag in (from..=to).filter(|lag| (lag - peak).abs() >= GUARD_FRAMES) {
        power += at(lag) * at(lag);
        count += 1;
    }
    (power / count.max(1) as f64).sqrt()
}

fn decibels(gain: f64) -> f64 {
    20.0 * gain.log10()
}

/// Where a peak is highest between frames, and how high: the band-limited curve through the
/// values (a sinc under a Hann window), searched from both sides.
fn summit(peak: i64, at: impl Fn(i64) -> f64) -> (f64, f64) {
    let values: Vec<f64> = (peak - INTERPOLATION_FRAMES..=peak + INTERPOLATION_FRAMES).map(at).collect();
    let curve = |offset: f64| {
        let weigh = |(index, value): (usize, &f64)| {
            let away = offset - (index as i64 - INTERPOLATION_FRAMES) as f64;
            let width = (INTERPOLATION_FRAMES + 1) as f64;
            let window = 0.5 + 0.5 * (std::f64::consts::PI * away / width).cos();
            value * window * sinc(away)
        };
        values.iter().enumerate().map(weigh).sum::<f64>()
    };
    let (mut low, mut high) = (-1.0, 1.0);
    // Each step leaves two thirds: 1e-7 of a frame.
    for _ in 0..42 {
        let third = (high - low) / 3.0;
        if curve(low + third) < curve(high - third) {
            low += third;
        } else {
            high -= third;
        }
    }
    let offset = (low + high) / 2.0;
    (peak as f64 + offset, curve(offset))
}

fn sinc(x: f64) -> f64 {
    let angle = std::f64::consts::PI * x;
    if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle }
}

#[cfg(test)]
mod tests;
