use crate::midi::registered::{Meaning, Parameter, Registered};
use crate::midi::{Event, EventKind, Message, controller};

const CHANNELS: usize = 16;
const CONTROLLERS: usize = 128;
/// The first of the controllers that are commands (all sound off, …).
const FIRST_COMMAND: u8 = 120;
/// Controllers that "reset all controllers" leaves alone: banks, volume, pan, sound
/// and effect controllers. Source: RP-015, MIDI Manufacturers Association.
const KEPT: u128 = 1 | 1 << 32 | 1 << 7 | 1 << 10 | 0x3ff << 70 | 0x1f << 91;

/// What the channels of an instrument were told and still goes: programs,
/// controllers, wheels. A fresh processor is told it again, so that it comes back
/// with the sound that was chosen. Real-time: yes, but for the constructor.
pub(super) struct Recall {
    channels: Box<[Channel; CHANNELS]>,
    /// What controllers mean together.
    registered: Box<Registered>,
}

/// The registered parameters that instruments hear, in the order in which they are
/// told: an MPE zone sets the ranges of bend of its channels.
const PARAMETERS: [Parameter; 4] =
    [Parameter::MPE_CONFIGURATION, Parameter::BEND_RANGE, Parameter::FINE_TUNING, Parameter::COARSE_TUNING];

#[derive(Clone, Copy)]
struct Channel {
    program: Option<u8>,
    bend: Option<u16>,
    pressure: Option<u8>,
    /// A bit for each controller that was moved.
    moved: u128,
    values: [u8; CONTROLLERS],
    /// Of each of [`PARAMETERS`], 14 bits.
    parameters: [Option<u16>; PARAMETERS.len()],
}

impl Recall {
    /// Nothing was told yet. Real-time: no (allocates).
    pub(super) fn new() -> Recall {
        let silent = Channel {
            program: None,
            bend: None,
            pressure: None,
            moved: 0,
            values: [0; CONTROLLERS],
            parameters: [None; PARAMETERS.len()],
        };
        Recall { channels: Box::new([silent; CHANNELS]), registered: Box::default() }
    }

    /// The instrument hears this.
    pub(super) fn hear(&mut self, events: &[Event]) {
        for event in events {
            let Some(EventKind::Midi(message)) = event.kind() else { continue };
            let Some(channel) = message.channel() else { continue };
            if let Some(Meaning::Value { parameter, value, .. }) = self.registered.observe(message) {
                self.hear_parameter(channel, parameter, value);
            }
            let channel = &mut self.channels[usize::from(channel) % CHANNELS];
            match message {
                Message::ControlChange { controller: controller::RESET_ALL, .. } => {
                    channel.moved &= KEPT;
                    (channel.bend, channel.pressure) = (None, None);
                }
                Message::ControlChange { controller, value, .. } if is_state(controller) => {
                    channel.moved |= 1 << controller;
                    channel.values[usize::from(controller)] = value;
                }
                Message::ProgramChange { program, .. } => channel.program = Some(program),
                Message::PitchBend { value, .. } => channel.bend = Some(value),
                Message::ChannelPressure { pressure, .. } => channel.pressure = Some(pressure),
                _ => {}
            }
        }
    }

    fn hear_parameter(&mut self, channel: u8, parameter: Parameter, value: u16) {
        let Some(place) = PARAMETERS.iter().position(|known| *known == parameter) else { return };
        if parameter == Parameter::MPE_CONFIGURATION {
            self.channels.iter_mut().for_each(|channel| channel.parameters[1] = None);
        }
        self.channels[usize::from(channel) % CHANNELS].parameters[place] = Some(value);
    }

    fn tell_parameters(&self, time: u64, to: &mut impl FnMut(Event)) {
        use controller::{DATA_ENTRY, DATA_ENTRY_LSB, RPN_LSB, RPN_MSB};
        for (place, parameter) in PARAMETERS.into_iter().enumerate() {
            let Parameter::Registered(number) = parameter else { continue };
            for (channel, state) in (0_u8..).zip(self.channels.iter()) {
                let Some(value) = state.parameters[place] else { continue };
                let (coarse, fine) = ((value >> 7) as u8, (value & 0x7f) as u8);
                // Chosen, set, and nothing chosen any more.
                for (controller, value) in [
                    (RPN_MSB, (number >> 7) as u8),
                    (RPN_LSB, (number & 0x7f) as u8),
                    (DATA_ENTRY, coarse),
                    (DATA_ENTRY_LSB, fine),
                    (RPN_MSB, 127),
                    (RPN_LSB, 127),
                ] {
                    to(Event::midi(time, 0, Message::ControlChange { channel, controller, value }));
                }
            }
        }
    }

    /// Tells all of it again: banks before programs, which take them.
    pub(super) fn tell(&self, time: u64, mut to: impl FnMut(Event)) {
        self.tell_parameters(time, &mut to);
        for (number, channel) in (0_u8..).zip(self.channels.iter()) {
            let mut left = channel.moved;
            while left != 0 {
                let controller = left.trailing_zeros() as u8;
                left &= left - 1;
                let value = channel.values[usize::from(controller)];
                to(Event::midi(time, 0, Message::ControlChange { channel: number, controller, value }));
            }
            let program = channel.program.map(|program| Message::ProgramChange { channel: number, program });
            let bend = channel.bend.map(|value| Message::PitchBend { channel: number, value });
            let pressure =
                channel.pressure.map(|pressure| Message::ChannelPressure { channel: number, pressure });
            for message in [program, bend, pressure].into_iter().flatten() {
                to(Event::midi(time, 0, message));
            }
        }
    }
}

/// Whether a controller's value goes on until it is moved again.
fn is_state(number: u8) -> bool {
    use controller::{DATA_ENTRY, DATA_ENTRY_LSB, NRPN_LSB, RPN_MSB};
    // 96 and 97 step the data entry.
    number < FIRST_COMMAND
        && number != DATA_ENTRY
        && number != DATA_ENTRY_LSB
        && !(NRPN_LSB - 2..=RPN_MSB).contains(&number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(channel: u8, controller: u8, value: u8) -> Message {
        Message::ControlChange { channel, controller, value }
    }

    fn told(messages: &[Message]) -> Vec<Message> {
        let mut recall = Recall::new();
        let events: Vec<Event> = messages.iter().map(|message| Event::midi(3, 9, *message)).collect();
        recall.hear(&events);
        let mut told = Vec::new();
        recall.tell(77, |event| {
            assert_eq!((event.time, event.source), (77, 0));
            told.extend(match event.kind() {
                Some(EventKind::Midi(message)) => Some(message),
                _ => None,
            });
        });
        told
    }

    #[test]
    fn the_last_word_of_each_is_told_again() {
        let program = Message::ProgramChange { channel: 2, program: 40 };
        let bend = Message::PitchBend { channel: 15, value: 9_000 };
        let heard = [
            program,
            control(2, 7, 10),
            control(2, 0, 3),
            control(2, 7, 90),
            Message::NoteOn { channel: 2, key: 60, velocity: 1 },
            bend,
            control(2, controller::RPN_MSB, 0),
            control(2, controller::DATA_ENTRY, 12),
            control(2, controller::ALL_SOUND_OFF, 0),
        ];
        assert_eq!(told(&heard), [control(2, 0, 3), control(2, 7, 90), program, bend]);
    }

    #[test]
    fn registered_parameters_are_told_whole_and_zones_first() {
        let set = |channel, number, coarse| {
            [(101, 0), (100, number), (6, coarse), (38, 0), (101, 127), (100, 127)]
                .map(|(controller, value)| self::control(channel, controller, value))
        };
        let heard = [set(3, 0, 99), set(0, 6, 7), set(2, 0, 24), set(4, 2, 65)].concat();
        // The zone took the range that channel 4 had before it.
        assert_eq!(told(&heard), [set(0, 6, 7), set(2, 0, 24), set(4, 2, 65)].concat());
    }

    #[test]
    fn a_reset_resets_what_midi_says() {
        let heard = [
            control(0, controller::SUSTAIN, 127),
            control(0, controller::PAN, 20),
            control(0, controller::BRIGHTNESS, 99),
            Message::PitchBend { channel: 0, value: 1 },
            control(0, controller::RESET_ALL, 0),
        ];
        assert_eq!(told(&heard), [control(0, controller::PAN, 20), control(0, controller::BRIGHTNESS, 99)]);
    }
}
