//! What is kept: journals of events and the cache, on disks that are full, in files that are damaged,
//! with several processes at once, and in processes that are killed.

#![allow(clippy::unwrap_used)] // A test that cannot go on ends.

#[path = "store/cache.rs"]
mod cache;
#[path = "store/flights.rs"]
mod flights;
#[path = "store/journal.rs"]
mod journal;
#[path = "store/kills.rs"]
mod kills;
#[path = "store/ledger.rs"]
mod ledger;
#[path = "store/retention.rs"]
mod retention;
#[path = "store/troubles.rs"]
mod troubles;

use antiphon::persistence::{DecodeError, EventSourced};
use serde::{Deserialize, Serialize};

/// A state with an order: a list of words, and how often each was said.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Words {
    said: Vec<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    Said { word: String },
    Forgotten { at: usize },
}

impl EventSourced for Words {
    type Event = Word;
    const KIND: &'static str = "words";
    const VERSION: u32 = 3;
    const SNAPSHOT_EVERY: u64 = 10;

    fn apply(&mut self, event: &Word) {
        match event {
            Word::Said { word } => self.said.push(word.clone()),
            Word::Forgotten { at } if *at < self.said.len() => drop(self.said.remove(*at)),
            Word::Forgotten { .. } => {}
        }
    }

    /// In version 2 a word was a bare string.
    fn upgrade(version: u32, json: serde_json::Value) -> Result<Word, DecodeError> {
        match json {
            serde_json::Value::String(word) => Ok(Word::Said { word }),
            other => Err(DecodeError::Damaged(format!("{other} is no word of version {version}"))),
        }
    }

    /// And a state was a bare list.
    fn upgrade_state(_: u32, json: serde_json::Value) -> Result<Words, DecodeError> {
        let said = serde_json::from_value(json).map_err(|error| DecodeError::Damaged(error.to_string()))?;
        Ok(Words { said })
    }
}

pub(crate) fn said(word: impl Into<String>) -> Word {
    Word::Said { word: word.into() }
}
