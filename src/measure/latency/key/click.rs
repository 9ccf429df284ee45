//! A click that is known again to the frame wherever it comes: a Barker code.
//!
//! Source: R. H. Barker, "Group synchronizing of binary digital systems" (1953): the
//! code's correlation with itself is 13 in its own place and at most 1 beside it.

use crate::unit::SampleRate;

const CODE: [f32; 13] = [1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0];
/// How long a step of the code is, in seconds: 4 frames at 48 kHz, which any sound
/// device passes.
const STEP_SECONDS: f64 = 1.0 / 12_000.0;
pub(super) const AMPLITUDE: f32 = 0.25;
/// How alike what is heard must be to the click: 1 is the click itself.
const LIKENESS: f64 = 0.6;
/// What is fainter is noise: −80 dB below the click.
const FAINTEST: f64 = 1e-4;

/// The click at a rate.
pub(super) fn click(rate: SampleRate) -> Vec<f32> {
    let step = rate.frames(STEP_SECONDS).max(1) as usize;
    CODE.iter().flat_map(|sign| std::iter::repeat_n(sign * AMPLITUDE, step)).collect()
}

/// Where the click begins in what was heard: the place that is most like it, upright or
/// inverted. `None` where no place is.
pub(super) fn find(click: &[f32], heard: &[f32]) -> Option<usize> {
    let energy = |samples: &[f32]| samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let own = energy(click);
    let mut best: Option<(f64, usize)> = None;
    for (place, window) in heard.windows(click.len()).enumerate() {
        let product: f64 = window.iter().zip(click).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let product = product.abs();
        if product < FAINTEST * own || product < LIKENESS * (own * energy(window)).sqrt() {
            continue;
        }
        if best.is_none_or(|(most, _)| product > most) {
            best = Some((product, place));
        }
    }
    best.map(|(_, place)| place)
}

/// Where something begins to be heard in `samples`: the first that stands out of the
/// noise before `from`. `None` where nothing does.
pub(super) fn onset(samples: &[f32], from: usize) -> Option<usize> {
    let quiet = &samples[..from.min(samples.len())];
    let mean = quiet.iter().map(|x| f64::from(*x)).sum::<f64>() / quiet.len().max(1) as f64;
    let square = quiet.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>();
    let noise = (square / quiet.len().max(1) as f64).sqrt();
    let threshold = (noise * 8.0).max(1e-3);
    let after = samples.get(from..)?;
    after.iter().position(|x| (f64::from(*x) - mean).abs() > threshold).map(|place| from + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise of this amplitude, the same each time.
    fn noise(frames: usize, amplitude: f32) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state as f32 / u32::MAX as f32 - 0.5) * 2.0 * amplitude
        };
        (0..frames).map(|_| next()).collect()
    }

    #[test]
    fn the_click_is_found_to_the_frame_in_noise_inverted_and_muffled() {
        for hertz in [44_100, 48_000, 96_000] {
            let click = click(SampleRate::new(hertz).expect("a rate"));
            for (place, gain) in [(0, 1.0_f32), (777, -0.5), (1_500, 0.05)] {
                let mut heard = noise(3_000, 0.001);
                click.iter().zip(&mut heard[place..]).for_each(|(x, y)| *y += gain * x);
                assert_eq!(find(&click, &heard), Some(place), "{hertz} {gain}");
            }
            // An echo that is fainter does not matter.
            let mut heard = vec![0.0; 2_000];
            click.iter().zip(&mut heard[100..]).for_each(|(x, y)| *y += x);
            click.iter().zip(&mut heard[900..]).for_each(|(x, y)| *y += 0.6 * x);
            assert_eq!(find(&click, &heard), Some(100));
        }
    }

    #[test]
    fn noise_and_other_sounds_are_no_click() {
        let click = click(SampleRate::DEFAULT);
        assert_eq!(find(&click, &noise(5_000, 0.2)), None);
        assert_eq!(find(&click, &[0.0; 5_000]), None);
        let tone: Vec<f32> = (0..5_000).map(|n| (n as f32 * 0.05).sin()).collect();
        assert_eq!(find(&click, &tone), None);
    }

    #[test]
    fn a_knock_begins_where_it_stands_out_of_the_noise() {
        let mut heard = noise(4_000, 0.002);
        heard[2_500..2_600].iter_mut().zip((0..).step_by(7)).for_each(|(x, n)| *x += (n as f32).sin() * 0.3);
        let begin = onset(&heard, 1_000).expect("a knock");
        assert!((2_500..2_504).contains(&begin), "{begin}");
        assert_eq!(onset(&noise(4_000, 0.002), 1_000), None);
    }
}
