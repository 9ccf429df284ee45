use super::control::Control;
use crate::midi::Message;
use crate::midi::registered::Parameter;
use crate::transport::{Order, Tempo};

/// The scenes of a rig and what turns them, as the Renderer needs them. Part of a
/// plan: made in the control world, and only its numbers change while it plays. Real-time: yes.
#[derive(Default, Debug)]
pub struct SceneTable {
    /// In the order of the rig.
    pub scenes: Vec<SceneEntry>,
    /// The order for next and previous, as indices into `scenes`.
    pub setlist: Vec<u16>,
    /// The scene whose values fresh processors were built with.
    pub built: u16,
    /// Every parameter that a scene or a control names, those of scenes first.
    pub parameters: Vec<ParameterEntry>,
    /// How many of `parameters` scenes name.
    pub named: usize,
    /// What is listened for, sorted by [`Listen::order`].
    pub triggers: Vec<Trigger>,
    /// What turns parameters.
    pub controls: Vec<Control>,
}

/// One scene. Real-time: yes.
#[derive(Clone, Debug)]
pub struct SceneEntry {
    /// Its number for as long as the rig has a scene of this name.
    pub id: u32,
    /// A value for each of the first `named` parameters; NaN: what its kind makes of
    /// it where the rig gives none.
    pub values: Vec<f32>,
    /// The tempo that is gone on at; `None` where no scene says one.
    pub tempo: Option<Tempo>,
    /// A bit for each MIDI cable of the plan that takes no strikes.
    pub muted: Vec<u64>,
}

impl SceneEntry {
    fn mutes(&self, cable: usize) -> bool {
        self.muted.get(cable / 64).is_some_and(|bits| bits >> (cable % 64) & 1 == 1)
    }
}

/// A parameter that scenes or controls change. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct ParameterEntry {
    /// The actor's node.
    pub node: u16,
    /// Index into its kind's parameters, or [`Event::GAIN`](crate::midi::Event::GAIN).
    pub index: u16,
    /// What the rig itself says; NaN where it says nothing.
    pub own: f32,
    /// Where it stands, or is on its way to.
    pub target: f32,
    /// Its place in the table of the plan before, if it had one.
    pub continues: Option<u16>,
    /// Its node had no room for the change.
    pub(super) is_unsent: bool,
    /// A control moved it since that was last told.
    pub(super) is_untold: bool,
}

impl ParameterEntry {
    /// A parameter that stands where the rig says. Real-time: yes.
    pub fn new(node: u16, index: u16, own: f32) -> ParameterEntry {
        ParameterEntry { node, index, own, target: own, continues: None, is_unsent: false, is_untold: false }
    }

    pub(super) fn is_at(&self, value: f32) -> bool {
        self.target.to_bits() == value.to_bits()
    }
}

/// What a trigger hears. Channels aside. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listen {
    /// A program change to this program, 0–127.
    Program(u8),
    /// A strike of this key.
    Note(u8),
    /// A controller.
    Controller(u8),
    /// The pitch wheel.
    Bend,
    /// Channel pressure.
    Pressure,
    /// A registered or non-registered parameter, by its data entry.
    Registered(Parameter),
}

impl Listen {
    /// By which triggers are sorted. Real-time: yes.
    pub const fn order(self) -> u16 {
        match self {
            Listen::Program(number) => number as u16,
            Listen::Note(number) => 0x100 | number as u16,
            Listen::Controller(number) => 0x200 | number as u16,
            Listen::Bend => 0x300,
            Listen::Pressure => 0x400,
            Listen::Registered(Parameter::Registered(number)) => 0x4000 | (number & 0x3fff),
            Listen::Registered(Parameter::NonRegistered(number)) => 0x8000 | (number & 0x3fff),
        }
    }

    /// What would hear a message, and its value.
    pub(super) const fn to(message: Message) -> Option<(Listen, u16)> {
        Some(match message {
            Message::ProgramChange { program, .. } => (Listen::Program(program), 127),
            Message::NoteOn { key, velocity, .. } => (Listen::Note(key), velocity as u16),
            Message::NoteOff { key, .. } => (Listen::Note(key), 0),
            Message::ControlChange { controller, value, .. } => {
                (Listen::Controller(controller), value as u16)
            }
            Message::PitchBend { value, .. } => (Listen::Bend, value),
            Message::ChannelPressure { pressure, .. } => (Listen::Pressure, pressure as u16),
            Message::PolyPressure { .. } | Message::System { .. } => return None,
        })
    }
}

/// Something to listen for, and what is done then. Real-time: yes.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// What it hears.
    pub listen: Listen,
    /// Only from this MIDI port of the rig.
    pub port: Option<u16>,
    /// Bit n set: channel n is heard.
    pub channels: u16,
    /// What is done.
    pub act: Act,
    /// The message goes no further.
    pub consume: bool,
    /// The value it last heard: a switch acts where it is pressed.
    pub(super) last: u16,
}

impl Trigger {
    /// One that has heard nothing yet. Real-time: yes.
    pub fn new(listen: Listen, port: Option<u16>, channels: u16, act: Act, consume: bool) -> Trigger {
        Trigger { listen, port, channels, act, consume, last: 0 }
    }

    /// Whether this value is a press: up over the middle, or the same again from a
    /// switch that never sends its release.
    pub(super) fn is_press(&mut self, value: u16) -> bool {
        let before = std::mem::replace(&mut self.last, value);
        match self.listen {
            Listen::Program(_) => true,
            Listen::Note(_) => value > 0,
            Listen::Controller(_) | Listen::Pressure => value >= 64 && (before < 64 || before == value),
            Listen::Bend => value >= 0x3000 && before < 0x3000,
            Listen::Registered(_) => value >= 0x2000 && before < 0x2000,
        }
    }
}

/// What a trigger does. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Act {
    /// Goes to another scene.
    Turn(Turn),
    /// Ends every note everywhere.
    Panic,
    /// Tells the transport, at the next quantum.
    Order(Order),
    /// Moves the control of this number.
    Control(u16),
}

/// To which scene. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// The scene of this id.
    To(u32),
    /// The next of the set list; the last stays.
    Next,
    /// The one before; the first stays.
    Previous,
}

/// A scene, and where it stands in the set list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stand {
    pub(super) scene: u16,
    /// The place in the set list that was last reached.
    pub(super) place: Option<u16>,
}

impl SceneTable {
    pub(super) fn mutes(&self, scene: u16, cable: usize) -> bool {
        self.scenes.get(usize::from(scene)).is_some_and(|scene| scene.mutes(cable))
    }

    pub(super) fn position(&self, id: u32) -> Option<u16> {
        self.scenes.iter().position(|scene| scene.id == id).map(|at| at as u16)
    }

    /// Where one stands at a scene: at the nearest place of the set list from
    /// `place` on, else at its first; a scene that is not in it leaves the place as it was.
    pub(super) fn stand(&self, scene: u16, place: Option<u16>) -> Stand {
        let from = usize::from(place.unwrap_or(0)).min(self.setlist.len());
        let after = self.setlist[from..].iter().position(|of| *of == scene).map(|at| from + at);
        let found = after.or_else(|| self.setlist.iter().position(|of| *of == scene));
        Stand { scene, place: found.map(|at| at as u16).or(place) }
    }

    /// Where a turn leads.
    pub(super) fn after(&self, now: Stand, turn: Turn) -> Option<Stand> {
        let last = self.setlist.len().checked_sub(1).map(|last| last as u16);
        let (place, last) = match turn {
            Turn::To(id) => return self.position(id).map(|scene| self.stand(scene, now.place)),
            // Before the first place: the set list has not been entered yet.
            Turn::Next => (now.place.map_or(0, |place| place.saturating_add(1)), last?),
            Turn::Previous => (now.place.map_or(0, |place| place.saturating_sub(1)), last?),
        };
        let place = place.min(last);
        Some(Stand { scene: *self.setlist.get(usize::from(place))?, place: Some(place) })
    }

    /// The triggers that may hear this.
    pub(super) fn hearing(&self, listen: Listen) -> std::ops::Range<usize> {
        let order = listen.order();
        let from = self.triggers.partition_point(|trigger| trigger.listen.order() < order);
        let of = self.triggers[from..].partition_point(|trigger| trigger.listen.order() == order);
        from..from + of
    }
}
