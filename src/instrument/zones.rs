//! MPE zones: a master channel that speaks for all, and members with a note each.
//!
//! Source: MIDI Polyphonic Expression 1.1, sections 2.1 to 2.5.

use super::channel::Channel;
use crate::midi::controller;
use crate::stage::{Parameter, Shape, Unit, Value};
use crate::unit::SampleRate;

/// How far a member's wheel reaches, and the master's, until RPN 0 says otherwise.
const MEMBER_SEMITONES: f32 = 48.0;
const MASTER_SEMITONES: f32 = 2.0;
const LOWER: u8 = 0;
const UPPER: u8 = 15;

/// `mpe` of an instrument, whose index is a layout of zones.
pub const MPE: Parameter = Parameter {
    name: "mpe",
    summary: "MPE: each note has a channel with its own bend (48 semitones), pressure and timbre; channel 1 \
              speaks for the lower zone, 16 for the upper; an MPE controller may also set it by itself",
    unit: Unit::None,
    shape: Shape::Choice(&["off", "lower", "upper", "both"]),
    default: Some(Value::Choice(0)),
    example: Value::Choice(1),
    live: false,
};

/// How many members each zone has: the lower's channels count from 2 up, the
/// upper's from 15 down. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Zones {
    lower: u8,
    upper: u8,
}

/// A set of channels. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChannelSet(u16);

impl ChannelSet {
    const fn one(channel: u8) -> ChannelSet {
        ChannelSet(1 << (channel & 0x0f))
    }

    /// In rising order, 0–15. Real-time: yes.
    pub fn channels(self) -> impl Iterator<Item = u8> + use<> {
        (0..16).filter(move |channel| self.0 & (1 << channel) != 0)
    }
}

impl Zones {
    /// As `mpe` of a rig says, by its index among the choices. Real-time: yes.
    pub fn of_choice(choice: usize, channels: &mut [Channel; 16], rate: SampleRate) -> Zones {
        let mut zones = Zones::default();
        let [lower, upper] = [[0, 0], [15, 0], [0, 15], [7, 7]].get(choice).copied().unwrap_or([0, 0]);
        for (master, members) in [(LOWER, lower), (UPPER, upper)] {
            if members > 0 {
                zones.configure(master, members, channels, rate);
            }
        }
        zones
    }

    /// The MPE Configuration Message came on a channel: so many members; 0 ends the
    /// zone. Gives the channels that are others now: their notes are to end. What the
    /// other zone had of them is taken from it. Real-time: yes.
    pub fn configure(
        &mut self,
        master: u8,
        members: u8,
        channels: &mut [Channel; 16],
        rate: SampleRate,
    ) -> ChannelSet {
        let before = *self;
        let members = members.min(15);
        match master {
            LOWER => {
                self.lower = members;
                self.upper = self.upper.min(14_u8.saturating_sub(members));
            }
            UPPER => {
                self.upper = members;
                self.lower = self.lower.min(14_u8.saturating_sub(members));
            }
            _ => return ChannelSet(0),
        }
        let changed = before.all().0 | self.all().0;
        let changed = ChannelSet(changed | ChannelSet::one(master).0);
        for channel in changed.channels() {
            let place = usize::from(channel);
            if self.all().0 & ChannelSet::one(channel).0 == 0 {
                // Free again: as if nothing had been sent.
                channels[place] = Channel::new(rate, channels[place].default_range_semitones());
            } else if self.master_of(channel).is_none() {
                channels[place].set_own_bend_range(MASTER_SEMITONES);
            }
        }
        for channel in changed.channels() {
            if let Some(master) = self.master_of(channel) {
                let master = &channels[usize::from(master)];
                channels[usize::from(channel)] = master.member(MEMBER_SEMITONES);
            }
        }
        changed
    }

    /// The master of a member. Real-time: yes.
    pub fn master_of(&self, channel: u8) -> Option<u8> {
        let is_in = |master| self.members_of(master).0 & ChannelSet::one(channel).0 != 0;
        [LOWER, UPPER].into_iter().find(|master| is_in(*master))
    }

    /// Whether a channel speaks for a zone. Real-time: yes.
    pub fn is_master(&self, channel: u8) -> bool {
        self.members_of(channel).0 != 0
    }

    /// The members of a master; none for another channel. Real-time: yes.
    fn members_of(&self, channel: u8) -> ChannelSet {
        match channel {
            LOWER => ChannelSet(((1_u32 << (self.lower + 1)) - 2) as u16),
            UPPER => ChannelSet((0x7fff & !((1_u32 << (15 - self.upper)) - 1)) as u16),
            _ => ChannelSet(0),
        }
    }

    /// Masters and members.
    fn all(&self) -> ChannelSet {
        let zone = |master| match self.members_of(master).0 {
            0 => 0,
            members => members | ChannelSet::one(master).0,
        };
        ChannelSet(zone(LOWER) | zone(UPPER))
    }

    /// The channels that a message on one is for: a master's for its whole zone. Real-time: yes.
    pub fn hearers(&self, channel: u8) -> ChannelSet {
        ChannelSet(ChannelSet::one(channel).0 | self.members_of(channel).0)
    }

    /// The same of a controller. Timbre, pressure and bend of a master come on top
    /// of the members' own; a registered parameter of one member is that of all. Real-time: yes.
    pub fn hearers_of_control(&self, channel: u8, number: u8) -> ChannelSet {
        let is_parameter = matches!(
            number,
            controller::DATA_ENTRY | controller::DATA_ENTRY_LSB | controller::NRPN_LSB..=controller::RPN_MSB
        );
        match self.master_of(channel) {
            Some(master) if is_parameter => self.members_of(master),
            None if is_parameter || number == controller::BRIGHTNESS => ChannelSet::one(channel),
            _ => self.hearers(channel),
        }
    }

    /// Something came on a channel: if it is a master, its bend, pressure and timbre
    /// come on top of its members'. Real-time: yes.
    pub fn share(&self, channel: u8, channels: &mut [Channel; 16]) {
        let members = self.members_of(channel);
        if members.0 != 0 {
            let over = channels[usize::from(channel)].own();
            members.channels().for_each(|member| channels[usize::from(member)].go_over(over));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels() -> [Channel; 16] {
        std::array::from_fn(|_| Channel::new(SampleRate::DEFAULT, 2.0))
    }

    fn list(set: ChannelSet) -> Vec<u8> {
        set.channels().collect()
    }

    #[test]
    fn zones_count_inwards_and_the_newest_takes_what_it_needs() {
        let (mut zones, mut channels) = (Zones::default(), channels());
        let rate = SampleRate::DEFAULT;
        assert_eq!(list(zones.configure(0, 5, &mut channels, rate)), [0, 1, 2, 3, 4, 5]);
        assert_eq!(list(zones.configure(15, 3, &mut channels, rate)).len(), 10);
        assert_eq!(
            (list(zones.members_of(0)), list(zones.members_of(15))),
            (vec![1, 2, 3, 4, 5], vec![12, 13, 14])
        );
        assert_eq!((zones.master_of(5), zones.master_of(6), zones.master_of(14)), (Some(0), None, Some(15)));
        zones.configure(15, 12, &mut channels, rate);
        assert_eq!(zones, Zones { lower: 2, upper: 12 });
        zones.configure(0, 15, &mut channels, rate);
        assert_eq!((list(zones.members_of(0)), list(zones.members_of(15))), ((1..16).collect(), vec![]));
        assert_eq!(list(zones.configure(3, 4, &mut channels, rate)), [0_u8; 0]);
        zones.configure(0, 0, &mut channels, rate);
        assert_eq!((zones, zones.master_of(1)), (Zones::default(), None));
    }

    #[test]
    fn each_message_reaches_those_it_is_for() {
        let mut channels = channels();
        let zones = Zones::of_choice(3, &mut channels, SampleRate::DEFAULT);
        let zone: Vec<u8> = (0..8).collect();
        assert_eq!(list(zones.hearers(0)), zone);
        assert_eq!(list(zones.hearers_of_control(0, 64)), zone);
        assert_eq!(list(zones.hearers_of_control(0, 74)), [0]);
        assert_eq!(list(zones.hearers_of_control(0, 101)), [0]);
        assert_eq!(list(zones.hearers_of_control(3, 6)), zone[1..]);
        assert_eq!(list(zones.hearers_of_control(3, 74)), [3]);
        assert_eq!(list(zones.hearers_of_control(15, 7)), (8..16).collect::<Vec<u8>>());
    }

    #[test]
    fn a_members_bend_and_its_masters_add() {
        let mut channels = channels();
        let zones = Zones::of_choice(1, &mut channels, SampleRate::DEFAULT);
        channels[2].bend(16_383);
        channels[0].bend(0);
        zones.share(0, &mut channels);
        for (place, semitones) in [(2, 46.0), (3, -2.0), (0, -2.0)] {
            channels[place].snap();
            assert_eq!(channels[place].pitch_semitones(), semitones, "{place}");
        }
        channels[2].press(64);
        channels[0].press(127);
        zones.share(0, &mut channels);
        channels[2].snap();
        assert_eq!(channels[2].pressure(), 1.0);
    }
}
