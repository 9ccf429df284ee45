//! A log from anywhere: an error or an end, and every record in it is written as
//! it was read. Sums are not looked at here, so that more than heads is reached.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use antiphon::journal::log::{LogInput, Told};
use antiphon::render::{RECORD_BYTES, Record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok((mut input, _header)) = LogInput::new(Cursor::new(data), Path::new("fuzz.anti")) else { return };
    let mut told = 0;
    while let Ok(Some(next)) = input.next() {
        told += 1;
        assert!(told <= data.len(), "more than there is");
        if let Told::Record(record) = next {
            let mut place = [0; RECORD_BYTES];
            let bytes = record.encode(&mut place).expect("what was read can be written");
            let (again, rest) = Record::decode(bytes).expect("and read");
            assert!(rest.is_empty());
            assert_eq!(again.frame(), record.frame());
        }
    }
    let Ok((mut input, _)) = LogInput::new(Cursor::new(data), Path::new("fuzz.anti")) else { return };
    let mut frame = 0_u64;
    for _ in 0..told {
        match input.next_before(frame) {
            Ok(Some(_)) => {}
            Ok(None) => frame = frame.saturating_mul(2).max(32),
            Err(_) => break,
        }
    }
});
