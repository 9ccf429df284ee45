//! Raw MIDI 1.0 bytes to whole messages, as they come off a wire.
//!
//! Running status, realtime bytes between any two others, SysEx in stretches;
//! what is no MIDI is dropped and counted. Nothing allocates, nothing is copied
//! but three bytes of a message under way.
//!
//! Source: MIDI 1.0 Detailed Specification 4.2, "Data format".

use super::{Message, SYSEX_LIMIT_BYTES};

/// The byte that begins a SysEx.
pub const SYSEX_BEGIN: u8 = 0xf0;
/// The byte that ends a SysEx.
pub const SYSEX_END: u8 = 0xf7;
/// The first of the realtime bytes, which may stand anywhere.
const REALTIME: u8 = 0xf8;

/// What the parser found. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed<'a> {
    /// One whole message, 1 to 3 bytes, its status byte first.
    Message(&'a [u8]),
    /// The next stretch of a SysEx.
    Sysex {
        /// Its bytes, never none.
        bytes: &'a [u8],
        /// It begins with `F0`.
        first: bool,
        /// It ends with `F7`: the sender's, or one put there because another
        /// status byte, or the limit on its length, cut the message short.
        last: bool,
    },
}

/// What the parser dropped. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Dropped {
    /// Data bytes without a status, undefined status bytes, an `F7` alone.
    pub stray_bytes: u64,
    /// Messages that another status byte cut short.
    pub cut_messages: u64,
    /// SysEx messages longer than [`SYSEX_LIMIT_BYTES`], cut there.
    pub long_sysex: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Waits for a status byte, or for data under a running status.
    Between,
    /// Inside a SysEx of so many bytes so far.
    Sysex(usize),
    /// Inside a SysEx that was too long: dropped until the next status byte.
    Overlong,
}

/// Takes the bytes of one source, in pieces of any length. Real-time: yes.
#[derive(Clone, Debug)]
pub struct Parser {
    state: State,
    /// The status that data bytes belong to; 0 for none.
    status: u8,
    data: [u8; 2],
    data_length: usize,
    dropped: Dropped,
}

impl Default for Parser {
    fn default() -> Parser {
        Parser::new()
    }
}

impl Parser {
    /// A parser that has seen nothing. Real-time: no.
    pub const fn new() -> Parser {
        Parser {
            state: State::Between,
            status: 0,
            data: [0; 2],
            data_length: 0,
            dropped: Dropped { stray_bytes: 0, cut_messages: 0, long_sysex: 0 },
        }
    }

    /// Takes the next bytes and calls `sink` for all that became whole by them.
    /// A SysEx is passed on as far as it came, without waiting for its end. Real-time: yes.
    pub fn feed(&mut self, bytes: &[u8], mut sink: impl FnMut(Parsed<'_>)) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            if byte >= REALTIME {
                self.realtime(byte, &mut sink);
                rest = &rest[1..];
            } else if matches!(self.state, State::Sysex(_)) {
                rest = self.sysex(rest, false, &mut sink);
            } else if byte == SYSEX_BEGIN {
                self.abandon_message();
                self.status = 0;
                self.state = State::Sysex(0);
                rest = self.sysex(rest, true, &mut sink);
            } else {
                self.byte(byte, &mut sink);
                rest = &rest[1..];
            }
        }
    }

    /// Ends a SysEx under way, and forgets the running status: the source went
    /// away, or something that is no byte of this stream came between. Real-time: yes.
    pub fn interrupt(&mut self, mut sink: impl FnMut(Parsed<'_>)) {
        self.cut_sysex(&mut sink);
        self.abandon_message();
        self.state = State::Between;
        self.status = 0;
    }

    /// Whether a SysEx has begun and not ended. Real-time: yes.
    pub fn is_inside_sysex(&self) -> bool {
        matches!(self.state, State::Sysex(_))
    }

    /// What was dropped so far. Real-time: yes.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    fn realtime(&mut self, byte: u8, sink: &mut impl FnMut(Parsed<'_>)) {
        if matches!(byte, 0xf9 | 0xfd) {
            self.dropped.stray_bytes += 1;
        } else {
            sink(Parsed::Message(&[byte]));
        }
    }

    /// Passes on the SysEx bytes that `bytes` begins with; gives the rest.
    /// `first`: the first of them is the `F0`.
    fn sysex<'a>(&mut self, bytes: &'a [u8], first: bool, sink: &mut impl FnMut(Parsed<'_>)) -> &'a [u8] {
        let State::Sysex(before) = self.state else { return bytes };
        let begin = usize::from(first);
        let data = bytes[begin..].iter().position(|&byte| byte >= 0x80).unwrap_or(bytes.len() - begin);
        let length = begin + data;
        // One byte of the limit is the F7's.
        let room = SYSEX_LIMIT_BYTES - 1 - before;
        if length > room {
            if room > 0 {
                sink(Parsed::Sysex { bytes: &bytes[..room], first, last: false });
            }
            self.cut_sysex(sink);
            self.dropped.long_sysex += 1;
            self.state = State::Overlong;
            return &bytes[length..];
        }
        match bytes.get(length) {
            Some(&SYSEX_END) => {
                self.state = State::Between;
                sink(Parsed::Sysex { bytes: &bytes[..=length], first, last: true });
                &bytes[length + 1..]
            }
            next => {
                self.state = State::Sysex(before + length);
                if length > 0 {
                    sink(Parsed::Sysex { bytes: &bytes[..length], first, last: false });
                }
                if next.is_some_and(|&byte| byte < REALTIME) {
                    self.cut_sysex(sink);
                }
                &bytes[length..]
            }
        }
    }

    fn cut_sysex(&mut self, sink: &mut impl FnMut(Parsed<'_>)) {
        if self.is_inside_sysex() {
            self.state = State::Between;
            sink(Parsed::Sysex { bytes: &[SYSEX_END], first: false, last: true });
        }
    }

    /// Takes a data byte, or a status byte that is neither realtime nor `F0`,
    /// outside a SysEx that is passed on.
    fn byte(&mut self, byte: u8, sink: &mut impl FnMut(Parsed<'_>)) {
        if byte < 0x80 {
            if self.state == State::Overlong {
                return;
            }
            if self.status == 0 {
                self.dropped.stray_bytes += 1;
                return;
            }
            self.data[self.data_length] = byte;
            self.data_length += 1;
            self.complete(sink);
            return;
        }
        self.abandon_message();
        let was_overlong = std::mem::replace(&mut self.state, State::Between) == State::Overlong;
        self.status = 0;
        match byte {
            SYSEX_END if was_overlong => {}
            0xf4 | 0xf5 | SYSEX_END => self.dropped.stray_bytes += 1,
            _ => {
                self.status = byte;
                self.complete(sink);
            }
        }
    }

    fn complete(&mut self, sink: &mut impl FnMut(Parsed<'_>)) {
        let length = Message::length_of(self.status);
        if self.data_length + 1 < length {
            return;
        }
        let bytes = [self.status, self.data[0], self.data[1]];
        self.data_length = 0;
        if self.status >= SYSEX_BEGIN {
            self.status = 0;
        }
        sink(Parsed::Message(&bytes[..length]));
    }

    fn abandon_message(&mut self) {
        if self.data_length > 0 {
            self.data_length = 0;
            self.dropped.cut_messages += 1;
        }
    }
}

#[cfg(test)]
mod tests;
