use super::{Fault, Injection, JackReport};
use crate::transport::Order;

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
    /// Makes a processor fail at a frame, on purpose.
    Inject(Injection),
}

/// What the Renderer tells the control world. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A processor failed and is silent until it is replaced.
    Fault(Fault),
}
