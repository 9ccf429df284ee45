use std::any::Any;

use super::Resident;
use super::isolated::Missed;
use crate::rt::guard::Place;
use crate::unit::Frame;

/// How a processor failed. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// It panicked.
    Panic,
    /// It put out a sample that is not a finite number.
    NotFinite,
    /// It was over +24 dBFS for 50 ms, without a pause of 10 ms.
    Loud,
    /// Live only: it alone took longer than a quantum lasts, for 8 quanta running.
    Overrun,
    /// It stalled, in a render or in a thread of its own.
    Stall,
    /// It never came back, in a render or in a thread of its own.
    Hang,
}

impl FaultKind {
    /// The word used in reports. Real-time: yes.
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::Panic => "panic",
            FaultKind::NotFinite => "not_finite",
            FaultKind::Loud => "loud",
            FaultKind::Overrun => "overrun",
            FaultKind::Stall => "stall",
            FaultKind::Hang => "hang",
        }
    }
}

/// That a processor failed: it is silent until it is replaced. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Its node.
    pub node: u16,
    /// How.
    pub kind: FaultKind,
    /// The first frame that is not its own any more. What injections, NaN and
    /// loudness give is exact; a panic counts from the piece in which it came.
    pub frame: Frame,
    /// Where in the source it panicked, if it did.
    pub place: Place,
}

/// A fault to happen on purpose, inside the fault edge of a node. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Injection {
    /// The actor's node.
    pub node: u16,
    /// What happens.
    pub what: Injected,
    /// When, to the frame; at once where that is over.
    pub frame: Frame,
}

/// What an [`Injection`] does. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Injected {
    /// The processor panics.
    Panic,
    /// It puts out NaN.
    NotFinite,
    /// It puts out +30 dBFS from then on.
    Loud,
    /// It keeps the thread for so long. Where there is no clock, as offline,
    /// this is a verdict at its frame.
    Stall {
        /// Milliseconds.
        millis: u32,
    },
    /// It never gives the thread back. Where there is no clock, as offline, this
    /// is a verdict at its frame.
    Hang,
    /// The disk that it plays from gives nothing for so long.
    Starve {
        /// Milliseconds.
        millis: u32,
    },
}

/// What is left of a processor that failed, to be dropped in the control world. Real-time: yes.
#[derive(Default)]
pub struct Remains {
    /// The node that is asked for them.
    pub node: u16,
    /// The sender's own mark; the Renderer does not look at it.
    pub mark: u64,
    /// The processor, where the node had one that failed.
    pub processor: Option<Resident>,
    /// What it panicked with.
    pub payload: Option<Box<dyn Any + Send>>,
}

/// What became of a piece of a node's. Real-time: yes.
pub(super) struct Outcome {
    /// Its worker was not back.
    pub(super) missed: Option<Missed>,
    pub(super) verdict: Option<Verdict>,
}

/// What a node says of its processor. Real-time: yes.
#[derive(Clone, Copy)]
pub(super) struct Verdict {
    pub(super) kind: FaultKind,
    pub(super) frame: Frame,
    pub(super) place: Place,
}
