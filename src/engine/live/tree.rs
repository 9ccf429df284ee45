//! The supervision tree of the engine, and how it grows.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::audio::AudioKeeper;
use super::generators::Generators;
use super::group::Group;
use super::loader::Loader;
use super::logging::LogActor;
use super::midi::MidiKeeper;
use super::parts::Parts;
use super::recording::RecordActor;
use super::renderer::RendererKeeper;
use super::rig::RigKeeper;
use crate::actor::{
    Actor, Address, Backoff, Context, Fault, FaultKind, Options, Outcome, SpawnError, Strategy, Supervision,
    Window,
};
use crate::stage::Role;

/// The tree's only actor at the root.
pub(super) const ENGINE: &str = "engine";
/// Messages that may wait for whoever has parcels for the Renderer.
const RENDERER_MAILBOX: usize = 10_000;

/// How all of the engine's actors are supervised: each for itself. What they keep
/// outlives them, so starting one anew costs nothing that is heard, and music is
/// never given up for having done it too often: the back-off alone keeps one that
/// always fails from taking the machine along.
pub(in crate::engine) fn supervision() -> Supervision {
    Supervision {
        strategy: Strategy::OneForOne,
        window: Window { restarts: u32::MAX, within: Duration::from_secs(60) },
        backoff: Backoff {
            first: Duration::from_millis(10),
            factor: 2.0,
            longest: Duration::from_millis(100),
            jitter: 0.1,
        },
        ..Supervision::default()
    }
}

type Grow = fn(&Arc<Parts>, &mut Context<Branch>) -> Result<(), SpawnError>;

/// An actor that only supervises.
pub(super) struct Branch {
    parts: Arc<Parts>,
    grow: Grow,
}

impl Branch {
    /// The engine's own.
    pub(super) fn engine(parts: &Arc<Parts>) -> Branch {
        Branch { parts: Arc::clone(parts), grow: grow_engine }
    }
}

impl Actor for Branch {
    type Message = Infallible;

    async fn started(&mut self, context: &mut Context<Branch>) -> Outcome {
        context.supervise(supervision());
        (self.grow)(&self.parts, context).map_err(|error| Fault::new(FaultKind::START, error.to_string()))
    }

    async fn handle(&mut self, message: Infallible, _: &mut Context<Branch>) -> Outcome {
        match message {}
    }
}

/// Starts a child that is built from the parts.
fn child<A: Actor>(
    context: &mut Context<Branch>,
    parts: &Arc<Parts>,
    name: &str,
    options: Options,
    build: impl Fn(&Arc<Parts>) -> A + Send + 'static,
) -> Result<Address<A::Message>, SpawnError> {
    let parts = Arc::clone(parts);
    context.spawn(name, options, move || build(&parts))
}

fn branch(
    context: &mut Context<Branch>,
    parts: &Arc<Parts>,
    name: &str,
    grow: Grow,
) -> Result<(), SpawnError> {
    let build = move |parts: &Arc<Parts>| Branch { parts: Arc::clone(parts), grow };
    child(context, parts, name, Options::new(), build).map(drop)
}

fn grow_engine(parts: &Arc<Parts>, context: &mut Context<Branch>) -> Result<(), SpawnError> {
    let addresses = &parts.addresses;
    let options = Options::new();
    let wide = options.clone().capacity(RENDERER_MAILBOX);
    // An address is the same in each incarnation: setting it again changes nothing.
    let renderer = child(context, parts, "renderer", wide, RendererKeeper::new)?;
    let _ = addresses.renderer.set(renderer);
    let group = |role| move |parts: &Arc<Parts>| Group::new(parts, role);
    let _ = addresses.instruments.set(child(
        context,
        parts,
        "instrument",
        options.clone(),
        group(Role::Instrument),
    )?);
    let _ = addresses.stages.set(child(context, parts, "stage", options.clone(), group(Role::Stage))?);
    let _ = addresses.clips.set(child(context, parts, "clip", options.clone(), group(Role::Clip))?);
    let _ = addresses.generators.set(child(context, parts, "generator", options.clone(), Generators::new)?);
    branch(context, parts, "device", grow_device)?;
    if parts.recording.is_some() || parts.log.is_some() {
        branch(context, parts, "journal", grow_journal)?;
    }
    let _ = addresses.rig.set(child(context, parts, "rig", options.clone(), RigKeeper::new)?);
    if let Some(loading) = &parts.loading {
        let loading = Arc::clone(loading);
        child(context, parts, "loader", options, move |parts| Loader::new(parts, &loading))?;
    }
    Ok(())
}

fn grow_device(parts: &Arc<Parts>, context: &mut Context<Branch>) -> Result<(), SpawnError> {
    let addresses = &parts.addresses;
    let _ = addresses.midi.set(child(context, parts, "midi", Options::new(), MidiKeeper::new)?);
    let _ = addresses.audio.set(child(context, parts, "audio", Options::new(), AudioKeeper::new)?);
    Ok(())
}

fn grow_journal(parts: &Arc<Parts>, context: &mut Context<Branch>) -> Result<(), SpawnError> {
    if let Some(recording) = parts.recording.clone() {
        let build = move |parts: &Arc<Parts>| RecordActor::new(parts, &recording);
        child(context, parts, "recorder", Options::new(), build)?;
    }
    if let Some(log) = parts.log.clone() {
        let build = move |parts: &Arc<Parts>| LogActor::new(parts, &log);
        child(context, parts, "log", Options::new(), build)?;
    }
    Ok(())
}
