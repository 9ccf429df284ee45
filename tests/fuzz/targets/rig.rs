//! A rig of anything: checked types, or problems with their places.
#![no_main]

use antiphon::stage::Kinds;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static KINDS: LazyLock<Kinds> = LazyLock::new(|| {
    let mut kinds = Kinds::empty();
    antiphon::instrument::register(&mut kinds);
    antiphon::stage::register(&mut kinds);
    kinds
});

fuzz_target!(|data: &[u8]| {
    if let Err(problems) = antiphon::rig::parse_bytes(data, &KINDS) {
        let lines = data.iter().filter(|byte| **byte == b'\n').count() + 1;
        assert!(!problems.is_empty());
        for problem in problems {
            // Line 0 is the file as a whole.
            assert!(problem.line <= lines, "{problem:?} of {lines} lines");
            assert_eq!(problem.line == 0, problem.column == 0, "{problem:?}");
            assert!(!problem.message.is_empty(), "{problem:?}");
        }
    }
});
