use std::path::PathBuf;
use std::sync::Arc;

use super::{Node, OutputBus, Plan, Remains, Resident, Score, Seat, Segment, Sink, Source};
use crate::route::CableState;
use crate::transport::{Course, Tempo};
use crate::unit::Frame;

/// A MIDI source, and which of the rig's MIDI ports it feeds. Real-time: yes.
pub struct Feed {
    /// The port's number in [`Plan::ports`].
    pub port: u16,
    /// Where its events come from.
    pub origin: Origin,
}

/// Where a source's events come from. Real-time: yes.
pub enum Origin {
    /// A device or another program: by a door.
    Live(Source),
    /// All known beforehand.
    Score(Score),
}

/// How a parcel is made again when a log is played: what cannot be seen of it. Real-time: yes.
#[derive(Clone, PartialEq, Debug)]
pub enum Account {
    /// The first step to a rig, which may be the first rig.
    Rig {
        /// Its text.
        text: Arc<str>,
        /// The tempo at which it is played whatever it says.
        tempo: Option<(Tempo, Course)>,
        /// What its clips play.
        sounds: Sounds,
    },
    /// The next step to the rig of the newest [`Account::Rig`].
    Settle,
    /// A fresh processor where one failed.
    Revival {
        /// How many rigs there had been, the one that says how it is built among them.
        rigs: u32,
        /// Parameters, by index, that are not as that rig says.
        values: Vec<(u16, f32)>,
    },
}

/// What the clips of a rig play, which stands in no text. Real-time: no.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sounds {
    /// Where their files lie.
    pub folder: Option<PathBuf>,
    /// Each clip, and the digest of what it plays.
    pub clips: Vec<(String, u64)>,
}

/// A parcel of changes for the Renderer, made in the control world.
///
/// The Renderer exchanges what is in it for what it had, all at one quantum, and
/// sends the parcel back with the remains: it allocates and frees nothing. Real-time: yes.
#[derive(Default)]
pub struct Swap {
    /// The sender's own mark; the Renderer does not look at it.
    pub tag: u64,
    /// Its number among all that were lent, by which the log names it.
    pub serial: u64,
    /// What the log says of it; the Renderer does not look at it.
    pub account: Option<Box<Account>>,
    /// Not before this frame; at the next quantum where there is none.
    pub not_before: Option<Frame>,
    /// The plan to play from now on.
    pub plan: Option<Box<Plan>>,
    /// Nodes to put in places, or to take out of them.
    pub nodes: Vec<(u16, Option<Box<Node>>)>,
    /// What to take out of nodes whose processor has failed.
    pub remains: Vec<Remains>,
    /// Fresh processors for nodes whose own has failed.
    pub revived: Vec<(u16, Option<Resident>)>,
    /// Output buses to put in places, or to take out.
    pub buses: Vec<(u16, Option<Box<OutputBus>>)>,
    /// Sources to put in places, or to take out.
    pub sources: Vec<(u16, Option<Box<Feed>>)>,
    /// What cables remember, to put in places, or to take out.
    pub states: Vec<(u16, Option<Box<CableState>>)>,
    /// Destinations to put in places, or to take out.
    pub sinks: Vec<(u16, Option<Box<Sink>>)>,
    /// Performers to put in places, or to take out, by the generators' numbers.
    pub performers: Vec<(u16, Option<Box<Seat>>)>,
    /// Material for performers. A log keeps what they play of it, so it says nothing of this.
    pub segments: Vec<(u16, Option<Box<Segment>>)>,
    /// Where what generators play is heard beside the rig's cables, by their numbers.
    pub taps: Vec<(u16, Option<Box<Sink>>)>,
}
