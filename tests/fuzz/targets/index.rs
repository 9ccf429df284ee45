//! The cache's index from anywhere, an event in a line: each is read or refused, and a state that was
//! written is read again as the same.
#![no_main]

use antiphon::library::Index;
use antiphon::persistence::{EventSourced, canonical_json, decode_event, decode_snapshot};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Whatever version it is said to be in.
    for version in [Index::VERSION - 1, Index::VERSION, Index::VERSION + 1] {
        let _ = decode_snapshot::<Index>(version, data).map(|index| is_kept(&index));
    }
    let mut index = Index::default();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(event) = decode_event::<Index>(Index::VERSION, line) else { continue };
        let written = canonical_json(&event).expect("what was read can be written");
        let again = decode_event::<Index>(Index::VERSION, &written).expect("and read");
        assert_eq!(again, event);
        index.apply(&event);
        for kept in index.entries.values() {
            assert!(kept.item.parts.values().all(|part| index.needs(&part.sha256)));
        }
    }
    is_kept(&index);
});

fn is_kept(index: &Index) {
    let written = canonical_json(index).expect("a state can be written");
    assert_eq!(&decode_snapshot::<Index>(Index::VERSION, &written).expect("and read"), index);
}
