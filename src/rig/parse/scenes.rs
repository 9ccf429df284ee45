//! `[[scene]]` and `setlist`.

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Item, TableLike, Value};

use super::super::keys::{self, SCENE_LETTERS};
use super::super::model::scenes::{Scene, Setting, Trigger};
use super::super::model::{Port, Rig};
use super::super::problem::{nearest, quoted};
use super::cables::tables;
use super::fields::{Fields, Problems, found, found_value, key_span};
use super::names::{NAME_LIMIT, Names, Sort};
use super::{NAMED_LIMIT, SCENE_LIMIT, SETLIST_LIMIT, parameters};
use crate::render::Listen;
use crate::transport::Tempo;
use crate::unit::Key;

pub(super) fn read(root: &dyn TableLike, names: &Names<'_>, rig: &mut Rig, problems: &mut Problems<'_>) {
    let known: Vec<&str> = keys::SCENE.iter().map(|key| key.name).collect();
    let tables = tables(root, "scene", problems);
    if let Some((at, _)) = tables.get(SCENE_LIMIT) {
        problems.add(at, format!("a rig may have up to {SCENE_LIMIT} scenes"), None);
    }
    let mut taken = Taken::default();
    for (at, table) in tables.into_iter().take(SCENE_LIMIT) {
        if !problems.has_room() {
            return;
        }
        let fields = Fields::read(table, at, "[[scene]]", &known, problems);
        if let Some(scene) = scene(&fields, names, rig, &mut taken, problems) {
            rig.scenes.push(scene);
        }
    }
    if taken.parameters.len() > NAMED_LIMIT {
        let at = key_span(root, "scene").unwrap_or(0..0);
        problems.add(&at, format!("all scenes together may set up to {NAMED_LIMIT} parameters"), None);
    }
    rig.setlist = setlist(root, &rig.scenes, problems).unwrap_or_else(|| (0..rig.scenes.len()).collect());
}

/// What scenes before have used, with the scene's name.
#[derive(Default)]
struct Taken {
    keys: BTreeMap<char, String>,
    parameters: Vec<(Port, u16)>,
}

fn scene(
    fields: &Fields<'_>,
    names: &Names<'_>,
    rig: &Rig,
    taken: &mut Taken,
    problems: &mut Problems<'_>,
) -> Option<Scene> {
    let name = name(fields, rig, problems);
    let trigger = triggers(fields, names, problems);
    let mut triggers = Vec::new();
    let number = |key: &str, problems: &mut Problems<'_>| {
        let key = keys::SCENE.iter().find(|known| known.name == key)?;
        fields.integer(key, problems).and_then(|number| u8::try_from(number).ok())
    };
    triggers.extend(number("program", problems).map(|program| trigger(Listen::Program(program))));
    triggers.extend(number("controller", problems).map(|number| trigger(Listen::Controller(number))));
    let (computer, midi) = scene_keys(fields, problems);
    triggers.extend(midi.into_iter().map(|key| trigger(Listen::Note(key))));
    for key in &computer {
        if let Some(other) = taken.keys.insert(*key, name.clone().unwrap_or_default()) {
            let message = format!("the key `{key}` brings on the scene `{other}` already");
            problems.add(&fields.value_at("key"), message, Some("give each scene a key of its own".into()));
        }
    }
    let set = settings(fields, names, rig, problems);
    for setting in &set {
        if !taken.parameters.contains(&(setting.actor, setting.parameter)) {
            taken.parameters.push((setting.actor, setting.parameter));
        }
    }
    let mute = mute(fields, names, problems);
    let tempo = keys::SCENE.iter().find(|key| key.name == "tempo");
    let tempo = tempo.and_then(|key| fields.number(key, problems)).and_then(|tempo| Tempo::new(tempo).ok());
    Some(Scene { name: name?, triggers, keys: computer, tempo, set, mute })
}

fn name(fields: &Fields<'_>, rig: &Rig, problems: &mut Problems<'_>) -> Option<String> {
    if !fields.has("name") {
        let hint = Some("write name = \"verse\", or whatever you call it".to_owned());
        problems.add(&fields.at, "this scene has no `name`", hint);
        return None;
    }
    let name = fields.text("name", problems)?;
    let at = fields.value_at("name");
    if name.is_empty() || name.chars().count() > NAME_LIMIT || name.chars().any(char::is_control) {
        let message = format!("{} cannot be the name of a scene", quoted(name));
        problems.add(&at, message, Some(format!("one line of 1 to {NAME_LIMIT} characters")));
        return None;
    }
    if rig.scenes.iter().any(|scene| scene.name == name) {
        let hint = Some("every scene has a name of its own".to_owned());
        problems.add(&at, format!("there is a scene `{name}` already"), hint);
        return None;
    }
    Some(name.to_owned())
}

/// Makes triggers that listen where `from`, `channel` and `consume` say.
pub(super) fn triggers(
    fields: &Fields<'_>,
    names: &Names<'_>,
    problems: &mut Problems<'_>,
) -> impl Fn(Listen) -> Trigger + use<> {
    let from = source(fields, names, problems);
    let channel = keys::SCENE.iter().find(|key| key.name == "channel");
    let channel = channel.and_then(|key| fields.integer(key, problems));
    let channels = channel.map_or(u16::MAX, |channel| 1 << (channel - 1));
    let consume = fields.switch("consume", problems);
    move |listen| Trigger { listen, from, channels, consume: consume.unwrap_or(true) }
}

/// The MIDI port that `from` names.
fn source(fields: &Fields<'_>, names: &Names<'_>, problems: &mut Problems<'_>) -> Option<usize> {
    let name = fields.text("from", problems)?;
    let at = fields.value_at("from");
    match names.get(name) {
        Some(named) if named.sort == Sort::Midi => match named.port {
            Some(Port::Midi(index)) => return Some(index),
            _ => return None,
        },
        Some(_) => {
            let hint = Some("name a [midi.NAME] of this rig".to_owned());
            problems.add(&at, format!("`{name}` is no MIDI port: nothing can be heard from it"), hint);
        }
        None => {
            let hint = names.nearest(name).map(|near| format!("did you mean `{near}`?"));
            problems.add(&at, format!("the rig has no {}", quoted(name)), hint);
        }
    }
    None
}

/// Keys of the computer's keyboard, and of MIDI.
fn scene_keys(fields: &Fields<'_>, problems: &mut Problems<'_>) -> (Vec<char>, Vec<u8>) {
    let (mut computer, mut midi) = (Vec::new(), Vec::new());
    let mut take = |value: &Value, at: Range<usize>| {
        let text = value.as_str().unwrap_or_default();
        let mut letters = text.chars();
        let single = letters.next().filter(|_| letters.next().is_none());
        let number = value.as_integer().and_then(|number| u8::try_from(number).ok()).and_then(Key::new);
        if let Some(key) = single {
            if key.is_ascii_digit() || SCENE_LETTERS.contains(key) {
                computer.push(key);
            } else {
                let message = format!("{} cannot bring on a scene", quoted(text));
                problems.add(&at, message, Some(format!("digits can, and the letters {SCENE_LETTERS}")));
            }
        } else if let Some(key) = number.or_else(|| text.parse::<Key>().ok()) {
            midi.push(key.number());
        } else {
            let hint = "a digit or letter of the computer's keyboard, or a MIDI key such as \"C1\" or 24";
            let message = format!("`key` must name a key; {} does not", found_value(value));
            problems.add(&at, message, Some(hint.to_owned()));
        }
    };
    match fields.item("key") {
        None => {}
        Some(Item::Value(Value::Array(list))) => {
            for value in list {
                take(value, value.span().unwrap_or_else(|| fields.value_at("key")));
            }
        }
        Some(Item::Value(value)) => take(value, fields.value_at("key")),
        Some(_) => fields.wrong_type("key", "a key or a list of keys", None, problems),
    }
    (computer, midi)
}

/// `set`: `"NAME.KEY" = VALUE`, or a table of keys for each name.
fn settings(fields: &Fields<'_>, names: &Names<'_>, rig: &Rig, problems: &mut Problems<'_>) -> Vec<Setting> {
    let Some(item) = fields.item("set") else { return Vec::new() };
    let Some(table) = item.as_table_like() else {
        let hint = Some("write set = { \"bass.cutoff_hertz\" = 900 }".to_owned());
        fields.wrong_type("set", "a table of parameters", hint, problems);
        return Vec::new();
    };
    let mut set: Vec<Setting> = Vec::new();
    let mut give = |full: (&str, &str), fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>| {
        let at = fields.key_at(key).clone();
        let Some(meant) = parameters::find(full, &at, names, rig, problems) else { return };
        let Some(value) = meant.value(fields, key, problems) else { return };
        let setting = Setting { actor: meant.actor, parameter: meant.index, value };
        if set.iter().any(|other| (other.actor, other.parameter) == (meant.actor, meant.index)) {
            problems.add(&at, format!("`{}.{}` is set twice in this scene", full.0, full.1), None);
        } else {
            set.push(setting);
        }
    };
    let all = Fields::all(table, fields.value_at("set"));
    for name in all.names() {
        if !problems.has_room() {
            break;
        }
        let inner = all.item(name).and_then(Item::as_table_like);
        match (name.split_once('.'), inner) {
            (Some(full), _) => give(full, &all, name, problems),
            (None, Some(inner)) => {
                let inner = Fields::all(inner, all.key_at(name).clone());
                inner.names().into_iter().for_each(|key| give((name, key), &inner, key, problems));
            }
            (None, None) => {
                let hint = Some(format!("write \"{name}.KEY\", with a key of `{name}`"));
                problems.add(all.key_at(name), format!("{} names no parameter", quoted(name)), hint);
            }
        }
    }
    set
}

fn mute(fields: &Fields<'_>, names: &Names<'_>, problems: &mut Problems<'_>) -> Vec<Port> {
    let Some(item) = fields.item("mute") else { return Vec::new() };
    let Some(list) = item.as_array() else {
        let hint = item.as_str().map(|name| format!("write mute = [\"{name}\"]"));
        fields.wrong_type("mute", "a list of names", hint, problems);
        return Vec::new();
    };
    let mut muted = Vec::new();
    for value in list {
        let at = value.span().unwrap_or_else(|| fields.value_at("mute"));
        let Some(name) = value.as_str() else {
            problems.add(&at, format!("`mute` lists names, not {}", found_value(value)), None);
            continue;
        };
        match names.get(name) {
            Some(named)
                if matches!(named.sort, Sort::Instrument | Sort::Clip | Sort::Midi | Sort::Generator) =>
            {
                muted.extend(named.port.filter(|port| !muted.contains(port)));
            }
            Some(_) => {
                let hint = "mute what plays into it: effects ring out, and a gain in `set` turns them down";
                let message = format!("`{name}` takes no notes: there is nothing to mute");
                problems.add(&at, message, Some(hint.to_owned()));
            }
            None => {
                let hint = names.nearest(name).map(|near| format!("did you mean `{near}`?"));
                problems.add(&at, format!("the rig has nobody called {}", quoted(name)), hint);
            }
        }
    }
    muted
}

/// `setlist`, as indices of scenes; `None` where the rig has none.
fn setlist(root: &dyn TableLike, scenes: &[Scene], problems: &mut Problems<'_>) -> Option<Vec<usize>> {
    let item = root.get("setlist")?;
    let at = item.span().or_else(|| key_span(root, "setlist")).unwrap_or(0..0);
    let hint = || Some("write setlist = [\"intro\", \"verse\"] above all sections".to_owned());
    let Some(list) = item.as_array() else {
        problems.add(&at, format!("`setlist` must be a list of scenes, not {}", found(item)), hint());
        return None;
    };
    if list.is_empty() || list.len() > SETLIST_LIMIT {
        let message = format!("a set list has 1 to {SETLIST_LIMIT} places, not {}", list.len());
        problems.add(&at, message, Some("leave it away to go through all scenes in their order".into()));
        return None;
    }
    let mut order = Vec::new();
    for value in list {
        let at = value.span().unwrap_or_else(|| at.clone());
        let Some(name) = value.as_str() else {
            problems.add(&at, format!("`setlist` lists names of scenes, not {}", found_value(value)), hint());
            continue;
        };
        match scenes.iter().position(|scene| scene.name == name) {
            Some(index) => order.push(index),
            None => problems.add(&at, format!("the rig has no scene {}", quoted(name)), near(name, scenes)),
        }
    }
    Some(order)
}

/// "Did you mean …", among scenes.
pub(super) fn near(name: &str, scenes: &[Scene]) -> Option<String> {
    let known = || scenes.iter().map(|scene| scene.name.as_str());
    match nearest(name, known()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if scenes.is_empty() => Some("add a [[scene]] of this name".to_owned()),
        None => Some(format!("there are: {}", known().take(20).collect::<Vec<_>>().join(", "))),
    }
}
