/// A channel or system message of MIDI 1.0, decoded. Channels are 0–15 here,
/// as on the wire; people see 1–16.
///
/// Source: MIDI 1.0 Detailed Specification 4.2, tables I–VII. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // The fields are the specification's own.
pub enum Message {
    /// Release of a key; also a note-on of velocity 0.
    NoteOff { channel: u8, key: u8, velocity: u8 },
    /// Strike of a key, velocity 1–127.
    NoteOn { channel: u8, key: u8, velocity: u8 },
    /// Pressure on one key.
    PolyPressure { channel: u8, key: u8, pressure: u8 },
    /// A controller's value, or a channel mode message (120–127).
    ControlChange { channel: u8, controller: u8, value: u8 },
    /// A program, 0–127.
    ProgramChange { channel: u8, program: u8 },
    /// Pressure on the whole channel.
    ChannelPressure { channel: u8, pressure: u8 },
    /// The pitch wheel, 0–16383, 8192 at rest.
    PitchBend { channel: u8, value: u16 },
    /// System common or realtime: the status byte and up to two data bytes.
    System { status: u8, data: [u8; 2] },
}

impl Message {
    /// Decodes the bytes of one whole message; `None` where the first byte is
    /// no status or a data byte has its high bit set. Real-time: yes.
    pub fn decode(bytes: [u8; 3]) -> Option<Message> {
        let [status, first, second] = bytes;
        if status < 0x80 || first > 0x7f || second > 0x7f {
            return None;
        }
        let channel = status & 0x0f;
        Some(match status & 0xf0 {
            0x80 => Message::NoteOff { channel, key: first, velocity: second },
            0x90 if second == 0 => Message::NoteOff { channel, key: first, velocity: 64 },
            0x90 => Message::NoteOn { channel, key: first, velocity: second },
            0xa0 => Message::PolyPressure { channel, key: first, pressure: second },
            0xb0 => Message::ControlChange { channel, controller: first, value: second },
            0xc0 => Message::ProgramChange { channel, program: first },
            0xd0 => Message::ChannelPressure { channel, pressure: first },
            0xe0 => Message::PitchBend { channel, value: u16::from(first) | (u16::from(second) << 7) },
            _ => Message::System { status, data: [first, second] },
        })
    }

    /// The bytes and how many of them count. Real-time: yes.
    pub fn encode(self) -> ([u8; 3], usize) {
        match self {
            Message::NoteOff { channel, key, velocity } => ([0x80 | channel, key, velocity], 3),
            Message::NoteOn { channel, key, velocity } => ([0x90 | channel, key, velocity], 3),
            Message::PolyPressure { channel, key, pressure } => ([0xa0 | channel, key, pressure], 3),
            Message::ControlChange { channel, controller, value } => ([0xb0 | channel, controller, value], 3),
            Message::ProgramChange { channel, program } => ([0xc0 | channel, program, 0], 2),
            Message::ChannelPressure { channel, pressure } => ([0xd0 | channel, pressure, 0], 2),
            Message::PitchBend { channel, value } => {
                ([0xe0 | channel, (value & 0x7f) as u8, (value >> 7) as u8 & 0x7f], 3)
            }
            Message::System { status, data } => ([status, data[0], data[1]], Self::length_of(status)),
        }
    }

    /// How many bytes a message with this status byte has, itself included; 0
    /// for a data byte and for SysEx, which have no fixed length. Real-time: yes.
    pub const fn length_of(status: u8) -> usize {
        match status {
            0x80..=0xbf | 0xe0..=0xef | 0xf2 => 3,
            0xc0..=0xdf | 0xf1 | 0xf3 => 2,
            0xf4..=0xf6 | 0xf8..=0xff => 1,
            _ => 0,
        }
    }

    /// The channel, 0–15, of a channel message. Real-time: yes.
    pub const fn channel(self) -> Option<u8> {
        match self {
            Message::NoteOff { channel, .. }
            | Message::NoteOn { channel, .. }
            | Message::PolyPressure { channel, .. }
            | Message::ControlChange { channel, .. }
            | Message::ProgramChange { channel, .. }
            | Message::ChannelPressure { channel, .. }
            | Message::PitchBend { channel, .. } => Some(channel),
            Message::System { .. } => None,
        }
    }

    /// The same on another channel, 0–15; a system message has none. Real-time: yes.
    #[must_use]
    pub const fn on_channel(self, channel: u8) -> Message {
        let channel = channel & 0x0f;
        match self {
            Message::NoteOff { key, velocity, .. } => Message::NoteOff { channel, key, velocity },
            Message::NoteOn { key, velocity, .. } => Message::NoteOn { channel, key, velocity },
            Message::PolyPressure { key, pressure, .. } => Message::PolyPressure { channel, key, pressure },
            Message::ControlChange { controller, value, .. } => {
                Message::ControlChange { channel, controller, value }
            }
            Message::ProgramChange { program, .. } => Message::ProgramChange { channel, program },
            Message::ChannelPressure { pressure, .. } => Message::ChannelPressure { channel, pressure },
            Message::PitchBend { value, .. } => Message::PitchBend { channel, value },
            Message::System { .. } => self,
        }
    }

    /// Whether losing this message could leave a note sounding for ever: note-off,
    /// pedals going up, the "all off" mode messages, and stop. Real-time: yes.
    pub const fn is_release(self) -> bool {
        match self {
            Message::NoteOff { .. } => true,
            Message::ControlChange {
                controller: controller::SUSTAIN | controller::SOSTENUTO, value, ..
            } => value <= 63,
            Message::ControlChange { controller, .. } => {
                controller >= controller::ALL_SOUND_OFF && controller <= controller::ALL_NOTES_OFF
            }
            Message::System { status, .. } => status == 0xfc,
            _ => false,
        }
    }
}

/// Controller numbers that the engine understands (MIDI 1.0, table III).
#[allow(missing_docs)] // Named as in the specification's table.
pub mod controller {
    pub const MODULATION: u8 = 1;
    pub const DATA_ENTRY: u8 = 6;
    pub const VOLUME: u8 = 7;
    pub const PAN: u8 = 10;
    pub const EXPRESSION: u8 = 11;
    pub const DATA_ENTRY_LSB: u8 = 38;
    pub const SUSTAIN: u8 = 64;
    pub const SOSTENUTO: u8 = 66;
    pub const SOFT: u8 = 67;
    pub const RESONANCE: u8 = 71;
    pub const RELEASE_TIME: u8 = 72;
    pub const ATTACK_TIME: u8 = 73;
    pub const BRIGHTNESS: u8 = 74;
    pub const NRPN_LSB: u8 = 98;
    pub const NRPN_MSB: u8 = 99;
    pub const RPN_LSB: u8 = 100;
    pub const RPN_MSB: u8 = 101;
    pub const ALL_SOUND_OFF: u8 = 120;
    pub const RESET_ALL: u8 = 121;
    pub const LOCAL: u8 = 122;
    pub const ALL_NOTES_OFF: u8 = 123;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_message_survives_the_round_trip() {
        for status in 0x80..=0xef_u8 {
            for (first, second) in [(0, 0), (60, 1), (127, 127), (64, 63)] {
                let second = if Message::length_of(status) == 2 { 0 } else { second };
                let Some(message) = Message::decode([status, first, second]) else {
                    panic!("{status:02x} {first} {second}");
                };
                let (bytes, length) = message.encode();
                if status & 0xf0 == 0x90 && second == 0 {
                    assert_eq!(bytes, [status & 0x8f, first, 64]);
                } else {
                    assert_eq!(
                        (&bytes[..], length),
                        (&[status, first, second][..], Message::length_of(status))
                    );
                }
            }
        }
        assert_eq!(Message::decode([0x90, 0x80, 0]), None);
        assert_eq!(Message::decode([0x40, 0, 0]), None);
    }

    #[test]
    fn releases_are_what_could_hang_a_note() {
        let on = |controller, value| Message::ControlChange { channel: 0, controller, value };
        assert!(
            on(64, 0).is_release()
                && on(66, 63).is_release()
                && on(120, 0).is_release()
                && on(123, 0).is_release()
        );
        assert!(!on(64, 64).is_release() && !on(7, 0).is_release() && !on(124, 0).is_release());
    }
}
