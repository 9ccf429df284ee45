use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::entry::{AccountEntry, Entry};

/// Entries that may wait to be written …
const ENTRIES: usize = 8_192;
/// … and bytes of rigs among them.
const TEXT_BYTES: usize = 32 << 20;

/// Takes what the control world tells the log; whoever writes the log takes it
/// from there. Cheap to clone; none waits for another.
#[derive(Clone, Default)]
pub struct Scribe(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    text_bytes: usize,
    lost: u64,
}

impl Scribe {
    /// Tells the log something; what finds no room is counted, and that stands in
    /// the log.
    pub fn note(&self, entry: Entry) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text_bytes = text_bytes(&entry);
        if waiting.entries.len() >= ENTRIES || waiting.text_bytes + text_bytes > TEXT_BYTES {
            waiting.lost += 1;
            return;
        }
        waiting.text_bytes += text_bytes;
        waiting.entries.push_back(entry);
    }

    /// What was told since the last call, in order.
    pub fn take(&self) -> Vec<Entry> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries: Vec<Entry> = waiting.entries.drain(..).collect();
        waiting.text_bytes = 0;
        let lost = std::mem::take(&mut waiting.lost);
        if lost > 0 {
            entries.push(Entry::Lost { entries: lost });
        }
        entries
    }
}

fn text_bytes(entry: &Entry) -> usize {
    match entry {
        Entry::Parcel(parcel) => match &parcel.account {
            Some(AccountEntry::Rig { text, .. }) => text.len(),
            _ => 0,
        },
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_told_by_its_number() {
        let scribe = Scribe::default();
        for frame in 0..ENTRIES as u64 + 3 {
            scribe.clone().note(Entry::Progress { frame });
        }
        let told = scribe.take();
        assert_eq!(told.len(), ENTRIES + 1);
        assert_eq!(told[1], Entry::Progress { frame: 1 });
        assert_eq!(told.last(), Some(&Entry::Lost { entries: 3 }));
        assert!(scribe.take().is_empty());
    }
}
