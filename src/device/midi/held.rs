use crate::midi::{Message, controller};

const SYSTEM_RESET: u8 = 0xff;

/// What a stream of messages left sounding: keys down and pedals down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// One bit for each key of each channel.
    keys: [u128; 16],
    /// One bit for each channel.
    sustain: u16,
    sostenuto: u16,
    /// Channels that ever had a message.
    used: u16,
}

impl Held {
    /// Takes note of a message on its way.
    pub(super) fn observe(&mut self, message: Message) {
        let Some(channel) = message.channel() else {
            if matches!(message, Message::System { status: SYSTEM_RESET, .. }) {
                *self = Held { used: self.used, ..Held::default() };
            }
            return;
        };
        let bit = 1 << channel;
        self.used |= bit;
        let keys = &mut self.keys[usize::from(channel)];
        match message {
            Message::NoteOn { key, .. } => *keys |= 1 << key,
            Message::NoteOff { key, .. } => *keys &= !(1 << key),
            Message::ControlChange { controller: controller::SUSTAIN, value, .. } => {
                set(&mut self.sustain, bit, value);
            }
            Message::ControlChange { controller: controller::SOSTENUTO, value, .. } => {
                set(&mut self.sostenuto, bit, value);
            }
            Message::ControlChange { controller: controller::RESET_ALL, .. } => {
                self.sustain &= !bit;
                self.sostenuto &= !bit;
            }
            Message::ControlChange { controller, .. }
                if controller == controller::ALL_SOUND_OFF || controller >= controller::ALL_NOTES_OFF =>
            {
                *keys = 0;
            }
            _ => {}
        }
    }

    /// Passes the messages that end all of it to `sink`, and forgets it.
    pub(super) fn release(&mut self, mut sink: impl FnMut(&[u8])) {
        for channel in 0..16_u8 {
            for (pedals, controller) in
                [(self.sustain, controller::SUSTAIN), (self.sostenuto, controller::SOSTENUTO)]
            {
                if pedals >> channel & 1 == 1 {
                    sink(&[0xb0 | channel, controller, 0]);
                }
            }
            let mut keys = self.keys[usize::from(channel)];
            while keys != 0 {
                sink(&[0x80 | channel, keys.trailing_zeros() as u8, 64]);
                keys &= keys - 1;
            }
        }
        *self = Held { used: self.used, ..Held::default() };
    }

    /// As [`Held::release`], and on every channel ever used the pedal up and
    /// "all notes off", for gear that lost count.
    pub(super) fn release_all(&mut self, mut sink: impl FnMut(&[u8])) {
        self.release(&mut sink);
        for channel in (0..16_u8).filter(|channel| self.used >> channel & 1 == 1) {
            sink(&[0xb0 | channel, controller::SUSTAIN, 0]);
            sink(&[0xb0 | channel, controller::ALL_NOTES_OFF, 0]);
        }
    }
}

fn set(pedals: &mut u16, bit: u16, value: u8) {
    if value >= 64 {
        *pedals |= bit;
    } else {
        *pedals &= !bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(messages: &[[u8; 3]]) -> Held {
        let mut held = Held::default();
        for bytes in messages {
            held.observe(Message::decode(*bytes).expect("a message"));
        }
        held
    }

    fn released(held: &mut Held) -> Vec<Vec<u8>> {
        let mut list = Vec::new();
        held.release(|bytes| list.push(bytes.to_vec()));
        list
    }

    #[test]
    fn what_is_down_goes_up_once() {
        let mut held = after(&[
            [0x90, 0, 1],
            [0x90, 127, 9],
            [0x9f, 60, 1],
            [0x9f, 61, 1],
            [0x8f, 61, 0],
            [0x9f, 62, 1],
            [0x9f, 62, 0],
            [0xb3, 64, 127],
            [0xb3, 66, 64],
            [0xb4, 64, 127],
            [0xb4, 64, 63],
        ]);
        assert_eq!(
            released(&mut held),
            [[0x80, 0, 64], [0x80, 127, 64], [0xb3, 64, 0], [0xb3, 66, 0], [0x8f, 60, 64]]
        );
        assert_eq!(released(&mut held), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn messages_that_end_all_leave_nothing_to_release() {
        assert!(released(&mut after(&[[0x91, 5, 1], [0xb1, 123, 0]])).is_empty());
        assert!(released(&mut after(&[[0x91, 5, 1], [0xb1, 120, 0]])).is_empty());
        assert!(released(&mut after(&[[0x91, 5, 1], [0xb1, 64, 127], [0xff, 0, 0]])).is_empty());
        assert_eq!(released(&mut after(&[[0x91, 5, 1], [0xb1, 121, 0]])).len(), 1);
    }

    #[test]
    fn the_last_word_reaches_only_channels_that_were_used() {
        let mut list = Vec::new();
        after(&[[0x92, 5, 1], [0xc7, 1, 0]]).release_all(|bytes| list.push(bytes.to_vec()));
        assert_eq!(list, [[0x82, 5, 64], [0xb2, 64, 0], [0xb2, 123, 0], [0xb7, 64, 0], [0xb7, 123, 0]]);
    }
}
