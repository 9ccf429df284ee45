use std::sync::{Arc, OnceLock};

use super::audio::{AudioKeeping, AudioMessage};
use super::board::Board;
use super::gear::PortBook;
use super::generators::{GeneratorsMessage, Suppliers};
use super::group::{GroupMessage, Members};
use super::loader::Loading;
use super::logging::LogKeeping;
use super::midi::{MidiKeeping, MidiMessage};
use super::recording::RecordKeeper;
use super::renderer::{RendererKeeping, RendererMessage};
use super::rig::{RigKeeping, RigMessage};
use crate::actor::{Address, Heirloom, Held};
use crate::engine::Workshop;
use crate::engine::doors::HostClock;

/// What the actors of the engine keep and share. An incarnation takes what it
/// keeps and leaves it to the next, so that killing any of them is not heard.
pub(super) struct Parts {
    pub(super) board: Board,
    pub(super) clock: HostClock,
    pub(super) addresses: Addresses,
    pub(super) renderer: Heirloom<RendererKeeping>,
    pub(super) instruments: Heirloom<Members>,
    pub(super) stages: Heirloom<Members>,
    pub(super) clips: Heirloom<Members>,
    pub(super) generators: Heirloom<Suppliers>,
    pub(super) workshop: Workshop,
    pub(super) audio: Heirloom<AudioKeeping>,
    pub(super) midi: Heirloom<MidiKeeping>,
    pub(super) ports: PortBook,
    pub(super) recording: Option<Heirloom<RecordKeeper>>,
    pub(super) log: Option<Heirloom<LogKeeping>>,
    pub(super) rig: Heirloom<RigKeeping>,
    pub(super) loading: Option<Arc<Loading>>,
}

/// Where the actors reach each other. An address holds over restarts, so each is
/// written once.
#[derive(Default)]
pub(super) struct Addresses {
    pub(super) renderer: OnceLock<Address<RendererMessage>>,
    pub(super) instruments: OnceLock<Address<GroupMessage>>,
    pub(super) stages: OnceLock<Address<GroupMessage>>,
    pub(super) clips: OnceLock<Address<GroupMessage>>,
    pub(super) generators: OnceLock<Address<GeneratorsMessage>>,
    pub(super) audio: OnceLock<Address<AudioMessage>>,
    pub(super) midi: OnceLock<Address<MidiMessage>>,
    pub(super) rig: OnceLock<Address<RigMessage>>,
}

impl Addresses {
    pub(super) fn to_renderer(&self, message: RendererMessage) {
        send(&self.renderer, message);
    }
}

/// Hands a message over without waiting, so that whoever sends it is never cut off
/// in the middle of what it does.
pub(super) fn send<M: Send + 'static>(address: &OnceLock<Address<M>>, message: M) {
    let Some(address) = address.get() else { return };
    if let Err(error) = address.try_tell(message) {
        tracing::error!(to = address.path(), %error, "a message between keepers is lost");
    }
}

/// What the incarnation before left.
pub(super) fn take_over<T>(heirloom: &Heirloom<T>) -> Held<T> {
    // PANIC: the incarnation before has ended, and one that panics here is
    // followed by another.
    heirloom.take().expect("left by the incarnation before")
}
