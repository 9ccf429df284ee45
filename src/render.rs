//! The Renderer: plan, slots, inbox, fault edge.
//!
//! Everything in here runs on the audio thread, but for the constructors.

mod inlet;
mod outlet;
mod ports;
mod renderer;
mod tap;

pub use inlet::{Inlet, InletHealth, Source, TimeBase, inlet};
pub use outlet::{Outlet, Sink, outlet};
pub use ports::{AudioPorts, Interleaved, Planar, Silence};
pub use renderer::Renderer;
pub use tap::{Tap, TapReader, tap};
