//! What it takes to be an audio actor: the [`Processor`] contract, the
//! [`Kind`] that builds one from a rig's settings, and the stages themselves.
//!
//! A kind lives in the control world: it may allocate and fail. What it builds
//! lives in the audio world and may not. See [`Processor`] for the contract.

mod change;
pub mod delay;
pub mod gain;
mod kind;
pub mod limiter;
pub mod mixer;
mod pan;
mod processor;
mod ramp;
pub mod reverb;
mod segments;

pub use change::change;
pub use kind::{Kind, Kinds, Parameter, PrepareError, Role, Settings, Shape, Unit, Value};
pub use pan::pan_gains;
pub use processor::{Block, Bookmark, Context, Input, Processor, Status, StreamFormat};
pub use ramp::Ramp;
pub use segments::{Segment, segments};

/// How long a change of a gain or mix takes, in seconds.
pub const RAMP_SECONDS: f64 = 0.010;

/// Adds the built-in stages: what `kind = "…"` may name in a `[stage.NAME]`. Real-time: no.
pub fn register(kinds: &mut Kinds) {
    kinds.register(delay::DelayKind);
    kinds.register(gain::GainKind);
    kinds.register(limiter::LimiterKind);
    kinds.register(mixer::MixerKind);
    kinds.register(reverb::ReverbKind);
}
