use super::*;
use crate::library::index::{Counts, Use};
use crate::library::tally::{USES_AT_MOST, USES_TOGETHER};
use crate::persistence::EventSourced;

fn small(number: u64) -> IndexEvent {
    let key = Key::of(&number).expect("a key");
    let part = files::describe(&number.to_le_bytes());
    let item = Item {
        parts: BTreeMap::from([("midi.mid".to_owned(), part)]),
        meta: serde_json::Value::Null,
        tags: BTreeSet::new(),
        fingerprint: None,
        stored_ms: number,
    };
    IndexEvent::Stored { key, item }
}

#[test]
fn of_too_many_those_used_the_longest_ago_go_however_small_they_are() {
    let mut index = Index::default();
    (0..200).for_each(|number| index.apply(&small(number)));
    assert!(victims(&index, u64::MAX, 200, &BTreeSet::new()).is_empty());
    let spared = BTreeSet::from([Key::of(&0_u64).expect("a key")]);
    let gone: Vec<u64> =
        victims(&index, u64::MAX, 150, &spared).iter().map(|(_, item)| item.stored_ms).collect();
    assert_eq!(gone, (1..=50).collect::<Vec<_>>());
}

/// What went leaves nothing but a count.
#[test]
fn an_index_is_no_larger_for_what_once_was_in_it() {
    let size = |index: &Index| crate::persistence::canonical_json(index).expect("JSON").len();
    let mut index = Index::default();
    index.apply(&small(0));
    let alone = size(&index);
    for number in 1..5_000 {
        index.apply(&small(number));
        let key = Key::of(&number).expect("a key");
        let used = Use { times: 1, last_ms: number };
        index.apply(&IndexEvent::Used { uses: [(key, used)].into(), counts: Counts::default() });
        index.apply(&IndexEvent::Evicted { key, reason: Reason::Asked });
    }
    assert!(size(&index) < alone + 100, "{} bytes, and {alone} before", size(&index));
}

/// However many were found, no event is too large, and nothing is counted twice.
#[test]
fn what_was_found_is_told_in_events_of_a_bounded_size() {
    let tally = Tally::default();
    let key = |number: usize| Key::of(&number).expect("a key");
    for number in 0..USES_AT_MOST + 500 {
        tally.used(key(number), number as u64, |counts| counts.memory_hits += 1);
        tally.used(key(0), number as u64, |counts| counts.file_hits += 1);
    }
    let events = tally.take().events();
    assert_eq!(events.len(), USES_AT_MOST / USES_TOGETHER);
    let mut index = Index::default();
    let mut times = 0;
    for event in &events {
        index.apply(event);
        let IndexEvent::Used { uses, .. } = event else { panic!("{event:?}") };
        times += uses.values().map(|used| used.times).sum::<u64>();
        assert!(serde_json::to_vec(event).expect("JSON").len() < 256 << 10);
    }
    let found = (USES_AT_MOST + 500) as u64;
    assert_eq!((index.counts.memory_hits, index.counts.file_hits), (found, found));
    assert_eq!(times, USES_AT_MOST as u64 + found);
    assert!(tally.is_empty() && tally.take().events().is_empty());
}
