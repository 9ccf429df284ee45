//! `antiphon kinds [KIND|cable]`: what rigs may say.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value as Json;

use crate::instrument::clip::ClipKind;
use crate::rig::keys::{self, Key, KeyShape, Sample};
use crate::rig::nearest;
use crate::stage::{Kind, Kinds, Parameter, Role, Shape, Unit, Value};

const WIDTH: usize = 96;

/// One kind, or one section of a rig with keys of its own. This is the JSON.
#[derive(Serialize)]
struct Entry {
    name: String,
    /// `instrument` or `stage` for kinds; for sections their own name.
    role: &'static str,
    summary: String,
    parameters: Vec<Row>,
}

/// One parameter or key. What does not apply is null.
#[derive(Serialize)]
struct Row {
    name: String,
    /// `number`, `integer`, `choice`, `switch`, `text`, `list` or `table`.
    r#type: &'static str,
    unit: Option<&'static str>,
    min: Option<Json>,
    max: Option<Json>,
    choices: Option<Vec<&'static str>>,
    default: Option<Json>,
    example: Json,
    /// The default and the example as a rig writes them.
    #[serde(skip)]
    written: [Option<String>; 2],
    /// Changes while it sounds, without building the actor anew.
    live: bool,
    summary: &'static str,
}

/// Lists every kind and every section, or the one named, as a table for people
/// or as JSON: an array, or the one object.
///
/// Gives the exit status: 0, or 2 for a name that is none.
pub fn kinds(name: Option<&str>, json: bool, kinds: &Kinds) -> u8 {
    kinds_to(name, json, kinds, &mut io::stdout().lock(), &mut io::stderr().lock())
}

/// As [`kinds`], to other ends.
pub fn kinds_to(
    name: Option<&str>,
    json: bool,
    kinds: &Kinds,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let mut entries = entries(kinds);
    // A reader that went away (`kinds | head`) is no error.
    let Some(name) = name else {
        let _ = if json { write_json(out, &entries) } else { entries.iter().try_for_each(|e| table(out, e)) };
        return 0;
    };
    let Some(index) = entries.iter().position(|entry| entry.name == name) else {
        let known: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", known.join(", ")),
        };
        let _ = writeln!(err, "error: there is no kind `{}`\n  hint: {hint}", name.escape_debug());
        return 2;
    };
    let entry = entries.swap_remove(index);
    let _ = if json { write_json(out, &entry) } else { table(out, &entry) };
    0
}

fn write_json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

fn entries(kinds: &Kinds) -> Vec<Entry> {
    let of_role = |role| kinds.iter().filter(move |kind| kind.role() == role).map(|kind| of_kind(&**kind));
    let sections = keys::SECTIONS.iter().map(|(name, summary, keys)| Entry {
        name: (*name).to_owned(),
        role: name,
        summary: (*summary).to_owned(),
        parameters: keys.iter().flat_map(of_keys).collect(),
    });
    of_role(Role::Instrument)
        .chain(of_role(Role::Stage))
        .chain([of_kind(&ClipKind::default())])
        .chain(sections)
        .collect()
}

fn of_kind(kind: &dyn Kind) -> Entry {
    let is_clip = kind.role() == Role::Clip;
    let sources = if is_clip { keys::CLIP } else { &[] };
    let sources = sources.iter().filter(|key| key.name != keys::GAIN.name).map(of_key);
    let mut parameters: Vec<Row> = sources.chain(kind.parameters().iter().map(of_parameter)).collect();
    if !parameters.iter().any(|row| row.name == keys::GAIN.name) {
        parameters.push(Row { live: true, ..of_key(&keys::GAIN) });
    }
    if !is_clip {
        parameters.push(of_key(&keys::ISOLATE));
    }
    Entry {
        name: kind.name().to_owned(),
        role: match kind.role() {
            Role::Instrument => "instrument",
            Role::Stage => "stage",
            Role::Clip => "clip",
        },
        summary: kind.summary().to_owned(),
        parameters,
    }
}

fn of_parameter(parameter: &Parameter) -> Row {
    let json = |value| match (value, parameter.shape) {
        (Value::Number(number), Shape::Integer { .. }) => Json::from(number as i64),
        (Value::Number(number), _) => Json::from(number),
        (Value::Choice(index), Shape::Choice(words)) => Json::from(words.get(index).copied().unwrap_or("")),
        (Value::Choice(index), _) => Json::from(index),
        (Value::Switch(on), _) => Json::from(on),
    };
    let (r#type, min, max, choices) = match parameter.shape {
        Shape::Number { min, max } => ("number", Some(min.into()), Some(max.into()), None),
        Shape::Integer { min, max } => ("integer", Some(min.into()), Some(max.into()), None),
        Shape::Choice(words) => ("choice", None, None, Some(words.to_vec())),
        Shape::Switch => ("switch", None, None, None),
    };
    Row {
        name: parameter.name.to_owned(),
        r#type,
        unit: (parameter.unit != Unit::None).then(|| parameter.unit.symbol()),
        min,
        max,
        choices,
        default: parameter.default.map(json),
        example: json(parameter.example),
        written: [None, None],
        live: parameter.live,
        summary: parameter.summary,
    }
}

/// A key, and those of its tables, as `controllers.from`.
fn of_keys(key: &Key) -> Vec<Row> {
    let mut rows = vec![of_key(key)];
    if let KeyShape::Tables(keys) | KeyShape::Table(keys) = key.shape {
        let inner = |inner| {
            let row = of_key(inner);
            Row { name: format!("{}.{}", key.name, row.name), ..row }
        };
        rows.extend(keys.iter().map(inner));
    }
    rows
}

fn of_key(key: &Key) -> Row {
    let json = |sample| match sample {
        Sample::Number(number) => Json::from(number),
        Sample::Integer(number) => Json::from(number),
        Sample::Switch(on) => Json::from(on),
        Sample::Text(text) => Json::from(text),
        Sample::List(list) => Json::from(list),
        Sample::Pairs(pairs) => {
            pairs.iter().map(|(bar, tempo)| Json::from(vec![Json::from(*bar), Json::from(*tempo)])).collect()
        }
        Sample::Names(names) => Json::from(names),
        Sample::Range(range) => Json::from(&range[..]),
        Sample::Setting(parameter, value) => serde_json::json!({ parameter: value }),
        Sample::Toml(text) => text.parse().map_or(Json::Null, |value| of_toml(&value)),
    };
    let (r#type, min, max) = match key.shape {
        KeyShape::Number { min, max } => ("number", Some(min.into()), Some(max.into())),
        KeyShape::Integer { min, max } => ("integer", Some(min.into()), Some(max.into())),
        KeyShape::Switch => ("switch", None, None),
        KeyShape::Channels => ("list", Some(1.into()), Some(16.into())),
        KeyShape::Names | KeyShape::Range => ("list", None, None),
        KeyShape::Settings => ("table", None, None),
        KeyShape::Controller => ("integer", Some(0.into()), Some(keys::CONTROLLERS.into())),
        KeyShape::DeviceChannels => ("list", Some(1.into()), Some(keys::DEVICE_CHANNELS.into())),
        KeyShape::TempoMap => ("list", None, None),
        KeyShape::Choice(_) => ("choice", None, None),
        KeyShape::Name
        | KeyShape::Pattern
        | KeyShape::KeyRange
        | KeyShape::VelocityRange
        | KeyShape::Text
        | KeyShape::Key
        | KeyShape::SceneKey
        | KeyShape::Parameter
        | KeyShape::Action
        | KeyShape::Velocity
        | KeyShape::Curve
        | KeyShape::NoteLength
        | KeyShape::Scale => ("text", None, None),
        KeyShape::Words(_) | KeyShape::Notes | KeyShape::Tables(_) => ("list", None, None),
        KeyShape::ChannelMap => ("list", Some(1.into()), Some(16.into())),
        KeyShape::Values => ("list", Some(0.into()), Some(127.into())),
        KeyShape::Interval { .. } => ("text", None, None),
        KeyShape::Table(_) => ("table", None, None),
        KeyShape::Control(_) => ("integer", Some(0.into()), Some(keys::CONTROLLERS.into())),
    };
    let choices = match key.shape {
        KeyShape::Words(words) | KeyShape::Control(words) | KeyShape::Choice(words) => Some(words.to_vec()),
        _ => None,
    };
    let written = |sample: Sample| matches!(sample, Sample::Toml(_)).then(|| sample.to_string());
    Row {
        name: key.name.to_owned(),
        r#type,
        unit: (!key.unit.is_empty()).then_some(key.unit),
        min,
        max,
        choices,
        default: key.default.map(json),
        example: json(key.example),
        written: [key.default.and_then(written), written(key.example)],
        live: false,
        summary: key.summary,
    }
}

fn of_toml(value: &toml_edit::Value) -> Json {
    use toml_edit::Value;
    match value {
        Value::String(text) => Json::from(text.value().as_str()),
        Value::Integer(number) => Json::from(*number.value()),
        Value::Float(number) => Json::from(*number.value()),
        Value::Boolean(on) => Json::from(*on.value()),
        Value::Datetime(date) => Json::from(date.value().to_string()),
        Value::Array(list) => list.iter().map(of_toml).collect(),
        Value::InlineTable(table) => {
            Json::Object(table.iter().map(|(key, value)| (key.to_owned(), of_toml(value))).collect())
        }
    }
}

fn table(out: &mut dyn Write, entry: &Entry) -> io::Result<()> {
    match entry.role {
        "instrument" | "stage" => writeln!(out, "{} ({})", entry.name, entry.role)?,
        _ => writeln!(out, "{}", entry.name)?,
    }
    wrapped(out, &entry.summary, 2)?;
    let columns: Vec<[String; 4]> = entry.parameters.iter().map(columns).collect();
    let width = |i: usize| columns.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let (names, values, defaults) = (width(0), width(1), width(2));
    for (row, [name, value, default, example]) in entry.parameters.iter().zip(&columns) {
        writeln!(out, "  {name:names$}  {value:values$}  {default:defaults$}  {example}")?;
        wrapped(out, row.summary, 6)?;
        if let Some(choices) = &row.choices {
            wrapped(out, &format!("one of: {}", choices.join(", ")), 6)?;
        }
    }
    writeln!(out)
}

fn columns(row: &Row) -> [String; 4] {
    let value = match (&row.min, &row.max) {
        (Some(min), Some(max)) => {
            let unit = row.unit.filter(|unit| *unit != Unit::Ratio.symbol()).unwrap_or("");
            format!("{} to {} {unit}", plain(min), plain(max)).trim_end().to_owned()
        }
        _ if row.r#type == "switch" => "true or false".to_owned(),
        _ => row.r#type.to_owned(),
    };
    let [default, example] = &row.written;
    let default = default.clone().or(row.default.as_ref().map(plain)).unwrap_or("-".to_owned());
    let example = example.clone().unwrap_or_else(|| plain(&row.example));
    [row.name.clone(), value, format!("default {default}"), format!("e.g. {example}")]
}

/// A number without `.0`, a table as TOML, anything else as JSON, which here is TOML too.
fn plain(value: &Json) -> String {
    if let Some(table) = value.as_object() {
        let pairs: Vec<String> = table.iter().map(|(key, value)| format!("\"{key}\" = {value}")).collect();
        return format!("{{ {} }}", pairs.join(", "));
    }
    value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string())
}

fn wrapped(out: &mut dyn Write, text: &str, indent: usize) -> io::Result<()> {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{:indent$}{line}", "")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{:indent$}{line}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: Option<&str>, json: bool) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = kinds_to(name, json, &crate::engine::kinds(), &mut out, &mut err);
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (status, text(out), text(err))
    }

    #[test]
    fn the_cable_is_one_object_with_the_keys_of_the_parser() {
        let (status, out, _) = listed(Some("cable"), true);
        let cable: Json = serde_json::from_str(&out).expect("JSON");
        assert_eq!((status, &cable["role"]), (0, &Json::from("cable")));
        let names: Vec<&str> = cable["parameters"]
            .as_array()
            .expect("rows")
            .iter()
            .filter_map(|row| row["name"].as_str())
            .collect();
        let inner = |name: &&str| name.contains('.');
        let (inner, own): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| inner(name));
        let known: Vec<&str> = keys::CABLE.iter().map(|key| key.name).collect();
        assert_eq!(own, known);
        assert!(inner.contains(&"controllers.from") && inner.contains(&"controllers.curve"), "{inner:?}");
        let row = |name: &str| &cable["parameters"][names.iter().position(|n| *n == name).expect(name)];
        assert_eq!(row("transpose")["min"], -127);
        assert_eq!(row("controllers")["example"][0]["to"], 74);
        assert_eq!(row("channel_map")["example"], serde_json::json!([[1, 3], [2, 4]]));
        for row in cable["parameters"].as_array().expect("rows") {
            assert!(!row["example"].is_null() && !row["summary"].is_null(), "{row}");
        }
    }

    #[test]
    fn a_name_that_is_none_is_a_usage_error() {
        let (status, out, err) = listed(Some("cabel"), true);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(err.contains("did you mean `cable`?"), "{err}");
    }

    #[test]
    fn the_table_fits_a_terminal() {
        let (status, out, err) = listed(None, false);
        assert_eq!((status, err.as_str()), (0, ""));
        assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
        assert!(out.contains("-127 to 127 semitones"), "{out}");
    }

    #[test]
    fn every_kind_is_an_object_with_a_gain_and_examples() {
        let (_, out, _) = listed(None, true);
        let entries: Vec<Json> = serde_json::from_str(&out).expect("an array");
        let kinds: Vec<&Json> =
            entries.iter().filter(|e| e["role"] == "instrument" || e["role"] == "stage").collect();
        assert!(kinds.len() >= 6, "{out}");
        for kind in kinds {
            let rows = kind["parameters"].as_array().expect("parameters");
            assert_eq!(rows.iter().filter(|row| row["name"] == "gain").count(), 1, "{kind}");
            assert!(rows.iter().all(|row| !row["example"].is_null() && row["live"].is_boolean()), "{kind}");
            let (_, one, _) = listed(kind["name"].as_str(), true);
            assert_eq!(&serde_json::from_str::<Json>(&one).expect("an object"), kind);
        }
    }
}
