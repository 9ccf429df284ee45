//! Finds notes by their level, and their pitch by the average squared
//! difference with a delayed copy (de Cheveigné and Kawahara, "YIN", 2002).

/// One stretch of sound between two silences.
#[derive(Debug)]
pub struct Note {
    pub onset_seconds: f64,
    pub rms: f64,
    pub pitch_hertz: f64,
}

/// Below this peak (−50 dBFS) is silence.
const SILENCE: f32 = 0.003;
/// Shorter gaps are the insides of a wave.
const GAP_SECONDS: f64 = 0.02;
/// Shorter sounds are clicks, which count as notes without a pitch.
const PITCHED_SECONDS: f64 = 0.1;
const LOWEST_HERTZ: f64 = 40.0;
/// YIN's absolute threshold on the normalised difference.
const THRESHOLD: f64 = 0.1;

pub fn find(samples: &[f32], rate_hertz: f64) -> Vec<Note> {
    stretches(samples, (GAP_SECONDS * rate_hertz) as usize)
        .into_iter()
        .map(|(start, end)| {
            let sound = &samples[start..end];
            let energy: f64 = sound.iter().map(|&sample| f64::from(sample).powi(2)).sum();
            Note {
                onset_seconds: start as f64 / rate_hertz,
                rms: (energy / sound.len() as f64).sqrt(),
                pitch_hertz: pitch_hertz(sound, rate_hertz),
            }
        })
        .collect()
}

fn stretches(samples: &[f32], gap: usize) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (index, _) in samples.iter().enumerate().filter(|(_, sample)| sample.abs() > SILENCE) {
        match found.last_mut() {
            Some((_, end)) if index - *end <= gap => *end = index + 1,
            _ => found.push((index, index + 1)),
        }
    }
    found
}

fn pitch_hertz(sound: &[f32], rate_hertz: f64) -> f64 {
    if (sound.len() as f64) < PITCHED_SECONDS * rate_hertz {
        return f64::NAN;
    }
    let longest = (rate_hertz / LOWEST_HERTZ) as usize;
    // The middle half: past the attack, before the release.
    let middle = &sound[sound.len() / 4..sound.len() * 3 / 4];
    let window = middle.len().saturating_sub(longest + 1);
    if window < longest {
        return f64::NAN;
    }
    let difference = |lag: usize| -> f64 {
        middle[..window].iter().zip(&middle[lag..]).map(|(a, b)| f64::from(a - b).powi(2)).sum()
    };
    let mut differences = vec![0.0];
    let mut normalised = vec![1.0];
    let mut sum = 0.0;
    for lag in 1..=longest {
        let value = difference(lag);
        sum += value;
        differences.push(value);
        normalised.push(value * lag as f64 / sum.max(f64::MIN_POSITIVE));
    }
    let Some(below) = (2..longest).find(|&lag| normalised[lag] < THRESHOLD) else { return f64::NAN };
    let lag = (below..longest).find(|&lag| normalised[lag + 1] > normalised[lag]).unwrap_or(below);
    // One period fixes the pitch to a fraction of a sample; twice as many periods, twice as well.
    let mut period = refine(&difference, lag);
    let mut periods = 1.0;
    while periods * 2.0 * period + 3.0 < longest as f64 {
        periods *= 2.0;
        period = refine(&difference, (period * periods).round() as usize) / periods;
    }
    rate_hertz / period
}

/// The lowest point of a parabola through three neighbours, near `lag`.
fn refine(difference: &dyn Fn(usize) -> f64, lag: usize) -> f64 {
    let near = lag.saturating_sub(2).max(1)..=lag + 2;
    let best = near.min_by(|&a, &b| difference(a).total_cmp(&difference(b))).unwrap_or(lag).max(1);
    let (before, here, after) = (difference(best - 1), difference(best), difference(best + 1));
    let bend = before - 2.0 * here + after;
    if bend <= 0.0 { best as f64 } else { best as f64 + 0.5 * (before - after) / bend }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saw_between_silences_is_found_with_its_pitch() {
        let rate_hertz = 48_000.0;
        for pitch in [55.0, 164.81, 440.0, 1975.5] {
            let samples: Vec<f32> = (0..48_000)
                .map(|frame| match frame {
                    12_000..36_000 => (f64::from(frame) * pitch / rate_hertz).fract() as f32 - 0.5,
                    _ => 0.0,
                })
                .collect();
            let notes = find(&samples, rate_hertz);
            assert_eq!(notes.len(), 1, "{notes:?}");
            assert!((notes[0].onset_seconds - 0.25).abs() < 1e-3);
            let cents = 1200.0 * (notes[0].pitch_hertz / pitch).log2();
            assert!(cents.abs() < 1.0, "{pitch} Hz: {cents} cents");
        }
    }
}
