use super::{MessageTypes, Motion, Shaping};
use crate::midi::Message;

/// What a cable does to the velocity of a strike: 128 entries, applied by index. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VelocityCurve([u8; 128]);

impl std::fmt::Debug for VelocityCurve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VelocityCurve({}, {}, {})", self.0[1], self.0[64], self.0[127])
    }
}

impl VelocityCurve {
    /// Leaves velocities as they are.
    pub const LINEAR: VelocityCurve = {
        let mut table = [0; 128];
        let mut i = 0;
        while i < 128 {
            table[i] = i as u8;
            i += 1;
        }
        VelocityCurve(table)
    };

    /// Easier to play loud: 127·(v/127)^½. Real-time: yes.
    pub fn soft() -> VelocityCurve {
        VelocityCurve::shaped(libm::sqrt)
    }

    /// Harder to play loud: 127·(v/127)². Real-time: yes.
    pub fn hard() -> VelocityCurve {
        VelocityCurve::shaped(|x| x * x)
    }

    /// Always this velocity, 1–127. Real-time: yes.
    pub fn fixed(velocity: u8) -> VelocityCurve {
        VelocityCurve([velocity.clamp(1, 127); 128])
    }

    /// Straight lines between points (in, out), level outside them. Points must
    /// be in rising order of `in`; an empty list is [`LINEAR`](Self::LINEAR). Real-time: yes.
    pub fn through(points: &[(u8, u8)]) -> VelocityCurve {
        let (Some(&first), Some(&last)) = (points.first(), points.last()) else {
            return VelocityCurve::LINEAR;
        };
        let mut table = [0; 128];
        for (velocity, out) in table.iter_mut().enumerate() {
            let x = velocity as i32;
            let y = if x <= i32::from(first.0) {
                i32::from(first.1)
            } else if x >= i32::from(last.0) {
                i32::from(last.1)
            } else {
                points.windows(2).find(|w| x <= i32::from(w[1].0)).map_or(i32::from(last.1), |w| {
                    let (x0, y0) = (i32::from(w[0].0), i32::from(w[0].1));
                    let (x1, y1) = (i32::from(w[1].0), i32::from(w[1].1));
                    let run = (x1 - x0).max(1);
                    y0 + ((y1 - y0) * (x - x0) + (y1 - y0).signum() * run / 2) / run
                })
            };
            *out = y.clamp(1, 127) as u8;
        }
        VelocityCurve(table)
    }

    fn shaped(curve: impl Fn(f64) -> f64) -> VelocityCurve {
        let mut table = [0; 128];
        for (velocity, out) in table.iter_mut().enumerate() {
            *out = libm::round(127.0 * curve(velocity as f64 / 127.0)).clamp(1.0, 127.0) as u8;
        }
        VelocityCurve(table)
    }

    /// Real-time: yes.
    pub fn apply(&self, velocity: u8) -> u8 {
        self.0[usize::from(velocity & 0x7f)]
    }
}

/// What one MIDI cable filters and changes, in the order of its fields.
/// Channels are 0–15 here. Real-time: yes.
#[derive(Clone, PartialEq, Debug)]
pub struct Transform {
    /// Bit n set: incoming channel n passes.
    pub from_channels: u16,
    /// Lowest and highest incoming key, inclusive.
    pub keys: (u8, u8),
    /// Lowest and highest incoming velocity, inclusive.
    pub velocities: (u8, u8),
    /// Semitones added to the key.
    pub transpose: i8,
    /// What happens to the velocity.
    pub velocity: VelocityCurve,
    /// The channel everything leaves on, if it is rewritten.
    pub channel: Option<u8>,
    /// What few cables do; nothing where it is `None`.
    pub shaping: Option<Box<Shaping>>,
    /// What it does in time; nothing where it is `None`.
    pub motion: Option<Box<Motion>>,
}

impl Default for Transform {
    fn default() -> Transform {
        Transform {
            from_channels: u16::MAX,
            keys: (0, 127),
            velocities: (1, 127),
            transpose: 0,
            velocity: VelocityCurve::LINEAR,
            channel: None,
            shaping: None,
            motion: None,
        }
    }
}

/// A strike that the transpose moved outside 0–127. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dropped;

impl Transform {
    /// What becomes of a message: it passes changed, is filtered (`Ok(None)`),
    /// or is lost to the transpose. Releases of notes do not come here: they
    /// follow the note table. Real-time: yes.
    ///
    /// # Errors
    /// [`Dropped`] for a key transposed outside 0–127.
    pub fn apply(&self, message: Message) -> Result<Option<Message>, Dropped> {
        let Some(shaping) = &self.shaping else { return self.plain(message) };
        if !shaping.admits(message) {
            return Ok(None);
        }
        Ok(self.plain(message)?.and_then(|out| shaping.apply(message, out)))
    }

    /// Whether SysEx passes. Real-time: yes.
    pub fn passes_sysex(&self) -> bool {
        self.shaping.as_ref().is_none_or(|shaping| shaping.types.contain(MessageTypes::SYSEX))
    }

    /// The rests of all that this cable's controllers move on the way of an
    /// incoming channel, for a source that is gone. Real-time: yes.
    pub fn rests(&self, channel: u8) -> impl Iterator<Item = Message> {
        let shaping = self.shaping.as_ref().filter(|_| self.from_channels & (1 << (channel & 0x0f)) != 0);
        let map = shaping.and_then(|shaping| Some((shaping, shaping.controllers.as_ref()?)));
        map.into_iter().flat_map(move |(shaping, map)| {
            let to = self.channel.unwrap_or(channel) & 0x0f;
            map.rests(shaping.channels[usize::from(to)])
        })
    }

    /// Whether some channels are dropped, or leave as others. Real-time: yes.
    pub fn moves_channels(&self) -> bool {
        let mapped = |shaping: &Shaping| shaping.channels != Shaping::default().channels;
        self.channel.is_some()
            || self.from_channels != u16::MAX
            || self.shaping.as_ref().is_some_and(|shaping| mapped(shaping))
    }

    /// Whether controllers that went along `other` may be taken back along this
    /// one: they go to the same channels in the same way. Real-time: yes.
    pub fn controls_like(&self, other: &Transform) -> bool {
        let same = |a: &Shaping, b: &Shaping| {
            a.channels == b.channels
                && a.controllers == b.controllers
                && a.types.contain(MessageTypes::CONTROLLERS) == b.types.contain(MessageTypes::CONTROLLERS)
        };
        self.channel == other.channel
            && self.from_channels == other.from_channels
            && match (&self.shaping, &other.shaping) {
                (None, None) => true,
                (Some(a), Some(b)) => same(a, b),
                (Some(a), None) | (None, Some(a)) => same(a, &Shaping::default()),
            }
    }

    /// What the keys that every cable may have make of a message.
    fn plain(&self, message: Message) -> Result<Option<Message>, Dropped> {
        let Some(channel) = message.channel() else {
            return Ok(Some(message));
        };
        if self.from_channels & (1 << channel) == 0 {
            return Ok(None);
        }
        let to = self.channel.unwrap_or(channel) & 0x0f;
        let within = |key: u8| (self.keys.0..=self.keys.1).contains(&key);
        Ok(Some(match message {
            Message::NoteOn { key, velocity, .. } => {
                if !within(key) || !(self.velocities.0..=self.velocities.1).contains(&velocity) {
                    return Ok(None);
                }
                Message::NoteOn {
                    channel: to,
                    key: self.moved(key)?,
                    velocity: self.velocity.apply(velocity),
                }
            }
            Message::NoteOff { key, velocity, .. } => {
                if !within(key) {
                    return Ok(None);
                }
                Message::NoteOff { channel: to, key: self.moved(key)?, velocity }
            }
            Message::PolyPressure { key, pressure, .. } => {
                if !within(key) {
                    return Ok(None);
                }
                match self.moved(key) {
                    Ok(key) => Message::PolyPressure { channel: to, key, pressure },
                    Err(Dropped) => return Ok(None),
                }
            }
            Message::ControlChange { controller, value, .. } => {
                Message::ControlChange { channel: to, controller, value }
            }
            Message::ProgramChange { program, .. } => Message::ProgramChange { channel: to, program },
            Message::ChannelPressure { pressure, .. } => Message::ChannelPressure { channel: to, pressure },
            Message::PitchBend { value, .. } => Message::PitchBend { channel: to, value },
            Message::System { .. } => message,
        }))
    }

    fn moved(&self, key: u8) -> Result<u8, Dropped> {
        let moved = i16::from(key) + i16::from(self.transpose);
        u8::try_from(moved).ok().filter(|key| *key <= 127).ok_or(Dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fade, Scale};
    use super::*;

    fn on(channel: u8, key: u8, velocity: u8) -> Message {
        Message::NoteOn { channel, key, velocity }
    }

    #[test]
    fn a_split_filters_transposes_and_rewrites_in_order() {
        let cable = Transform {
            from_channels: 1 << 2,
            keys: (21, 59),
            velocities: (10, 100),
            transpose: -12,
            channel: Some(9),
            velocity: VelocityCurve::fixed(64),
            ..Transform::default()
        };
        assert_eq!(cable.apply(on(2, 59, 100)), Ok(Some(on(9, 47, 64))));
        for filtered in [on(1, 50, 50), on(2, 60, 50), on(2, 50, 9), on(2, 50, 101)] {
            assert_eq!(cable.apply(filtered), Ok(None), "{filtered:?}");
        }
        let down = Transform { transpose: -40, ..Transform::default() };
        assert_eq!(down.apply(on(0, 39, 1)), Err(Dropped));
        assert_eq!(Transform { transpose: 48, ..down }.apply(on(0, 80, 1)), Err(Dropped));
        let clock = Message::System { status: 0xf8, data: [0, 0] };
        assert_eq!(cable.apply(clock), Ok(Some(clock)));
    }

    #[test]
    fn what_few_cables_do_comes_on_top() {
        let shaping = Shaping {
            types: MessageTypes::ALL.without(MessageTypes::CONTROLLERS),
            notes: !(1 << 61),
            scale: Some(Scale::new(1)),
            key_fade: Some(Fade::new((60, 127), (0, 127), 3)),
            channels: std::array::from_fn(|channel| if channel == 2 { 7 } else { channel as u8 }),
            ..Shaping::default()
        };
        let cable = Transform {
            keys: (60, 127),
            transpose: 2,
            shaping: Some(Box::new(shaping)),
            ..Transform::default()
        };
        assert_eq!(cable.apply(on(2, 60, 100)), Ok(Some(on(7, 60, 50))));
        assert_eq!(cable.apply(on(3, 72, 100)), Ok(Some(on(3, 72, 100))));
        assert_eq!(cable.apply(on(2, 61, 100)), Ok(None));
        let pedal = Message::ControlChange { channel: 2, controller: 64, value: 0 };
        assert_eq!(cable.apply(pedal), Ok(None));
        assert!(cable.passes_sysex());
        assert!(!cable.controls_like(&Transform::default()));
        let faded = Shaping { notes: 1, ..Shaping::default() };
        let faded = Transform { shaping: Some(Box::new(faded)), ..Transform::default() };
        assert!(faded.controls_like(&Transform::default()));
    }

    #[test]
    fn curves_keep_the_ends_and_bend_between() {
        assert_eq!(VelocityCurve::LINEAR.apply(93), 93);
        assert_eq!((VelocityCurve::soft().apply(127), VelocityCurve::hard().apply(127)), (127, 127));
        assert!(VelocityCurve::soft().apply(40) > 60 && VelocityCurve::hard().apply(40) < 20);
        assert_eq!(VelocityCurve::hard().apply(1), 1);
        let points = VelocityCurve::through(&[(20, 40), (100, 120)]);
        assert_eq!([1, 20, 60, 100, 127].map(|v| points.apply(v)), [40, 40, 80, 120, 120]);
        let falling = VelocityCurve::through(&[(1, 127), (127, 1)]);
        assert_eq!([1, 64, 127].map(|v| falling.apply(v)), [127, 64, 1]);
    }
}
