//! Compares when a channel sounds with the marks that the scenario set.

use std::error::Error;

use serde_json::Value;

/// Below this peak (−50 dBFS) is silence.
const SILENCE: f32 = 0.003;
/// Shorter gaps are the insides of a wave.
const GAP_SECONDS: f64 = 0.05;
/// Marks are that coarse: the PC's clock shows hundredths, and a mark is set by a
/// program that takes its time.
const MARK_SECONDS: f64 = 0.06;
/// Levels are compared over stretches of this length.
const LEVEL_SECONDS: f64 = 0.05;
/// A note's attack and release are not steady.
const EDGE_SECONDS: f64 = 0.1;

struct Sound {
    begin: f64,
    end: f64,
}

/// What `expect["sounding"]` asks, in the order of each channel's sounds.
pub fn compare(
    expect: &Value,
    serial: &str,
    channels: &[Vec<f32>],
    rate_hertz: f64,
    complaints: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let Some(wanted) = expect["sounding"].as_array() else { return Ok(()) };
    let channel_of = |value: &Value| -> Result<usize, Box<dyn Error>> {
        let channel = value["channel"].as_u64().ok_or("`channel` is missing")? as usize;
        if channel < channels.len() { Ok(channel) } else { Err("the card's WAV has not that many channels".into()) }
    };
    let sounds: Vec<Vec<Sound>> = channels.iter().map(|samples| find(samples, rate_hertz)).collect();
    // The WAV's time and the PC's differ by a constant: one sound and its mark tell.
    let first = sounds[channel_of(&expect["align"])?].first().ok_or("the sound to align by is missing")?;
    let shift = first.begin - mark(serial, &expect["align"]["mark"])?;
    let mut seen = vec![0; channels.len()];
    for wanted in wanted {
        let channel = channel_of(wanted)?;
        let nth = seen[channel];
        seen[channel] += 1;
        let Some(sound) = sounds[channel].get(nth) else {
            complaints.push(format!("channel {channel} sounds {nth} times only"));
            continue;
        };
        for (at, name, within) in
            [(sound.begin, &wanted["from"], &wanted["starts_within"]), (sound.end, &wanted["to"], &wanted["ends_within"])]
        {
            let after = at - shift - mark(serial, name)?;
            println!("  channel {channel}, {}: {after:+.3} s after it", name.as_str().unwrap_or_default());
            if after < -MARK_SECONDS || after > within.as_f64().ok_or("a limit is missing")? {
                complaints.push(format!("channel {channel} changes {after:+.3} s after {name}, expected within {within}"));
            }
        }
        if let Some(limit) = wanted["steady_decibels"].as_f64() {
            let spread = spread_decibels(&channels[channel], sound, rate_hertz);
            println!("  channel {channel}: its level stays within {spread:.2} dB");
            if spread.is_nan() || spread > limit {
                complaints.push(format!("channel {channel} falters by {spread:.2} dB"));
            }
        }
    }
    for (channel, (sounds, seen)) in sounds.iter().zip(seen).enumerate() {
        if sounds.len() > seen {
            complaints.push(format!("channel {channel} sounds {} times, expected {seen}", sounds.len()));
        }
    }
    Ok(())
}

/// When the scenario set a mark, in the PC's seconds.
fn mark(serial: &str, name: &Value) -> Result<f64, Box<dyn Error>> {
    let name = name.as_str().ok_or("a mark has no name")?;
    let line = serial.lines().find_map(|line| line.strip_prefix(&format!("mark {name} ")));
    Ok(line.ok_or_else(|| format!("the mark `{name}` is missing"))?.trim().parse()?)
}

fn find(samples: &[f32], rate_hertz: f64) -> Vec<Sound> {
    let mut found: Vec<Sound> = Vec::new();
    for (index, _) in samples.iter().enumerate().filter(|(_, sample)| sample.abs() > SILENCE) {
        let at = index as f64 / rate_hertz;
        match found.last_mut() {
            Some(sound) if at - sound.end <= GAP_SECONDS => sound.end = at,
            _ => found.push(Sound { begin: at, end: at }),
        }
    }
    found
}

fn spread_decibels(samples: &[f32], sound: &Sound, rate_hertz: f64) -> f64 {
    let place = |seconds: f64| ((seconds * rate_hertz) as usize).min(samples.len());
    let inside = &samples[place(sound.begin + EDGE_SECONDS)..place(sound.end - EDGE_SECONDS)];
    let levels = inside.chunks_exact((LEVEL_SECONDS * rate_hertz) as usize).map(|stretch| {
        let energy: f64 = stretch.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        10.0 * (energy / stretch.len() as f64).log10()
    });
    let (least, most) = levels.fold((f64::MAX, f64::MIN), |(least, most), level| (least.min(level), most.max(level)));
    if least > most { f64::NAN } else { most - least }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(level: f32) -> Vec<String> {
        let rate_hertz = 8_000.0;
        let sample = |frame: usize| match frame {
            8_000..16_000 => level,
            16_000..24_000 => 0.5,
            _ => 0.0,
        };
        let channel: Vec<f32> =
            (0..32_000).map(|frame| if frame % 2 == 0 { sample(frame) } else { -sample(frame) }).collect();
        let expect = serde_json::json!({
            "align": { "channel": 0, "mark": "on" },
            "sounding": [{ "channel": 0, "from": "on", "starts_within": 0.1, "to": "off", "ends_within": 0.3,
                           "steady_decibels": 0.5 }]
        });
        let mut complaints = Vec::new();
        compare(&expect, "mark on 5.00\nmark off 6.90\n", &[channel], rate_hertz, &mut complaints).expect("judged");
        complaints
    }

    #[test]
    fn a_steady_sound_between_its_marks_is_right_and_one_that_falters_is_not() {
        assert!(expected(0.5).is_empty());
        assert_eq!(expected(0.4).len(), 1);
        // Silent at first: it begins late in the PC's time, and so ends late.
        assert_eq!(expected(0.0).len(), 1);
    }
}
