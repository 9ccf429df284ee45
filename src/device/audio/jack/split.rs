use crate::midi::Message;
use crate::midi::codec::{Parsed, Parser};

/// Takes one port's JACK events apart. They should be whole messages, and most
/// are; but some clients cut a SysEx into several events, leave realtime bytes
/// inside it, or put several messages into one event. A whole message between
/// two parts of a SysEx (of another client that is connected to the same port)
/// leaves the SysEx as it is.
pub(super) struct Splitter {
    parser: Parser,
}

impl Splitter {
    pub(super) fn new() -> Splitter {
        Splitter { parser: Parser::new() }
    }

    /// Passes on what an event holds; gives how much of it was no MIDI. Real-time: yes.
    pub(super) fn take(&mut self, bytes: &[u8], mut sink: impl FnMut(Parsed<'_>)) -> u64 {
        let Some(&status) = bytes.first() else { return 0 };
        if is_message(bytes) {
            sink(Parsed::Message(bytes));
            return 0;
        }
        let before = self.dropped();
        let belongs = status == 0xf0 || (self.parser.is_inside_sysex() && (status < 0x80 || status == 0xf7));
        if belongs {
            self.parser.feed(bytes, sink);
            return self.dropped() - before;
        }
        // Several messages, or none: whatever is not whole here never will be.
        let mut parser = Parser::new();
        parser.feed(bytes, &mut sink);
        parser.interrupt(sink);
        let dropped = parser.dropped();
        dropped.stray_bytes + dropped.cut_messages + dropped.long_sysex
    }

    fn dropped(&self) -> u64 {
        let dropped = self.parser.dropped();
        dropped.stray_bytes + dropped.cut_messages + dropped.long_sysex
    }
}

/// Whether these are the bytes of one whole message that is not SysEx.
fn is_message(bytes: &[u8]) -> bool {
    let (status, data) = (bytes[0], &bytes[1..]);
    let is_undefined = matches!(status, 0xf4 | 0xf5 | 0xf9 | 0xfd);
    bytes.len() == Message::length_of(status) && !is_undefined && data.iter().all(|&byte| byte < 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(events: &[&[u8]]) -> (Vec<Vec<u8>>, u64) {
        let (mut splitter, mut list, mut sysex, mut dropped) = (Splitter::new(), Vec::new(), Vec::new(), 0);
        for event in events {
            dropped += splitter.take(event, |parsed| match parsed {
                Parsed::Message(bytes) => list.push(bytes.to_vec()),
                Parsed::Sysex { bytes, first, last } => {
                    if first {
                        sysex.clear();
                    }
                    sysex.extend_from_slice(bytes);
                    if last {
                        list.push(sysex.clone());
                    }
                }
            });
        }
        (list, dropped)
    }

    #[test]
    fn realtime_inside_a_sysex_is_apart_and_parts_come_together() {
        let (list, dropped) =
            taken(&[&[0xf0, 1, 0xf8, 2], &[0xfe], &[3, 0xfa, 0xf7], &[0xf0, 9, 0xf7, 0xf8]]);
        assert_eq!(
            list,
            [vec![0xf8], vec![0xfe], vec![0xfa], vec![0xf0, 1, 2, 3, 0xf7], vec![0xf0, 9, 0xf7], vec![0xf8]]
        );
        assert_eq!(dropped, 0);
    }

    #[test]
    fn a_message_between_two_parts_is_neither_lost_nor_merged() {
        let (list, dropped) = taken(&[&[0xf0, 1], &[0x90, 60, 1], &[2, 0xf7]]);
        assert_eq!((list, dropped), (vec![vec![0x90, 60, 1], vec![0xf0, 1, 2, 0xf7]], 0));
    }

    #[test]
    fn several_messages_in_one_event_are_taken_and_rubbish_is_counted() {
        let (list, dropped) =
            taken(&[&[0x90, 60, 1, 61, 2, 0x80, 60, 0], &[0x40, 1], &[0x90, 60], &[0xf4], &[]]);
        assert_eq!(list, [[0x90, 60, 1], [0x90, 61, 2], [0x80, 60, 0]]);
        assert_eq!(dropped, 4, "two data bytes alone, half a message, an undefined status");
        // An end that the sender left out is put where the next begins.
        assert_eq!(taken(&[&[0xf0, 1], &[0xf0, 2, 0xf7]]).0, [vec![0xf0, 1, 0xf7], vec![0xf0, 2, 0xf7]]);
    }
}
