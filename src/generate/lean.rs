//! JSON of others, read without building all of it: a tree of every value would take many times the
//! memory of its text, in the process that plays. What is looked for is read, and the rest passed over.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// So many values are read, a list of samples being one; what comes later counts as nothing.
const VALUES: u32 = 4_096;
/// Where a server says in words what went wrong.
const WORDS: [&str; 4] = ["error", "detail", "message", "msg"];

/// What stands at a place.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::generate) enum Lean<'a> {
    /// Null, true or false, or what nobody looks for.
    Nothing,
    Number(f64),
    Text(Cow<'a, str>),
    /// A list that begins with a number. What in it is no number (a null for NaN) is NaN.
    Samples(Vec<f32>),
    List(Vec<Lean<'a>>),
    /// The fields that are looked for.
    Table(Vec<(&'static str, Lean<'a>)>),
}

impl<'a> Lean<'a> {
    /// Reads a text, and of its tables the fields named; `None` where it is no JSON.
    pub fn read(text: &'a [u8], fields: &[&'static str]) -> Option<Lean<'a>> {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let reading = Reading { fields, left: Cell::new(VALUES) };
        let read = (&reading).deserialize(&mut deserializer).ok()?;
        deserializer.end().is_ok().then_some(read)
    }

    pub fn get(&self, field: &str) -> Option<&Lean<'a>> {
        let Lean::Table(fields) = self else { return None };
        // Of several with one name the last counts.
        fields.iter().rev().find(|(name, _)| *name == field).map(|(_, value)| value)
    }

    pub fn list(&self) -> Option<&[Lean<'a>]> {
        if let Lean::List(list) = self { Some(list) } else { None }
    }

    pub fn text(&self) -> Option<&str> {
        if let Lean::Text(text) = self { Some(text) } else { None }
    }

    pub fn number(&self) -> Option<f64> {
        if let Lean::Number(number) = self { Some(*number) } else { None }
    }

    /// What it says went wrong: `error` or `detail` or `message`, a text, a list, or a table with one. Those
    /// must have been looked for.
    pub fn words(&self) -> Option<&str> {
        match self {
            Lean::Text(text) => Some(text),
            Lean::List(list) => list.iter().find_map(Lean::words),
            Lean::Table(_) => WORDS.iter().find_map(|field| self.get(field).and_then(Lean::words)),
            _ => None,
        }
    }
}

/// How a value is read.
struct Reading<'k> {
    fields: &'k [&'static str],
    left: Cell<u32>,
}

impl Reading<'_> {
    /// Takes one from what may be read; `false` where nothing is left.
    fn takes(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
}

impl<'de> DeserializeSeed<'de> for &Reading<'_> {
    type Value = Lean<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Lean<'de>, D::Error> {
        if self.takes() {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_ignored_any(IgnoredAny).map(|_| Lean::Nothing)
        }
    }
}

impl<'de> Visitor<'de> for &Reading<'_> {
    type Value = Lean<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Lean<'de>, E> {
        Ok(Lean::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Lean<'de>, E> {
        Ok(Lean::Nothing)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Lean<'de>, E> {
        Ok(Lean::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Lean<'de>, E> {
        Ok(Lean::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Lean<'de>, E> {
        Ok(Lean::Number(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Lean<'de>, E> {
        Ok(Lean::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Lean<'de>, E> {
        Ok(Lean::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Lean<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = sequence.next_element_seed(self)? {
            if let (Lean::Number(first), true) = (&value, list.is_empty()) {
                let mut samples = vec![*first as f32];
                while let Some(Sample(sample)) = sequence.next_element()? {
                    samples.push(sample);
                }
                return Ok(Lean::Samples(samples));
            }
            list.push(value);
            if self.left.get() == 0 {
                while sequence.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
        }
        Ok(Lean::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lean<'de>, A::Error> {
        let mut table = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            match self.fields.iter().find(|field| **field == name) {
                Some(field) if self.left.get() > 0 => table.push((*field, map.next_value_seed(self)?)),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Lean::Table(table))
    }
}

/// The name of a field.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A number of a list of numbers, or what stands in the place of one.
struct Sample(f32);

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sample, D::Error> {
        deserializer.deserialize_any(AnySample)
    }
}

struct AnySample;

impl<'de> Visitor<'de> for AnySample {
    type Value = Sample;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sample")
    }

    fn visit_f64<E>(self, sample: f64) -> Result<Sample, E> {
        Ok(Sample(sample as f32))
    }

    fn visit_i64<E>(self, sample: i64) -> Result<Sample, E> {
        Ok(Sample(sample as f32))
    }

    fn visit_u64<E>(self, sample: u64) -> Result<Sample, E> {
        Ok(Sample(sample as f32))
    }

    fn visit_unit<E>(self) -> Result<Sample, E> {
        Ok(Sample(f32::NAN))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Sample, E> {
        Ok(Sample(f32::NAN))
    }

    fn visit_str<E>(self, _: &str) -> Result<Sample, E> {
        Ok(Sample(f32::NAN))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Sample, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Sample(f32::NAN))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sample, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Sample(f32::NAN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many values are kept of a tree.
    fn count(lean: &Lean<'_>) -> usize {
        1 + match lean {
            Lean::List(list) => list.iter().map(count).sum(),
            Lean::Table(fields) => fields.iter().map(|(_, value)| count(value)).sum(),
            _ => 0,
        }
    }

    #[test]
    fn what_is_looked_for_is_read_and_the_rest_is_not_kept() {
        let text = br#"{"a": {"b": [1, -2.5, null, "x", [3], {"y": 4}]}, "no": {"a": [[[1]]]}, "b": ["t", null, true]}"#;
        let read = Lean::read(text, &["a", "b"]).expect("JSON");
        let Some(Lean::Samples(samples)) = read.get("a").and_then(|a| a.get("b")) else { panic!("{read:?}") };
        assert_eq!((samples[0], samples[1], samples.len()), (1.0, -2.5, 6));
        assert!(samples[2..].iter().all(|sample| sample.is_nan()));
        let texts = [Lean::Text(Cow::Borrowed("t")), Lean::Nothing, Lean::Nothing];
        assert_eq!(read.get("b").and_then(Lean::list), Some(&texts[..]));
        assert_eq!(read.get("no"), None);
        for wrong in ["", "{", "[1,]", "{} {}", "[1e999]", "nul"] {
            assert_eq!(Lean::read(wrong.as_bytes(), &[]), None, "{wrong}");
        }
    }

    #[test]
    fn a_text_of_many_values_is_no_large_tree() {
        let samples = format!("{{\"audio\":[{}0]}}", "0,".repeat(1 << 20));
        let read = Lean::read(samples.as_bytes(), &["audio"]).expect("JSON");
        assert_eq!(count(&read), 2);
        for unit in ["[],", "{},", "null,", "{\"a\":[[],[{\"a\":0}]]},", "\"x\","] {
            let many = format!("[{}0]", unit.repeat(100_000));
            let read = Lean::read(many.as_bytes(), &["a"]).expect(unit);
            assert!(count(&read) <= VALUES as usize + 1, "{unit}: {}", count(&read));
        }
    }
}
