use std::collections::BTreeMap;

use crate::midi::registered::{Meaning, Registered};
use crate::midi::{Message, controller};
use crate::render::Listen;

/// A controller that goes so far was moved on purpose, and not by a draught.
const SPAN: u16 = 12;
/// A button that goes so far at once was pressed.
const JUMP: u16 = 64;
/// The wheel and 14-bit parameters go so far.
const WIDE_SPAN: u16 = 12 << 7;
/// The fewest values of something that is turned.
const VALUES: u32 = 3;

/// What was moved.
#[derive(Clone, PartialEq, Debug)]
pub struct Learned {
    /// The number of the port it came from.
    pub port: u16,
    /// What is to be heard: one, or a pair of controllers.
    pub heard: Vec<Listen>,
}

/// Listens until something is clearly moved.
pub struct Learner {
    /// Presses are meant, and not turns.
    is_action: bool,
    moves: BTreeMap<(u16, u8, u16), Move>,
    registered: BTreeMap<u16, Registered>,
}

#[derive(Clone, Copy)]
struct Move {
    least: u16,
    most: u16,
    last: u16,
    values: u32,
}

impl Learner {
    /// For a parameter, or for an action such as `next-scene`.
    pub fn new(is_action: bool) -> Learner {
        Learner { is_action, moves: BTreeMap::new(), registered: BTreeMap::new() }
    }

    /// A message came from a port; gives what was moved as soon as that is clear.
    pub fn hear(&mut self, port: u16, message: Message) -> Option<Learned> {
        let channel = message.channel()?;
        let found = |heard: Listen| Some(Learned { port, heard: vec![heard] });
        match message {
            Message::NoteOn { key, .. } if self.is_action => return found(Listen::Note(key)),
            Message::ProgramChange { program, .. } if self.is_action => {
                return found(Listen::Program(program));
            }
            Message::PitchBend { value, .. } if !self.is_action => {
                return self
                    .moved((port, channel, Listen::Bend.order()), value, WIDE_SPAN)
                    .then_some(())
                    .and_then(|()| found(Listen::Bend));
            }
            _ => {}
        }
        match self.registered.entry(port).or_default().observe(message)? {
            Meaning::Value { parameter, value, .. } => {
                let heard = Listen::Registered(parameter);
                let is_moved = self.moved((port, channel, heard.order()), value, WIDE_SPAN);
                (is_moved && !self.is_action).then(|| found(heard)).flatten()
            }
            Meaning::Plain { controller, value } => self.controller(port, channel, controller, value),
            Meaning::Fine { controller, value } => {
                // That it comes at all makes a pair of the two.
                let fine = Listen::Controller(controller + 32);
                self.moved((port, channel, fine.order()), value & 0x7f, u16::MAX);
                None
            }
            Meaning::Choice(_) | Meaning::Step { .. } => None,
        }
    }

    fn controller(&mut self, port: u16, channel: u8, number: u8, value: u8) -> Option<Learned> {
        let is_none = matches!(number, controller::DATA_ENTRY | controller::DATA_ENTRY_LSB)
            || (controller::NRPN_LSB - 2..=controller::RPN_MSB).contains(&number)
            || number >= controller::ALL_SOUND_OFF;
        if is_none {
            return None;
        }
        let heard = Listen::Controller(number);
        let is_moved = self.moved((port, channel, heard.order()), u16::from(value), SPAN);
        let is_pressed = self.is_action && value >= 64;
        if !(is_pressed || is_moved && !self.is_action) {
            return None;
        }
        let fine = Listen::Controller(number.wrapping_add(32));
        let is_pair =
            number < 32 && !self.is_action && self.moves.contains_key(&(port, channel, fine.order()));
        let heard = if is_pair { vec![heard, fine] } else { vec![heard] };
        Some(Learned { port, heard })
    }

    /// Whether something was turned far enough by now, or pressed.
    fn moved(&mut self, what: (u16, u8, u16), value: u16, span: u16) -> bool {
        let fresh = Move { least: value, most: value, last: value, values: 0 };
        let kept = self.moves.entry(what).or_insert(fresh);
        let jump = value.abs_diff(kept.last);
        kept.least = kept.least.min(value);
        kept.most = kept.most.max(value);
        kept.last = value;
        kept.values += 1;
        let is_turned = kept.values >= VALUES && kept.most - kept.least >= span;
        // A button sends its two ends.
        is_turned || span == SPAN && jump >= JUMP
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::registered::Parameter;

    fn control(controller: u8, value: u8) -> Message {
        Message::ControlChange { channel: 2, controller, value }
    }

    fn learn(is_action: bool, messages: &[Message]) -> Option<(usize, Vec<Listen>)> {
        let mut learner = Learner::new(is_action);
        messages.iter().enumerate().find_map(|(at, m)| Some((at, learner.hear(7, *m)?.heard)))
    }

    #[test]
    fn a_knob_is_told_from_a_draught_and_from_notes() {
        let note = Message::NoteOn { channel: 0, key: 60, velocity: 90 };
        let noise = [64, 65, 64, 63, 64].map(|value| control(20, value));
        let turn: Vec<Message> = (30..50).map(|value| control(74, value)).collect();
        let all = [&[note][..], &noise, &turn].concat();
        assert_eq!(learn(false, &all), Some((6 + 12, vec![Listen::Controller(74)])));
        assert_eq!(learn(false, &[note, note, control(123, 0), control(123, 127)]), None);
        let wheel = [0, 3_000, 6_000].map(|value| Message::PitchBend { channel: 0, value });
        assert_eq!(learn(false, &wheel), Some((2, vec![Listen::Bend])));
    }

    #[test]
    fn buttons_pairs_and_parameters_of_14_bits_are_known() {
        assert_eq!(
            learn(false, &[control(80, 127), control(80, 0)]),
            Some((1, vec![Listen::Controller(80)]))
        );
        let pair: Vec<Message> =
            (0..20).flat_map(|value| [control(1, value), control(33, value * 5)]).collect();
        let found = learn(false, &pair).expect("it moves");
        assert_eq!(found.1, [Listen::Controller(1), Listen::Controller(33)]);
        let mut long = vec![control(99, 8), control(98, 3)];
        long.extend((0..20).flat_map(|value| [control(6, value), control(38, 0)]));
        let found = learn(false, &long).expect("it moves");
        assert_eq!(found.1, [Listen::Registered(Parameter::NonRegistered(8 * 128 + 3))]);
    }

    #[test]
    fn an_action_takes_the_first_press() {
        let note = Message::NoteOn { channel: 0, key: 36, velocity: 90 };
        assert_eq!(learn(true, &[control(80, 0), control(80, 127)]), Some((1, vec![Listen::Controller(80)])));
        assert_eq!(learn(true, &[note]), Some((0, vec![Listen::Note(36)])));
        let program = Message::ProgramChange { channel: 0, program: 5 };
        assert_eq!(learn(true, &[program]), Some((0, vec![Listen::Program(5)])));
    }
}
