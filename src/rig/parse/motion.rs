//! The keys of a MIDI cable that do something in time.

use toml_edit::{Item, Value};

use super::super::keys::{ARPEGGIATOR, CABLE, DELAY, Key, KeyShape};
use super::super::problem::quoted;
use super::fields::{Fields, Problems, found, found_value};
use crate::route::{Arpeggio, ArpeggioMode, Interval, Motion, NoteLength, Repeats};

const LENGTHS: &str = "write a length such as \"1/16\", \"1/8t\" (triplets) or \"1/8d\" (dotted): \
                       1 to 8, a slash, and 1, 2, 4, 8, 16, 32 or 64";

/// Reads them; `None` where the cable has none of them.
pub(super) fn read(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Option<Box<Motion>> {
    let limit = CABLE.iter().find(|key| key.name == "limit")?;
    let motion = Motion {
        arpeggiator: table(fields, "arpeggiator", ARPEGGIATOR, problems)
            .map(|fields| arpeggiator(&fields, problems)),
        delay: table(fields, "delay", DELAY, problems).map(|fields| delay(&fields, problems)),
        limit: fields.integer(limit, problems).and_then(|limit| u16::try_from(limit).ok()),
    };
    (motion != Motion::default()).then(|| Box::new(motion))
}

/// The keys of a table within a cable's.
fn table<'a>(
    fields: &Fields<'a>,
    name: &str,
    known: &[Key],
    problems: &mut Problems<'_>,
) -> Option<Fields<'a>> {
    let item = fields.item(name)?;
    let Some(table) = item.as_table_like() else {
        let hint = match known.first() {
            Some(key) => format!("write {name} = {{ {} = {} }}, or {name} = {{}}", key.name, key.example),
            None => String::new(),
        };
        let message = format!("`{name}` must be a table, not {}", found(item));
        problems.add(&fields.value_at(name), message, Some(hint));
        return None;
    };
    let names: Vec<&str> = known.iter().map(|key| key.name).collect();
    let at = fields.key_at(name).clone();
    Some(Fields::read(table, at, &format!("`{name}`"), &names, problems))
}

/// A key of a table by its name.
fn named(keys: &'static [Key], name: &str) -> &'static Key {
    keys.iter().find(|key| key.name == name).unwrap_or(&keys[0])
}

fn arpeggiator(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Arpeggio {
    let words: Vec<&'static str> = ArpeggioMode::NAMED.iter().map(|(word, _)| *word).collect();
    let mode = fields.choice("mode", &words, problems).map_or(ArpeggioMode::Up, |n| ArpeggioMode::NAMED[n].1);
    Arpeggio {
        mode,
        rate: length(fields, "rate", problems).unwrap_or(NoteLength::new(1, 4)),
        gate: fields.number(named(ARPEGGIATOR, "gate"), problems).unwrap_or(0.5) as f32,
        octaves: small(fields, named(ARPEGGIATOR, "octaves"), problems).unwrap_or(1),
        hold: fields.switch("hold", problems).unwrap_or(false),
    }
}

fn delay(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Repeats {
    let time = named(DELAY, "time");
    Repeats {
        time: interval(fields, time, problems).unwrap_or(Interval::Notes(NoteLength::new(1, 2))),
        repeats: small(fields, named(DELAY, "repeats"), problems).unwrap_or(3),
        decay: fields.number(named(DELAY, "decay"), problems).unwrap_or(0.6) as f32,
        transpose: small(fields, named(DELAY, "transpose"), problems).unwrap_or(0),
    }
}

fn small<T: TryFrom<i64>>(fields: &Fields<'_>, key: &Key, problems: &mut Problems<'_>) -> Option<T> {
    fields.integer(key, problems).and_then(|number| T::try_from(number).ok())
}

fn interval(fields: &Fields<'_>, key: &Key, problems: &mut Problems<'_>) -> Option<Interval> {
    let KeyShape::Interval { min, max } = key.shape else { return None };
    match fields.item(key.name)? {
        Item::Value(Value::Integer(_) | Value::Float(_)) => {
            fields.number_in(key.name, min, max, "seconds", problems).map(Interval::Seconds)
        }
        _ => length(fields, key.name, problems).map(Interval::Notes),
    }
}

fn length(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<NoteLength> {
    let item = fields.item(key)?;
    let length = item.as_str().and_then(NoteLength::parse);
    if length.is_none() {
        let message = match item {
            Item::Value(Value::String(text)) => format!("unknown length {}", quoted(text.value())),
            Item::Value(value) => format!("`{key}` must be a length of notes, not {}", found_value(value)),
            item => format!("`{key}` must be a length of notes, not {}", found(item)),
        };
        problems.add(&fields.value_at(key), message, Some(LENGTHS.into()));
    }
    length
}
