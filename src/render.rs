//! The Renderer: plan, slots, inbox, fault edge.
//!
//! Everything in here runs on the audio thread, but for the constructors.

mod ahead;
mod budget;
mod bus;
mod chaos;
mod command;
mod continuing;
mod dispatch;
mod edge;
mod fault;
mod inbox;
mod inlet;
mod isolated;
mod joins;
mod log;
mod node;
mod outlet;
mod patience;
mod performer;
mod plan;
mod player;
mod ports;
mod recall;
mod renderer;
mod scenes;
mod score;
mod script;
mod segment;
mod snapshot;
mod swap;
mod tap;
mod transport;

pub use ahead::{Ahead, SEGMENTS};
pub use bus::OutputBus;
pub use chaos::Clock;
pub use command::{Command, Notice};
pub use continuing::Continuing;
pub use fault::{Fault, FaultKind, Injected, Injection, Remains};
pub use inlet::{Inlet, InletHealth, Source, TimeBase, inlet};
pub use isolated::{Isolated, Unit, isolate, isolate_scripted};
pub use log::{Log, LogReader, RECORD_BYTES, Record, RecordError, log};
pub use node::{DeviceInput, Label, Node, Resident};
pub use outlet::{Outlet, Sink, outlet};
pub use performer::{Performer, PerformerCount, Seat};
pub use plan::{AudioEdge, Destination, MidiCable, Plan, Step};
pub use player::Player;
pub use ports::{AudioPorts, Interleaved, Planar, Silence};
pub use renderer::{Renderer, RendererHandle, RendererSettings, Stems, renderer};
pub use scenes::{Act, Control, Curve, Listen, ParameterEntry, SceneEntry, SceneTable, Trigger, Turn, Width};
pub use score::Score;
pub use script::Script;
pub use segment::{SEGMENT_EVENTS, Segment, SegmentEvent};
pub use snapshot::{BusMeter, CableCount, Snapshot};
pub use swap::{Account, Feed, Origin, Sounds, Swap};
pub use tap::{Tap, TapReader, tap};
pub use transport::{CLOCK_SOURCE, JackReport, JackRole, TimePlan, TransportView};

/// Nodes (instruments, stages, device inputs) that can stand at once.
pub const NODES: usize = 320;
/// Output buses that can stand at once.
pub const BUSES: usize = 64;
/// Generators (what plays MIDI by itself) that can stand at once.
pub const GENERATORS: usize = 32;
/// Generators are sources from this number on, each of the port of the same number.
pub const FIRST_GENERATOR: u16 = 128;
/// MIDI sources (ports, files and generators) that can stand at once.
pub const SOURCES: usize = FIRST_GENERATOR as usize + GENERATORS;
/// MIDI destinations that can stand at once.
pub const SINKS: usize = 128;
/// MIDI cables in one plan, at most.
pub const CABLES: usize = 1_024;
/// States of cables that can stand at once: those of two whole rigs.
pub const STATES: usize = 2 * CABLES;
/// Channels of a device that can be played to.
pub const CHANNELS: usize = 64;
/// A gain that changes, or a cable that comes or goes, takes this long.
pub const RAMP_SECONDS: f64 = 0.010;
/// A stage that faults is ramped from its last good sample to zero in this time,
/// and what takes its place is faded in in the same.
pub const DECLICK_SECONDS: f64 = 0.005;
