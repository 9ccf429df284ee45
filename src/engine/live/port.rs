use std::sync::Arc;
use std::time::Duration;

use super::gear::Connected;
use super::parts::Parts;
use crate::actor::{Actor, Context, Outcome};
use crate::device::midi::{Identity, Traffic, TrafficCount};

/// How often a port's counts are shown.
const LOOK: Duration = Duration::from_millis(100);

/// What the keeper of a MIDI port takes.
pub(super) enum PortMessage {
    Look,
}

/// How a MIDI port of the rig fares: beside what is said of its keeper.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PortReport {
    /// The gear that fills it now, sources first.
    pub connected: Vec<Identity>,
    /// Messages so far.
    pub traffic: TrafficCount,
}

/// Keeps one MIDI port of the rig in sight: what is connected, and what passed. It
/// holds nothing that sounds, so that its end is not heard.
pub(super) struct PortKeeper {
    parts: Arc<Parts>,
    name: String,
    traffic: Arc<Traffic>,
}

impl PortKeeper {
    pub(super) fn new(parts: &Arc<Parts>, name: &str) -> PortKeeper {
        PortKeeper { parts: Arc::clone(parts), name: name.to_owned(), traffic: parts.ports.of(name) }
    }

    fn look(&self, path: &str) {
        let mut shown = self.parts.board.shown();
        let mine = |connected: &&Connected| connected.role == self.name;
        let mut connected: Vec<Identity> = Vec::new();
        for gear in shown.gear.iter().filter(mine) {
            if !connected.contains(&gear.device) {
                connected.push(gear.device.clone());
            }
        }
        shown.ports.insert(path.to_owned(), PortReport { connected, traffic: self.traffic.count() });
    }
}

impl Actor for PortKeeper {
    type Message = PortMessage;
    const LABELS: &'static [&'static str] = &["look"];

    async fn started(&mut self, context: &mut Context<PortKeeper>) -> Outcome {
        self.look(context.path());
        context.every(LOOK, || PortMessage::Look);
        Ok(())
    }

    async fn handle(&mut self, message: PortMessage, context: &mut Context<PortKeeper>) -> Outcome {
        let PortMessage::Look = message;
        self.look(context.path());
        Ok(())
    }
}
