//! Bytes off a wire: whole messages come out, and however the bytes are cut
//! into pieces, the same ones.
#![no_main]

use antiphon::midi::SYSEX_LIMIT_BYTES;
use antiphon::midi::codec::{Parsed, Parser};
use libfuzzer_sys::fuzz_target;

/// All messages, a SysEx's stretches put together.
fn heard<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut sysex = Vec::new();
    let mut sink = |parsed: Parsed<'_>| match parsed {
        Parsed::Message(bytes) => {
            assert!((1..=3).contains(&bytes.len()) && bytes[0] >= 0x80, "{bytes:x?}");
            assert!(bytes[1..].iter().all(|byte| *byte < 0x80), "{bytes:x?}");
            messages.push(bytes.to_vec());
        }
        Parsed::Sysex { bytes, first, last } => {
            assert!(!bytes.is_empty());
            assert_eq!(first, sysex.is_empty());
            sysex.extend_from_slice(bytes);
            assert!(sysex.len() <= SYSEX_LIMIT_BYTES);
            if last {
                assert!(sysex.starts_with(&[0xf0]) && sysex.ends_with(&[0xf7]));
                messages.push(std::mem::take(&mut sysex));
            }
        }
    };
    let mut parser = Parser::new();
    for piece in pieces {
        parser.feed(piece, &mut sink);
    }
    parser.interrupt(&mut sink);
    assert!(!parser.is_inside_sysex());
    messages
}

fuzz_target!(|data: &[u8]| {
    let Some((&cut, bytes)) = data.split_first() else { return };
    let whole = heard(std::iter::once(bytes));
    assert_eq!(whole, heard(bytes.chunks(usize::from(cut).max(1))));
    assert_eq!(whole, heard(bytes.chunks(1)));
});
