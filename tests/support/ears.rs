//! Hearing: pitch and level of recorded samples.

use std::path::Path;

use realfft::RealFftPlanner;

/// One channel of a WAV file, and its rate in Hz.
pub fn read_wav(path: &Path, channel: usize) -> (Vec<f32>, u32) {
    let mut reader = hound::WavReader::open(path).expect("a WAV file");
    let spec = reader.spec();
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().map(|s| s.expect("a sample")).collect(),
        hound::SampleFormat::Int => {
            let scale = 1.0 / (1_i64 << (spec.bits_per_sample - 1)) as f32;
            reader.samples::<i32>().map(|s| s.expect("a sample") as f32 * scale).collect()
        }
    };
    let channels = usize::from(spec.channels);
    (samples.into_iter().skip(channel).step_by(channels).collect(), spec.sample_rate)
}

/// The largest sample, without its sign.
pub fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// The stretch that sounds: from the first sample above 5 % of the peak, past
/// the attack, for so many frames.
pub fn sounding(samples: &[f32], skip: usize, frames: usize) -> &[f32] {
    let threshold = peak(samples) * 0.05;
    let onset = samples.iter().position(|sample| sample.abs() > threshold).unwrap_or(0);
    let begin = (onset + skip).min(samples.len());
    &samples[begin..(begin + frames).min(samples.len())]
}

/// The frequency of the strongest partial, in Hz: a Hann window, an FFT, and a
/// parabola through the logarithms of the three bins around the peak.
pub fn pitch_hertz(samples: &[f32], rate: u32) -> f64 {
    let length = samples.len();
    let mut windowed: Vec<f64> = samples
        .iter()
        .enumerate()
        .map(|(i, sample)| {
            let phase = i as f64 / length as f64 * std::f64::consts::TAU;
            f64::from(*sample) * (0.5 - 0.5 * phase.cos())
        })
        .collect();
    windowed.resize(length.next_power_of_two() * 2, 0.0);
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(windowed.len());
    let mut spectrum = fft.make_output_vec();
    fft.process(&mut windowed, &mut spectrum).expect("lengths agree");
    let level = |bin: usize| spectrum[bin].norm().max(1e-30).ln();
    let top = (2..spectrum.len() - 2).max_by(|a, b| level(*a).total_cmp(&level(*b))).expect("bins");
    let (below, at, above) = (level(top - 1), level(top), level(top + 1));
    let offset = 0.5 * (below - above) / (below - 2.0 * at + above);
    (top as f64 + offset) * f64::from(rate) / (fft.len() as f64)
}

/// How far two frequencies are apart, in cents.
pub fn cents(hertz: f64, from: f64) -> f64 {
    1_200.0 * (hertz / from).log2()
}

/// The equal-tempered frequency of a MIDI key, A4 = 440 Hz.
pub fn key_hertz(key: u8) -> f64 {
    440.0 * ((f64::from(key) - 69.0) / 12.0).exp2()
}
