use std::fmt;

use super::Message;

/// The most bytes of a SysEx that one chunk event stands for.
pub const SYSEX_CHUNK_BYTES: usize = 256;
/// The longest SysEx the engine carries, in bytes, `F0` and `F7` included.
pub const SYSEX_LIMIT_BYTES: usize = 1 << 20;

/// One timed event, 32 bytes, `Copy`: the only thing that travels by event ring.
///
/// `time` is in frames of the engine's timeline, or in nanoseconds of
/// [`HostTime`](crate::unit::HostTime) while the event is on its way from a MIDI
/// thread to the inbox (the ring knows which). MIDI 1 bytes are carried verbatim.
/// Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// When: frames, or host nanoseconds before the inbox.
    pub time: u64,
    /// The rig's index of the source that it came from.
    pub source: u16,
    /// The parameter's index, for a parameter change; else 0.
    pub port: u16,
    /// Status and data bytes as they were on the wire.
    pub bytes: [u8; 4],
    /// Which note of the Renderer this belongs to; 0 for none.
    pub note: u32,
    /// The bits of an `f32` for a parameter; else 0.
    pub value: u32,
    /// Bytes that count: of `bytes`, or of the byte ring for a SysEx chunk.
    pub length: u32,
    flags: u32,
}

const _: () = assert!(size_of::<Event>() == 32);

const SYSEX: u32 = 1;
const SYSEX_FIRST: u32 = 2;
const SYSEX_LAST: u32 = 4;
const PARAMETER: u32 = 8;
const RESET: u32 = 16;
const LATE: u32 = 32;

/// What an [`Event`] is. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum EventKind {
    /// A channel, system common or realtime message.
    Midi(Message),
    /// The next `bytes` bytes of the source's byte ring belong to a SysEx.
    Sysex {
        /// The chunk begins with `F0`.
        first: bool,
        /// The chunk ends with `F7`.
        last: bool,
        /// Bytes in the chunk, at most [`SYSEX_CHUNK_BYTES`].
        bytes: u32,
    },
    /// A parameter of the actor that receives this goes to a value, in its unit.
    Parameter {
        /// Index into the kind's parameters, or [`Event::GAIN`].
        index: u16,
        /// The new value.
        value: f32,
    },
    /// The source is gone or lost messages: end all that it started.
    Reset,
}

impl Event {
    /// The parameter index that means the actor's own `gain`, in dB.
    pub const GAIN: u16 = u16::MAX;

    /// No message: what a buffer is filled with.
    pub const EMPTY: Event =
        Event { time: 0, source: 0, port: 0, bytes: [0; 4], note: 0, value: 0, length: 0, flags: 0 };

    /// A message from its verbatim bytes (1 to 3). Real-time: yes.
    pub fn from_bytes(time: u64, source: u16, bytes: &[u8]) -> Event {
        let mut event = Event { time, source, ..Event::EMPTY };
        let length = bytes.len().min(3);
        event.bytes[..length].copy_from_slice(&bytes[..length]);
        event.length = length as u32;
        event
    }

    /// A decoded message. Real-time: yes.
    pub fn midi(time: u64, source: u16, message: Message) -> Event {
        let (bytes, length) = message.encode();
        Event::from_bytes(time, source, &bytes[..length])
    }

    /// A chunk of a SysEx whose bytes are in the source's byte ring. Real-time: yes.
    pub fn sysex(time: u64, source: u16, bytes: u32, first: bool, last: bool) -> Event {
        let mut flags = SYSEX;
        if first {
            flags |= SYSEX_FIRST;
        }
        if last {
            flags |= SYSEX_LAST;
        }
        Event { time, source, length: bytes, flags, ..Event::EMPTY }
    }

    /// A parameter change. Real-time: yes.
    pub fn parameter(time: u64, index: u16, value: f32) -> Event {
        Event { time, port: index, value: value.to_bits(), flags: PARAMETER, ..Event::EMPTY }
    }

    /// "End all that this source started." Real-time: yes.
    pub fn reset(time: u64, source: u16) -> Event {
        Event { time, source, flags: RESET, ..Event::EMPTY }
    }

    /// The same event, marked as having come too late for its frame. Real-time: yes.
    pub fn late(mut self) -> Event {
        self.flags |= LATE;
        self
    }

    /// Whether it came too late for its frame. Real-time: yes.
    pub fn is_late(&self) -> bool {
        self.flags & LATE != 0
    }

    /// What it is; `None` for bytes that are no MIDI message. Real-time: yes.
    pub fn kind(&self) -> Option<EventKind> {
        if self.flags & PARAMETER != 0 {
            return Some(EventKind::Parameter { index: self.port, value: f32::from_bits(self.value) });
        }
        if self.flags & SYSEX != 0 {
            return Some(EventKind::Sysex {
                first: self.flags & SYSEX_FIRST != 0,
                last: self.flags & SYSEX_LAST != 0,
                bytes: self.length,
            });
        }
        if self.flags & RESET != 0 {
            return Some(EventKind::Reset);
        }
        Message::decode([self.bytes[0], self.bytes[1], self.bytes[2]]).map(EventKind::Midi)
    }

    /// The message, where it is one. Real-time: yes.
    pub fn message(&self) -> Option<Message> {
        match self.kind() {
            Some(EventKind::Midi(message)) => Some(message),
            _ => None,
        }
    }

    /// The wire bytes of a message that is not SysEx. Real-time: yes.
    pub fn wire(&self) -> &[u8] {
        if self.flags & (SYSEX | PARAMETER | RESET) != 0 {
            return &[];
        }
        &self.bytes[..(self.length as usize).min(3)]
    }

    /// Whether losing it could leave a note sounding for ever. Real-time: yes.
    pub fn is_release(&self) -> bool {
        match self.kind() {
            Some(EventKind::Midi(message)) => message.is_release(),
            Some(EventKind::Reset) => true,
            _ => false,
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{} source {} note {} {:?}", self.time, self.source, self.note, self.kind())
    }
}
