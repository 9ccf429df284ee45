//! The keys of a MIDI cable that few cables have.

use std::ops::Range;

use toml_edit::{Item, Table, TableLike, Value};

use super::super::keys::{self, CONTROLLERS, KeyShape};
use super::super::problem::{nearest, quoted};
use super::fields::{Fields, Problems, found_value};
use crate::route::{
    Control, ControllerCurve, ControllerMap, ControllerRule, Fade, MessageTypes, Scale, Shaping, Transform,
};
use crate::unit::Key;

const NOTE_HINT: &str = "write a key such as C4 or 60, or a note of every octave such as C, F# or Bb";
const POINTS: &str = "\"linear\", \"soft\", \"hard\", or points such as [[0, 20], [127, 110]]";

/// Reads them; `None` where the cable has none of them. What is wrong becomes a
/// problem and stays as if not given.
pub(super) fn read(
    fields: &Fields<'_>,
    plain: &Transform,
    problems: &mut Problems<'_>,
) -> Option<Box<Shaping>> {
    let mut shaping = Shaping::default();
    if let Some(only) = types(fields, "only", problems) {
        shaping.types = only;
    }
    if let Some(without) = types(fields, "without", problems) {
        shaping.types = shaping.types.without(without);
    }
    if shaping.types == MessageTypes::NONE {
        let at = if fields.has("without") { "without" } else { "only" };
        let hint = Some("leave the cable away if nothing is to pass".to_owned());
        problems.add(&fields.value_at(at), "no message would pass this cable", hint);
    }
    shaping.notes = notes(fields, "notes", problems).unwrap_or(u128::MAX);
    shaping.scale = scale(fields, "scale", problems).map(Scale::new);
    shaping.key_fade =
        fade(fields, "key_fade", "keys", problems).map(|steps| Fade::new(plain.keys, (0, 127), steps));
    shaping.velocity_fade = fade(fields, "velocity_fade", "velocities", problems)
        .map(|steps| Fade::new(plain.velocities, (1, 127), steps));
    shaping.controllers = controllers(fields, "controllers", problems);
    if let Some(map) = channel_map(fields, "channel_map", problems) {
        shaping.channels = map;
    }
    (shaping != Shaping::default()).then(|| Box::new(shaping))
}

fn types(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<MessageTypes> {
    let mut types = MessageTypes::NONE;
    let wanted = "a list of sorts of messages, such as [\"notes\", \"clock\"]";
    for (at, value) in fields.list(key, wanted, problems)? {
        let named =
            value.as_str().and_then(|word| MessageTypes::NAMED.iter().find(|(name, _)| *name == word));
        let Some((_, sort)) = named else {
            let words: Vec<&str> = MessageTypes::NAMED.iter().map(|(name, _)| *name).collect();
            let near = value.as_str().and_then(|word| nearest(word, words.iter().copied()));
            let all = words.join(", ");
            let hint = match near {
                Some(near) => format!("did you mean \"{near}\"? There are: {all}"),
                None => format!("there are: {all}"),
            };
            let message = format!("`{key}` names sorts of messages; {} is none", found_value(value));
            problems.add(&at, message, Some(hint));
            return None;
        };
        types = types.with(*sort);
    }
    if key == "only" && types == MessageTypes::NONE {
        let hint = Some("leave it away to let all sorts of messages pass".to_owned());
        problems.add(&fields.value_at(key), "`only` names nothing: nothing would pass", hint);
        return None;
    }
    Some(types)
}

/// A pitch class by the name of its note.
fn class(text: &str) -> Option<u8> {
    let named = !text.ends_with(|c: char| c.is_ascii_digit());
    // B# and Cb leave their octave, but not the range.
    let key = named.then(|| format!("{}4", text.trim()).parse::<Key>().ok())??;
    Some(key.number() % 12)
}

fn notes(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<u128> {
    let mut bits = 0_u128;
    let wanted = "a list of notes, such as [\"C\", \"E\", \"F#3\"]";
    for (at, value) in fields.list(key, wanted, problems)? {
        let of_class = value.as_str().and_then(class);
        let number = value.as_integer().and_then(|number| u8::try_from(number).ok()).and_then(Key::new);
        let one = number.or_else(|| value.as_str().and_then(|text| text.parse::<Key>().ok()));
        match (of_class, one) {
            (Some(class), _) => {
                bits |= (0..128).filter(|key| key % 12 == class).fold(0, |bits, key| bits | 1_u128 << key);
            }
            (None, Some(one)) => bits |= 1 << one.number(),
            (None, None) => {
                let message = format!("{} is not a note", found_value(value));
                problems.add(&at, message, Some(NOTE_HINT.into()));
                return None;
            }
        }
    }
    if bits == 0 {
        let hint = Some("leave it away to let all notes pass".to_owned());
        problems.add(&fields.value_at(key), format!("`{key}` lists no note: nothing would sound"), hint);
        return None;
    }
    Some(bits)
}

fn scale(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<u16> {
    let at = fields.value_at(key);
    let hint = || {
        let names: Vec<&str> = Scale::NAMED.iter().map(|(name, _)| *name).collect();
        Some(format!("write a root and one of {}, or notes such as [\"C\", \"E\", \"G\"]", names.join(", ")))
    };
    match fields.item(key)? {
        Item::Value(Value::String(text)) => {
            let mut words = text.value().split_whitespace();
            let (root, name, rest) = (words.next(), words.next(), words.next());
            let root = root.and_then(class);
            let steps = Scale::NAMED.iter().find(|(known, _)| name == Some(known)).map(|(_, steps)| steps);
            let (Some(root), Some(steps), None) = (root, steps, rest) else {
                problems.add(&at, format!("unknown scale {}", quoted(text.value())), hint());
                return None;
            };
            Some(steps.iter().fold(0, |bits, step| bits | 1 << ((root + step) % 12)))
        }
        Item::Value(Value::Array(list)) => {
            let mut bits = 0;
            for value in list {
                let Some(class) = value.as_str().and_then(class) else {
                    let at = value.span().unwrap_or(at);
                    problems.add(&at, format!("{} is no note of a scale", found_value(value)), hint());
                    return None;
                };
                bits |= 1 << class;
            }
            if bits == 0 {
                problems.add(&at, format!("`{key}` lists no note"), hint());
                return None;
            }
            Some(bits)
        }
        _ => {
            fields.wrong_type(key, "a scale such as \"A minor\", or a list of notes", None, problems);
            None
        }
    }
}

fn fade(fields: &Fields<'_>, key: &str, range: &str, problems: &mut Problems<'_>) -> Option<u8> {
    let shape = keys::CABLE.iter().find(|known| known.name == key)?;
    let steps = fields.integer(shape, problems).and_then(|steps| u8::try_from(steps).ok())?;
    if steps > 0 && !fields.has(range) {
        let message = format!("`{key}` fades at the ends of `{range}`, and this cable has no `{range}`");
        problems.add(fields.key_at(key), message, Some(format!("give it `{range}`, or leave `{key}` away")));
        return None;
    }
    (steps > 0).then_some(steps)
}

fn channel_map(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<[u8; 16]> {
    let mut map = Shaping::default().channels;
    let mut seen = 0_u16;
    let wanted = "a list of pairs of channels, such as [[1, 3], [2, 4]]";
    for (at, value) in fields.list(key, wanted, problems)? {
        let channel =
            |value: &Value| value.as_integer().filter(|c| (1..=16).contains(c)).map(|c| c as u8 - 1);
        let pair = value.as_array().filter(|pair| pair.len() == 2);
        let pair = pair.and_then(|pair| Some((channel(pair.get(0)?)?, channel(pair.get(1)?)?)));
        let Some((from, to)) = pair else {
            let message = format!("a pair of `{key}` must be two MIDI channels from 1 to 16");
            problems.add(&at, message, Some("write [in, out], such as [1, 3]".into()));
            return None;
        };
        if seen & (1 << from) != 0 {
            let hint = Some("to play two channels from one, use two cables".to_owned());
            problems.add(&at, format!("channel {} is in `{key}` twice", from + 1), hint);
            return None;
        }
        seen |= 1 << from;
        map[usize::from(from)] = to;
    }
    if fields.has("channel") {
        let hint = Some("`channel` is for all of them, `channel_map` for each: keep one".to_owned());
        problems.add(fields.key_at(key), "this cable has both `channel` and `channel_map`", hint);
        return None;
    }
    Some(map)
}

fn controllers(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<ControllerMap> {
    let known: Vec<&str> = keys::CONTROLLER.iter().map(|key| key.name).collect();
    let mut rules = Vec::new();
    let mut seen: Vec<Control> = Vec::new();
    for (at, table) in tables(fields, key, problems)? {
        let inner = Fields::read(table, at.clone(), "a table of `controllers`", &known, problems);
        let Some(from) = control(&inner, "from", problems) else {
            if !inner.has("from") {
                let hint = Some("write from = 1, \"bend\" or \"pressure\"".to_owned());
                problems.add(&at, "this controller has no `from`", hint);
            }
            return None;
        };
        let to = if inner.item("to").and_then(Item::as_str) == Some("none") {
            None
        } else if inner.has("to") {
            Some(control(&inner, "to", problems)?)
        } else {
            Some(from)
        };
        if from == Control::Bend && to == Some(Control::Bend) {
            let hint = Some("let it become a controller or \"none\", or leave it away".to_owned());
            problems.add(&at, "the wheel would only lose its fineness", hint);
            return None;
        }
        if seen.contains(&from) {
            let hint = "for a second use another cable with only = [\"controllers\"]";
            problems.add(&inner.value_at("from"), "this control has a rule already", Some(hint.into()));
            return None;
        }
        seen.push(from);
        let range = values(&inner, "range", problems).unwrap_or((0, 127));
        let curve = curve(&inner, "curve", problems).unwrap_or(ControllerCurve::Linear);
        rules.push(ControllerRule::new(from, to, range, &curve));
    }
    (!rules.is_empty()).then(|| ControllerMap::new(rules))
}

/// The tables of a list, written in it or as [[cable.controllers]].
fn tables<'a>(
    fields: &Fields<'a>,
    key: &str,
    problems: &mut Problems<'_>,
) -> Option<Vec<(Range<usize>, &'a dyn TableLike)>> {
    let at = fields.value_at(key);
    if let Item::ArrayOfTables(list) = fields.item(key)? {
        let place = |table: &Table| table.span().unwrap_or_else(|| at.clone());
        return Some(list.iter().map(|table| (place(table), table as &dyn TableLike)).collect());
    }
    let mut tables = Vec::new();
    let wanted = "a list of tables, such as [{ from = 1, to = 74 }]";
    for (at, value) in fields.list(key, wanted, problems)? {
        let Some(table) = value.as_inline_table() else {
            let message = format!("`{key}` must list tables; {} is none", found_value(value));
            problems.add(&at, message, Some("write { from = 1, to = 74 }".into()));
            return None;
        };
        tables.push((at, table as &dyn TableLike));
    }
    Some(tables)
}

fn control(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<Control> {
    let shape = keys::CONTROLLER.iter().find(|known| known.name == key)?.shape;
    let KeyShape::Control(words) = shape else { return None };
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    let hint = || Some(format!("it may be 0 to {CONTROLLERS}, {}", words.join(" or ")));
    match fields.item(key)? {
        Item::Value(Value::String(word)) if word.value() == "bend" => Some(Control::Bend),
        Item::Value(Value::String(word)) if word.value() == "pressure" => Some(Control::Pressure),
        Item::Value(Value::Integer(number)) if (0..=CONTROLLERS).contains(number.value()) => {
            Some(Control::Controller(*number.value() as u8))
        }
        Item::Value(value) => {
            problems.add(&fields.value_at(key), format!("{} is no controller", found_value(value)), hint());
            None
        }
        _ => {
            fields.wrong_type(key, "a controller", hint(), problems);
            None
        }
    }
}

fn values(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<(u8, u8)> {
    let pair = pair(fields.item(key)?.as_value()?);
    if pair.is_none() {
        let message = format!("`{key}` must be two values from 0 to 127");
        problems.add(
            &fields.value_at(key),
            message,
            Some("write [lowest, highest], such as [20, 110]".into()),
        );
    }
    pair
}

fn pair(value: &Value) -> Option<(u8, u8)> {
    let pair = value.as_array().filter(|pair| pair.len() == 2)?;
    let seven = |index| {
        let number = pair.get(index).and_then(Value::as_integer)?;
        u8::try_from(number).ok().filter(|value| *value <= 127)
    };
    Some((seven(0)?, seven(1)?))
}

fn curve(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<ControllerCurve> {
    let at = fields.value_at(key);
    match fields.item(key)? {
        Item::Value(Value::String(word)) => match word.value().as_str() {
            "linear" => Some(ControllerCurve::Linear),
            "soft" => Some(ControllerCurve::Soft),
            "hard" => Some(ControllerCurve::Hard),
            other => {
                let hint = Some(format!("it may be {POINTS}"));
                problems.add(&at, format!("unknown {key} {}", quoted(other)), hint);
                None
            }
        },
        Item::Value(Value::Array(list)) => {
            let mut points: Vec<(u8, u8)> = Vec::new();
            for value in list {
                let at = value.span().unwrap_or_else(|| at.clone());
                let point = pair(value).filter(|point| points.last().is_none_or(|last| last.0 < point.0));
                let Some(point) = point else {
                    let hint = "write pairs [in, out] from 0 to 127, in rising order of their first numbers";
                    problems.add(&at, format!("this is no next point of `{key}`"), Some(hint.into()));
                    return None;
                };
                points.push(point);
            }
            if points.is_empty() {
                problems.add(&at, format!("`{key}` has no points"), Some(format!("it may be {POINTS}")));
                return None;
            }
            Some(ControllerCurve::Points(points))
        }
        _ => {
            fields.wrong_type(key, POINTS, None, problems);
            None
        }
    }
}
