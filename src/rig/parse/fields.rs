//! The keys of one table, taken by name and type.

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Item, TableLike, Value};

use super::super::keys::{Key, KeyShape};
use super::super::problem::{Problem, Source, nearest, quoted};

/// After so many the rest is not looked for: a file that bad is not a rig.
const PROBLEM_LIMIT: usize = 100;

/// The longest list that a key may have; no rig needs half of it.
const LIST_LIMIT: usize = 256;

/// What has been found wrong so far.
pub(super) struct Problems<'s> {
    pub source: &'s Source,
    pub list: Vec<Problem>,
}

impl Problems<'_> {
    pub fn add(&mut self, at: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        if self.list.len() < PROBLEM_LIMIT {
            self.list.push(self.source.problem(at.clone(), message, hint));
        }
    }

    pub fn has_room(&self) -> bool {
        self.list.len() < PROBLEM_LIMIT
    }

    fn wrong_type(&mut self, key: &str, item: &Item, at: &Range<usize>, wanted: &str, hint: Option<String>) {
        let at = item.span().unwrap_or_else(|| at.clone());
        self.add(&at, format!("`{key}` must be {wanted}, not {}", found(item)), hint);
    }
}

/// One table's known keys, with the place of each.
pub(super) struct Fields<'a> {
    /// Where the table is named.
    pub at: Range<usize>,
    entries: BTreeMap<&'a str, Field<'a>>,
}

struct Field<'a> {
    key_at: Range<usize>,
    item: &'a Item,
}

impl<'a> Fields<'a> {
    /// Sorts the keys of a table into known and unknown ones; the latter are problems.
    pub fn read(
        table: &'a dyn TableLike,
        at: Range<usize>,
        section: &str,
        known: &[&str],
        problems: &mut Problems<'_>,
    ) -> Fields<'a> {
        let mut entries = BTreeMap::new();
        for (name, item) in table.iter() {
            let key_at = key_span(table, name).unwrap_or_else(|| at.clone());
            if known.contains(&name) {
                entries.insert(name, Field { key_at, item });
            } else if problems.has_room() {
                let hint = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("{section} knows: {}", known.join(", ")),
                };
                problems.add(&key_at, format!("unknown key {} in {section}", quoted(name)), Some(hint));
            }
        }
        Fields { at, entries }
    }

    /// All the keys of a table, which are names of the musician's own.
    pub fn all(table: &'a dyn TableLike, at: Range<usize>) -> Fields<'a> {
        let field = |(name, item): (&'a str, &'a Item)| {
            let key_at = key_span(table, name).unwrap_or_else(|| at.clone());
            (name, Field { key_at, item })
        };
        let entries = table.iter().map(field).collect();
        Fields { at, entries }
    }

    /// The keys that are there, in the order of their places.
    pub fn names(&self) -> Vec<&'a str> {
        let mut names: Vec<&'a str> = self.entries.keys().copied().collect();
        names.sort_by_key(|name| self.entries[name].key_at.start);
        names
    }

    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub fn item(&self, key: &str) -> Option<&'a Item> {
        self.entries.get(key).map(|field| field.item)
    }

    /// The place of a key; the table's own where it is not given.
    pub fn key_at(&self, key: &str) -> &Range<usize> {
        self.entries.get(key).map_or(&self.at, |field| &field.key_at)
    }

    /// The place of a value; the table's own where it is not given.
    pub fn value_at(&self, key: &str) -> Range<usize> {
        self.item(key).and_then(Item::span).unwrap_or_else(|| self.key_at(key).clone())
    }

    pub fn switch(&self, key: &str, problems: &mut Problems<'_>) -> Option<bool> {
        let item = self.item(key)?;
        if item.as_bool().is_none() {
            problems.wrong_type(key, item, self.key_at(key), "true or false", None);
        }
        item.as_bool()
    }

    pub fn text(&self, key: &str, problems: &mut Problems<'_>) -> Option<&'a str> {
        let item = self.item(key)?;
        if item.as_str().is_none() {
            problems.wrong_type(key, item, self.key_at(key), "a text in quotes", None);
        }
        item.as_str()
    }

    /// A number of a key in the tables; `None` where it is not given or wrong.
    pub fn number(&self, key: &Key, problems: &mut Problems<'_>) -> Option<f64> {
        match key.shape {
            KeyShape::Number { min, max } => self.number_in(key.name, min, max, key.unit, problems),
            _ => None,
        }
    }

    /// A whole number of a key in the tables; `None` where it is not given or wrong.
    pub fn integer(&self, key: &Key, problems: &mut Problems<'_>) -> Option<i64> {
        match key.shape {
            KeyShape::Integer { min, max } => self.integer_in(key.name, min, max, key.unit, problems),
            _ => None,
        }
    }

    pub fn number_in(
        &self,
        key: &str,
        min: f64,
        max: f64,
        unit: &str,
        problems: &mut Problems<'_>,
    ) -> Option<f64> {
        let item = self.item(key)?;
        let range = range(min, max, unit);
        let Some(number) = item.as_float().or_else(|| item.as_integer().map(|i| i as f64)) else {
            problems.wrong_type(key, item, self.key_at(key), &format!("a number {range}"), unquoted(item));
            return None;
        };
        // Not `<`: NaN is in no range.
        if !(min..=max).contains(&number) {
            let message = format!("`{key}` must be {range}; {number} is not");
            problems.add(&self.value_at(key), message, None);
            return None;
        }
        Some(number)
    }

    pub fn integer_in(
        &self,
        key: &str,
        min: i64,
        max: i64,
        unit: &str,
        problems: &mut Problems<'_>,
    ) -> Option<i64> {
        let item = self.item(key)?;
        let range = range(min, max, unit);
        let Some(number) = item.as_integer() else {
            let wanted = format!("a whole number {range}");
            problems.wrong_type(key, item, self.key_at(key), &wanted, unquoted(item));
            return None;
        };
        if !(min..=max).contains(&number) {
            problems.add(&self.value_at(key), format!("`{key}` must be {range}; {number} is not"), None);
            return None;
        }
        Some(number)
    }

    /// The index of one of some words.
    pub fn choice(&self, key: &str, words: &[&'static str], problems: &mut Problems<'_>) -> Option<usize> {
        let item = self.item(key)?;
        let Some(word) = item.as_str() else {
            let wanted = format!("one of the words {}", words.join(", "));
            problems.wrong_type(key, item, self.key_at(key), &wanted, None);
            return None;
        };
        let index = words.iter().position(|known| *known == word);
        if index.is_none() {
            let hint = match nearest(word, words.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"? It may be: {}", words.join(", ")),
                None => format!("it may be: {}", words.join(", ")),
            };
            problems.add(&self.value_at(key), format!("unknown {key} {}", quoted(word)), Some(hint));
        }
        index
    }

    /// The values of a list, each with its place; `None` where it is not given or
    /// no list.
    pub fn list(
        &self,
        key: &str,
        wanted: &str,
        problems: &mut Problems<'_>,
    ) -> Option<Vec<(Range<usize>, &'a Value)>> {
        let item = self.item(key)?;
        let at = self.value_at(key);
        let Some(list) = item.as_array() else {
            problems.wrong_type(key, item, self.key_at(key), wanted, None);
            return None;
        };
        if list.len() > LIST_LIMIT {
            problems.add(&at, format!("`{key}` may list up to {LIST_LIMIT}"), None);
            return None;
        }
        Some(list.iter().map(|value| (value.span().unwrap_or_else(|| at.clone()), value)).collect())
    }

    pub fn wrong_type(&self, key: &str, wanted: &str, hint: Option<String>, problems: &mut Problems<'_>) {
        if let Some(item) = self.item(key) {
            problems.wrong_type(key, item, self.key_at(key), wanted, hint);
        }
    }
}

/// The place where a table names a key.
pub(super) fn key_span(table: &dyn TableLike, name: &str) -> Option<Range<usize>> {
    table.key(name).and_then(toml_edit::Key::span)
}

fn range(min: impl std::fmt::Display, max: impl std::fmt::Display, unit: &str) -> String {
    // A ratio's symbol is its range.
    match unit {
        "" | "0..1" => format!("from {min} to {max}"),
        unit => format!("from {min} to {max} {unit}"),
    }
}

/// A hint for a number that was written as a text.
fn unquoted(item: &Item) -> Option<String> {
    let text = item.as_str()?.trim();
    text.parse::<f64>().ok().map(|_| format!("write it without quotes: {}", quoted(text)))
}

/// What stands where something else should.
pub(super) fn found(item: &Item) -> String {
    match item {
        Item::None => "nothing".into(),
        Item::Table(_) | Item::Value(Value::InlineTable(_)) => "a table".into(),
        Item::ArrayOfTables(_) => "a list of tables".into(),
        Item::Value(value) => found_value(value),
    }
}

pub(super) fn found_value(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text {}", quoted(text.value())),
        Value::Integer(number) => format!("{}", number.value()),
        Value::Float(number) => format!("{:?}", number.value()),
        Value::Boolean(on) => format!("{}", on.value()),
        Value::Datetime(_) => "a date".into(),
        Value::Array(_) => "a list".into(),
        Value::InlineTable(_) => "a table".into(),
    }
}
