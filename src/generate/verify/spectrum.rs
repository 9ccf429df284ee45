//! Short spectra of a clip, one after the other.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// Frames in a spectrum.
pub(super) const WINDOW: usize = 1_024;

/// Calls with the magnitudes of each spectrum of the sum of the channels, so many frames apart.
pub(super) fn spectra(channels: &[Vec<f32>], hop: usize, mut each: impl FnMut(usize, &[f32])) {
    let frames = channels.first().map_or(0, Vec::len);
    let fft = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW);
    let hann: Vec<f32> = (0..WINDOW)
        .map(|i| 0.5 - 0.5 * libm::cosf(std::f32::consts::TAU * i as f32 / WINDOW as f32))
        .collect();
    let (mut input, mut output) = (fft.make_input_vec(), fft.make_output_vec());
    let mut scratch = fft.make_scratch_vec();
    let mut magnitudes = vec![0.0; output.len()];
    let share = 1.0 / channels.len().max(1) as f32;
    // Each frame is in several spectra, and summed once.
    let sums: Vec<f32> = (0..frames)
        .map(|frame| channels.iter().map(|channel| channel.get(frame).copied().unwrap_or(0.0)).sum())
        .collect();
    for (index, start) in (0..frames).step_by(hop.max(1)).enumerate() {
        let here = &sums[start..frames.min(start + WINDOW)];
        for ((slot, weight), sum) in input.iter_mut().zip(&hann).zip(here) {
            *slot = sum * share * weight;
        }
        input[here.len()..].fill(0.0);
        // It fails only for slices of a wrong length.
        if fft.process_with_scratch(&mut input, &mut output, &mut scratch).is_err() {
            return;
        }
        for (magnitude, bin) in magnitudes.iter_mut().zip(&output) {
            let Complex { re, im } = bin;
            *magnitude = libm::sqrtf(re * re + im * im);
        }
        each(index, &magnitudes);
    }
}
