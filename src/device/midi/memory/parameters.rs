//! Registered and non-registered parameters: numbers chosen by one pair of
//! controllers, values written by another.
//!
//! Source: MIDI 1.0 Detailed Specification 4.2, "Registered and non-registered
//! parameter numbers"; RP-018 on data increment.

use super::UNSAID;
use crate::midi::controller;

/// Parameters that are known at the same time; beyond, the oldest is forgotten.
pub(super) const SLOTS: usize = 64;
/// A number whose two bytes are both this selects none.
const NONE: u8 = 127;
const INCREMENT: u8 = 96;
const DECREMENT: u8 = 97;

/// Whether a controller is part of how parameters are set.
pub(super) fn is_part(number: u8) -> bool {
    matches!(number, controller::DATA_ENTRY | controller::DATA_ENTRY_LSB | INCREMENT..=controller::RPN_MSB)
}

/// What was said of parameters on all channels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Parameters {
    selected: [Selected; 16],
    slots: [Option<Slot>; SLOTS],
    next: usize,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters { selected: [Selected::default(); 16], slots: [None; SLOTS], next: 0 }
    }
}

/// Which parameter a data entry means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Selected {
    registered: [u8; 2],
    other: [u8; 2],
    is_registered: bool,
}

impl Default for Selected {
    fn default() -> Selected {
        Selected { registered: [NONE; 2], other: [NONE; 2], is_registered: true }
    }
}

impl Selected {
    /// The number, most significant byte first; `None` where there is none.
    fn number(self) -> Option<[u8; 2]> {
        let number = if self.is_registered { self.registered } else { self.other };
        (number != [NONE; 2]).then_some(number)
    }

    fn say(self, channel: u8, say: &mut impl FnMut(&[u8])) {
        let number = self.number().unwrap_or([NONE; 2]);
        let controllers = if self.is_registered {
            [controller::RPN_MSB, controller::RPN_LSB]
        } else {
            [controller::NRPN_MSB, controller::NRPN_LSB]
        };
        for (controller, byte) in controllers.into_iter().zip(number) {
            say(&[0xb0 | channel, controller, byte]);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Slot {
    channel: u8,
    is_registered: bool,
    number: [u8; 2],
    msb: u8,
    lsb: u8,
}

impl Parameters {
    pub(super) fn observe(&mut self, channel: u8, number: u8, value: u8) {
        let selected = &mut self.selected[usize::from(channel)];
        match number {
            controller::RPN_MSB => (selected.registered[0], selected.is_registered) = (value, true),
            controller::RPN_LSB => (selected.registered[1], selected.is_registered) = (value, true),
            controller::NRPN_MSB => (selected.other[0], selected.is_registered) = (value, false),
            controller::NRPN_LSB => (selected.other[1], selected.is_registered) = (value, false),
            controller::RESET_ALL => *selected = Selected::default(),
            controller::DATA_ENTRY => {
                if let Some(slot) = self.slot(channel, true) {
                    (slot.msb, slot.lsb) = (value, UNSAID);
                }
            }
            controller::DATA_ENTRY_LSB => {
                if let Some(slot) = self.slot(channel, true) {
                    slot.lsb = value;
                }
            }
            INCREMENT | DECREMENT => {
                // From a value that nobody said, nobody knows where to.
                if let Some(slot) = self.slot(channel, false) {
                    slot.step(number == INCREMENT);
                }
            }
            _ => {}
        }
    }

    /// The slot of the parameter that is selected on a channel.
    fn slot(&mut self, channel: u8, make: bool) -> Option<&mut Slot> {
        let selected = self.selected[usize::from(channel)];
        let number = selected.number()?;
        let is_it = |slot: &Option<Slot>| {
            slot.is_some_and(|slot| {
                slot.channel == channel
                    && slot.is_registered == selected.is_registered
                    && slot.number == number
            })
        };
        let place = match self.slots.iter().position(is_it) {
            Some(place) => place,
            None if make => {
                let place = self.next;
                self.next = (self.next + 1) % SLOTS;
                let is_registered = selected.is_registered;
                self.slots[place] = Some(Slot { channel, is_registered, number, msb: UNSAID, lsb: UNSAID });
                place
            }
            None => return None,
        };
        self.slots[place].as_mut()
    }

    /// Says the parameter in a slot, where it is of this channel, and selects again
    /// what is selected now.
    pub(super) fn say(&self, channel: u8, slot: usize, say: &mut impl FnMut(&[u8])) {
        let Some(slot) = self.slots.get(slot).copied().flatten().filter(|slot| slot.channel == channel)
        else {
            return;
        };
        let number = slot.number;
        Selected { registered: number, other: number, is_registered: slot.is_registered }.say(channel, say);
        for (controller, value) in
            [(controller::DATA_ENTRY, slot.msb), (controller::DATA_ENTRY_LSB, slot.lsb)]
        {
            if value != UNSAID {
                say(&[0xb0 | channel, controller, value]);
            }
        }
        self.selected[usize::from(channel)].say(channel, say);
    }

    /// Deselects what is selected, on every channel.
    pub(super) fn select_none(&mut self, say: &mut impl FnMut(&[u8])) {
        for (channel, selected) in (0_u8..).zip(&mut self.selected) {
            if selected.number().is_some() {
                *selected = Selected { is_registered: selected.is_registered, ..Selected::default() };
                selected.say(channel, say);
            }
        }
    }
}

impl Slot {
    fn step(&mut self, is_up: bool) {
        let has_lsb = self.lsb != UNSAID;
        let most = if has_lsb { 0x3fff } else { 0x7f };
        let value = match (self.msb, has_lsb) {
            (UNSAID, false) => return,
            (UNSAID, true) => u16::from(self.lsb),
            (msb, false) => u16::from(msb),
            (msb, true) => u16::from(msb) << 7 | u16::from(self.lsb),
        };
        let value = if is_up { (value + 1).min(most) } else { value.saturating_sub(1) };
        match (self.msb, has_lsb) {
            (_, false) => self.msb = value as u8,
            (UNSAID, true) => self.lsb = (value & 0x7f) as u8,
            (_, true) => (self.msb, self.lsb) = ((value >> 7) as u8, (value & 0x7f) as u8),
        }
    }
}
