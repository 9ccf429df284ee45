//! What a stream of MIDI said so far, so that gear that comes back can be told again.

mod parameters;

use self::parameters::Parameters;
use crate::midi::{BEND_REST, LSB_ABOVE, Message, controller, is_momentary, rest_of};

const SYSTEM_RESET: u8 = 0xff;
/// Of a value that was never said.
const UNSAID: u8 = 0xff;
const BANK_MSB: u8 = 0;
const BANK_LSB: u8 = LSB_ABOVE;
/// Controllers below this may have a least significant byte of their own.
const WITH_LSB: u8 = LSB_ABOVE;

/// The state of a stream's sixteen channels: some 4 KiB, all of it in place. Taking
/// note of a message never allocates.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::device) struct Memory {
    channels: [Channel; 16],
    parameters: Parameters,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Channel {
    /// One bit for each key that is down.
    keys: u128,
    /// One bit for each key under pressure.
    pressed: u128,
    controllers: [u8; 128],
    program: u8,
    /// Both bytes of the bank that the program was chosen from.
    program_bank: [u8; 2],
    bend: u16,
    pressure: u8,
    is_used: bool,
}

impl Default for Channel {
    fn default() -> Channel {
        Channel {
            keys: 0,
            pressed: 0,
            controllers: [UNSAID; 128],
            program: UNSAID,
            program_bank: [UNSAID; 2],
            bend: BEND_REST,
            pressure: 0,
            is_used: false,
        }
    }
}

/// How far a [`Memory`] was said again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::device) struct Progress {
    channel: u8,
    step: u16,
}

/// Program, controllers, parameters.
const STEPS: u16 = 1 + 128 + parameters::SLOTS as u16;

impl Memory {
    /// Takes note of a message on its way. Real-time: yes.
    pub(in crate::device) fn observe(&mut self, message: Message) {
        let Some(number) = message.channel() else {
            if matches!(message, Message::System { status: SYSTEM_RESET, .. }) {
                self.forget();
            }
            return;
        };
        let channel = &mut self.channels[usize::from(number)];
        channel.is_used = true;
        match message {
            Message::NoteOn { key, .. } => channel.keys |= 1 << key,
            Message::NoteOff { key, .. } => {
                channel.keys &= !(1 << key);
                channel.pressed &= !(1 << key);
            }
            Message::PolyPressure { key, pressure, .. } => {
                let bit = 1 << key;
                channel.pressed = if pressure > 0 { channel.pressed | bit } else { channel.pressed & !bit };
            }
            Message::ProgramChange { program, .. } => {
                channel.program = program;
                channel.program_bank = channel.bank();
            }
            Message::ChannelPressure { pressure, .. } => channel.pressure = pressure,
            Message::PitchBend { value, .. } => channel.bend = value,
            Message::ControlChange { controller, value, .. } => {
                channel.control(controller, value);
                self.parameters.observe(number, controller, value);
            }
            Message::System { .. } => {}
        }
    }

    /// After a reset of the whole system: which channels were used stays known.
    fn forget(&mut self) {
        for channel in &mut self.channels {
            *channel = Channel { is_used: channel.is_used, ..Channel::default() };
        }
        self.parameters = Parameters::default();
    }

    /// Passes the messages that end what the player holds to `sink`, and takes note
    /// of them: pedals up, wheels and pressure at rest, keys up. Real-time: yes.
    pub(in crate::device) fn release(&mut self, sink: impl FnMut(&[u8])) {
        self.release_beside(&[], sink);
    }

    /// As [`Memory::release`], where others play the same channels: what they hold
    /// stays as they hold it. Real-time: yes.
    pub(in crate::device) fn release_beside(&mut self, others: &[&Memory], mut sink: impl FnMut(&[u8])) {
        for (number, channel) in (0_u8..).zip(&mut self.channels) {
            let others = others.iter().map(|other| &other.channels[usize::from(number)]);
            channel.release(number, others, &mut sink);
        }
        if others.is_empty() {
            self.parameters.select_none(&mut sink);
        }
    }

    /// As [`Memory::release`], and on every channel ever used the pedal up and "all
    /// notes off", for gear that lost count. Real-time: yes.
    pub(in crate::device) fn release_all(&mut self, mut sink: impl FnMut(&[u8])) {
        self.release(&mut sink);
        for (number, _) in (0_u8..).zip(&self.channels).filter(|(_, channel)| channel.is_used) {
            sink(&[0xb0 | number, controller::SUSTAIN, 0]);
            sink(&[0xb0 | number, controller::ALL_NOTES_OFF, 0]);
        }
    }

    /// Says the next part of what was said that gear should know when it comes back:
    /// bank and program, settings, parameters; not what a player holds. Each part is
    /// whole by itself and as it is now, so that others' messages may stand between
    /// two. `false` when all was said. Real-time: yes.
    pub(in crate::device) fn say_next(&self, progress: &mut Progress, mut sink: impl FnMut(&[u8])) -> bool {
        while usize::from(progress.channel) < self.channels.len() {
            let (number, step) = (progress.channel, progress.step);
            *progress = if step + 1 < STEPS {
                Progress { channel: number, step: step + 1 }
            } else {
                Progress { channel: number + 1, step: 0 }
            };
            let mut has_spoken = false;
            let mut say = |bytes: &[u8]| {
                has_spoken = true;
                sink(bytes);
            };
            let channel = &self.channels[usize::from(number)];
            match step {
                0 => channel.say_program(number, &mut say),
                1..=128 => channel.say_controller(number, (step - 1) as u8, &mut say),
                _ => self.parameters.say(number, usize::from(step - 129), &mut say),
            }
            if has_spoken {
                return true;
            }
        }
        false
    }

    /// Says all of it at once; how many messages that were. Real-time: yes.
    pub(in crate::device) fn say_all(&self, mut sink: impl FnMut(&[u8])) -> u64 {
        let (mut progress, mut count) = (Progress::default(), 0);
        while self.say_next(&mut progress, |bytes| {
            count += 1;
            sink(bytes);
        }) {}
        count
    }
}

impl Channel {
    fn bank(&self) -> [u8; 2] {
        [BANK_MSB, BANK_LSB].map(|number| self.controllers[usize::from(number)])
    }

    fn control(&mut self, number: u8, value: u8) {
        match number {
            controller::RESET_ALL => {
                for (known, said) in (0..).zip(&mut self.controllers) {
                    if is_momentary(known) || rest_of(known).is_some() {
                        *said = UNSAID;
                    }
                }
                (self.bend, self.pressure, self.pressed) = (BEND_REST, 0, 0);
            }
            controller::ALL_SOUND_OFF | controller::ALL_NOTES_OFF..=127 => self.keys = 0,
            controller::LOCAL => {}
            _ => {
                self.controllers[usize::from(number)] = value;
                if number < WITH_LSB && number != BANK_MSB {
                    // The receiver takes the lower byte for 0 now.
                    self.controllers[usize::from(number + LSB_ABOVE)] = UNSAID;
                }
            }
        }
    }

    fn release<'a>(
        &mut self,
        number: u8,
        others: impl Iterator<Item = &'a Channel> + Clone,
        sink: &mut impl FnMut(&[u8]),
    ) {
        for controller in 0..120_u8 {
            let (Some(rest), place) = (rest_of(controller), usize::from(controller)) else { continue };
            let own = self.controllers[place];
            if own == UNSAID || own == rest {
                continue;
            }
            let is_held = |value: &u8| *value != UNSAID && *value != rest;
            let left = others.clone().map(|other| other.controllers[place]).find(is_held).unwrap_or(rest);
            if left != own {
                sink(&[0xb0 | number, controller, left]);
            }
            if is_momentary(controller) {
                self.controllers[place] = rest;
            }
        }
        if self.pressure != 0 {
            let left = others.clone().map(|other| other.pressure).find(|left| *left != 0).unwrap_or(0);
            sink(&[0xd0 | number, left]);
        }
        if self.bend != BEND_REST {
            let left = others.clone().map(|other| other.bend).find(|bend| *bend != BEND_REST);
            let left = left.unwrap_or(BEND_REST);
            sink(&[0xe0 | number, (left & 0x7f) as u8, (left >> 7) as u8]);
        }
        let elsewhere = others.fold(0, |keys, other| keys | other.keys);
        for key in bits(self.pressed & !elsewhere) {
            sink(&[0xa0 | number, key, 0]);
        }
        for key in bits(self.keys & !elsewhere) {
            sink(&[0x80 | number, key, 64]);
        }
        (self.keys, self.pressed, self.pressure, self.bend) = (0, 0, 0, BEND_REST);
    }

    fn say_program(&self, number: u8, say: &mut impl FnMut(&[u8])) {
        let say_bank = |bank: [u8; 2], say: &mut dyn FnMut(&[u8])| {
            for (controller, value) in [BANK_MSB, BANK_LSB].into_iter().zip(bank) {
                if value != UNSAID {
                    say(&[0xb0 | number, controller, value]);
                }
            }
        };
        if self.program != UNSAID {
            say_bank(self.program_bank, say);
            say(&[0xc0 | number, self.program]);
        }
        if self.program == UNSAID || self.program_bank != self.bank() {
            say_bank(self.bank(), say);
        }
    }

    fn say_controller(&self, number: u8, controller: u8, say: &mut impl FnMut(&[u8])) {
        let value = self.controllers[usize::from(controller)];
        let is_own = !is_momentary(controller)
            && !parameters::is_part(controller)
            && !matches!(controller, BANK_MSB | BANK_LSB);
        if value != UNSAID && is_own {
            say(&[0xb0 | number, controller, value]);
        }
    }
}

/// The places of the bits that are set, the lowest first.
fn bits(mut set: u128) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as u8);
        set &= set.wrapping_sub(1);
        lowest
    })
}

#[cfg(test)]
mod tests;
