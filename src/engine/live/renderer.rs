use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::board::Board;
use super::parts::{Parts, take_over};
use super::stage::StageMessage;
use crate::actor::{Actor, Address, Context, Held, Outcome};
use crate::engine::doors::{Came, Doors};
use crate::render::{Command, Fault, Swap};

/// How often the control world looks into the doors.
const LOOK: Duration = Duration::from_millis(5);
/// A fault may be heard of before the keeper of a new stage is there.
const UNKNOWN: Duration = Duration::from_secs(1);

/// What the keeper of the Renderer takes.
pub(super) enum RendererMessage {
    Look,
    Command(Command),
    Lend(Box<Swap>),
    /// Who keeps the processor at a node.
    Route {
        node: u16,
        to: Option<Address<StageMessage>>,
    },
}

/// What outlives its incarnations.
pub(super) struct RendererKeeping {
    doors: Doors,
    routes: BTreeMap<u16, Address<StageMessage>>,
    unknown: Vec<(Fault, Instant)>,
}

impl RendererKeeping {
    pub(super) fn new(doors: Doors) -> RendererKeeping {
        RendererKeeping { doors, routes: BTreeMap::new(), unknown: Vec::new() }
    }

    /// Hands on what came out of the audio world, and takes in what had to wait.
    pub(super) fn look(&mut self, board: &Board) {
        for came in self.doors.look() {
            match came {
                Came::Fault(fault) => self.unknown.push((fault, Instant::now())),
                Came::Done { tag, frame } => board.shown().done = (tag, frame),
                Came::Scene(scene) => board.show_scene(scene),
                Came::Moved { node, index, value } => board.show_moved(node, index, value),
                Came::LastWords { mark, text } => board.show_last_words(mark, text),
            }
        }
        let routes = &self.routes;
        self.unknown.retain(|(fault, since)| match routes.get(&fault.node) {
            // A keeper that has no room for a fault has a thousand others to see to.
            Some(keeper) => keeper.try_tell(StageMessage::Fault(*fault)).is_err_and(|e| e.retry_helps()),
            None => since.elapsed() < UNKNOWN,
        });
        self.doors.post();
        board.show_snapshot(self.doors.snapshot());
    }
}

/// Owns the doors to the audio world: hands on what comes out, and takes in what
/// the other keepers have for the Renderer.
pub(super) struct RendererKeeper {
    parts: Arc<Parts>,
    keeping: Held<RendererKeeping>,
}

impl RendererKeeper {
    pub(super) fn new(parts: &Arc<Parts>) -> RendererKeeper {
        RendererKeeper { parts: Arc::clone(parts), keeping: take_over(&parts.renderer) }
    }
}

impl Actor for RendererKeeper {
    type Message = RendererMessage;
    const LABELS: &'static [&'static str] = &["look", "command", "lend", "route"];

    fn label(message: &RendererMessage) -> u32 {
        match message {
            RendererMessage::Look => 0,
            RendererMessage::Command(_) => 1,
            RendererMessage::Lend(_) => 2,
            RendererMessage::Route { .. } => 3,
        }
    }

    async fn started(&mut self, context: &mut Context<RendererKeeper>) -> Outcome {
        context.every(LOOK, || RendererMessage::Look);
        Ok(())
    }

    async fn handle(&mut self, message: RendererMessage, _: &mut Context<RendererKeeper>) -> Outcome {
        match message {
            RendererMessage::Look => self.keeping.look(&self.parts.board),
            RendererMessage::Command(command) => {
                if !self.keeping.doors.command(command) {
                    tracing::debug!(?command, "the Renderer has no room for a command");
                }
            }
            RendererMessage::Lend(swap) => self.keeping.doors.lend(*swap),
            RendererMessage::Route { node, to: Some(keeper) } => {
                self.keeping.routes.insert(node, keeper);
            }
            RendererMessage::Route { node, to: None } => {
                self.keeping.routes.remove(&node);
            }
        }
        Ok(())
    }
}
