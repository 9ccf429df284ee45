use super::{Fault, Injection, JackReport, Turn};
use crate::transport::Order;
use crate::unit::Frame;

/// What the control world tells the Renderer; takes effect at the next quantum. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Command {
    /// A parameter of an actor, or its gain in dB ([`Event::GAIN`](crate::midi::Event::GAIN)).
    Parameter {
        /// The actor's node.
        node: u16,
        /// Index into its kind's parameters.
        index: u16,
        /// The new value, in the parameter's unit.
        value: f32,
    },
    /// The level of the whole, applied to every output after its sum, in dB.
    Master {
        /// 0 dB leaves every sample as it is.
        decibels: f32,
    },
    /// Ends every note everywhere, at once.
    Panic,
    /// What the transport is to do.
    Transport(Order),
    /// How JACK's transport stands, from the driver.
    Jack(JackReport),
    /// Goes to another scene.
    Scene(Turn),
    /// Makes a processor fail at a frame, on purpose.
    Inject(Injection),
}

/// What the Renderer tells the control world. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Notice {
    /// A processor failed and is silent until it is replaced.
    Fault(Fault),
    /// It is in another scene.
    Scene {
        /// The scene's id.
        scene: u32,
        /// The place of the set list that was last reached.
        place: Option<u16>,
        /// Since when.
        frame: Frame,
    },
    /// Controls moved a parameter; told now and then while they do, and where it came to rest.
    Parameter {
        /// The actor's node.
        node: u16,
        /// Index into its kind's parameters.
        index: u16,
        /// Where it stands.
        value: f32,
        /// When this was so.
        frame: Frame,
    },
}
