//! The tempo of a clip: how much of each spectrum is new (Dixon, "Onset detection revisited", 2006),
//! and after how long that repeats itself.

use super::spectrum::spectra;

const HOP: usize = 256;
/// Beats a minute that are looked for.
const SLOWEST: f64 = 40.0;
const FASTEST: f64 = 240.0;
/// The beat that is tapped where several fit (Ellis, "Beat tracking by dynamic programming", 2007).
const TAPPED: f64 = 120.0;
/// Weaker than this, of 1, there is no beat.
const STRENGTH: f64 = 0.15;
/// Off by more than this part is off.
const TOLERANCE: f64 = 0.04;
/// Beats may be counted so without being wrong.
const MULTIPLES: [f64; 9] = [0.25, 1.0 / 3.0, 0.5, 2.0 / 3.0, 1.0, 1.5, 2.0, 3.0, 4.0];

/// Beats a minute; `None` where there is no clear beat, or less than four seconds.
pub(super) fn tempo(channels: &[Vec<f32>], rate_hertz: u32) -> Option<f64> {
    let per_second = f64::from(rate_hertz) / HOP as f64;
    let onsets = onsets(channels);
    if (onsets.len() as f64) < 4.0 * per_second {
        return None;
    }
    let lag_of = |tempo: f64| 60.0 * per_second / tempo;
    let longest = (lag_of(SLOWEST).ceil() as usize + 1).min(onsets.len() / 2);
    let shortest = lag_of(FASTEST).floor() as usize;
    let power = correlation(&onsets, 0);
    if power <= 0.0 || shortest < 2 || longest <= shortest {
        return None;
    }
    let correlations: Vec<f64> = (0..=longest + 1).map(|lag| correlation(&onsets, lag) / power).collect();
    let weighed = |lag: usize| {
        let octaves = libm::log2(lag_of(TAPPED) / lag as f64);
        correlations[lag] * libm::exp(-0.5 * octaves * octaves)
    };
    let is_peak =
        |lag: usize| correlations[lag] >= correlations[lag - 1] && correlations[lag] >= correlations[lag + 1];
    let best = (shortest..=longest)
        .filter(|lag| is_peak(*lag))
        .max_by(|a, b| weighed(*a).total_cmp(&weighed(*b)))
        .filter(|lag| correlations[*lag] >= STRENGTH)?;
    Some(60.0 * per_second / refined(&onsets, best as f64))
}

/// A beat's length, made more exact by how far apart many beats are.
fn refined(onsets: &[f64], beat: f64) -> f64 {
    let mut beat = beat;
    for beats in [1, 2, 4, 8] {
        let around = (beat * f64::from(beats)).round() as usize;
        let reach = (around / 50).max(2);
        if around + reach + 2 > onsets.len() / 2 {
            break;
        }
        let values: Vec<f64> =
            (around - reach - 1..=around + reach + 1).map(|lag| correlation(onsets, lag)).collect();
        let Some(peak) = (1..values.len() - 1).max_by(|a, b| values[*a].total_cmp(&values[*b])) else {
            break;
        };
        let (before, at, after) = (values[peak - 1], values[peak], values[peak + 1]);
        let bend = before - 2.0 * at + after;
        let between = if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 };
        beat = ((around - reach - 1 + peak) as f64 + between) / f64::from(beats);
    }
    beat
}

/// How much is new in each spectrum, around 0.
fn onsets(channels: &[Vec<f32>]) -> Vec<f64> {
    let mut last: Vec<f32> = Vec::new();
    let mut onsets = Vec::new();
    spectra(channels, HOP, |_, magnitudes| {
        let loud: Vec<f32> = magnitudes.iter().map(|magnitude| libm::log1pf(100.0 * magnitude)).collect();
        let rise: f32 = loud.iter().zip(&last).map(|(now, before)| (now - before).max(0.0)).sum();
        onsets.push(f64::from(rise));
        last = loud;
    });
    // The beginning is new by itself.
    if let Some(first) = onsets.first_mut() {
        *first = 0.0;
    }
    let mean = onsets.iter().sum::<f64>() / onsets.len().max(1) as f64;
    onsets.iter().map(|onset| onset - mean).collect()
}

fn correlation(onsets: &[f64], lag: usize) -> f64 {
    let pairs = onsets.len().saturating_sub(lag).max(1);
    onsets.iter().zip(onsets.iter().skip(lag)).map(|(a, b)| a * b).sum::<f64>() / pairs as f64
}

/// Whether a tempo is another than asked for: by more than 4 %, and by no simple multiple.
pub(super) fn is_off(tempo: f64, asked: f64) -> bool {
    MULTIPLES.iter().all(|multiple| {
        let meant = asked * multiple;
        (tempo - meant).abs() > TOLERANCE * meant
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Random;

    /// Clicks of noise.
    fn clicks(tempo: f64, seconds: f64) -> Vec<Vec<f32>> {
        let (rate, mut random) = (48_000.0, Random::new(1));
        let beat = 60.0 / tempo * rate;
        let sample = |frame: usize| {
            let since = frame as f64 % beat / rate;
            (random.unit() as f32 - 0.5) * libm::expf(-since as f32 * 80.0)
        };
        vec![(0..(seconds * rate) as usize).map(sample).collect()]
    }

    #[test]
    fn a_beat_is_found_to_a_percent() {
        for asked in [63.0, 90.0, 120.0, 137.5, 174.0] {
            let found = tempo(&clicks(asked, 12.0), 48_000).expect("a beat");
            assert!(
                !is_off(found, asked) && MULTIPLES.iter().any(|m| (found / asked / m - 1.0).abs() < 0.01),
                "{asked}: {found}"
            );
        }
        assert_eq!(tempo(&clicks(120.0, 2.0), 48_000), None);
    }

    #[test]
    fn what_has_no_beat_has_no_tempo() {
        let sine: Vec<f32> = (0..480_000).map(|i| libm::sinf(i as f32 * 0.05)).collect();
        assert_eq!(tempo(&[sine], 48_000), None);
        assert_eq!(tempo(&[vec![0.0; 480_000]], 48_000), None);
        assert_eq!(tempo(&[], 48_000), None);
    }

    #[test]
    fn a_simple_multiple_is_not_off() {
        assert!(!is_off(60.0, 120.0) && !is_off(123.0, 120.0) && !is_off(80.0, 120.0));
        assert!(is_off(100.0, 120.0) && is_off(132.0, 120.0));
    }
}
