//! The sound in an answer: a file, or JSON around one, or JSON of samples.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::generate::client::judge::{estimated_time, looks_like_html};
use crate::generate::client::{Answer, Server};
use crate::generate::lean::Lean;
use crate::generate::{Failure, FailureKind};

/// The rate of MusicGen, for samples that come without one.
const RATE_HERTZ: u32 = 32_000;
/// What a WAV file has beside its samples, at most.
const HEADER_BYTES: usize = 128;
/// The rates that a file of samples can be written with, in hertz; which of them sound has is for
/// verification to say.
const RATES_HERTZ: std::ops::RangeInclusive<f64> = 1.0..=1_000_000.0;

/// Where an answer may have a sound, a rate and a type: in this order, older and newer.
const SOUNDS: [&str; 6] = ["audio", "generated_audio", "blob", "audio_base64", "data", "output"];
const RATES: [&str; 4] = ["sampling_rate", "sample_rate", "samplingRate", "rate"];
const TYPES: [&str; 3] = ["content-type", "content_type", "mime_type"];
/// And what it says where it has none.
const SAID: [&str; 5] = ["error", "detail", "message", "msg", "estimated_time"];

/// A sound file.
#[derive(Debug)]
pub(super) struct Sound {
    pub bytes: Vec<u8>,
    pub content_type: Option<String>,
}

/// What an answer of JSON holds.
enum Found {
    File(Sound),
    /// Of each channel or of one.
    Samples(Vec<Vec<f32>>, Option<f64>),
}

/// Finds the sound.
pub(super) fn of(answer: Answer, server: &Server) -> Result<Sound, Failure> {
    let named = server.named();
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
    let fields: Vec<&str> = SOUNDS.into_iter().chain(RATES).chain(TYPES).chain(SAID).collect();
    let Some(json) = Lean::read(&answer.body, &fields) else {
        return unfit("answered with neither sound nor JSON: check `url` and `model`".to_owned());
    };
    let wait = estimated_time(&json);
    let said = json.words().map(|words| server.quote(words)).filter(|said| !said.is_empty());
    match (in_json(json), wait) {
        (Some(Found::File(sound)), _) => Ok(sound),
        (Some(Found::Samples(channels, rate)), _) => {
            // The file is about as long again.
            drop(answer);
            let rate_hertz = rate.unwrap_or(f64::from(RATE_HERTZ));
            if !RATES_HERTZ.contains(&rate_hertz) {
                return unfit(format!(
                    "answered with samples at a rate of {rate_hertz} Hz, which cannot be played: check `model`"
                ));
            }
            let file = file_of(&channels, rate_hertz as u32);
            file.map_or_else(
                || unfit("answered with samples that are no sound: check `model`".to_owned()),
                Ok,
            )
        }
        (None, Some(wait)) => {
            let message = format!("{named} is loading its model: try again later");
            Err(Failure::new(FailureKind::Unavailable, message).waiting(wait))
        }
        (None, None) => {
            let said = said.map_or_else(String::new, |said| format!(" (\"{said}\")"));
            unfit(format!("answered with JSON that holds no sound{said}: check `model`"))
        }
    }
}

fn first_byte(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// `{"audio": …}` and its older and newer kin, in a list or not.
fn in_json(json: Lean<'_>) -> Option<Found> {
    match json {
        Lean::List(list) => list.into_iter().find_map(in_json),
        Lean::Table(_) => {
            let rate = RATES.iter().find_map(|field| json.get(field)?.number());
            let content_type = TYPES.iter().find_map(|field| json.get(field)?.text()).map(str::to_owned);
            let Lean::Table(mut fields) = json else { return None };
            SOUNDS.iter().find_map(|sound| {
                let at = fields.iter().rposition(|(field, _)| field == sound)?;
                match std::mem::replace(&mut fields[at].1, Lean::Nothing) {
                    Lean::Text(text) => encoded(&text, content_type.clone()).map(Found::File),
                    Lean::Samples(samples) => Some(Found::Samples(vec![samples], rate)),
                    list @ Lean::List(_) if are_channels(&list, 0) => {
                        let mut channels = Vec::new();
                        collect(list, &mut channels);
                        Some(Found::Samples(channels, rate))
                    }
                    inner => in_json(inner),
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
    let compact: Cow<'_, str> = match data.bytes().any(|byte| byte.is_ascii_whitespace()) {
        true => data.chars().filter(|c| !c.is_ascii_whitespace()).collect(),
        false => data.into(),
    };
    let bytes = STANDARD.decode(&*compact).or_else(|_| STANDARD_NO_PAD.decode(&*compact)).ok()?;
    (!bytes.is_empty()).then_some(Sound { bytes, content_type: kind.or(content_type) })
}

/// Samples of each channel as a file.
fn file_of(channels: &[Vec<f32>], rate_hertz: u32) -> Option<Sound> {
    let frames = channels.iter().map(Vec::len).min().filter(|frames| *frames > 0)?;
    let spec = hound::WavSpec {
        channels: u16::try_from(channels.len()).ok()?,
        sample_rate: rate_hertz,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let bytes = frames * channels.len() * size_of::<f32>();
    let mut file = std::io::Cursor::new(Vec::with_capacity(bytes + HEADER_BYTES));
    let mut writer = hound::WavWriter::new(&mut file, spec).ok()?;
    for frame in 0..frames {
        for channel in channels {
            writer.write_sample(channel[frame]).ok()?;
        }
    }
    writer.finalize().ok()?;
    Some(Sound { bytes: file.into_inner(), content_type: Some("audio/wav".to_owned()) })
}

/// Whether lists are samples in the end; those around them are channels, and batches of one.
fn are_channels(lists: &Lean<'_>, depth: usize) -> bool {
    match lists {
        Lean::Samples(_) => true,
        Lean::List(list) if depth < 3 && (1..=8).contains(&list.len()) => {
            list.iter().all(|inner| are_channels(inner, depth + 1))
        }
        _ => false,
    }
}

fn collect(lists: Lean<'_>, channels: &mut Vec<Vec<f32>>) {
    match lists {
        Lean::Samples(samples) => channels.push(samples),
        Lean::List(list) => list.into_iter().for_each(|inner| collect(inner, channels)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::client::Secret;

    fn of_json(json: &str) -> Result<Sound, Failure> {
        let key = Secret::new("SEKRET99");
        let server = Server::new("model server", "http://x", key, "KEY").expect("a server");
        of(Answer { content_type: None, body: json.as_bytes().to_vec() }, &server)
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
            (r#"{"error":"no access for Bearer SEKRET99"}"#, "(\"no access for Bearer [redacted]\")"),
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
