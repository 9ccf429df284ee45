//! `.syx` files: SysEx messages one after the other, and nothing else.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use crate::engine::{Error, ErrorKind};
use crate::midi::SYSEX_LIMIT_BYTES;
use crate::midi::codec::{SYSEX_BEGIN, SYSEX_END};

/// The largest file: more than any instrument dumps.
pub(super) const FILE_LIMIT_BYTES: usize = 64 << 20;

/// A file's messages: all bytes, and where each message is.
#[derive(Debug)]
pub(super) struct Dump {
    pub(super) bytes: Vec<u8>,
    pub(super) messages: Vec<Range<usize>>,
}

impl Dump {
    pub(super) fn open(path: &Path) -> Result<Dump, Error> {
        let wrong = |what: String| Error::new(ErrorKind::Input, format!("{}: {what}", path.display()));
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
        file.take(FILE_LIMIT_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| wrong(error.to_string()))?;
        if bytes.len() > FILE_LIMIT_BYTES {
            return Err(wrong(format!("it has more than {} MiB; no dump has", FILE_LIMIT_BYTES >> 20)));
        }
        let messages = split(&bytes).map_err(wrong)?;
        Ok(Dump { bytes, messages })
    }
}

/// Where the messages are; or what is wrong, and where.
fn split(bytes: &[u8]) -> Result<Vec<Range<usize>>, String> {
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    let (mut messages, mut begin) = (Vec::new(), 0);
    while begin < bytes.len() {
        let number = messages.len() + 1;
        if bytes[begin] != SYSEX_BEGIN {
            return Err(match (begin, bytes.starts_with(b"MThd")) {
                (0, true) => {
                    "this is a MIDI file, not a dump: play it, or send it by `antiphon render --midi-out`"
                        .to_owned()
                }
                _ => format!(
                    "byte {begin} is {:#04x}, where message {number} should begin with f0",
                    bytes[begin]
                ),
            });
        }
        let data = bytes[begin + 1..].iter().position(|&byte| byte >= 0x80);
        let end = match data.map(|data| begin + 1 + data) {
            Some(end) if bytes[end] == SYSEX_END => end + 1,
            Some(end) => {
                return Err(format!("byte {end} is {:#04x}, inside message {number}", bytes[end]));
            }
            None => return Err(format!("message {number} has no end (f7): the file was cut off")),
        };
        if end - begin > SYSEX_LIMIT_BYTES {
            return Err(format!(
                "message {number} has {} bytes; at most {SYSEX_LIMIT_BYTES} are sent",
                end - begin
            ));
        }
        messages.push(begin..end);
        begin = end;
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_and_what_is_none_is_named() {
        assert_eq!(split(&[0xf0, 1, 0xf7, 0xf0, 0xf7]), Ok(vec![0..3, 3..5]));
        for (bytes, what) in [
            (&[][..], "it is empty"),
            (&[0xf0, 1][..], "message 1 has no end"),
            (&[0xf0, 0xf7, 5][..], "byte 2 is 0x05"),
            (&[0xf0, 0x90, 0xf7][..], "byte 1 is 0x90, inside message 1"),
            (&b"MThd"[..], "a MIDI file"),
        ] {
            let error = split(bytes).expect_err("it is wrong");
            assert!(error.contains(what), "{error}");
        }
        let mut long = vec![1; SYSEX_LIMIT_BYTES + 1];
        (long[0], long[SYSEX_LIMIT_BYTES]) = (0xf0, 0xf7);
        assert!(split(&long).expect_err("it is too long").contains("1048577 bytes; at most 1048576"));
        long.remove(1);
        assert!(split(&long).is_ok());
    }
}
