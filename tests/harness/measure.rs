//! Independent measurements on rendered sound.
#![allow(dead_code)] // Each test file uses its part.

/// The sound between two frequencies: Butterworth, fourth order at either edge. Not a
/// brick wall, whose ringing would outlast a short room.
pub fn band(sound: &[f32], rate_hertz: f64, low_hertz: f64, high_hertz: f64) -> Vec<f64> {
    let mut samples: Vec<f64> = sound.iter().map(|s| f64::from(*s)).collect();
    for q in [0.541_196_1, 1.306_563_0] {
        biquad(&mut samples, rate_hertz, low_hertz, q, true);
        biquad(&mut samples, rate_hertz, high_hertz, q, false);
    }
    samples
}

/// The RBJ cookbook's low- or high-pass, in place.
fn biquad(samples: &mut [f64], rate_hertz: f64, hertz: f64, q: f64, high_pass: bool) {
    let angle = std::f64::consts::TAU * hertz / rate_hertz;
    let (alpha, cosine) = (angle.sin() / (2.0 * q), angle.cos());
    let edge = if high_pass { 1.0 + cosine } else { 1.0 - cosine };
    let middle = if high_pass { -edge } else { edge };
    let scale = 1.0 / (1.0 + alpha);
    let (b0, b1, a1, a2) = (0.5 * edge * scale, middle * scale, -2.0 * cosine * scale, (1.0 - alpha) * scale);
    let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
    for sample in samples {
        let y = b0 * *sample + b1 * x1 + b0 * x2 - a1 * y1 - a2 * y2;
        (x2, x1, y2, y1) = (x1, *sample, y1, y);
        *sample = y;
    }
}

/// The sound around a frequency: a Gaussian band, which neither rings nor lets
/// louder neighbours through.
pub fn band_around(sound: &[f32], rate_hertz: f64, hertz: f64, sigma_hertz: f64) -> Vec<f64> {
    let length = (2 * sound.len()).next_power_of_two();
    let mut planner = realfft::RealFftPlanner::<f64>::new();
    let mut samples: Vec<f64> = sound.iter().map(|s| f64::from(*s)).collect();
    samples.resize(length, 0.0);
    let mut spectrum = vec![Default::default(); length / 2 + 1];
    planner.plan_fft_forward(length).process(&mut samples, &mut spectrum).expect("a transform");
    for (bin, value) in spectrum.iter_mut().enumerate() {
        let away = (bin as f64 * rate_hertz / length as f64 - hertz) / sigma_hertz;
        *value *= (-0.5 * away * away).exp() / length as f64;
    }
    let edge = spectrum.len() - 1;
    (spectrum[0].im, spectrum[edge].im) = (0.0, 0.0);
    planner.plan_fft_inverse(length).process(&mut spectrum, &mut samples).expect("a transform");
    samples.truncate(sound.len());
    samples
}

/// T30 as ISO 3382-1 has it: twice the time of the line fitted to the backward
/// integral from −5 to −35 dB, in seconds.
pub fn t30_seconds(response: &[f64], rate_hertz: f64) -> f64 {
    let mut left: f64 = response.iter().map(|s| s * s).sum();
    let total = left;
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (n, sample) in response.iter().enumerate() {
        let decibels = 10.0 * (left / total).log10();
        if decibels < -35.0 {
            break;
        }
        if decibels <= -5.0 {
            points.push((n as f64 / rate_hertz, decibels));
        }
        left -= sample * sample;
    }
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (time, level) = (mean(|p| p.0), mean(|p| p.1));
    let above: f64 = points.iter().map(|p| (p.0 - time) * (p.1 - level)).sum();
    let below: f64 = points.iter().map(|p| (p.0 - time) * (p.0 - time)).sum();
    -60.0 / (above / below)
}

/// The complex amplitude at a frequency under a Hann window: magnitude, phase in radians.
pub fn component(sound: &[f32], hertz: f64, rate_hertz: f64) -> (f64, f64) {
    let length = sound.len() as f64;
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in sound.iter().enumerate() {
        let window = 1.0 - (std::f64::consts::TAU * n as f64 / length).cos();
        let angle = std::f64::consts::TAU * hertz * n as f64 / rate_hertz;
        real += window * f64::from(*sample) * angle.cos();
        imaginary -= window * f64::from(*sample) * angle.sin();
    }
    (2.0 * real.hypot(imaginary) / length, imaginary.atan2(real))
}

/// The frequency of the partial near a guess, from how far its phase turns between
/// two overlapping windows, in Hz.
pub fn partial_hertz(sound: &[f32], guess_hertz: f64, rate_hertz: f64) -> f64 {
    let hop = sound.len() / 4;
    let (_, first) = component(&sound[..sound.len() - hop], guess_hertz, rate_hertz);
    let (_, second) = component(&sound[hop..], guess_hertz, rate_hertz);
    let expected = std::f64::consts::TAU * guess_hertz * hop as f64 / rate_hertz;
    let turned = (second - first - expected + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU)
        - std::f64::consts::PI;
    guess_hertz + turned * rate_hertz / (std::f64::consts::TAU * hop as f64)
}

/// How far one frequency lies above another, in cents.
pub fn cents(hertz: f64, above_hertz: f64) -> f64 {
    1_200.0 * (hertz / above_hertz).log2()
}

/// The largest magnitude, in dBFS.
pub fn peak_decibels(sound: &[f32]) -> f64 {
    20.0 * f64::from(sound.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()))).log10()
}

/// The power, in dB of full scale squared.
pub fn level_decibels(sound: &[f32]) -> f64 {
    let power = sound.iter().map(|s| f64::from(s * s)).sum::<f64>() / sound.len() as f64;
    10.0 * power.max(1e-30).log10()
}
