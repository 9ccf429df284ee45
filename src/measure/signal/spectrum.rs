use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// Against the mean power of what was sent: how weak a frequency may be in it before
/// it counts for less.
const REGULARISATION: f64 = 0.03;

/// What the path makes of a single sample of 1, by lag; negative lags from the end. A frequency
/// counts by how much of it was sent, and all of them together as 1, so that a path
/// that changes nothing gives 1 at its delay.
pub(super) fn impulse_response(sent: &[f32], heard: &[f32]) -> Vec<f64> {
    // Room for the lags before the sending, beside those after it.
    let length = (heard.len() + sent.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(length);
    let transform = |samples: &[f32]| {
        let mut padded: Vec<f64> = samples.iter().map(|sample| f64::from(*sample)).collect();
        padded.resize(length, 0.0);
        let mut spectrum = forward.make_output_vec();
        // PANIC: both have the lengths that the transform asks for.
        forward.process(&mut padded, &mut spectrum).expect("a transform of its own length");
        spectrum
    };
    let (sent, mut spectrum) = (transform(sent), transform(heard));
    let floor = REGULARISATION * sent.iter().map(Complex::norm_sqr).sum::<f64>() / sent.len() as f64;
    let mut weights = 0.0;
    for (heard, sent) in spectrum.iter_mut().zip(&sent) {
        let power = sent.norm_sqr();
        weights += power / (power + floor);
        *heard = *heard * sent.conj() / (power + floor);
    }
    // Of the lowest and the highest frequency only the real part means anything.
    let highest = spectrum.len() - 1;
    (spectrum[0].im, spectrum[highest].im) = (0.0, 0.0);
    let inverse = planner.plan_fft_inverse(length);
    let mut response = inverse.make_output_vec();
    // PANIC: as above.
    inverse.process(&mut spectrum, &mut response).expect("a transform of its own length");
    let scale = sent.len() as f64 / (weights * length as f64);
    response.iter_mut().for_each(|value| *value *= scale);
    response
}
