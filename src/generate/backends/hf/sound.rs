//! The sound in an answer: a file, or JSON around one, or JSON of samples.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

use crate::generate::client::Answer;
use crate::generate::client::judge::{estimated_time, looks_like_html, words};
use crate::generate::{Failure, FailureKind};

/// The rate of MusicGen, for samples that come without one.
const RATE_HERTZ: u32 = 32_000;
/// The rates that a file of samples can be written with, in hertz; which of them sound has is for
/// verification to say.
const RATES_HERTZ: std::ops::RangeInclusive<f64> = 1.0..=1_000_000.0;

/// A sound file.
#[derive(Debug)]
pub(super) struct Sound {
    pub bytes: Vec<u8>,
    pub content_type: Option<String>,
}

/// Finds the sound.
pub(super) fn of(answer: Answer, named: &str) -> Result<Sound, Failure> {
    let unfit = |what: String| Err(Failure::new(FailureKind::Unfit, format!("{named} {what}")));
    if answer.body.is_empty() {
        return unfit("answered with nothing: check `model`".to_owned());
    }
    if looks_like_html(&answer.body) {
        return unfit("answered with a web page instead of sound: check `url`".to_owned());
    }
    if !matches!(first_byte(&answer.body), Some(b'{' | b'[')) {
        return Ok(Sound { bytes: answer.body, content_type: answer.content_type });
    }
    let Ok(json) = serde_json::from_slice::<Value>(&answer.body) else {
        return unfit("answered with neither sound nor JSON: check `url` and `model`".to_owned());
    };
    match in_json(&json) {
        Some(Ok(sound)) => return Ok(sound),
        Some(Err(NoRate(rate_hertz))) => {
            return unfit(format!(
                "answered with samples at a rate of {rate_hertz} Hz, which cannot be played: check `model`"
            ));
        }
        None => {}
    }
    if let Some(wait) = estimated_time(&json) {
        let message = format!("{named} is loading its model: try again later");
        return Err(Failure::new(FailureKind::Unavailable, message).waiting(wait));
    }
    let said: String =
        words(&json).unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    let said = if said.is_empty() { String::new() } else { format!(" (\"{said}\")") };
    unfit(format!("answered with JSON that holds no sound{said}: check `model`"))
}

fn first_byte(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// What samples came with that is no rate, in hertz.
struct NoRate(f64);

/// `{"audio": …}` and its older and newer kin, in a list or not.
fn in_json(json: &Value) -> Option<Result<Sound, NoRate>> {
    match json {
        Value::Array(list) => list.iter().find_map(in_json),
        Value::Object(table) => {
            let rate = ["sampling_rate", "sample_rate", "samplingRate", "rate"]
                .iter()
                .find_map(|key| table.get(*key)?.as_f64());
            let content_type = ["content-type", "content_type", "mime_type"]
                .iter()
                .find_map(|key| table.get(*key)?.as_str())
                .map(str::to_owned);
            ["audio", "generated_audio", "blob", "audio_base64", "data", "output"].iter().find_map(|key| {
                match table.get(*key)? {
                    Value::String(text) => encoded(text, content_type.clone()).map(Ok),
                    samples @ Value::Array(_) => file_of(samples, rate).or_else(|| in_json(samples)),
                    inner @ Value::Object(_) => in_json(inner),
                    _ => None,
                }
            })
        }
        _ => None,
    }
}

/// A file in base 64, with `data:audio/wav;base64,` before it or not.
fn encoded(text: &str, content_type: Option<String>) -> Option<Sound> {
    let (kind, data) = match text.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((kind, data)) => (Some(kind.to_owned()), data),
        None => (None, text),
    };
    let compact: String = data.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(&compact).or_else(|_| STANDARD_NO_PAD.decode(&compact)).ok()?;
    (!bytes.is_empty()).then_some(Sound { bytes, content_type: kind.or(content_type) })
}

/// Samples, of each channel or of one, as a file.
fn file_of(samples: &Value, rate: Option<f64>) -> Option<Result<Sound, NoRate>> {
    let mut channels = Vec::new();
    collect(samples, 0, &mut channels)?;
    let frames = channels.iter().map(Vec::len).min().filter(|frames| *frames > 0)?;
    let rate_hertz = rate.unwrap_or(f64::from(RATE_HERTZ));
    if !RATES_HERTZ.contains(&rate_hertz) {
        return Some(Err(NoRate(rate_hertz)));
    }
    let spec = hound::WavSpec {
        channels: u16::try_from(channels.len()).ok()?,
        sample_rate: rate_hertz as u32,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).ok()?;
    for frame in 0..frames {
        for channel in &channels {
            writer.write_sample(channel[frame]).ok()?;
        }
    }
    writer.finalize().ok()?;
    Some(Ok(Sound { bytes: file.into_inner(), content_type: Some("audio/wav".to_owned()) }))
}

/// The innermost lists; those around them are channels, and batches of one.
fn collect(samples: &Value, depth: usize, channels: &mut Vec<Vec<f32>>) -> Option<()> {
    let list = samples.as_array()?;
    if list.first().is_some_and(Value::is_number) {
        // What is no number (a null for NaN) is handed on as one that verification refuses.
        channels.push(list.iter().map(|sample| sample.as_f64().map_or(f32::NAN, |s| s as f32)).collect());
        return Some(());
    }
    if depth >= 3 || list.is_empty() || list.len() > 8 {
        return None;
    }
    list.iter().try_for_each(|inner| collect(inner, depth + 1, channels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_json(json: &str) -> Result<Sound, Failure> {
        of(Answer { content_type: None, body: json.as_bytes().to_vec() }, "the model server at x")
    }

    #[test]
    fn sound_is_found_in_older_and_newer_json() {
        for json in [
            r#"[{"audio":"UklGRg=="}]"#,
            r#"{"audio":"UklGRg==","sampling_rate":32000}"#,
            r#"{"generated_audio":"data:audio/flac;base64,UklGRg"}"#,
            r#"[{"blob":"UklG Rg==","content-type":"audio/flac","label":"x"}]"#,
            r#"{"output":{"audio":"UklGRg=="}}"#,
        ] {
            assert_eq!(of_json(json).expect(json).bytes, b"RIFF", "{json}");
        }
        let blob = of_json(r#"[{"blob":"UklGRg==","content-type":"audio/flac"}]"#).expect("a blob");
        assert_eq!(blob.content_type.as_deref(), Some("audio/flac"));
    }

    #[test]
    fn samples_become_a_file() {
        let sound = of_json(r#"[{"generated_audio":[[[0.0,0.5],[0.25,-1.0]]],"sampling_rate":16000}]"#);
        let file =
            hound::WavReader::new(std::io::Cursor::new(sound.expect("samples").bytes)).expect("a file");
        assert_eq!((file.spec().channels, file.spec().sample_rate), (2, 16_000));
        let samples: Vec<f32> = file.into_samples().map(|sample| sample.expect("whole")).collect();
        assert_eq!(samples, [0.0, 0.25, 0.5, -1.0]);
        assert_eq!(
            hound::WavReader::new(of_json(r#"{"audio":[0.1]}"#).expect("one").bytes.as_slice())
                .expect("wav")
                .spec()
                .sample_rate,
            32_000
        );
    }

    #[test]
    fn what_holds_no_sound_is_said() {
        for (json, words) in [
            ("", "nothing"),
            ("<!DOCTYPE html><html></html>", "web page"),
            (r#"{"error":"out of memory"}"#, "out of memory"),
            (r#"{"audio":"*"}"#, "no sound"),
            (r#"{"audio":[]}"#, "no sound"),
            (r#"{"audio":[0.5],"sampling_rate":0}"#, "a rate of 0 Hz"),
            (r#"{"audio":[0.5],"sampling_rate":-16000}"#, "a rate of -16000 Hz"),
            (r#"{"audio":[[0.5],[0.5]],"sampling_rate":4294967295}"#, "a rate of 4294967295 Hz"),
            ("{", "neither"),
        ] {
            let failure = of_json(json).expect_err(json);
            assert!(failure.kind == FailureKind::Unfit && failure.message.contains(words), "{failure}");
        }
        let loading = of_json(r#"{"error":"loading","estimated_time":3.0}"#).expect_err("not yet");
        assert_eq!(loading.wait.as_secs(), 3);
        assert_eq!(of_json("RIFFxxxx").expect("a file").bytes, b"RIFFxxxx");
    }
}
