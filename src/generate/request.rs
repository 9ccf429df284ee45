use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::unit::SampleRate;

/// All that is generated is in 4/4.
pub const BEATS_PER_BAR: u32 = 4;
/// The longest description, in bytes.
const DESCRIPTION_BYTES: usize = 4_000;
/// The longest of the other texts, in bytes.
const TEXT_BYTES: usize = 200;
/// The longest clip, in seconds.
const SECONDS_AT_MOST: f64 = 600.0;
/// The most tags, and the longest, in characters.
const TAGS_AT_MOST: usize = 8;
const TAG_CHARACTERS: usize = 64;
/// The most bars.
const BARS_AT_MOST: u32 = 256;

/// How long the music shall be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Length {
    /// Seconds, to the frame.
    Seconds(f64),
    /// Whole bars of [`BEATS_PER_BAR`] beats.
    Bars(u32),
}

impl Length {
    /// How long that is at a tempo, in seconds.
    pub fn seconds(self, tempo: f64) -> f64 {
        match self {
            Length::Seconds(seconds) => seconds,
            Length::Bars(bars) => f64::from(bars * BEATS_PER_BAR) * 60.0 / tempo,
        }
    }

    /// How many whole bars are written for it at a tempo, one at least. A loop has as many as cover it; a piece
    /// does not begin another bar for less than half of one: its last chord rings that long.
    pub fn whole_bars(self, tempo: f64, is_loop: bool) -> u32 {
        match self {
            Length::Bars(bars) => bars.max(1),
            Length::Seconds(seconds) => {
                let bars = seconds * tempo / 60.0 / f64::from(BEATS_PER_BAR);
                // A hair's breadth more than whole bars is no bar more.
                let bars = if is_loop { libm::ceil(bars - 1.0e-6) } else { libm::floor(bars + 0.5) };
                bars.clamp(1.0, 10_000.0) as u32
            }
        }
    }

    /// A tempo near to this one at which whole bars fill the length, where there is one within an eighth.
    pub fn fitting_tempo(self, tempo: f64) -> f64 {
        let Length::Seconds(seconds) = self else { return tempo };
        let beats = f64::from(BEATS_PER_BAR) * libm::round(seconds * tempo / 60.0 / f64::from(BEATS_PER_BAR));
        let fitting = beats * 60.0 / seconds;
        if (0.875..=1.125).contains(&(fitting / tempo)) { fitting } else { tempo }
    }
}

/// What is wanted of a backend's draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Sound; and the MIDI that it was played from, where there is one.
    Audio,
    /// MIDI; a backend that knows only sound refuses.
    Midi,
}

/// What to generate. Each field but the tags is part of the cache's key: the same request is the same music.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// What it shall be like, in words.
    pub description: String,
    /// The backend's name in the configuration. What stands behind the name is part of the cache's key too.
    pub backend: String,
    /// The model, where the backend has several; its own where `None`.
    pub model: Option<String>,
    /// How long.
    pub length: Length,
    /// Seeds what is random.
    pub seed: u64,
    /// The key, as written (`"Eb minor"`); the backend's choice where `None`.
    pub key: Option<String>,
    /// Beats a minute; the style's own where `None`.
    pub tempo: Option<f64>,
    /// The style (`"swing"`); from the description where `None`.
    pub style: Option<String>,
    /// Sound or MIDI.
    pub form: Form,
    /// It is to go round and round: its end leads to its beginning. Else it comes to an end.
    #[serde(default, rename = "loop")]
    pub looped: bool,
    /// Frames per second of the sound.
    #[serde(rename = "rate_hertz", with = "hertz")]
    pub rate: SampleRate,
    /// Words by which what is kept is found again, beside those that say what it is.
    #[serde(skip)]
    pub tags: BTreeSet<String>,
}

/// A rate as a number of hertz.
mod hertz {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::unit::SampleRate;

    pub fn serialize<S: Serializer>(rate: &SampleRate, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(rate.hertz())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SampleRate, D::Error> {
        SampleRate::new(u32::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A request that nobody can serve.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct RequestError(pub String);

impl Request {
    /// Eight bars by the embedded generator, from a description.
    pub fn new(description: impl Into<String>, rate: SampleRate) -> Request {
        Request {
            description: description.into(),
            backend: "local".to_owned(),
            model: None,
            length: Length::Bars(8),
            seed: 0,
            key: None,
            tempo: None,
            style: None,
            form: Form::Audio,
            looped: false,
            rate,
            tags: BTreeSet::new(),
        }
    }

    /// Whether it is to go round and round: as was said apart, or in the description ("a funk loop").
    pub fn is_loop(&self) -> bool {
        const WORDS: [&str; 6] = ["loop", "loops", "looped", "looping", "loopable", "vamp"];
        let mut words = self.description.split(|c: char| !c.is_alphanumeric());
        self.looped || words.any(|word| WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)))
    }

    /// Whether all of it is in range.
    ///
    /// # Errors
    /// [`RequestError`]: what is not, and what may be.
    pub fn check(&self) -> Result<(), RequestError> {
        let wrong = |text: String| Err(RequestError(text));
        if self.description.trim().is_empty() {
            return wrong("say in a few words what to generate".to_owned());
        }
        if self.description.len() > DESCRIPTION_BYTES {
            return wrong(format!("the description is longer than {DESCRIPTION_BYTES} bytes; say less"));
        }
        for (what, text) in [("model", &self.model), ("key", &self.key), ("style", &self.style)] {
            if text.as_ref().is_some_and(|text| text.len() > TEXT_BYTES) {
                return wrong(format!("the {what} is longer than {TEXT_BYTES} bytes"));
            }
        }
        if self.tags.len() > TAGS_AT_MOST {
            let count = self.tags.len();
            return wrong(format!("{count} tags are too many; {TAGS_AT_MOST} may be given"));
        }
        for tag in &self.tags {
            if tag.trim().is_empty() || tag.chars().any(char::is_control) {
                return wrong("a tag must be a word or some words in one line".to_owned());
            }
            if tag.chars().count() > TAG_CHARACTERS {
                return wrong(format!("a tag is longer than {TAG_CHARACTERS} characters; say less"));
            }
        }
        match self.length {
            Length::Seconds(s) if !(s > 0.0 && s <= SECONDS_AT_MOST) => {
                return wrong(format!(
                    "{s} seconds cannot be; more than 0 and at most {SECONDS_AT_MOST} can"
                ));
            }
            Length::Bars(bars) if !(1..=BARS_AT_MOST).contains(&bars) => {
                return wrong(format!("{bars} bars cannot be; 1 to {BARS_AT_MOST} can"));
            }
            _ => {}
        }
        if let Some(tempo) = self.tempo
            && !(20.0..=400.0).contains(&tempo)
        {
            return wrong(format!("a tempo of {tempo} cannot be; 20 to 400 beats a minute can"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_a_limit_and_are_in_nothing_that_is_sent_or_hashed() {
        let tagged = |tags: &[&str]| Request {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..Request::new("a tune", SampleRate::DEFAULT)
        };
        let long = "é".repeat(TAG_CHARACTERS);
        assert_eq!(tagged(&["gig", "a b", &long]).check(), Ok(()));
        assert_eq!(serde_json::to_value(tagged(&["gig"])).ok(), serde_json::to_value(tagged(&[])).ok());
        let nine: Vec<String> = (0..9).map(|tag| tag.to_string()).collect();
        let nine: Vec<&str> = nine.iter().map(String::as_str).collect();
        for (tags, said) in [
            (&nine[..], "9 tags are too many; 8 may be given"),
            (&[" "], "a word or some words"),
            (&["a\nb"], "in one line"),
            (&[&format!("{long}é")], "longer than 64 characters"),
        ] {
            let error = tagged(tags).check().expect_err(said);
            assert!(error.0.contains(said), "{error}");
        }
    }
}
