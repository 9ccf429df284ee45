//! `[generator.NAME]`.

use super::super::keys;
use super::super::model::generator::{Ahead, CONTINUATION, Generator, GeneratorKind};
use super::super::model::{Port, Rig};
use super::continuation;
use super::fields::{Fields, Problems};
use super::names::{Entry, NAME_LIMIT, Names, Sort};

/// Reads them into the rig.
pub(super) fn read(names: &mut Names<'_>, rig: &mut Rig, problems: &mut Problems<'_>) {
    let mut made = Vec::new();
    for entry in names.entries.iter().filter(|entry| entry.sort == Sort::Generator) {
        if let Some(generator) = generator(entry, problems) {
            made.push((entry.name, Port::Generator(rig.generators.len())));
            rig.origin.generators.push(entry.at.clone());
            rig.generators.push(generator);
        }
    }
    for (name, port) in made {
        names.set_port(name, port);
    }
}

fn generator(entry: &Entry<'_>, problems: &mut Problems<'_>) -> Option<Generator> {
    let before = problems.list.len();
    let answers = entry.table.get("kind").and_then(|kind| kind.as_str()) == Some(CONTINUATION);
    let keys = if answers { keys::CONTINUATION } else { keys::GENERATOR };
    let known: Vec<&str> = keys.iter().map(|key| key.name).collect();
    let section = format!("[generator.{}]", entry.name);
    let fields = Fields::read(entry.table, entry.at.clone(), &section, &known, problems);
    let kind = match kind(&fields, problems)? {
        _ if answers => GeneratorKind::Continuation(continuation::read(&fields, problems)),
        backend => GeneratorKind::Ahead(ahead(backend, &fields, problems)),
    };
    let seed = whole(&fields, "seed", problems).unwrap_or(0);
    (problems.list.len() == before).then(|| Generator { name: entry.name.to_owned(), kind, seed })
}

fn kind(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let hint = "kind = \"local\" needs no network, \"continuation\" answers what is cabled to it; any other \
                word is a backend of the configuration";
    if !fields.has("kind") {
        problems.add(&fields.at, "this generator has no `kind`", Some(hint.to_owned()));
        return None;
    }
    let kind = fields.text("kind", problems)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if kind.is_empty() || kind.len() > NAME_LIMIT || !kind.chars().all(is_plain) {
        problems.add(&fields.value_at("kind"), "this cannot be a kind of generator", Some(hint.to_owned()));
        return None;
    }
    Some(kind.to_owned())
}

fn ahead(backend: String, fields: &Fields<'_>, problems: &mut Problems<'_>) -> Ahead {
    let words = |key, problems: &mut Problems<'_>| line(fields, key, keys::TEXT_BYTES, problems);
    let mut bars = |key: &str| whole(fields, key, problems).and_then(|bars| u32::try_from(bars).ok());
    let (segment, horizon) = (bars("bars"), bars("horizon_bars"));
    let bars = segment.unwrap_or(keys::SEGMENT_BARS);
    let horizon_bars = horizon.unwrap_or(keys::HORIZON_BARS);
    let most = bars.saturating_mul(crate::render::SEGMENTS as u32 - 4);
    if horizon_bars > most {
        let hint = format!("with segments of {bars} bars, {most} can be ready");
        problems.add(&fields.value_at("horizon_bars"), "so many bars cannot be ready", Some(hint));
    }
    Ahead {
        backend,
        description: line(fields, "description", keys::DESCRIPTION_BYTES, problems),
        style: words("style", problems),
        key: words("key", problems),
        bars,
        horizon_bars,
    }
}

/// A text of one line that says something.
pub(super) fn line(
    fields: &Fields<'_>,
    key: &str,
    most: usize,
    problems: &mut Problems<'_>,
) -> Option<String> {
    let text = fields.text(key, problems)?;
    if text.trim().is_empty() || text.len() > most || text.chars().any(char::is_control) {
        let message = format!("`{key}` must be one line of 1 to {most} bytes");
        problems.add(&fields.value_at(key), message, None);
        return None;
    }
    Some(text.to_owned())
}

/// A whole number of the generators' keys.
fn whole(fields: &Fields<'_>, name: &str, problems: &mut Problems<'_>) -> Option<u64> {
    let key = keys::GENERATOR.iter().find(|key| key.name == name)?;
    fields.integer(key, problems).and_then(|number| u64::try_from(number).ok())
}
