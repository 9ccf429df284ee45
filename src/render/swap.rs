use super::{Node, OutputBus, Plan, Remains, Resident, Score, Sink, Source};
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

/// A parcel of changes for the Renderer, made in the control world.
///
/// The Renderer exchanges what is in it for what it had, all at one quantum, and
/// sends the parcel back with the remains: it allocates and frees nothing. Real-time: yes.
#[derive(Default)]
pub struct Swap {
    /// The sender's own mark; the Renderer does not look at it.
    pub tag: u64,
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
    /// Destinations to put in places, or to take out.
    pub sinks: Vec<(u16, Option<Box<Sink>>)>,
}
