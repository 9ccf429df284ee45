use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;

use serde_json::json;

use super::verify::Fingerprint;
use super::{Failure, FailureKind, Form, Request};
use crate::library::{self, Entry};
use crate::theory::Chart;
use crate::unit::SampleRate;

/// The parts of a cache's entry.
pub const SOUND_PART: &str = "audio.wav";
/// The MIDI file's part.
pub const MIDI_PART: &str = "midi.mid";
/// The chord chart's part.
pub const CHART_PART: &str = "chart.json";

/// Of a style that a request named its tag says no more.
const STYLE_CHARACTERS: usize = 64;

/// Sound, a slice for each of its one or two channels, all of the same length.
#[derive(Clone, PartialEq, Debug)]
pub struct Audio {
    /// Frames per second.
    pub rate: SampleRate,
    /// Samples of each channel, full scale 1.
    pub channels: Vec<Vec<f32>>,
}

impl Audio {
    /// How long it is.
    pub fn frames(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.rate.seconds(self.frames() as u64)
    }

    /// Its end fades to nothing, ever more slowly.
    pub fn fade_out(&mut self, seconds: f64) {
        let faded = (self.rate.frames(seconds) as usize).min(self.frames());
        for channel in &mut self.channels {
            for (place, sample) in channel.iter_mut().rev().take(faded).enumerate() {
                let weight = place as f32 / faded as f32;
                *sample *= weight * weight;
            }
        }
    }
}

/// Music that was verified: what a request comes to.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Product {
    /// The sound, at the request's rate; none where MIDI was asked for.
    pub audio: Option<Arc<Audio>>,
    /// The MIDI file that it was played from, where the backend gives one.
    pub midi: Option<Arc<[u8]>>,
    /// The chord chart that it was arranged from, as JSON, where there is one.
    pub chart: Option<Arc<str>>,
    /// Beats a minute, where known.
    pub tempo: Option<f64>,
    /// What it sounds like, where it was generated just now.
    pub fingerprint: Option<Fingerprint>,
    /// What verification found that is no reason to refuse it.
    pub warnings: Vec<String>,
    /// Why it is in no file of the cache, where it was made just now and is in none; among the warnings too.
    pub unkept: Option<String>,
    /// How many times a backend was asked; 0 from the cache.
    pub tries: u32,
    /// Whether it was in the cache.
    pub from_cache: bool,
}

impl Product {
    /// As the cache keeps it.
    pub(super) fn to_entry(&self, request: &Request) -> Result<Entry, Failure> {
        let mut entry = Entry::default();
        if let Some(audio) = &self.audio {
            entry.parts.insert(SOUND_PART.to_owned(), audio.to_wav()?.into());
        }
        if let Some(midi) = &self.midi {
            entry.parts.insert(MIDI_PART.to_owned(), Arc::clone(midi));
        }
        if let Some(chart) = &self.chart {
            entry.parts.insert(CHART_PART.to_owned(), chart.as_bytes().into());
        }
        entry.meta = json!({
            "description": request.description,
            "request": request,
            "tempo": self.tempo,
            "frames": self.audio.as_ref().map(|audio| audio.frames()),
            "warnings": self.warnings,
        });
        entry.fingerprint = self.likeness();
        entry.tags = self.tags(request);
        Ok(entry)
    }

    /// By what it is found in the cache: what it is, and what who asked for it calls it.
    fn tags(&self, request: &Request) -> BTreeSet<String> {
        let chart = self.chart.as_deref().and_then(|chart| Chart::from_json(chart).ok());
        let style = chart.map(|chart| chart.style.to_string()).or_else(|| request.style.clone());
        let style = style.map(|style| style.chars().take(STYLE_CHARACTERS).collect::<String>());
        let form = if request.form == Form::Midi { "midi" } else { "audio" };
        let mut tags = request.tags.clone();
        tags.insert(format!("backend:{}", request.backend));
        tags.insert(format!("form:{form}"));
        tags.extend(style.map(|style| format!("style:{style}")));
        tags
    }

    /// What it sounds like, as the cache compares it.
    pub(super) fn likeness(&self) -> Option<library::Fingerprint> {
        self.fingerprint.as_ref().map(|fingerprint| library::Fingerprint(fingerprint.bytes()))
    }

    /// From the cache.
    ///
    /// # Errors
    /// [`Failure`] where it is not as [`to_entry`](Self::to_entry) left it.
    pub(super) fn from_entry(entry: &Entry) -> Result<Product, Failure> {
        let audio = match entry.parts.get(SOUND_PART) {
            Some(bytes) => Some(Arc::new(Audio::from_wav(bytes)?)),
            None => None,
        };
        let midi = entry.parts.get(MIDI_PART).cloned();
        if audio.is_none() && midi.is_none() {
            return Err(damaged("it holds neither sound nor MIDI"));
        }
        let chart = match entry.parts.get(CHART_PART) {
            Some(bytes) => Some(std::str::from_utf8(bytes).map_err(|e| damaged(&e.to_string()))?.into()),
            None => None,
        };
        let warnings = entry.meta["warnings"].as_array().into_iter().flatten();
        Ok(Product {
            audio,
            midi,
            chart,
            tempo: entry.meta["tempo"].as_f64(),
            fingerprint: None,
            warnings: warnings.filter_map(|w| w.as_str().map(str::to_owned)).collect(),
            unkept: None,
            tries: 0,
            from_cache: true,
        })
    }
}

fn damaged(why: &str) -> Failure {
    let message =
        format!("what the cache keeps for this cannot be used ({why}); `antiphon cache verify` says more");
    Failure::new(FailureKind::Storage, message)
}

impl Audio {
    /// As a WAV file of 32-bit floats.
    ///
    /// # Errors
    /// [`Failure`] where it has more channels or frames than a WAV can.
    pub fn to_wav(&self) -> Result<Vec<u8>, Failure> {
        let unfit =
            |error: hound::Error| Failure::new(FailureKind::Unfit, format!("no WAV can hold it: {error}"));
        let spec = hound::WavSpec {
            channels: u16::try_from(self.channels.len()).unwrap_or(u16::MAX),
            sample_rate: self.rate.hertz(),
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut bytes = Vec::with_capacity(64 + 4 * self.frames() * self.channels.len());
        let mut writer = hound::WavWriter::new(Cursor::new(&mut bytes), spec).map_err(unfit)?;
        for frame in 0..self.frames() {
            for channel in &self.channels {
                writer.write_sample(channel[frame]).map_err(unfit)?;
            }
        }
        writer.finalize().map_err(unfit)?;
        Ok(bytes)
    }

    /// From a WAV file as [`to_wav`](Self::to_wav) writes it.
    ///
    /// # Errors
    /// [`Failure`] where it is none.
    pub fn from_wav(bytes: &[u8]) -> Result<Audio, Failure> {
        let wrong = |error: hound::Error| damaged(&error.to_string());
        let reader = hound::WavReader::new(Cursor::new(bytes)).map_err(wrong)?;
        let spec = reader.spec();
        let rate = SampleRate::new(spec.sample_rate).map_err(|error| damaged(&error.to_string()))?;
        let is_float = spec.sample_format == hound::SampleFormat::Float && spec.bits_per_sample == 32;
        if !is_float || !(1..=2).contains(&spec.channels) {
            return Err(damaged("it is not 32-bit float with one or two channels"));
        }
        // What stands behind the header, at once: sample by sample it would take ten times as long.
        let (count, frame_bytes) = (usize::from(spec.channels), 4 * usize::from(spec.channels));
        let length = 4 * reader.len() as usize;
        let begin = reader.into_inner().position() as usize;
        let samples = bytes.get(begin..begin + length).filter(|samples| samples.len() % frame_bytes == 0);
        let samples = samples.ok_or_else(|| damaged("it is cut off"))?;
        let sample = |bytes: &[u8]| bytes.try_into().map_or(0.0, f32::from_le_bytes);
        let channels = if count == 1 {
            vec![samples.as_chunks::<4>().0.iter().map(|one| f32::from_le_bytes(*one)).collect()]
        } else {
            let frames = samples.as_chunks::<8>().0;
            let side = |from: usize| frames.iter().map(|both| sample(&both[from..from + 4])).collect();
            vec![side(0), side(4)]
        };
        Ok(Audio { rate, channels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_survives_the_cache_to_the_bit() {
        let rate = SampleRate::new(44_100).expect("a rate");
        let left: Vec<f32> = (0..1_000).map(|n| (n as f32 * 0.37).sin() * 1.5).collect();
        let right = left.iter().map(|s| -s * 0.25).collect();
        let audio = Audio { rate, channels: vec![left, right] };
        assert_eq!(Audio::from_wav(&audio.to_wav().expect("a WAV")).expect("sound"), audio);
        let mono = Audio { channels: vec![audio.channels[0].clone()], ..audio.clone() };
        assert_eq!(Audio::from_wav(&mono.to_wav().expect("a WAV")).expect("sound"), mono);
        let bytes = audio.to_wav().expect("a WAV");
        for cut in [0, 3, 40, 44, 68, bytes.len() - 1] {
            assert!(Audio::from_wav(&bytes[..cut]).is_err(), "{cut} bytes are no WAV");
        }
    }
}
