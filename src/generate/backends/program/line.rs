use std::borrow::Cow;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::{asked, charted};
use crate::generate::{Draft, Failure, FailureKind, Progress, Request, Stage};
use crate::theory::Chart;

/// The longest file that is read from a `path`.
const FILE_BYTES: u64 = 64 << 20;
/// The most characters of a program's words.
const CHARACTERS: usize = 200;

/// What a line of a program says.
pub(super) enum Line {
    Progress(Progress),
    Draft(Came),
    /// No JSON: a library that chats, mostly.
    Strange(String),
}

/// A draft, or where it is.
pub(super) enum Came {
    Here(Draft),
    File { path: PathBuf, chart: Option<String>, tempo: f64 },
}

/// What is understood of a line, as it stands there: the rest is passed over, and nothing is taken apart that
/// nobody asks for. A line may be long, and a tree of it would be many times as large.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    retry: Option<&'a RawValue>,
    tempo: Option<&'a RawValue>,
    chart: Option<&'a RawValue>,
    midi_base64: Option<&'a RawValue>,
    audio_base64: Option<&'a RawValue>,
    content_type: Option<&'a RawValue>,
    path: Option<&'a RawValue>,
    progress: Option<&'a RawValue>,
    words: Option<&'a RawValue>,
}

impl<'a> Said<'a> {
    fn read(line: &'a [u8]) -> Option<Said<'a>> {
        // A list would be taken for the fields in their order.
        let begins = line.iter().find(|byte| !byte.is_ascii_whitespace())?;
        if *begins == b'{' { serde_json::from_slice(line).ok() } else { None }
    }
}

/// A field that is a text.
fn text(field: Option<&RawValue>) -> Option<Cow<'_, str>> {
    /// Borrowed where nothing in it is escaped.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str(field?.get()).ok().map(|Text(text)| text)
}

/// A field that is a number or a truth.
fn plain<T: for<'de> Deserialize<'de>>(field: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(field?.get()).ok()
}

/// A field's text, or the JSON of whatever else it is.
fn text_or_json(field: &RawValue) -> String {
    text(Some(field)).map_or_else(|| field.get().to_owned(), Cow::into_owned)
}

/// Reads a line.
pub(super) fn read(line: &[u8], request: &Request, name: &str) -> Result<Line, Failure> {
    let unfit = |what: String| Failure::new(FailureKind::Unfit, format!("the program `{name}` {what}"));
    let Some(said) = Said::read(line) else {
        return Ok(Line::Strange(clipped(&String::from_utf8_lossy(line))));
    };
    if let Some(error) = said.error {
        let helps = plain(said.retry).unwrap_or(false);
        let kind = if helps { FailureKind::Unavailable } else { FailureKind::Refused };
        let words = clipped(&text_or_json(error));
        return Err(Failure::new(kind, format!("the program `{name}` says: {words}")));
    }
    let decode = |key: &str, data: &str| {
        STANDARD
            .decode(data.trim())
            .map_err(|error| unfit(format!("wrote a `{key}` that is not base 64 ({error})")))
    };
    let tempo = plain(said.tempo).filter(|tempo| (20.0..=400.0).contains(tempo));
    let tempo = tempo.or(request.tempo).unwrap_or(asked::TEMPO);
    let chart = said.chart.map(text_or_json);
    if let Some(data) = text(said.midi_base64) {
        return Ok(Line::Draft(Came::Here(Draft::Midi {
            bytes: decode("midi_base64", &data)?,
            chart,
            tempo,
        })));
    }
    if let Some(data) = text(said.audio_base64) {
        let content_type = text(said.content_type).map(Cow::into_owned);
        let bytes = decode("audio_base64", &data)?;
        return Ok(Line::Draft(Came::Here(Draft::Sound { bytes, content_type })));
    }
    if let Some(path) = text(said.path) {
        return Ok(Line::Draft(Came::File { path: PathBuf::from(&*path), chart, tempo }));
    }
    if let Some(chart) = chart {
        let chart = Chart::from_json(&chart)
            .map_err(|error| unfit(format!("wrote a chart that cannot be used ({error})")))?;
        return Ok(Line::Draft(Came::Here(charted::draft(chart, request)?)));
    }
    if said.progress.is_some() || said.words.is_some() {
        let done = plain::<f64>(said.progress).map(|done| done.clamp(0.0, 1.0) as f32);
        let words = clipped(&text(said.words).unwrap_or_default());
        return Ok(Line::Progress(Progress { stage: Stage::Drafting, done, words }));
    }
    Err(unfit(
        "wrote a line that says nothing: it may hold progress, midi_base64, audio_base64, path, chart or error"
            .to_owned(),
    ))
}

impl Came {
    /// The draft, read from its file where it is in one.
    pub async fn draft(self) -> Result<Draft, Failure> {
        let (path, chart, tempo) = match self {
            Came::Here(draft) => return Ok(draft),
            Came::File { path, chart, tempo } => (path, chart, tempo),
        };
        let unfit = |why: String| {
            Failure::new(FailureKind::Unfit, format!("the file {} of the program: {why}", path.display()))
        };
        let from = path.clone();
        let read = tokio::task::spawn_blocking(move || file_of(&from)).await;
        let bytes = match read {
            Ok(bytes) => bytes.map_err(|error| unfit(error.to_string()))?,
            Err(_) => return Err(unfit("it cannot be read".to_owned())),
        };
        if bytes.starts_with(b"MThd") {
            Ok(Draft::Midi { bytes, chart, tempo })
        } else {
            Ok(Draft::Sound { bytes, content_type: None })
        }
    }
}

fn file_of(path: &Path) -> std::io::Result<Vec<u8>> {
    // A pipe would be waited for without end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(std::io::Error::other(format!("it is longer than {} MiB", FILE_BYTES >> 20)));
    }
    Ok(bytes)
}

fn clipped(text: &str) -> String {
    let mut clipped: String = text.chars().filter(|c| !c.is_control()).take(CHARACTERS).collect();
    if text.chars().nth(CHARACTERS).is_some() {
        clipped.push('…');
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::SampleRate;

    fn read_one(line: &str) -> Result<Line, Failure> {
        read(line.as_bytes(), &Request::new("a tune", SampleRate::DEFAULT), "mine")
    }

    /// Deeper than a tree of JSON may be: what is passed over is not made one.
    #[test]
    fn what_nobody_asks_for_is_passed_over_and_not_taken_apart() {
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let line = format!("{{\"samples\": {deep}, \"path\": \"/tmp/\\u0061.wav\", \"tempo\": 90}}");
        let Ok(Line::Draft(Came::File { path, tempo, .. })) = read_one(&line) else { panic!("it is there") };
        assert_eq!((path.to_str(), tempo), (Some("/tmp/a.wav"), 90.0));
        let Err(failure) = read_one(&format!("{{\"error\": {deep}}}")) else { panic!("it says so") };
        assert!(failure.message.len() < 1_000 && failure.message.contains("says: [[["), "{failure}");
    }

    #[test]
    fn fields_are_found_by_their_names_and_of_their_sorts() {
        let strange = |line: &str| matches!(read_one(line), Ok(Line::Strange(_)));
        assert!(
            strange("[\"an error by its place\"]")
                && strange("\"text\"")
                && strange("loading")
                && strange("")
        );
        let Ok(Line::Progress(progress)) =
            read_one("{\"progress\": 7, \"words\": \"a\\nb\", \"error\": null}")
        else {
            panic!("it goes on")
        };
        assert_eq!((progress.done, &*progress.words), (Some(1.0), "ab"));
        for (line, kind, words) in [
            ("{\"error\": {\"code\": 3}, \"retry\": true}", FailureKind::Unavailable, "says: {\"code\": 3}"),
            ("{\"error\": \"no\", \"retry\": \"yes\"}", FailureKind::Refused, "says: no"),
            ("{\"path\": 3}", FailureKind::Unfit, "says nothing"),
        ] {
            let failure = read_one(line).err().expect(line);
            assert!(failure.kind == kind && failure.message.contains(words), "{line}: {failure}");
        }
    }
}
