//! `config.toml`: `[backend.NAME]`, `[cache]` and `[generation]`.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, TableLike};

use super::problem::{Problems, nearest, quoted};
use crate::generate::Failure;
use crate::generate::backends::split_command;

/// The longest file, in bytes.
const TEXT_BYTES: usize = 1 << 20;
/// The most backends.
const BACKENDS: usize = 64;
/// How large the cache's files may be said to become, in MiB: room for a long clip, and 16 TiB.
const CACHE_MIB: (f64, f64) = (16.0, 16_777_216.0);
/// How long they may be said to be kept, in days: up to a hundred years.
const CACHE_DAYS: (f64, f64) = (1.0, 36_500.0);
/// The longest list that a command may be.
const WORDS: usize = 256;

/// The most generators: one more than a backend may have in flight.
const GENERATORS_AT_MOST: usize = 1_001;

/// What a backend is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Local,
    Hf,
    Chat,
    Program,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Local, Kind::Hf, Kind::Chat, Kind::Program];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Local => "local",
            Kind::Hf => "hf",
            Kind::Chat => "chat",
            Kind::Program => "program",
        }
    }

    /// The keys that it has beside `kind`.
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::Local => &[],
            Kind::Hf | Kind::Chat => &[
                "url",
                "model",
                "key_env",
                "ca_file",
                "in_flight",
                "requests_per_second",
                "burst",
                "tries",
                "deadline_seconds",
            ],
            Kind::Program => &["command", "in_flight", "deadline_seconds"],
        }
    }
}

/// What a key might be called that holds a key.
const SECRETS: &[&str] = &[
    "key",
    "api_key",
    "apikey",
    "token",
    "api_token",
    "access_token",
    "secret",
    "password",
    "bearer",
    "authorization",
];

/// A backend as configured.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry {
    pub kind: Kind,
    pub url: Option<String>,
    pub model: Option<String>,
    pub key_env: Option<String>,
    pub ca_file: Option<String>,
    pub command: Vec<String>,
    pub in_flight: Option<usize>,
    pub requests_per_second: Option<f64>,
    pub burst: Option<u32>,
    pub tries: Option<u32>,
    pub deadline_seconds: Option<f64>,
}

impl Entry {
    pub fn new(kind: Kind) -> Entry {
        Entry {
            kind,
            url: None,
            model: None,
            key_env: None,
            ca_file: None,
            command: Vec::new(),
            in_flight: None,
            requests_per_second: None,
            burst: None,
            tries: None,
            deadline_seconds: None,
        }
    }
}

/// What a file says.
#[derive(Default)]
pub(super) struct Parsed {
    pub entries: BTreeMap<String, Entry>,
    pub cache_folder: Option<PathBuf>,
    pub generators: Option<usize>,
    pub cache_size_mib: Option<u64>,
    pub cache_ttl_days: Option<u64>,
}

pub(super) fn read(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(TEXT_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > TEXT_BYTES {
        return Err(std::io::Error::other(format!("it is longer than {TEXT_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8 text"))
}

/// Reads the text of a file; what is wrong is said with the file's name.
pub(super) fn parse(text: &str, path: &Path) -> Result<Parsed, Failure> {
    let mut problems = Problems::new(path, text);
    let mut parsed = Parsed::default();
    match Document::parse(text) {
        Ok(document) => top(document.as_table(), &mut parsed, &mut problems),
        Err(error) => {
            let message = error.message().lines().next().unwrap_or("").trim().to_owned();
            problems.add(error.span(), &format!("this is not TOML: {message}"), None);
        }
    }
    problems.judge()?;
    Ok(parsed)
}

fn top(root: &dyn TableLike, parsed: &mut Parsed, problems: &mut Problems<'_>) {
    for (name, item) in root.iter() {
        let at = span(root, name, item);
        match (name, item.as_table_like()) {
            ("backend", Some(table)) => backends(table, parsed, problems),
            ("cache", Some(table)) => cache(table, parsed, problems),
            ("generation", Some(table)) => generation(table, parsed, problems),
            ("backend" | "cache" | "generation", None) => {
                let hint = if name == "backend" {
                    "write [backend.NAME]".to_owned()
                } else {
                    format!("write [{name}]")
                };
                problems.add(at, &format!("`{name}` must be a table"), Some(&hint));
            }
            _ => unknown(name, at, "the configuration", &["backend", "cache", "generation"], problems),
        }
    }
}

fn cache(table: &dyn TableLike, parsed: &mut Parsed, problems: &mut Problems<'_>) {
    for (name, item) in table.iter() {
        match name {
            "folder" => parsed.cache_folder = text(table, name, item, problems).map(PathBuf::from),
            "size_mib" => {
                parsed.cache_size_mib =
                    number(table, name, item, CACHE_MIB, problems).map(|number| number as u64);
            }
            "ttl_days" => {
                parsed.cache_ttl_days =
                    number(table, name, item, CACHE_DAYS, problems).map(|number| number as u64);
            }
            _ => {
                let known = ["folder", "size_mib", "ttl_days"];
                unknown(name, span(table, name, item), "[cache]", &known, problems);
            }
        }
    }
}

fn generation(table: &dyn TableLike, parsed: &mut Parsed, problems: &mut Problems<'_>) {
    for (name, item) in table.iter() {
        match name {
            "generators" => {
                let most = GENERATORS_AT_MOST as f64;
                parsed.generators = number(table, name, item, (1.0, most), problems).map(|n| n as usize);
            }
            _ => unknown(name, span(table, name, item), "[generation]", &["generators"], problems),
        }
    }
}

fn backends(table: &dyn TableLike, parsed: &mut Parsed, problems: &mut Problems<'_>) {
    for (index, (name, item)) in table.iter().enumerate() {
        let at = span(table, name, item);
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if index == BACKENDS {
            problems.add(at, &format!("there are more than {BACKENDS} backends"), None);
            return;
        }
        if name.is_empty() || name.len() > 64 || !name.chars().all(legal) {
            let hint = Some("names are letters, digits, `-` and `_`, at most 64");
            problems.add(at, &format!("{} is no name for a backend", quoted(name)), hint);
            continue;
        }
        match item.as_table_like() {
            Some(fields) => {
                if let Some(entry) = backend(name, at, fields, problems) {
                    parsed.entries.insert(name.to_owned(), entry);
                }
            }
            None => {
                let hint = format!("write [backend.{name}], and `kind = \"hf\"` below it");
                problems.add(at, &format!("`backend.{name}` must be a table"), Some(&hint));
            }
        }
    }
}

fn backend(
    name: &str,
    at: Option<Range<usize>>,
    table: &dyn TableLike,
    problems: &mut Problems<'_>,
) -> Option<Entry> {
    let kinds = || Kind::ALL.map(Kind::name);
    let Some(item) = table.get("kind") else {
        let hint = format!("write `kind = \"…\"`, one of: {}", kinds().join(", "));
        problems.add(at, &format!("[backend.{name}] has no `kind`"), Some(&hint));
        return None;
    };
    let word = text(table, "kind", item, problems)?;
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == word) else {
        let hint = match nearest(&word, kinds()) {
            Some(near) => format!("did you mean \"{near}\"? It may be: {}", kinds().join(", ")),
            None => format!("it may be: {}", kinds().join(", ")),
        };
        problems.add(span(table, "kind", item), &format!("unknown kind {}", quoted(&word)), Some(&hint));
        return None;
    };
    let mut entry = Entry::new(kind);
    for (key, item) in table.iter().filter(|(key, _)| *key != "kind") {
        let at = span(table, key, item);
        if SECRETS.contains(&key.to_ascii_lowercase().as_str()) {
            let hint = "take it out, put it into an environment variable, and name that: key_env = \"NAME\"";
            problems.add(at, &format!("`{key}`: a key does not belong into this file"), Some(hint));
        } else if kind.keys().contains(&key) {
            field(&mut entry, table, key, item, problems);
        } else if Kind::ALL.into_iter().any(|other| other.keys().contains(&key)) {
            let has = if kind.keys().is_empty() { "nothing else".to_owned() } else { kind.keys().join(", ") };
            let message = format!("a backend of kind \"{}\" has no `{key}`", kind.name());
            problems.add(at, &message, Some(&format!("beside `kind` it has: {has}")));
        } else {
            unknown(key, at, &format!("[backend.{name}]"), kind.keys(), problems);
        }
    }
    if kind == Kind::Program && table.get("command").is_none() {
        let hint = "write `command = [\"PROGRAM\", \"ARGUMENT\"]`";
        problems.add(at, &format!("[backend.{name}] has no `command`"), Some(hint));
    }
    Some(entry)
}

fn field(entry: &mut Entry, table: &dyn TableLike, key: &str, item: &Item, problems: &mut Problems<'_>) {
    let mut number = |min: f64, max: f64| number(table, key, item, (min, max), problems);
    match key {
        "in_flight" => entry.in_flight = number(1.0, 1_000.0).map(|n| n as usize),
        "requests_per_second" => entry.requests_per_second = number(0.001, 10_000.0),
        "burst" => entry.burst = number(1.0, 10_000.0).map(|n| n as u32),
        "tries" => entry.tries = number(1.0, 10.0).map(|n| n as u32),
        "deadline_seconds" => entry.deadline_seconds = number(0.1, 3_600.0),
        "url" => entry.url = text(table, key, item, problems),
        "model" => entry.model = text(table, key, item, problems),
        "ca_file" => entry.ca_file = text(table, key, item, problems),
        "key_env" => entry.key_env = key_env(table, item, problems),
        _ => entry.command = command(table, item, problems),
    }
}

fn key_env(table: &dyn TableLike, item: &Item, problems: &mut Problems<'_>) -> Option<String> {
    let name = text(table, "key_env", item, problems)?;
    let mut characters = name.chars();
    let starts = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let is_name = starts && characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name || ["hf_", "sk_"].iter().any(|head| name.starts_with(head)) {
        let hint = "write the variable's name, like key_env = \"HF_TOKEN\", and set it to the key";
        let message = "`key_env` names an environment variable; it is not the key itself";
        problems.add(span(table, "key_env", item), message, Some(hint));
        return None;
    }
    Some(name)
}

fn command(table: &dyn TableLike, item: &Item, problems: &mut Problems<'_>) -> Vec<String> {
    let at = span(table, "command", item);
    let words = if let Some(line) = item.as_str() {
        split_command(line)
    } else if let Some(list) = item.as_array() {
        let words: Option<Vec<String>> = list.iter().map(|word| word.as_str().map(str::to_owned)).collect();
        words.ok_or("all of its words must be texts in quotes")
    } else {
        Err("it must be a list of texts, or a text")
    };
    match words {
        Ok(words) if words.first().is_some_and(|program| !program.is_empty()) && words.len() <= WORDS => {
            words
        }
        Ok(_) => {
            problems.add(
                at,
                "`command` names no program",
                Some("write `command = [\"PROGRAM\", \"ARGUMENT\"]`"),
            );
            Vec::new()
        }
        Err(why) => {
            problems.add(at, &format!("`command` cannot be run: {why}"), None);
            Vec::new()
        }
    }
}

fn text(table: &dyn TableLike, key: &str, item: &Item, problems: &mut Problems<'_>) -> Option<String> {
    let text = item.as_str().map(str::trim).filter(|text| !text.is_empty());
    if text.is_none() {
        problems.add(span(table, key, item), &format!("`{key}` must be a text in quotes"), None);
    }
    text.map(str::to_owned)
}

fn number(
    table: &dyn TableLike,
    key: &str,
    item: &Item,
    (min, max): (f64, f64),
    problems: &mut Problems<'_>,
) -> Option<f64> {
    let whole = !matches!(key, "requests_per_second" | "deadline_seconds");
    let number = item.as_integer().map(|n| n as f64).or_else(|| item.as_float().filter(|_| !whole));
    let number = number.filter(|number| (min..=max).contains(number));
    if number.is_none() {
        let sort = if whole { "whole number" } else { "number" };
        let message = format!("`{key}` must be a {sort} from {min} to {max}");
        problems.add(span(table, key, item), &message, None);
    }
    number
}

fn unknown(name: &str, at: Option<Range<usize>>, place: &str, known: &[&str], problems: &mut Problems<'_>) {
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("{place} has `kind` and nothing else"),
        None => format!("{place} knows: {}", known.join(", ")),
    };
    problems.add(at, &format!("unknown key {} in {place}", quoted(name)), Some(&hint));
}

/// Where a key stands; its value, where the key has no place of its own.
fn span(table: &dyn TableLike, name: &str, item: &Item) -> Option<Range<usize>> {
    table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span())
}
