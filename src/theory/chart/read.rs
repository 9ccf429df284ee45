use serde::Deserialize;
use serde_json::Value;

use super::{BARS_AT_MOST, CHORDS_PER_BAR_AT_MOST, Chart, ChartError, TEXT_BYTES, TITLE_BYTES};
use crate::theory::{Chord, Key, Style};

/// The fields, whatever is in them: so that an error has its place by name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    title: Option<Value>,
    key: Value,
    tempo: Value,
    style: Value,
    bars: Value,
}

/// The longest message, in characters: it may quote the text.
const MESSAGE_CHARACTERS: usize = 300;

fn wrong<T>(place: impl Into<String>, message: impl Into<String>) -> Result<T, ChartError> {
    let message: String = message.into();
    // A terminal would obey what is quoted.
    let message = message.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARACTERS).collect();
    Err(ChartError { place: place.into(), message })
}

/// What a value is, in a word.
fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn text<'v>(place: &str, value: &'v Value) -> Result<&'v str, ChartError> {
    match value.as_str() {
        Some(text) => Ok(text),
        None => wrong(place, format!("a text stands here, and not {}", sort(value))),
    }
}

fn list<'v>(place: &str, value: &'v Value, what: &str, at_most: usize) -> Result<&'v [Value], ChartError> {
    let Some(list) = value.as_array() else {
        return wrong(place, format!("a list of {what} stands here, and not {}", sort(value)));
    };
    if list.is_empty() || list.len() > at_most {
        return wrong(place, format!("{} {what}; 1 to {at_most} can be", list.len()));
    }
    Ok(list)
}

pub(super) fn read(json: &str) -> Result<Chart, ChartError> {
    if json.len() > TEXT_BYTES {
        return wrong("", format!("it is longer than {TEXT_BYTES} bytes"));
    }
    let fields: Fields = match serde_json::from_str(json) {
        Ok(fields) => fields,
        Err(error) => return wrong("", format!("this is not its JSON: {error}")),
    };
    let title = match &fields.title {
        None | Some(Value::Null) => None,
        Some(title) => Some(text("title", title)?),
    };
    if title.is_some_and(|title| title.len() > TITLE_BYTES || title.chars().any(char::is_control)) {
        return wrong("title", format!("at most {TITLE_BYTES} bytes on one line can be"));
    }
    let key: Key = match text("key", &fields.key)?.parse() {
        Ok(key) => key,
        Err(error) => return wrong("key", format!("{error}")),
    };
    let Some(tempo) = fields.tempo.as_f64().filter(|tempo| (20.0..=400.0).contains(tempo)) else {
        let given: String = fields.tempo.to_string().chars().take(24).collect();
        return wrong("tempo", format!("`{given}` cannot be; 20 to 400 beats a minute can"));
    };
    let style: Style = match text("style", &fields.style)?.parse() {
        Ok(style) => style,
        Err(error) => return wrong("style", format!("{error}")),
    };
    let mut bars = Vec::new();
    for (number, bar) in list("bars", &fields.bars, "bars", BARS_AT_MOST)?.iter().enumerate() {
        let place = format!("bars[{number}]");
        let mut chords = Vec::new();
        for (index, symbol) in list(&place, bar, "chords", CHORDS_PER_BAR_AT_MOST)?.iter().enumerate() {
            let place = format!("{place}[{index}]");
            match text(&place, symbol)?.parse::<Chord>() {
                Ok(chord) => chords.push(chord),
                Err(error) => return wrong(place, format!("{error}")),
            }
        }
        bars.push(chords);
    }
    Ok(Chart { title: title.map(str::to_owned), key, tempo, style, bars })
}
