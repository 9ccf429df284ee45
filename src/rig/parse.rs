//! The text of a rig to a [`Rig`], or to everything that is wrong with it.

mod actors;
mod cables;
mod clips;
mod continuation;
mod controls;
mod fields;
mod generators;
mod loops;
mod motion;
mod names;
mod parameters;
mod ports;
mod scenes;
mod shaping;
mod transform;
mod transport;
mod warnings;

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, TableLike, TomlError};

use super::keys;
use super::model::{EngineSettings, Rig};
use super::problem::{Problem, Severity, Source, nearest, quoted};
use crate::stage::Kinds;
use crate::unit::{Decibels, SampleRate};
use fields::{Fields, Problems, found, key_span};
use names::Sort;

pub use loops::close_loops;
pub use names::NAME_LIMIT;

/// The longest rig, in bytes.
pub const TEXT_LIMIT_BYTES: usize = 1 << 20;
/// The most `[midi.NAME]`.
pub const MIDI_LIMIT: usize = 64;
/// The most `[input.NAME]`, and the most `[output.NAME]` beside `out`. The Renderer
/// has room for two whole rigs of these sizes, one of which fades.
pub const DEVICE_LIMIT: usize = 31;
/// The most instruments, stages and clips together.
pub const ACTOR_LIMIT: usize = 128;
/// The most generators.
pub const GENERATOR_LIMIT: usize = 16;
/// The most cables.
pub const CABLE_LIMIT: usize = 1_024;

/// The most scenes.
pub const SCENE_LIMIT: usize = 128;
/// The most places in a set list.
pub const SETLIST_LIMIT: usize = 1_024;
/// The most controls.
pub const CONTROL_LIMIT: usize = 256;
/// The most different parameters that all scenes together may name.
pub const NAMED_LIMIT: usize = 512;

const _: () = assert!(2 * (ACTOR_LIMIT + DEVICE_LIMIT) <= crate::render::NODES);
const _: () = assert!(2 * (1 + DEVICE_LIMIT) <= crate::render::BUSES);
const _: () = assert!(2 * MIDI_LIMIT <= crate::render::SOURCES && 2 * MIDI_LIMIT <= crate::render::SINKS);
const _: () = assert!(2 * GENERATOR_LIMIT <= crate::render::GENERATORS);
const _: () = assert!(CABLE_LIMIT <= crate::render::CABLES);

/// What `parse` knows at the top level of a rig.
const TOP: &[&str] = &[
    "name",
    "engine",
    "transport",
    "midi",
    "input",
    "output",
    "instrument",
    "stage",
    "clip",
    "generator",
    "cable",
    "scene",
    "setlist",
    "control",
];

/// Why a rig file is no rig.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("cannot read the rig {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file was read; it says what cannot be played.
    #[error("{}", shown(path, problems))]
    Problems {
        /// The file.
        path: PathBuf,
        /// All of them, in the order of the file; never empty.
        problems: Vec<Problem>,
    },
}

fn shown(path: &Path, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|p| p.show(path, Severity::Error).to_string()).collect();
    lines.join("\n")
}

/// Reads and parses a rig file. Real-time: no.
///
/// # Errors
/// [`LoadError`], whose `Display` is ready for the musician.
pub fn load(path: &Path, kinds: &Kinds) -> Result<Rig, LoadError> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(TEXT_LIMIT_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    let parsed = parse_bytes(&bytes, kinds);
    let mut rig = parsed.map_err(|problems| LoadError::Problems { path: path.to_owned(), problems })?;
    rig.folder = path.parent().map(Path::to_owned);
    Ok(rig)
}

/// As [`parse`], of bytes that may not be text.
///
/// # Errors
/// Every problem found, in the order of the text.
pub fn parse_bytes(bytes: &[u8], kinds: &Kinds) -> Result<Rig, Vec<Problem>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text, kinds),
        Err(error) if bytes.len() <= TEXT_LIMIT_BYTES => {
            let text = String::from_utf8_lossy(bytes);
            let at = error.valid_up_to();
            let hint = Some("a rig is a text file in UTF-8".to_owned());
            Err(vec![Source::new(&text).problem(at..at + 1, "this is not UTF-8 text", hint)])
        }
        Err(_) => Err(vec![too_long()]),
    }
}

fn too_long() -> Problem {
    let hint = Some(format!("a rig may have up to {TEXT_LIMIT_BYTES} bytes"));
    Problem::of_file("the file is too long to be a rig", hint)
}

/// Parses the text of a rig and checks all that can be checked without
/// devices. Real-time: no.
///
/// Time and memory are bounded by the limits above, whatever the text.
///
/// # Errors
/// Every problem found, in the order of the text (up to a hundred; bad TOML ends the search).
pub fn parse(text: &str, kinds: &Kinds) -> Result<Rig, Vec<Problem>> {
    if text.len() > TEXT_LIMIT_BYTES {
        return Err(vec![too_long()]);
    }
    let source = Source::new(text);
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return Err(vec![toml_problem(text, &source, &error)]),
    };
    let mut problems = Problems { source: &source, list: Vec::new() };
    let mut rig = sections(document.as_table(), kinds, &mut problems);
    rig.origin.source = source.clone();
    let mut list = problems.list;
    // Loops are only looked for among cables that are all right.
    if list.is_empty() {
        let rate = rig.engine.rate.unwrap_or(SampleRate::DEFAULT);
        if let Err(loops) = close_loops(&mut rig, rate) {
            list.extend(loops);
        }
    }
    if list.is_empty() {
        rig.warnings = warnings::of(&rig);
        return Ok(rig);
    }
    list.sort_by_key(|problem| problem.span.start);
    Err(list)
}

fn sections(root: &dyn TableLike, kinds: &Kinds, problems: &mut Problems<'_>) -> Rig {
    let start = 0..0;
    for (name, item) in root.iter() {
        if !TOP.contains(&name) && problems.has_room() {
            let at = key_span(root, name).unwrap_or_else(|| start.clone());
            let what = if item.is_table_like() || item.is_array_of_tables() { "section" } else { "key" };
            let hint = match nearest(name, TOP.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a rig knows: {}", TOP.join(", ")),
            };
            problems.add(&at, format!("unknown {what} {} in the rig", quoted(name)), Some(hint));
        }
    }
    let mut rig = Rig { name: name(root, problems), engine: engine(root, problems), ..Rig::default() };
    let mut names = names::collect(root, problems);
    ports::read(&mut names, &mut rig, problems);
    rig.transport = transport::read(root, &names, &rig.midi, problems);
    actors::read(&mut names, kinds, &mut rig, problems);
    generators::read(&mut names, &mut rig, problems);
    cables::read(root, &names, &mut rig, problems);
    scenes::read(root, &names, &mut rig, problems);
    controls::read(root, &names, &mut rig, problems);
    rig
}

fn name(root: &dyn TableLike, problems: &mut Problems<'_>) -> String {
    let Some(item) = root.get("name") else {
        return String::new();
    };
    let at = item.span().unwrap_or(0..0);
    match item.as_str() {
        Some(name) if name.chars().count() <= 200 && !name.chars().any(char::is_control) => name.to_owned(),
        Some(_) => {
            problems.add(&at, "`name` must be one line of at most 200 characters", None);
            String::new()
        }
        None => {
            problems.add(&at, format!("`name` must be a text in quotes, not {}", found(item)), None);
            String::new()
        }
    }
}

fn engine(root: &dyn TableLike, problems: &mut Problems<'_>) -> EngineSettings {
    let mut settings = EngineSettings::default();
    let Some(item) = root.get("engine") else {
        return settings;
    };
    let at = key_span(root, "engine").unwrap_or(0..0);
    let Some(table) = item.as_table_like() else {
        problems.add(
            &at,
            format!("`engine` must be a table, not {}", found(item)),
            Some("write [engine]".into()),
        );
        return settings;
    };
    let known: Vec<&str> = keys::ENGINE.iter().map(|key| key.name).collect();
    let fields = Fields::read(table, at, "[engine]", &known, problems);
    for key in keys::ENGINE {
        match key.name {
            "limiter" => settings.limiter = fields.switch(key.name, problems).unwrap_or(settings.limiter),
            "connect" => settings.connect = fields.switch(key.name, problems).unwrap_or(settings.connect),
            name => {
                let number = fields.integer(key, problems).and_then(|number| u32::try_from(number).ok());
                match name {
                    "rate" => settings.rate = number.and_then(|hertz| SampleRate::new(hertz).ok()),
                    "block" => settings.block_frames = number,
                    "black_box_minutes" => {
                        settings.black_box_minutes = number.unwrap_or(settings.black_box_minutes)
                    }
                    _ => settings.midi_latency_frames = number,
                }
            }
        }
    }
    settings
}

/// `gain` of an actor, 0 dB where it is not given (or wrong).
fn gain(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Decibels {
    Decibels(fields.number(&keys::GAIN, problems).unwrap_or(0.0) as f32)
}

/// A gain in dB that another key gives.
fn gain_of(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<f32> {
    let (min, max) = keys::GAIN_DECIBELS;
    fields.number_in(key, min, max, keys::GAIN.unit, problems).map(|decibels| decibels as f32)
}

/// What is wrong with the TOML itself, in words that say what to do.
fn toml_problem(text: &str, source: &Source, error: &TomlError) -> Problem {
    let at: Range<usize> = error.span().unwrap_or(text.len()..text.len());
    let message = error.message().lines().next().unwrap_or("").trim();
    if message.starts_with("duplicate key") {
        let name = text.get(at.clone()).unwrap_or("");
        let hint = Some("every name and every key of a table may stand once".to_owned());
        return source.problem(at, format!("{} is given twice", quoted(name)), hint);
    }
    source.problem(at, format!("this is not TOML: {message}"), None)
}

/// The number of things of a sort that are allowed, and what they are called.
fn limit(sort: Sort) -> (usize, &'static str) {
    match sort {
        Sort::Midi => (MIDI_LIMIT, "MIDI ports"),
        Sort::Input => (DEVICE_LIMIT, "inputs"),
        Sort::Output => (DEVICE_LIMIT, "outputs"),
        Sort::Generator => (GENERATOR_LIMIT, "generators"),
        Sort::Instrument | Sort::Stage | Sort::Clip => (ACTOR_LIMIT, "instruments, stages and clips"),
    }
}
