use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What the cache keeps under a key.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Entry {
    /// Its files by name: `audio.wav`, `midi.mid`, `chart.json`.
    pub parts: BTreeMap<String, Arc<[u8]>>,
    /// What is said of it; `description` is shown in lists. Small: it stands in the index.
    pub meta: serde_json::Value,
    /// Words by which it is found and evicted.
    pub tags: BTreeSet<String>,
    /// What it sounds like, to find duplicates by.
    pub fingerprint: Option<Fingerprint>,
}

impl Entry {
    /// An entry with no parts yet.
    pub fn new(meta: serde_json::Value) -> Entry {
        Entry { meta, ..Entry::default() }
    }

    /// The same with one part more.
    #[must_use]
    pub fn part(mut self, name: &str, bytes: impl Into<Arc<[u8]>>) -> Entry {
        self.parts.insert(name.to_owned(), bytes.into());
        self
    }

    /// The same with one tag more.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Entry {
        self.tags.insert(tag.to_owned());
        self
    }

    /// The same with a fingerprint.
    #[must_use]
    pub fn fingerprint(mut self, fingerprint: Fingerprint) -> Entry {
        self.fingerprint = Some(fingerprint);
        self
    }

    /// The size of its parts.
    pub fn bytes(&self) -> u64 {
        self.parts.values().map(|part| part.len() as u64).sum()
    }
}

/// Bits of which two that sound alike have most in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Fingerprint(pub Vec<u8>);

impl Fingerprint {
    /// How many bits differ; `None` where the two are not of one length.
    pub fn distance_bits(&self, other: &Fingerprint) -> Option<u32> {
        let pairs = self.0.iter().zip(&other.0);
        (self.0.len() == other.0.len()).then(|| pairs.map(|(a, b)| (a ^ b).count_ones()).sum())
    }
}

impl From<u64> for Fingerprint {
    fn from(bits: u64) -> Fingerprint {
        Fingerprint(bits.to_be_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_differ_by_bits() {
        let print = Fingerprint::from(0b1010_u64);
        assert_eq!(print.distance_bits(&print), Some(0));
        assert_eq!(print.distance_bits(&Fingerprint::from(0b0110_u64)), Some(2));
        assert_eq!(print.distance_bits(&Fingerprint(vec![1])), None);
    }
}
