use crate::midi::Message;

/// A set of the sorts of messages that a wire carries. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageTypes(u16);

impl MessageTypes {
    /// All of them.
    pub const ALL: MessageTypes = MessageTypes(u16::MAX);
    /// None.
    pub const NONE: MessageTypes = MessageTypes(0);
    /// Strikes and releases.
    pub const NOTES: MessageTypes = MessageTypes(1);
    /// Control changes, pedals and mode messages among them.
    pub const CONTROLLERS: MessageTypes = MessageTypes(1 << 1);
    /// Dumps.
    pub const SYSEX: MessageTypes = MessageTypes(1 << 6);

    /// Each sort, as rigs write it. What MIDI reserves belongs to none of them.
    pub const NAMED: &[(&str, MessageTypes)] = &[
        ("notes", MessageTypes::NOTES),
        ("controllers", MessageTypes::CONTROLLERS),
        ("program", MessageTypes(1 << 2)),
        ("bend", MessageTypes(1 << 3)),
        ("pressure", MessageTypes(1 << 4)),
        ("poly-pressure", MessageTypes(1 << 5)),
        ("sysex", MessageTypes::SYSEX),
        ("clock", MessageTypes(1 << 7)),
        ("transport", MessageTypes(1 << 8)),
        ("active-sensing", MessageTypes(1 << 9)),
        ("time-code", MessageTypes(1 << 10)),
        ("song-select", MessageTypes(1 << 11)),
        ("tune-request", MessageTypes(1 << 12)),
        ("reset", MessageTypes(1 << 13)),
    ];
    const RESERVED: MessageTypes = MessageTypes(1 << 15);

    /// What a message is. Song position belongs to the transport. Real-time: yes.
    pub const fn of(message: Message) -> MessageTypes {
        MessageTypes(match message {
            Message::NoteOn { .. } | Message::NoteOff { .. } => 1,
            Message::ControlChange { .. } => 1 << 1,
            Message::ProgramChange { .. } => 1 << 2,
            Message::PitchBend { .. } => 1 << 3,
            Message::ChannelPressure { .. } => 1 << 4,
            Message::PolyPressure { .. } => 1 << 5,
            Message::System { status, .. } => match status {
                0xf8 => 1 << 7,
                0xf2 | 0xfa..=0xfc => 1 << 8,
                0xfe => 1 << 9,
                0xf1 => 1 << 10,
                0xf3 => 1 << 11,
                0xf6 => 1 << 12,
                0xff => 1 << 13,
                _ => Self::RESERVED.0,
            },
        })
    }

    /// Both sets together. Real-time: yes.
    pub const fn with(self, others: MessageTypes) -> MessageTypes {
        MessageTypes(self.0 | others.0)
    }

    /// This set without those. Real-time: yes.
    pub const fn without(self, others: MessageTypes) -> MessageTypes {
        MessageTypes(self.0 & !others.0)
    }

    /// Whether a sort is in the set. Real-time: yes.
    pub const fn contain(self, sort: MessageTypes) -> bool {
        self.0 & sort.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_of_one_sort_that_has_a_name_or_is_reserved() {
        for status in (0x80..=0xff_u8).filter(|status| !matches!(status, 0xf0 | 0xf7)) {
            let Some(message) = Message::decode([status, 1, 1]) else { panic!("{status:x}") };
            let sort = MessageTypes::of(message);
            let names = MessageTypes::NAMED.iter().filter(|(_, named)| named.contain(sort)).count();
            let reserved = matches!(status, 0xf4 | 0xf5 | 0xf9 | 0xfd);
            assert_eq!(names, usize::from(!reserved), "{status:x}");
        }
        let few = MessageTypes::ALL.without(MessageTypes::NOTES).without(MessageTypes::SYSEX);
        assert!(!few.contain(MessageTypes::NOTES) && few.contain(MessageTypes::CONTROLLERS));
    }
}
