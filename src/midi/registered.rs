//! Controllers that mean something only together: fine parts, registered and
//! non-registered parameters.
//!
//! Source: MIDI 1.0 Detailed Specification 4.2, "Control Change" and
//! "Registered and Non-Registered Parameter Numbers"; RP-015 for the reset.

use super::{Message, controller};

/// Controllers whose fine part is 32 higher.
const COARSE: usize = 32;
const INCREMENT: u8 = 96;
const DECREMENT: u8 = 97;
/// The number that chooses no parameter.
const NULL: u16 = 0x3fff;

/// A parameter that controllers 98–101 choose, by its 14-bit number. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Parameter {
    /// RPN: the specification's own.
    Registered(u16),
    /// NRPN: the maker's.
    NonRegistered(u16),
}

impl Parameter {
    /// Pitch bend range: semitones, and in the fine part cents.
    pub const BEND_RANGE: Parameter = Parameter::Registered(0);
    /// Fine tuning, 8192 at rest, ± 100 cents.
    pub const FINE_TUNING: Parameter = Parameter::Registered(1);
    /// Coarse tuning in semitones, 64 at rest, in the coarse part.
    pub const COARSE_TUNING: Parameter = Parameter::Registered(2);
    /// MPE configuration: how many member channels, in the coarse part.
    pub const MPE_CONFIGURATION: Parameter = Parameter::Registered(6);

    /// What the specification calls it, where it does. Real-time: yes.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Parameter::Registered(0) => Some("pitch bend range"),
            Parameter::Registered(1) => Some("fine tuning"),
            Parameter::Registered(2) => Some("coarse tuning"),
            Parameter::Registered(3) => Some("tuning program"),
            Parameter::Registered(4) => Some("tuning bank"),
            Parameter::Registered(5) => Some("modulation depth range"),
            Parameter::Registered(6) => Some("MPE configuration"),
            _ => None,
        }
    }
}

/// What a control change means, once those before it are known. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// A controller by itself, 0–127, or a channel mode message. Of a
    /// controller with a fine part this is the coarse one, and sets the fine to 0.
    Plain {
        /// 0–127.
        controller: u8,
        /// 0–127.
        value: u8,
    },
    /// The fine part of a controller whose coarse part came before.
    Fine {
        /// The coarse part's number, 0–31.
        controller: u8,
        /// Both parts, 0–16383.
        value: u16,
    },
    /// A step in choosing a parameter; what is chosen by now, if anything is.
    Choice(Option<Parameter>),
    /// A value for the chosen parameter.
    Value {
        /// The chosen one.
        parameter: Parameter,
        /// Both parts, 0–16383; the fine one is 0 until it comes.
        value: u16,
        /// The fine part came just now.
        is_fine: bool,
    },
    /// One step up or down for the chosen parameter.
    Step {
        /// The chosen one.
        parameter: Parameter,
        /// Up, else down.
        is_up: bool,
    },
}

/// What one channel's controllers have said so far.
#[derive(Clone, Copy, Debug)]
struct Channel {
    /// The coarse parts that came; [`UNSET`] for none.
    coarse: [u8; COARSE],
    /// The coarse part of the chosen parameter's value.
    entry: u8,
    /// Number bytes, coarse first; [`UNSET`] for none.
    registered: [u8; 2],
    non_registered: [u8; 2],
    is_registered: bool,
}

const UNSET: u8 = 0xff;

impl Channel {
    const NEW: Channel = Channel {
        coarse: [UNSET; COARSE],
        entry: 0,
        registered: [UNSET; 2],
        non_registered: [UNSET; 2],
        is_registered: true,
    };

    fn chosen(&self) -> Option<Parameter> {
        let [coarse, fine] = if self.is_registered { self.registered } else { self.non_registered };
        if coarse == UNSET || fine == UNSET {
            return None;
        }
        let number = u16::from(coarse) << 7 | u16::from(fine);
        match (number, self.is_registered) {
            (NULL, _) => None,
            (_, true) => Some(Parameter::Registered(number)),
            (_, false) => Some(Parameter::NonRegistered(number)),
        }
    }

    fn choose(&mut self, is_registered: bool, part: usize, value: u8) -> Meaning {
        let number = if is_registered { &mut self.registered } else { &mut self.non_registered };
        number[part] = value;
        self.is_registered = is_registered;
        self.entry = 0;
        Meaning::Choice(self.chosen())
    }

    fn take(&mut self, number: u8, value: u8) -> Meaning {
        let plain = Meaning::Plain { controller: number, value };
        match number {
            controller::RPN_MSB => self.choose(true, 0, value),
            controller::RPN_LSB => self.choose(true, 1, value),
            controller::NRPN_MSB => self.choose(false, 0, value),
            controller::NRPN_LSB => self.choose(false, 1, value),
            INCREMENT | DECREMENT => match self.chosen() {
                Some(parameter) => Meaning::Step { parameter, is_up: number == INCREMENT },
                None => plain,
            },
            controller::DATA_ENTRY => match self.chosen() {
                Some(parameter) => {
                    self.entry = value;
                    Meaning::Value { parameter, value: u16::from(value) << 7, is_fine: false }
                }
                None => plain,
            },
            controller::DATA_ENTRY_LSB => match self.chosen() {
                Some(parameter) => {
                    let value = u16::from(self.entry) << 7 | u16::from(value);
                    Meaning::Value { parameter, value, is_fine: true }
                }
                None => plain,
            },
            controller::RESET_ALL => {
                (self.registered, self.non_registered) = ([UNSET; 2], [UNSET; 2]);
                plain
            }
            _ => self.part(number, value).unwrap_or(plain),
        }
    }

    /// A controller that may have two parts; `None` where it stands alone.
    fn part(&mut self, number: u8, value: u8) -> Option<Meaning> {
        let index = usize::from(number);
        if let Some(place) = self.coarse.get_mut(index) {
            *place = value;
            return None;
        }
        let coarse = *self.coarse.get(index - COARSE)?;
        (coarse != UNSET).then_some(Meaning::Fine {
            controller: number - COARSE as u8,
            value: u16::from(coarse) << 7 | u16::from(value),
        })
    }
}

/// Follows the controllers of one source's 16 channels. Real-time: yes.
#[derive(Clone, Debug)]
pub struct Registered {
    channels: [Channel; 16],
}

impl Default for Registered {
    fn default() -> Registered {
        Registered::new()
    }
}

impl Registered {
    /// Knows of nothing yet. Real-time: yes.
    pub const fn new() -> Registered {
        Registered { channels: [Channel::NEW; 16] }
    }

    /// What a control change means now; `None` for any other message. Real-time: yes.
    pub fn observe(&mut self, message: Message) -> Option<Meaning> {
        match message {
            Message::ControlChange { channel, controller, value } => {
                Some(self.control(channel, controller, value))
            }
            _ => None,
        }
    }

    /// What a control change on a channel (0–15) means now. Real-time: yes.
    pub fn control(&mut self, channel: u8, controller: u8, value: u8) -> Meaning {
        self.channels[usize::from(channel & 0x0f)].take(controller & 0x7f, value & 0x7f)
    }

    /// The parameter that a channel's data entry sets now. Real-time: yes.
    pub fn chosen(&self, channel: u8) -> Option<Parameter> {
        self.channels[usize::from(channel & 0x0f)].chosen()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(controls: &[(u8, u8)]) -> Vec<Meaning> {
        let mut registered = Registered::new();
        controls.iter().map(|&(number, value)| registered.control(3, number, value)).collect()
    }

    #[test]
    fn a_fine_part_joins_its_coarse_one_and_stands_alone_without() {
        assert_eq!(told(&[(33, 5)]), [Meaning::Plain { controller: 33, value: 5 }]);
        assert_eq!(
            told(&[(1, 64), (33, 5), (33, 6), (1, 2), (33, 1)])[1..],
            [
                Meaning::Fine { controller: 1, value: 64 * 128 + 5 },
                Meaning::Fine { controller: 1, value: 64 * 128 + 6 },
                Meaning::Plain { controller: 1, value: 2 },
                Meaning::Fine { controller: 1, value: 2 * 128 + 1 },
            ]
        );
        assert_eq!(told(&[(64, 127)]), [Meaning::Plain { controller: 64, value: 127 }]);
    }

    #[test]
    fn data_entry_belongs_to_the_parameter_chosen_last() {
        let nrpn = Parameter::NonRegistered(2 * 128 + 3);
        assert_eq!(
            told(&[(101, 0), (100, 0), (6, 12), (38, 50), (99, 2), (98, 3), (38, 9), (96, 0), (97, 0)]),
            [
                Meaning::Choice(None),
                Meaning::Choice(Some(Parameter::BEND_RANGE)),
                Meaning::Value { parameter: Parameter::BEND_RANGE, value: 12 * 128, is_fine: false },
                Meaning::Value { parameter: Parameter::BEND_RANGE, value: 12 * 128 + 50, is_fine: true },
                Meaning::Choice(None),
                Meaning::Choice(Some(nrpn)),
                // A new parameter does not inherit the coarse part of the one before.
                Meaning::Value { parameter: nrpn, value: 9, is_fine: true },
                Meaning::Step { parameter: nrpn, is_up: true },
                Meaning::Step { parameter: nrpn, is_up: false },
            ]
        );
    }

    #[test]
    fn null_and_reset_choose_nothing_and_channels_are_apart() {
        let plain = Meaning::Plain { controller: 6, value: 1 };
        assert_eq!(told(&[(101, 0), (100, 0), (101, 127), (100, 127), (6, 1)])[4], plain);
        assert_eq!(told(&[(101, 0), (100, 0), (121, 0), (6, 1)])[3], plain);
        let mut registered = Registered::new();
        registered.control(0, 101, 0);
        registered.control(0, 100, 6);
        assert_eq!(registered.chosen(0), Some(Parameter::MPE_CONFIGURATION));
        assert_eq!(registered.chosen(1), None);
        assert_eq!(registered.control(1, 6, 1), plain);
        assert_eq!(registered.observe(Message::ProgramChange { channel: 0, program: 1 }), None);
    }
}
