//! Where a channel's controls are when nobody touches them.
//!
//! Source: MIDI Manufacturers Association, RP-015 "Response to Reset All
//! Controllers"; and breath, hold 2 and legato, which are as momentary.

use super::{Message, controller};

/// The pitch wheel at rest.
pub const BEND_REST: u16 = 8_192;
/// Breath, a pressure of the player's own.
const BREATH: u8 = 2;
/// What a least significant byte's number lies above that of its controller.
pub const LSB_ABOVE: u8 = 32;

/// The value at rest of a controller that the player holds; `None` for one that is
/// a setting and stays (volume, pan, effects). Real-time: yes.
pub const fn rest_of(number: u8) -> Option<u8> {
    match number {
        controller::MODULATION | BREATH | controller::SUSTAIN..=69 => Some(0),
        controller::EXPRESSION => Some(127),
        _ => None,
    }
}

/// Whether a controller means something only while the player is at it: nothing of
/// it is said again when gear comes back. Real-time: yes.
pub const fn is_momentary(number: u8) -> bool {
    const MODULATION_LSB: u8 = controller::MODULATION + LSB_ABOVE;
    const BREATH_LSB: u8 = BREATH + LSB_ABOVE;
    const PORTAMENTO_FROM: u8 = 84;
    const VELOCITY_PREFIX: u8 = 88;
    matches!(
        number,
        controller::MODULATION | BREATH | MODULATION_LSB | BREATH_LSB | controller::SUSTAIN
            ..=69 | PORTAMENTO_FROM | VELOCITY_PREFIX
    )
}

/// What one channel of a stream has away from rest, as far as a note could suffer
/// by it. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unrest(u16);

/// The controllers of an [`Unrest`], a bit each; then pressure and the wheel.
const CONTROLLERS: [u8; 9] = [controller::MODULATION, BREATH, controller::EXPRESSION, 64, 65, 66, 67, 68, 69];
const PRESSURE: u16 = 1 << CONTROLLERS.len();
const BEND: u16 = PRESSURE << 1;
/// A parameter is selected: a data entry would change it.
const PARAMETER: u16 = BEND << 1;

impl Unrest {
    /// Takes note of a message of this channel. Real-time: yes.
    pub fn observe(&mut self, message: Message) {
        let (bit, is_away) = match message {
            Message::ControlChange { controller: controller::RESET_ALL, .. } => (u16::MAX, false),
            Message::ControlChange { controller, value, .. }
                if (controller::NRPN_LSB..=controller::RPN_MSB).contains(&controller) =>
            {
                (PARAMETER, value != 127)
            }
            Message::ControlChange { controller, value, .. } => {
                let Some(place) = CONTROLLERS.iter().position(|&known| known == controller) else { return };
                (1 << place, rest_of(controller) != Some(value))
            }
            Message::ChannelPressure { pressure, .. } => (PRESSURE, pressure != 0),
            Message::PitchBend { value, .. } => (BEND, value != BEND_REST),
            _ => return,
        };
        self.0 = if is_away { self.0 | bit } else { self.0 & !bit };
    }

    /// The messages that bring the channel to rest. Real-time: yes.
    pub fn settle(self, channel: u8) -> impl Iterator<Item = Message> {
        let control = move |controller, value| Message::ControlChange { channel, controller, value };
        let controllers =
            CONTROLLERS.into_iter().enumerate().filter(move |(place, _)| self.0 & 1 << place != 0);
        let controllers =
            controllers.map(move |(_, number)| control(number, rest_of(number).unwrap_or_default()));
        let has = move |bit| self.0 & bit != 0;
        let pressure = has(PRESSURE).then_some(Message::ChannelPressure { channel, pressure: 0 });
        let bend = has(BEND).then_some(Message::PitchBend { channel, value: BEND_REST });
        let none = has(PARAMETER).then_some([controller::RPN_MSB, controller::RPN_LSB]);
        let none = none.into_iter().flatten().map(move |number| control(number, 127));
        controllers.chain(pressure).chain(bend).chain(none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(messages: &[[u8; 3]]) -> Vec<Vec<u8>> {
        let mut unrest = Unrest::default();
        for bytes in messages {
            unrest.observe(Message::decode(*bytes).expect("a message"));
        }
        let wire = |message: Message| {
            let (bytes, length) = message.encode();
            bytes[..length].to_vec()
        };
        unrest.settle(3).map(wire).collect()
    }

    #[test]
    fn only_what_was_moved_goes_to_rest() {
        assert!(after(&[[0xb3, 7, 1], [0xb3, 10, 1], [0xb3, 74, 9], [0x93, 60, 1], [0xc3, 5, 0]]).is_empty());
        let moved = [
            [0xb3, 1, 5],
            [0xb3, 11, 90],
            [0xb3, 64, 127],
            [0xb3, 66, 127],
            [0xb3, 66, 0],
            [0xd3, 9, 0],
            [0xe3, 0, 0],
            [0xb3, 101, 0],
            [0xb3, 100, 0],
        ];
        let rest: [&[u8]; 7] = [
            &[0xb3, 1, 0],
            &[0xb3, 11, 127],
            &[0xb3, 64, 0],
            &[0xd3, 0],
            &[0xe3, 0, 64],
            &[0xb3, 101, 127],
            &[0xb3, 100, 127],
        ];
        assert_eq!(after(&moved), rest);
        assert!(after(&[&moved[..], &[[0xb3, 121, 0]]].concat()).is_empty());
    }
}
