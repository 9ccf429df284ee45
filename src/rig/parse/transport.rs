//! `[transport]`.

use toml_edit::{TableLike, Value};

use super::super::keys;
use super::super::model::{MidiPort, Port, TransportSettings};
use super::super::problem::quoted;
use super::fields::{Fields, Problems, found, found_value, key_span};
use super::names::{Names, Sort};
use crate::render::JackRole;
use crate::transport::{Beats, Course, Tempo, TempoChange};

/// The most tempo changes of a map.
pub(super) const CHANGES_LIMIT: usize = 1_000;
/// The highest bar of a map.
const LAST_BAR: i64 = 100_000;

/// Reads it; what it says of names needs them read before.
pub(super) fn read(
    root: &dyn TableLike,
    names: &Names<'_>,
    midi: &[MidiPort],
    problems: &mut Problems<'_>,
) -> TransportSettings {
    let mut settings = TransportSettings::default();
    let Some(item) = root.get("transport") else {
        return settings;
    };
    let at = key_span(root, "transport").unwrap_or(0..0);
    let Some(table) = item.as_table_like() else {
        let message = format!("`transport` must be a table, not {}", found(item));
        problems.add(&at, message, Some("write [transport]".into()));
        return settings;
    };
    let known: Vec<&str> = keys::TRANSPORT.iter().map(|key| key.name).collect();
    let fields = Fields::read(table, at, "[transport]", &known, problems);
    for key in keys::TRANSPORT {
        match key.name {
            "tempo" => {
                let tempo = fields.number(key, problems).and_then(|tempo| Tempo::new(tempo).ok());
                settings.tempo = tempo.unwrap_or(settings.tempo);
            }
            "beats_per_bar" => {
                let beats = fields.integer(key, problems).and_then(|beats| u32::try_from(beats).ok());
                settings.beats_per_bar = beats.unwrap_or(settings.beats_per_bar);
            }
            "count_in" => {
                let bars = fields.integer(key, problems).and_then(|bars| u32::try_from(bars).ok());
                settings.count_in_bars = bars.unwrap_or(0);
            }
            "start" => settings.starts = fields.switch(key.name, problems).unwrap_or(false),
            "jack" => {
                let roles = [JackRole::Off, JackRole::Follow, JackRole::Lead];
                let role = fields.choice(key.name, keys::JACK_ROLES, problems);
                settings.jack = role.map_or(JackRole::Off, |index| roles[index]);
            }
            "record" => {
                settings.takes_only = fields.choice(key.name, keys::RECORDED, problems) == Some(1);
            }
            "follow" => settings.follow = follow(&fields, names, midi, problems),
            // Bars have their length only then.
            _ => {}
        }
    }
    settings.course = map(&fields, settings.beats_per_bar, problems).unwrap_or_default();
    settings.tempo = settings.course.at(Beats(0)).filter(|_| !fields.has("tempo")).unwrap_or(settings.tempo);
    if settings.follow.is_some() && settings.jack == JackRole::Follow {
        let hint = "take out `follow`, or `jack = \"follow\"`";
        problems.add(fields.key_at("jack"), "two clocks cannot be followed at once", Some(hint.into()));
    }
    settings
}

fn follow(
    fields: &Fields<'_>,
    names: &Names<'_>,
    midi: &[MidiPort],
    problems: &mut Problems<'_>,
) -> Option<usize> {
    let name = fields.text("follow", problems)?;
    let at = fields.value_at("follow");
    match names.get(name) {
        Some(named) if named.sort == Sort::Midi => match named.port {
            Some(Port::Midi(index)) if midi.get(index).is_some_and(MidiPort::is_source) => Some(index),
            Some(Port::Midi(_)) => {
                let message = format!("nothing comes in by {}", quoted(name));
                problems.add(&at, message, Some("give it `in = \"NAME*\"`".into()));
                None
            }
            // It has problems of its own.
            _ => None,
        },
        Some(named) => {
            let message = format!("{} is no MIDI port: it is an {}", quoted(name), named.sort.section());
            problems.add(&at, message, Some("only gear that plays sends a clock".into()));
            None
        }
        None => {
            let hint = match names.nearest(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name a [midi.NAME] that has `in`".to_owned(),
            };
            problems.add(&at, format!("there is no MIDI port {}", quoted(name)), Some(hint));
            None
        }
    }
}

fn map(fields: &Fields<'_>, beats_per_bar: u32, problems: &mut Problems<'_>) -> Option<Course> {
    let item = fields.item("map")?;
    let wanted = "a list of bars with a tempo each, such as [[1, 120.0], [9, 92.5]]";
    let Some(list) = item.as_array() else {
        fields.wrong_type("map", wanted, None, problems);
        return None;
    };
    if list.len() > CHANGES_LIMIT {
        let message = format!("`map` may have up to {CHANGES_LIMIT} changes, not {}", list.len());
        problems.add(&fields.value_at("map"), message, None);
        return None;
    }
    let mut changes = Vec::new();
    let mut last = 0;
    for value in list {
        let at = value.span().unwrap_or_else(|| fields.value_at("map"));
        let Some((bar, tempo)) = pair(value) else {
            let message = format!("`map` must be {wanted}; {} is no bar with a tempo", found_value(value));
            problems.add(&at, message, None);
            return None;
        };
        if !(1..=LAST_BAR).contains(&bar) || bar <= last {
            let hint = Some("bars are counted from 1, and each change comes after the one before".into());
            problems.add(&at, format!("bar {bar} cannot stand here"), hint);
            return None;
        }
        last = bar;
        let Ok(tempo) = Tempo::new(tempo) else {
            let message =
                format!("a tempo must be from {} to {} BPM; {tempo} is not", Tempo::MIN, Tempo::MAX);
            problems.add(&at, message, None);
            return None;
        };
        let beat = (bar as u64 - 1) * u64::from(beats_per_bar);
        changes.push(TempoChange { beat: Beats(beat << 32), tempo });
    }
    Some(Course::new(changes))
}

fn pair(value: &Value) -> Option<(i64, f64)> {
    let pair = value.as_array().filter(|pair| pair.len() == 2)?;
    let tempo = pair.get(1)?;
    let tempo = tempo.as_float().or_else(|| tempo.as_integer().map(|tempo| tempo as f64))?;
    Some((pair.get(0)?.as_integer()?, tempo))
}
