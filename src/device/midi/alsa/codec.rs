//! Sequencer events to wire bytes and back, by alsa-lib's own tables.

use alsa::seq::{Event, MidiEvent};

use crate::midi::Message;

/// A 14-bit controller or (N)RPN event stands for up to four controllers.
const LONGEST_BYTES: usize = 12;

/// Turns events into messages with a status byte each.
pub(super) struct Decoder(MidiEvent);

impl Decoder {
    pub(super) fn new() -> alsa::Result<Decoder> {
        let coder = MidiEvent::new(0)?;
        coder.enable_running_status(false);
        Ok(Decoder(coder))
    }

    /// Passes the whole messages that an event stands for to `sink`; none where
    /// it is no MIDI.
    pub(super) fn decode(&self, event: &mut Event<'_>, mut sink: impl FnMut(&[u8])) {
        let mut bytes = [0; LONGEST_BYTES];
        let Ok(length) = self.0.decode(&mut bytes, event) else { return };
        let mut rest = &bytes[..length.min(LONGEST_BYTES)];
        while let Some(&status) = rest.first() {
            let length = Message::length_of(status);
            if length == 0 || length > rest.len() {
                return;
            }
            sink(&rest[..length]);
            rest = &rest[length..];
        }
    }
}

/// Turns whole messages into events.
pub(super) struct Encoder(MidiEvent);

impl Encoder {
    pub(super) fn new() -> alsa::Result<Encoder> {
        Ok(Encoder(MidiEvent::new(LONGEST_BYTES as u32)?))
    }

    /// The event of one whole message that is not SysEx; `None` where the
    /// sequencer has none for it.
    pub(super) fn encode(&mut self, bytes: &[u8]) -> Option<Event<'_>> {
        self.0.reset_encode();
        self.0.encode(bytes).ok()?.1
    }
}

#[cfg(test)]
mod tests {
    use alsa::seq::{EvCtrl, EventType};

    use super::*;

    fn decoded(event: &mut Event<'_>) -> Vec<Vec<u8>> {
        let mut list = Vec::new();
        Decoder::new().expect("memory").decode(event, |bytes| list.push(bytes.to_vec()));
        list
    }

    #[test]
    fn every_message_passes_verbatim() {
        let mut encoder = Encoder::new().expect("memory");
        let defined = (0x80..=0xff_u8).filter(|s| !matches!(s, 0xf0 | 0xf4 | 0xf5 | 0xf7 | 0xf9 | 0xfd));
        for status in defined {
            for (first, second) in [(0, 0), (60, 1), (127, 127), (1, 64)] {
                let message = &[status, first, second][..Message::length_of(status)];
                let mut event = encoder.encode(message).expect("an event of its own");
                assert_eq!(decoded(&mut event), [message], "{message:02x?}");
            }
        }
    }

    #[test]
    fn long_controllers_become_their_parts() {
        let data = EvCtrl { channel: 2, param: 7, value: 130 };
        assert_eq!(decoded(&mut Event::new(EventType::Control14, &data)), [[0xb2, 7, 1], [0xb2, 39, 2]]);
        assert_eq!(
            decoded(&mut Event::new(EventType::Regparam, &data)),
            [[0xb2, 101, 0], [0xb2, 100, 7], [0xb2, 6, 1], [0xb2, 38, 2]]
        );
        assert_eq!(
            decoded(&mut Event::new(EventType::Nonregparam, &data)),
            [[0xb2, 99, 0], [0xb2, 98, 7], [0xb2, 6, 1], [0xb2, 38, 2]]
        );
    }

    #[test]
    fn what_is_no_midi_is_nothing() {
        assert!(decoded(&mut Event::new(EventType::Echo, &[0_u8; 12])).is_empty());
        assert!(Encoder::new().expect("memory").encode(&[0xf4]).is_none());
    }
}
