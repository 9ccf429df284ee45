use super::{ControllerMap, Fade, MessageTypes, Scale};
use crate::midi::Message;

/// What a cable does beyond what every cable can: kept apart, so that a cable
/// that does none of it pays for none of it. Real-time: yes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shaping {
    /// Only these sorts of messages pass.
    pub types: MessageTypes,
    /// Bit n set: incoming key n passes.
    pub notes: u128,
    /// Where keys go after the transpose.
    pub scale: Option<Scale>,
    /// Softer near the ends of the keys.
    pub key_fade: Option<Fade>,
    /// Softer near the ends of the velocities.
    pub velocity_fade: Option<Fade>,
    /// What becomes of the controllers.
    pub controllers: Option<ControllerMap>,
    /// On which channel each incoming channel leaves.
    pub channels: [u8; 16],
}

impl Default for Shaping {
    /// Leaves everything as it is. Real-time: yes.
    fn default() -> Shaping {
        Shaping {
            types: MessageTypes::ALL,
            notes: u128::MAX,
            scale: None,
            key_fade: None,
            velocity_fade: None,
            controllers: None,
            channels: std::array::from_fn(|channel| channel as u8),
        }
    }
}

impl Shaping {
    /// Whether a message may enter. Real-time: yes.
    pub fn admits(&self, message: Message) -> bool {
        let passes = |key: u8| self.notes & (1 << (key & 0x7f)) != 0;
        self.types.contain(MessageTypes::of(message))
            && match message {
                Message::NoteOn { key, .. }
                | Message::NoteOff { key, .. }
                | Message::PolyPressure { key, .. } => passes(key),
                _ => true,
            }
    }

    /// What becomes of a message that entered as `before` and was filtered,
    /// transposed and curved since. Real-time: yes.
    pub fn apply(&self, before: Message, message: Message) -> Option<Message> {
        let to_scale = |key| self.scale.as_ref().map_or(key, |scale| scale.apply(key));
        let message = match (before, message) {
            (
                Message::NoteOn { key: played, velocity: struck, .. },
                Message::NoteOn { channel, key, velocity },
            ) => {
                let velocity = self.key_fade.as_ref().map_or(velocity, |fade| fade.apply(played, velocity));
                let fade = self.velocity_fade.as_ref();
                let velocity = fade.map_or(velocity, |fade| fade.apply(struck, velocity));
                Message::NoteOn { channel, key: to_scale(key), velocity }
            }
            (_, Message::NoteOff { channel, key, velocity }) => {
                Message::NoteOff { channel, key: to_scale(key), velocity }
            }
            (_, Message::PolyPressure { channel, key, pressure }) => {
                Message::PolyPressure { channel, key: to_scale(key), pressure }
            }
            (_, message) => match &self.controllers {
                Some(controllers) => controllers.apply(message)?,
                None => message,
            },
        };
        Some(match message.channel() {
            Some(channel) => message.on_channel(self.channels[usize::from(channel & 0x0f)]),
            None => message,
        })
    }
}
