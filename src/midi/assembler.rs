use super::SYSEX_LIMIT_BYTES;
use super::codec::{SYSEX_BEGIN, SYSEX_END};

/// Puts SysEx messages together from chunks, each source's apart: chunks of
/// different sources take turns on their way to one wire, which must have each
/// message whole. Allocates only while a message is longer than any before. Real-time: no.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    sources: Vec<Pending>,
    dropped: u64,
}

#[derive(Clone, Debug)]
struct Pending {
    source: u16,
    bytes: Vec<u8>,
    /// Its first chunk came, and nothing is missing since.
    open: bool,
}

impl Assembler {
    /// Takes the next chunk of a source's SysEx; gives the message where that
    /// was its last. One whose beginning or end is missing, or that is longer
    /// than [`SYSEX_LIMIT_BYTES`], is dropped and counted. Real-time: no.
    pub fn chunk(&mut self, source: u16, bytes: &[u8], first: bool, last: bool) -> Option<&[u8]> {
        let index = self.sources.iter().position(|pending| pending.source == source).unwrap_or_else(|| {
            self.sources.push(Pending { source, bytes: Vec::new(), open: false });
            self.sources.len() - 1
        });
        let pending = &mut self.sources[index];
        if first {
            self.dropped += u64::from(pending.open);
            pending.bytes.clear();
            pending.open = true;
        }
        if !pending.open {
            return None;
        }
        let is_sound = pending.bytes.len() + bytes.len() <= SYSEX_LIMIT_BYTES
            && (!first || last || bytes.first() == Some(&SYSEX_BEGIN));
        if is_sound {
            pending.bytes.extend_from_slice(bytes);
        }
        let is_whole = pending.bytes.starts_with(&[SYSEX_BEGIN]) && pending.bytes.ends_with(&[SYSEX_END]);
        if !is_sound || last && !is_whole {
            pending.open = false;
            self.dropped += 1;
            return None;
        }
        if !last {
            return None;
        }
        pending.open = false;
        Some(&pending.bytes)
    }

    /// Forgets what a source began: it is gone. Real-time: no.
    pub fn reset(&mut self, source: u16) {
        for pending in self.sources.iter_mut().filter(|pending| pending.source == source) {
            self.dropped += u64::from(pending.open);
            pending.open = false;
        }
    }

    /// Messages dropped so far. Real-time: no.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_two_sources_come_whole() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.chunk(1, &[0xf0, 1], true, false), None);
        assert_eq!(assembler.chunk(2, &[0xf0, 2, 0xf7], true, true), Some(&[0xf0, 2, 0xf7][..]));
        assert_eq!(assembler.chunk(2, &[0xf0], true, false), None);
        assert_eq!(assembler.chunk(1, &[3, 0xf7], false, true), Some(&[0xf0, 1, 3, 0xf7][..]));
        assert_eq!(assembler.chunk(2, &[0xf7], false, true), Some(&[0xf0, 0xf7][..]));
        assert_eq!(assembler.dropped(), 0);
    }

    #[test]
    fn what_is_not_whole_is_dropped_and_counted_once() {
        let mut assembler = Assembler::default();
        // A beginning that another replaces, one whose end never fitted, an end alone.
        assert_eq!(assembler.chunk(1, &[0xf0, 1], true, false), None);
        assert_eq!(assembler.chunk(1, &[0xf0, 2], true, false), None);
        assert_eq!(assembler.chunk(1, &[], false, true), None);
        assert_eq!(assembler.chunk(1, &[0xf7], false, true), None);
        assert_eq!(assembler.dropped(), 2);
        assert_eq!(assembler.chunk(1, &[0xf0], true, false), None);
        assembler.reset(1);
        assert_eq!(assembler.chunk(1, &[0xf7], false, true), None);
        for index in 0..=SYSEX_LIMIT_BYTES / 256 {
            assert_eq!(assembler.chunk(1, &[0xf0; 256], index == 0, false), None);
        }
        assert_eq!(assembler.chunk(1, &[0xf7], false, true), None);
        assert_eq!(assembler.dropped(), 4);
    }
}
