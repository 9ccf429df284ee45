use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

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

/// Reads a line.
pub(super) fn read(line: &[u8], request: &Request, name: &str) -> Result<Line, Failure> {
    let unfit = |what: String| Failure::new(FailureKind::Unfit, format!("the program `{name}` {what}"));
    let Ok(Value::Object(table)) = serde_json::from_slice::<Value>(line) else {
        return Ok(Line::Strange(clipped(&String::from_utf8_lossy(line))));
    };
    let text = |key: &str| table.get(key).and_then(Value::as_str);
    if let Some(error) = table.get("error") {
        let said = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
        let helps = table.get("retry").and_then(Value::as_bool).unwrap_or(false);
        let kind = if helps { FailureKind::Unavailable } else { FailureKind::Refused };
        return Err(Failure::new(kind, format!("the program `{name}` says: {}", clipped(&said))));
    }
    let decode = |key: &str, data: &str| {
        STANDARD
            .decode(data.trim())
            .map_err(|error| unfit(format!("wrote a `{key}` that is not base 64 ({error})")))
    };
    let tempo = table.get("tempo").and_then(Value::as_f64).filter(|tempo| (20.0..=400.0).contains(tempo));
    let tempo = tempo.or(request.tempo).unwrap_or(asked::TEMPO);
    let chart =
        table.get("chart").map(|chart| chart.as_str().map_or_else(|| chart.to_string(), str::to_owned));
    if let Some(data) = text("midi_base64") {
        return Ok(Line::Draft(Came::Here(Draft::Midi {
            bytes: decode("midi_base64", data)?,
            chart,
            tempo,
        })));
    }
    if let Some(data) = text("audio_base64") {
        let content_type = text("content_type").map(str::to_owned);
        let bytes = decode("audio_base64", data)?;
        return Ok(Line::Draft(Came::Here(Draft::Sound { bytes, content_type })));
    }
    if let Some(path) = text("path") {
        return Ok(Line::Draft(Came::File { path: PathBuf::from(path), chart, tempo }));
    }
    if let Some(chart) = chart {
        let chart = Chart::from_json(&chart)
            .map_err(|error| unfit(format!("wrote a chart that cannot be used ({error})")))?;
        return Ok(Line::Draft(Came::Here(charted::draft(chart, request)?)));
    }
    if table.contains_key("progress") || table.contains_key("words") {
        let done = table.get("progress").and_then(Value::as_f64).map(|done| done.clamp(0.0, 1.0) as f32);
        let words = clipped(text("words").unwrap_or_default());
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
