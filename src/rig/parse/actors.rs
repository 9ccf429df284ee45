//! `[instrument.NAME]`, `[stage.NAME]` and `[clip.NAME]`.

use std::sync::Arc;

use super::super::keys;
use super::super::model::{Actor, Port, Rig};
use super::super::problem::{nearest, quoted};
use super::fields::{Fields, Problems, key_span};
use super::names::{Entry, Names, Sort};
use super::{clips, gain};
use crate::instrument::clip::ClipKind;
use crate::stage::{Kind, Kinds, Parameter, Role, Settings, Shape, Value};
use crate::unit::Decibels;

pub(super) fn read(names: &mut Names<'_>, kinds: &Kinds, rig: &mut Rig, problems: &mut Problems<'_>) {
    let mut made = Vec::new();
    for entry in &names.entries {
        let role = match entry.sort {
            Sort::Instrument => Role::Instrument,
            Sort::Stage => Role::Stage,
            Sort::Clip => Role::Clip,
            _ => continue,
        };
        if let Some(actor) = actor(entry, role, kinds, problems) {
            made.push((entry.name, Port::Actor(rig.actors.len())));
            rig.origin.actors.push(entry.at.clone());
            rig.actors.push(actor);
        }
    }
    for (name, port) in made {
        names.set_port(name, port);
    }
}

fn actor(entry: &Entry<'_>, role: Role, kinds: &Kinds, problems: &mut Problems<'_>) -> Option<Actor> {
    let is_clip = role == Role::Clip;
    let kind = if is_clip { Arc::new(ClipKind::default()) } else { kind(entry, role, kinds, problems)? };
    let parameters = kind.parameters();
    let mut known = Vec::new();
    if is_clip {
        known.extend(keys::CLIP.iter().map(|key| key.name).filter(|key| *key != keys::GAIN.name));
    } else {
        known.extend(["kind", keys::ISOLATE.name]);
    }
    // A kind may have a `gain` of its own: it is then the actor's too.
    let own_gain = parameters.iter().any(|parameter| parameter.name == keys::GAIN.name);
    if !own_gain {
        known.push(keys::GAIN.name);
    }
    known.extend(parameters.iter().map(|parameter| parameter.name));
    let section = format!("[{}.{}]", entry.sort.section(), entry.name);
    let section = if is_clip { section } else { format!("{section} of kind `{}`", kind.name()) };
    let fields = Fields::read(entry.table, entry.at.clone(), &section, &known, problems);
    let mut settings = Settings::new();
    for (index, parameter) in parameters.iter().enumerate() {
        if let Some(value) = value(&fields, parameter.name, parameter, problems) {
            settings.set(index, value);
        }
    }
    let gain = if own_gain { Decibels::UNITY } else { gain(&fields, problems) };
    let isolate = fields.switch(keys::ISOLATE.name, problems).unwrap_or(false);
    let clip = if is_clip { Some(clips::source(&fields, problems)?) } else { None };
    Some(Actor { name: entry.name.to_owned(), kind, settings, gain, isolate, clip })
}

fn kind(entry: &Entry<'_>, role: Role, kinds: &Kinds, problems: &mut Problems<'_>) -> Option<Arc<dyn Kind>> {
    let section = entry.sort.section();
    let of_role = || kinds.iter().filter(|kind| kind.role() == role).map(|kind| kind.name());
    let listed = || format!("{section} kinds: {}", of_role().collect::<Vec<_>>().join(", "));
    let Some(item) = entry.table.get("kind") else {
        problems.add(&entry.at, format!("[{section}.{}] has no `kind`", entry.name), Some(listed()));
        return None;
    };
    let at = item.span().or_else(|| key_span(entry.table, "kind")).unwrap_or_else(|| entry.at.clone());
    let Some(name) = item.as_str() else {
        problems.add(&at, "`kind` must be a text in quotes", Some(listed()));
        return None;
    };
    match kinds.get(name) {
        Some(kind) if kind.role() == role => Some(Arc::clone(kind)),
        Some(_) => {
            let (is, stands) = match role {
                Role::Instrument => ("a stage", "stage"),
                Role::Stage | Role::Clip => ("an instrument", "instrument"),
            };
            let hint = format!("write [{stands}.{}]; {}", entry.name, listed());
            problems.add(
                &at,
                format!("`{name}` is {is}, not {section_is}", section_is = article(section)),
                Some(hint),
            );
            None
        }
        None => {
            let hint =
                nearest(name, of_role()).or_else(|| nearest(name, kinds.iter().map(|kind| kind.name())));
            let hint = match hint {
                Some(near) => format!("did you mean `{near}`? {}", listed()),
                None => listed(),
            };
            problems.add(&at, format!("unknown kind {}", quoted(name)), Some(hint));
            None
        }
    }
}

fn article(section: &str) -> String {
    let article = if section.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {section}")
}

/// A parameter's value, as the key `name` gives it.
pub(super) fn value(
    fields: &Fields<'_>,
    name: &str,
    parameter: &Parameter,
    problems: &mut Problems<'_>,
) -> Option<Value> {
    let unit = parameter.unit.symbol();
    match parameter.shape {
        Shape::Number { min, max } => fields.number_in(name, min, max, unit, problems).map(Value::Number),
        Shape::Integer { min, max } => {
            fields.integer_in(name, min, max, unit, problems).map(|number| Value::Number(number as f64))
        }
        Shape::Choice(words) => fields.choice(name, words, problems).map(Value::Choice),
        Shape::Switch => fields.switch(name, problems).map(Value::Switch),
    }
}
