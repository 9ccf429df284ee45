use std::sync::Arc;

use super::TimePlan;
use super::scenes::SceneTable;
use super::snapshot::CableCount;
use crate::route::Transform;
use crate::stage::Ramp;

/// An order of nodes and the edges between them: what is played. Made in the
/// control world from a rig; holds indices only, so that a swap moves nothing. Real-time: yes.
#[derive(Default, Debug)]
pub struct Plan {
    /// What to do for every piece, in order.
    pub steps: Vec<Step>,
    /// Audio cables; a step names a range of them.
    pub edges: Vec<AudioEdge>,
    /// MIDI cables, in the order of the rig.
    pub cables: Vec<MidiCable>,
    /// For each MIDI port and generator of the rig, which of `cables` begin there.
    pub ports: Vec<Vec<u16>>,
    /// Which of `cables` move in time, in order.
    pub moving: Vec<u16>,
    /// Nodes whose previous quantum is read by a cable that closes a loop.
    pub looped: Vec<u16>,
    /// Tempo, clocks and what the transport follows.
    pub time: TimePlan,
    /// What scenes and controls there are.
    pub scenes: SceneTable,
    /// Device channels written, at least 2.
    pub channels: usize,
}

/// One thing to do for a piece. Real-time: yes.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads a device input into its node.
    Input {
        /// The node.
        node: u16,
    },
    /// Runs a processor on the sum of its edges.
    Process {
        /// The node.
        node: u16,
        /// Edges heard now, as a range of [`Plan::edges`].
        main: (u16, u16),
        /// Edges that close a loop, heard a quantum late.
        late: (u16, u16),
    },
    /// Sums edges into an output.
    Output {
        /// The bus.
        bus: u16,
        /// Its edges, as a range of [`Plan::edges`].
        edges: (u16, u16),
    },
}

/// An audio cable. Real-time: yes.
#[derive(Clone, Debug)]
pub struct AudioEdge {
    /// The node heard.
    pub from: u16,
    /// Its gain, which may be on its way: cables fade in and out.
    pub gain: Ramp,
    /// The edge of the plan before that this one continues, if any: its gain
    /// goes on from where that one is.
    pub continues: Option<u16>,
    /// Where the gain goes, linear.
    pub target: f32,
}

/// Where a MIDI cable ends. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination {
    /// An instrument's node.
    Node(u16),
    /// A MIDI output.
    Sink(u16),
    /// A generator that listens, by its number.
    Generator(u16),
}

const SINK_BIT: u16 = 0x8000;
const GENERATOR_BIT: u16 = 0x4000;

impl Destination {
    pub(super) const fn to_number(self) -> u16 {
        match self {
            Destination::Node(node) => node,
            Destination::Sink(sink) => sink | SINK_BIT,
            Destination::Generator(number) => number | GENERATOR_BIT,
        }
    }

    pub(super) const fn from_number(number: u16) -> Destination {
        if number & SINK_BIT != 0 {
            Destination::Sink(number & !SINK_BIT)
        } else if number & GENERATOR_BIT != 0 {
            Destination::Generator(number & !GENERATOR_BIT)
        } else {
            Destination::Node(number)
        }
    }
}

/// A MIDI cable. Real-time: yes.
#[derive(Clone, Debug)]
pub struct MidiCable {
    /// Its number for life, so that a note finds its cable's counters.
    pub id: u32,
    /// Where it ends.
    pub to: Destination,
    /// What it does on the way.
    pub transform: Transform,
    /// The place of what it remembers, for one that moves in time.
    pub state: Option<u16>,
    /// The cable of the plan before that this one is, if any.
    pub continues: Option<u16>,
    /// What it lost, so far; the same counters for all its life.
    pub count: Arc<CableCount>,
}
