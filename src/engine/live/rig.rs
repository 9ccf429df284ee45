use std::sync::Arc;
use std::time::Duration;

use super::audio::AudioMessage;
use super::fill;
use super::gear::placed_ports;
use super::generators::GeneratorsMessage;
use super::group::{GroupMessage, Seat};
use super::parts::{Parts, send, take_over};
use super::renderer::RendererMessage;
use crate::actor::{Actor, Context, Held, Outcome};
use crate::device::audio::AudioRequest;
use crate::engine::changes::{Changes, Progress, Step};
use crate::engine::conductor::Happening;
use crate::engine::supplier::suppliers;
use crate::render::Command;
use crate::rig::{MidiPort, Rig};
use crate::stage::Role;

/// How often a change under way is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// What the keeper of the rig takes.
pub(super) enum RigMessage {
    /// Goes to a changed rig; of several in a row the newest is taken.
    Change(Box<Rig>),
    Look,
}

/// What outlives its incarnations.
pub(super) struct RigKeeping {
    changes: Changes,
    request: AudioRequest,
    next: Option<Rig>,
}

impl RigKeeping {
    pub(super) fn new(changes: Changes, request: AudioRequest) -> RigKeeping {
        RigKeeping { changes, request, next: None }
    }
}

/// Takes the engine from one rig to the next: tells the Renderer, the keepers and
/// the devices what changes.
pub(super) struct RigKeeper {
    parts: Arc<Parts>,
    keeping: Held<RigKeeping>,
}

impl RigKeeper {
    pub(super) fn new(parts: &Arc<Parts>) -> RigKeeper {
        RigKeeper { parts: Arc::clone(parts), keeping: take_over(&parts.rig) }
    }

    fn look(&mut self, context: &mut Context<RigKeeper>) {
        let board = &self.parts.board;
        let (tag, frame) = board.shown().done;
        let changes = &mut self.keeping.changes;
        changes.done(tag, frame);
        match changes.go_on(board.frame()) {
            Progress::Nothing => {}
            Progress::Lend(swap) => {
                self.parts.addresses.to_renderer(RendererMessage::Lend(Box::new(swap)));
            }
            Progress::Done => board.say_happening(Happening::RigPlays),
        }
        if !self.keeping.changes.is_changing()
            && let Some(rig) = self.keeping.next.take()
        {
            self.take_rig(rig);
        }
        self.look_again(context);
    }

    fn look_again(&self, context: &mut Context<RigKeeper>) {
        if self.keeping.changes.is_changing() || self.keeping.next.is_some() {
            context.after(LOOK, RigMessage::Look);
        }
    }

    fn take_rig(&mut self, mut rig: Rig) {
        let Parts { board, addresses, .. } = &*self.parts;
        let wanted = fill(self.keeping.request.clone(), &rig);
        let old = self.keeping.changes.deployment();
        let before = &old.rig().transport;
        if before.is_fixed {
            rig.transport.fix(before.tempo, before.course.clone());
        }
        // A clock comes and goes with the plan.
        let doors = |rig: &Rig| -> Vec<MidiPort> {
            rig.midi.iter().map(|port| MidiPort { clock: false, ..port.clone() }).collect()
        };
        let midi_changed = doors(old.rig()) != doors(&rig);
        let old_places = placed_ports(old).iter().map(|port| port.place).collect();
        let engine = |rig: &Rig| (rig.engine.rate, rig.engine.block_frames);
        if engine(old.rig()) != engine(&rig) {
            board.say("a changed rate or block is used from the next start on");
        }
        let Step { commands, swap, replaced } = match self.keeping.changes.begin(rig) {
            Ok(step) => step,
            Err(error) => return board.say(format!("{error}; the old rig plays on")),
        };
        self.keeping.request = wanted.clone();
        let deployment = self.keeping.changes.deployment();
        board.show_rig(deployment);
        let seats = |role| {
            let mine = deployment.blueprints().filter(|(_, blueprint)| blueprint.role() == role);
            GroupMessage::Set(mine.map(|(node, b)| seat(node, b, &replaced, &commands)).collect())
        };
        send(&addresses.instruments, seats(Role::Instrument));
        send(&addresses.stages, seats(Role::Stage));
        send(&addresses.clips, seats(Role::Clip));
        let suppliers = suppliers(deployment, board.shown().info.rate);
        send(&addresses.generators, GeneratorsMessage::Set(suppliers));
        for command in &commands {
            addresses.to_renderer(RendererMessage::Command(*command));
        }
        addresses.to_renderer(RendererMessage::Lend(Box::new(swap)));
        let ports = placed_ports(deployment);
        send(&addresses.audio, AudioMessage::Rig { wanted, ports, old_places, midi_changed });
    }
}

fn seat(node: u16, blueprint: crate::rig::Blueprint, replaced: &[u16], commands: &[Command]) -> Seat {
    let value = |command: &Command| match *command {
        Command::Parameter { node: of, index, value } if of == node => Some((index, value)),
        _ => None,
    };
    let kept = (!replaced.contains(&node)).then(|| commands.iter().filter_map(value).collect());
    Seat { node, blueprint, kept }
}

impl Actor for RigKeeper {
    type Message = RigMessage;
    const LABELS: &'static [&'static str] = &["change", "look"];

    fn label(message: &RigMessage) -> u32 {
        match message {
            RigMessage::Change(_) => 0,
            RigMessage::Look => 1,
        }
    }

    async fn started(&mut self, context: &mut Context<RigKeeper>) -> Outcome {
        self.look_again(context);
        Ok(())
    }

    async fn handle(&mut self, message: RigMessage, context: &mut Context<RigKeeper>) -> Outcome {
        match message {
            RigMessage::Change(rig) => {
                let is_looking = self.keeping.changes.is_changing() || self.keeping.next.is_some();
                self.keeping.next = Some(*rig);
                if !is_looking {
                    self.look(context);
                }
            }
            RigMessage::Look => self.look(context),
        }
        Ok(())
    }
}
