//! `[[scene]]` and `[[control]]`.

use super::{Port, Rig};
use crate::midi::Event;
use crate::render::{Curve, Listen};
use crate::transport::{Order, Tempo};

/// A state of the rig: where parameters stand, and who takes no strikes.
#[derive(Clone, PartialEq, Debug)]
pub struct Scene {
    /// Its name.
    pub name: String,
    /// What MIDI brings it on.
    pub triggers: Vec<Trigger>,
    /// The keys of the computer's keyboard that bring it on.
    pub keys: Vec<char>,
    /// The tempo to go on at, where it is another than the rig's.
    pub tempo: Option<Tempo>,
    /// Parameters that stand otherwise than the rig says.
    pub set: Vec<Setting>,
    /// Instruments and MIDI ports to and from which nothing is struck.
    pub mute: Vec<Port>,
}

/// A parameter of an actor at a value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Setting {
    /// An actor or an input.
    pub actor: Port,
    /// Index into its kind's parameters, or [`Event::GAIN`].
    pub parameter: u16,
    /// As a parameter event carries it.
    pub value: f32,
}

/// Something to listen for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trigger {
    /// What.
    pub listen: Listen,
    /// Only from this one of the rig's MIDI ports.
    pub from: Option<usize>,
    /// Bit n set: channel n is heard.
    pub channels: u16,
    /// Whether it goes no further.
    pub consume: bool,
}

/// MIDI that moves a parameter or does something.
#[derive(Clone, PartialEq, Debug)]
pub struct Control {
    /// What it hears: one, or two for a pair of controllers, the upper half first.
    pub triggers: Vec<Trigger>,
    /// What it does.
    pub does: Does,
}

/// What a control does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Does {
    /// Moves a parameter.
    Moves(Moves),
    /// Goes to the next scene of the set list.
    NextScene,
    /// Goes to the one before.
    PreviousScene,
    /// Goes to this scene.
    Scene(usize),
    /// Ends every note everywhere.
    Panic,
    /// Tells the transport.
    Order(Order),
}

/// A parameter, and how far a control moves it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Moves {
    /// An actor or an input.
    pub actor: Port,
    /// Index into its kind's parameters, or [`Event::GAIN`].
    pub parameter: u16,
    /// Its value at the lowest and at the highest position.
    pub range: (f32, f32),
    /// How it goes between them.
    pub curve: Curve,
    /// Only whole values.
    pub is_whole: bool,
    /// It waits until the control has met its value.
    pub pickup: bool,
}

impl Rig {
    /// The scene that it begins in: the first of the set list.
    pub fn first_scene(&self) -> Option<usize> {
        self.setlist.first().copied().filter(|first| *first < self.scenes.len())
    }

    /// What the rig itself gives a parameter, as an event carries it; NaN where it
    /// leaves it to the kind.
    pub fn own_value(&self, actor: Port, parameter: u16) -> f32 {
        match actor {
            Port::Actor(index) => {
                let actor = &self.actors[index];
                if parameter == Event::GAIN {
                    return actor.gain.0;
                }
                let at = usize::from(parameter);
                let default = actor.kind.parameters().get(at).and_then(|parameter| parameter.default);
                actor.settings.given(at).or(default).map_or(f32::NAN, |value| value.as_f32())
            }
            Port::Input(index) => self.inputs[index].gain.0,
            Port::Midi(_) | Port::Output(_) | Port::Generator(_) => f32::NAN,
        }
    }
}
