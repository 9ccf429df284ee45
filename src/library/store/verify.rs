use std::collections::BTreeMap;

use super::{Store, lock};
use crate::library::error::LibraryError;
use crate::library::files::ReadError;
use crate::library::index::Item;
use crate::library::key::Key;
use crate::library::stats::{Damage, Verified};
use crate::persistence::JournalError;

impl Store {
    /// Looks through all entries, and makes the index anew from the first event that is kept.
    pub(in crate::library) fn verify(&self) -> Result<Verified, LibraryError> {
        let mut verified = Verified { index: self.set_aside.clone(), ..Verified::default() };
        let journal = {
            let mut journal = lock(&self.journal);
            journal.refresh()?;
            if let Some(aside) = journal.set_aside().filter(|_| verified.index.is_none()) {
                verified.index = Some(format!("{}: set aside as {}", aside.reason, aside.path.display()));
            }
            match journal.rebuild() {
                // What cannot be looked at is not known to be damaged.
                Err(JournalError::Unsound { reason, .. }) => verified.index = Some(reason),
                Err(error) => return Err(error.into()),
                Ok(rebuilt) => {
                    let rebuilt = crate::persistence::hash_of(&rebuilt);
                    let rebuilt = rebuilt.map_err(|error| JournalError::Event(error.to_string()))?;
                    if rebuilt != journal.state_hash()? {
                        verified.index = Some("its snapshot is not what its events come to".to_owned());
                    }
                }
            }
            journal
        };
        let all: Vec<(Key, Item)> = {
            let index = journal.state();
            index.entries.iter().map(|(key, kept)| (*key, kept.item.clone())).collect()
        };
        drop(journal);
        let mut files = BTreeMap::new();
        for (key, item) in all {
            let before = verified.damage.len();
            for (name, part) in &item.parts {
                let reason = match self.files.verify(part) {
                    Ok(()) => continue,
                    Err(ReadError::Damaged(reason)) => reason,
                    Err(ReadError::Io(error)) => format!("it cannot be read: {error}"),
                };
                let path = self.files.path(&part.sha256);
                verified.damage.push(Damage { key, part: name.clone(), path, reason });
            }
            if verified.damage.len() > before && !self.is_still(&key, &item) {
                // It went, or came anew, while it was looked at.
                verified.damage.truncate(before);
                continue;
            }
            verified.entries += 1;
            files.extend(item.parts.values().map(|part| (part.sha256, part.bytes)));
        }
        verified.bytes = files.values().fold(0, |sum, bytes| sum.saturating_add(*bytes));
        Ok(verified)
    }

    fn is_still(&self, key: &Key, item: &Item) -> bool {
        self.refresh();
        self.view.read(|index| index.entries.get(key).is_some_and(|kept| kept.item == *item))
    }
}
