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
}

/// How a processor failed. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// It panicked.
    Panic,
    /// It put out a sample that is not a finite number.
    NotFinite,
}

impl FaultKind {
    /// The word used in reports. Real-time: yes.
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::Panic => "panic",
            FaultKind::NotFinite => "not_finite",
        }
    }
}

/// What the Renderer tells the control world. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A processor failed and is silent until it is replaced.
    Fault {
        /// Its node.
        node: u16,
        /// How.
        kind: FaultKind,
        /// The frame from which it is silenced.
        frame: Frame,
    },
}
