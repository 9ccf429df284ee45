use std::sync::Arc;
use std::time::Duration;

use super::board::StageReport;
use super::parts::{Parts, take_over};
use super::renderer::RendererMessage;
use crate::actor::{Actor, Context, Heirloom, Held, Outcome, Reply};
use crate::engine::keeper::Keeper;
use crate::midi::Event;
use crate::render::{Command, Fault};
use crate::rig::Blueprint;
use crate::stage::{Shape, Value};
use crate::unit::Decibels;

/// A fresh one that is due and could not be built yet is looked at again.
const AGAIN: Duration = Duration::from_millis(20);

/// What the keeper of an instrument or a stage takes, at its
/// [`Address`](crate::actor::Address).
pub enum StageMessage {
    /// Sets a parameter by its name, as in the rig.
    Set {
        /// The parameter.
        parameter: String,
        /// Its value, in the parameter's unit; the number of a choice's word, 0 or
        /// 1 for a switch.
        value: f32,
        /// Whether it is taken.
        reply: Option<Reply<Result<(), SetError>>>,
    },
    /// Sets its gain.
    Gain(Decibels),
    /// Asks how it fares.
    State(Reply<StageReport>),
    /// Its processor failed.
    Fault(Fault),
    /// The rig was changed and it plays on, with these parameters changed.
    Renew(Box<Blueprint>, Vec<(u16, f32)>),
    /// A fresh processor may be due.
    Build,
}

/// Why a parameter is not set.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SetError {
    /// It has no such parameter.
    #[error("`{actor}` has no parameter `{parameter}`; `antiphon kinds` lists them")]
    Unknown {
        /// The actor's name in the rig.
        actor: String,
        /// The name that was given.
        parameter: String,
    },
    /// It can only be set in the rig.
    #[error("`{parameter}` of `{actor}` cannot be changed while it plays; change it in the rig")]
    Fixed {
        /// The actor's name in the rig.
        actor: String,
        /// The parameter.
        parameter: String,
    },
    /// It does not take this value.
    #[error("`{parameter}` of `{actor}` does not take this value; `antiphon kinds` says what it takes")]
    OutOfRange {
        /// The actor's name in the rig.
        actor: String,
        /// The parameter.
        parameter: String,
    },
}

/// The keeper of an instrument or a stage in the tree.
pub(super) struct StageKeeper {
    parts: Arc<Parts>,
    keeper: Held<Keeper>,
}

impl StageKeeper {
    pub(super) fn new(parts: &Arc<Parts>, keeper: &Heirloom<Keeper>) -> StageKeeper {
        StageKeeper { parts: Arc::clone(parts), keeper: take_over(keeper) }
    }

    fn set(&mut self, parameter: &str, value: f32) -> Result<(), SetError> {
        let actor = self.keeper.blueprint().actor();
        let name = || (actor.name.clone(), parameter.to_owned());
        let parameters = actor.kind.parameters();
        let Some(index) = parameters.iter().position(|p| p.name == parameter) else {
            let (actor, parameter) = name();
            return Err(SetError::Unknown { actor, parameter });
        };
        if !parameters[index].live {
            let (actor, parameter) = name();
            return Err(SetError::Fixed { actor, parameter });
        }
        if !takes(&parameters[index].shape, value) {
            let (actor, parameter) = name();
            return Err(SetError::OutOfRange { actor, parameter });
        }
        self.keeper.set(index as u16, value);
        self.tell(index as u16, value);
        Ok(())
    }

    fn tell(&self, index: u16, value: f32) {
        let command = Command::Parameter { node: self.keeper.node(), index, value };
        self.parts.addresses.to_renderer(RendererMessage::Command(command));
    }

    fn fault(&mut self, fault: &Fault, context: &mut Context<StageKeeper>) {
        // What stood here before may have failed last.
        if fault.node != self.keeper.node() {
            return;
        }
        let board = &self.parts.board;
        let mark = board.show_fault(context.path(), self.keeper.record(fault));
        let (swap, happening) = self.keeper.fault(fault, mark);
        board.show_stage(context.path(), self.keeper.state(), false);
        board.say_happening(happening);
        self.parts.addresses.to_renderer(RendererMessage::Lend(Box::new(swap)));
        self.build(context);
    }

    /// Lends a fresh processor in where one is due soon; else waits for that.
    fn build(&mut self, context: &mut Context<StageKeeper>) {
        let board = &self.parts.board;
        let now = board.frame();
        match self.keeper.rebuild(now) {
            Some(Ok(swap)) => {
                board.show_stage(context.path(), self.keeper.state(), true);
                self.parts.addresses.to_renderer(RendererMessage::Lend(Box::new(swap)));
            }
            Some(Err(happening)) => {
                board.show_stage(context.path(), self.keeper.state(), false);
                board.say_happening(happening);
            }
            None => {
                if let Some(frames) = self.keeper.due_in(now) {
                    let wait = Duration::from_secs_f64(self.keeper.rate().seconds(frames));
                    context.after(wait.max(AGAIN), StageMessage::Build);
                }
            }
        }
    }
}

/// Whether a value is in a parameter's range.
fn takes(shape: &Shape, value: f32) -> bool {
    value.is_finite()
        && match (shape, shape.value_of(value)) {
            (Shape::Number { min, max }, _) => (*min..=*max).contains(&f64::from(value)),
            (Shape::Integer { min, max }, _) => (*min as f64..=*max as f64).contains(&f64::from(value)),
            (Shape::Choice(words), _) => value >= 0.0 && value < words.len() as f32,
            (Shape::Switch, value) => matches!(value, Value::Switch(_)),
        }
}

impl Actor for StageKeeper {
    type Message = StageMessage;
    const LABELS: &'static [&'static str] = &["set", "gain", "state", "fault", "renew", "build"];

    fn label(message: &StageMessage) -> u32 {
        match message {
            StageMessage::Set { .. } => 0,
            StageMessage::Gain(_) => 1,
            StageMessage::State(_) => 2,
            StageMessage::Fault(_) => 3,
            StageMessage::Renew(..) => 4,
            StageMessage::Build => 5,
        }
    }

    async fn started(&mut self, context: &mut Context<StageKeeper>) -> Outcome {
        self.parts.board.show_stage(context.path(), self.keeper.state(), false);
        // The one before may have fallen while something was due.
        self.build(context);
        Ok(())
    }

    async fn handle(&mut self, message: StageMessage, context: &mut Context<StageKeeper>) -> Outcome {
        match message {
            StageMessage::Set { parameter, value, reply } => {
                let set = self.set(&parameter, value);
                match reply {
                    Some(reply) => drop(reply.send(set)),
                    None => {
                        if let Err(error) = set {
                            self.parts.board.say(error.to_string());
                        }
                    }
                }
            }
            StageMessage::Gain(gain) => self.tell(Event::GAIN, gain.0),
            StageMessage::State(reply) => {
                let report = self.parts.board.stage(context.path()).unwrap_or_default();
                drop(reply.send(report));
            }
            StageMessage::Fault(fault) => self.fault(&fault, context),
            StageMessage::Renew(blueprint, values) => {
                self.keeper.renew(*blueprint);
                values.into_iter().for_each(|(index, value)| self.keeper.set(index, value));
            }
            StageMessage::Build => self.build(context),
        }
        Ok(())
    }
}
