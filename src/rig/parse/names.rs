//! Who is in the rig: every named thing, in the order of the file.

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Item, TableLike};

use super::super::model::Port;
use super::super::problem::{nearest, quoted};
use super::fields::{Problems, found, key_span};
use super::limit;

/// The longest name, in characters.
pub const NAME_LIMIT: usize = 64;

/// What a section makes of what it names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sort {
    Midi,
    Input,
    Output,
    Instrument,
    Stage,
    Clip,
    Generator,
}

impl Sort {
    const ALL: [Sort; 7] =
        [Sort::Midi, Sort::Input, Sort::Output, Sort::Instrument, Sort::Stage, Sort::Clip, Sort::Generator];

    pub fn section(self) -> &'static str {
        match self {
            Sort::Midi => "midi",
            Sort::Input => "input",
            Sort::Output => "output",
            Sort::Instrument => "instrument",
            Sort::Stage => "stage",
            Sort::Clip => "clip",
            Sort::Generator => "generator",
        }
    }
}

/// One `[SECTION.NAME]`.
pub(super) struct Entry<'a> {
    pub sort: Sort,
    pub name: &'a str,
    pub at: Range<usize>,
    pub table: &'a dyn TableLike,
}

/// Everything a cable may name.
#[derive(Default)]
pub(super) struct Names<'a> {
    pub entries: Vec<Entry<'a>>,
    known: BTreeMap<&'a str, Named>,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub sort: Sort,
    at: Option<Range<usize>>,
    /// `None` where what it names has problems of its own.
    pub port: Option<Port>,
}

impl Names<'_> {
    pub fn get(&self, name: &str) -> Option<&Named> {
        self.known.get(name)
    }

    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.known.keys().copied())
    }

    pub fn set_port(&mut self, name: &str, port: Port) {
        if let Some(named) = self.known.get_mut(name) {
            named.port = Some(port);
        }
    }
}

/// Finds every named table; complains about names that cannot be, or are there twice.
pub(super) fn collect<'a>(root: &'a dyn TableLike, problems: &mut Problems<'_>) -> Names<'a> {
    let mut entries = Vec::new();
    for sort in Sort::ALL {
        let section = sort.section();
        let Some(item) = root.get(section) else {
            continue;
        };
        let at = key_span(root, section).unwrap_or(0..0);
        let hint = || Some(format!("write [{section}.NAME], with a name of your own"));
        let Some(tables) = item.as_table_like() else {
            problems.add(&at, format!("`{section}` must hold named tables, not {}", found(item)), hint());
            continue;
        };
        for (name, item) in tables.iter() {
            let at = key_span(tables, name).unwrap_or_else(|| at.clone());
            match item.as_table_like() {
                Some(table) => entries.push(Entry { sort, name, at, table }),
                None => not_a_table(section, name, item, &at, hint(), problems),
            }
        }
    }
    entries.sort_by_key(|entry| entry.at.start);
    enforce_limits(&mut entries, problems);
    let mut names = Names::default();
    let out = Named { sort: Sort::Output, at: None, port: Some(Port::Output(0)) };
    names.known.insert("out", out);
    for entry in entries {
        if accept(&entry, &names, problems) {
            if entry.name != "out" {
                let named = Named { sort: entry.sort, at: Some(entry.at.clone()), port: None };
                names.known.insert(entry.name, named);
            }
            names.entries.push(entry);
        }
    }
    names
}

fn not_a_table(
    section: &str,
    name: &str,
    item: &Item,
    at: &Range<usize>,
    hint: Option<String>,
    problems: &mut Problems<'_>,
) {
    if problems.has_room() {
        let message = format!("{} in [{section}] must be a table, not {}", quoted(name), found(item));
        problems.add(at, message, hint);
    }
}

/// Drops what is more than the limits allow, with one problem each.
fn enforce_limits(entries: &mut Vec<Entry<'_>>, problems: &mut Problems<'_>) {
    let mut counts = [0; 5];
    entries.retain(|entry| {
        let (most, what) = limit(entry.sort);
        let count = &mut counts[match entry.sort {
            Sort::Midi => 0,
            Sort::Input => 1,
            Sort::Output => 2,
            Sort::Instrument | Sort::Stage | Sort::Clip => 3,
            Sort::Generator => 4,
        }];
        *count += 1;
        if *count == most + 1 {
            problems.add(&entry.at, format!("a rig may have up to {most} {what}"), None);
        }
        *count <= most
    });
}

fn accept(entry: &Entry<'_>, names: &Names<'_>, problems: &mut Problems<'_>) -> bool {
    let name = entry.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > NAME_LIMIT || !name.chars().all(plain) {
        let hint = format!("up to {NAME_LIMIT} letters a-z and A-Z, digits, - and _");
        problems.add(&entry.at, format!("{} cannot be a name", quoted(name)), Some(hint));
        return false;
    }
    // Ports of MIDI and audio share their names on JACK.
    let device_port = name.strip_prefix("out_").or_else(|| name.strip_prefix("in_"));
    if entry.sort == Sort::Midi && device_port.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit())) {
        let hint = Some("ports of the audio device are called that on JACK; choose another name".to_owned());
        problems.add(&entry.at, format!("`{name}` cannot be the name of a MIDI port"), hint);
        return false;
    }
    if name == "out" {
        let first = !names.entries.iter().any(|other| other.name == "out");
        if entry.sort != Sort::Output || !first {
            let hint = Some("`out` is the device's main output; choose another name".to_owned());
            problems.add(&entry.at, "the name `out` is taken", hint);
            return false;
        }
        return true;
    }
    if let Some(Named { sort, at: Some(at), .. }) = names.get(name) {
        let line = problems.source.problem(at.clone(), "", None).line;
        let message = format!("the name `{name}` is taken by [{}.{name}] in line {line}", sort.section());
        problems.add(&entry.at, message, Some("names are unique over the whole rig".into()));
        return false;
    }
    true
}
