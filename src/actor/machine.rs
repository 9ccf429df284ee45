use std::fmt::Debug;
use std::future::Future;

use super::behave::Actor;
use super::context::Context;
use super::fault::Outcome;
use super::reply::Reply;

/// An actor that is always in one of a few states, and may not go from each to each.
pub trait Machine: Sized + Send + 'static {
    /// Its states.
    type State: Copy + PartialEq + Debug + Send + Sync + 'static;
    /// What happens to it.
    type Event: Debug + Send + 'static;

    /// Where each incarnation begins.
    const FIRST: Self::State;

    /// The table: where an event leads from a state; `None` where it may not happen.
    fn next(state: Self::State, event: &Self::Event) -> Option<Self::State>;

    /// Does what a legal event demands. It is in the new state once this is done; an error
    /// is a fault of the actor.
    fn act(
        &mut self,
        event: Self::Event,
        step: Step<Self::State>,
        context: &mut Context<StateMachine<Self>>,
    ) -> impl Future<Output = Outcome> + Send;
}

/// From where to where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step<S> {
    /// The state it is in.
    pub from: S,
    /// The state it will be in.
    pub to: S,
}

/// An event that may not happen in a state. Nothing has changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{event} may not happen in {state:?}")]
pub struct IllegalTransition<S: Debug> {
    /// The state it was, and is, in.
    pub state: S,
    /// The event.
    pub event: String,
}

/// What an event came to.
pub type Transition<S> = Result<S, IllegalTransition<S>>;

/// What a [`StateMachine`] takes.
pub enum Drive<T: Machine> {
    /// Something happens; an illegal event is counted and told in the log.
    Event(T::Event),
    /// Something happens, and somebody wants to know what it came to.
    Try(T::Event, Reply<Transition<T::State>>),
    /// Which state it is in, and how many illegal events came so far.
    State(Reply<(T::State, u64)>),
}

/// Runs a [`Machine`] as an actor.
pub struct StateMachine<T: Machine> {
    machine: T,
    state: T::State,
    illegal: u64,
}

impl<T: Machine> StateMachine<T> {
    /// In its first state.
    pub fn new(machine: T) -> StateMachine<T> {
        StateMachine { machine, state: T::FIRST, illegal: 0 }
    }

    async fn step(
        &mut self,
        event: T::Event,
        context: &mut Context<StateMachine<T>>,
    ) -> Result<Transition<T::State>, super::Fault> {
        let Some(to) = T::next(self.state, &event) else {
            self.illegal += 1;
            return Ok(Err(IllegalTransition { state: self.state, event: format!("{event:?}") }));
        };
        let step = Step { from: self.state, to };
        self.machine.act(event, step, context).await?;
        if step.from != to {
            tracing::debug!(actor = context.path(), from = ?step.from, ?to, "transition");
        }
        self.state = to;
        Ok(Ok(to))
    }
}

impl<T: Machine> Actor for StateMachine<T> {
    type Message = Drive<T>;

    async fn handle(&mut self, message: Drive<T>, context: &mut Context<StateMachine<T>>) -> Outcome {
        match message {
            Drive::Event(event) => {
                if let Err(illegal) = self.step(event, context).await? {
                    tracing::warn!(actor = context.path(), %illegal, "left out");
                }
            }
            Drive::Try(event, reply) => drop(reply.send(self.step(event, context).await?)),
            Drive::State(reply) => drop(reply.send((self.state, self.illegal))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::kit::Kit;
    use super::super::{AskError, Fault, FaultKind, Options};
    use super::*;

    struct Deck {
        jams: bool,
    }

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    enum Transport {
        Stopped,
        Playing,
        Paused,
    }

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    enum Button {
        Play,
        Pause,
        Stop,
    }

    impl Machine for Deck {
        type State = Transport;
        type Event = Button;

        const FIRST: Transport = Transport::Stopped;

        fn next(state: Transport, button: &Button) -> Option<Transport> {
            match (state, button) {
                (Transport::Stopped | Transport::Paused, Button::Play) => Some(Transport::Playing),
                (Transport::Playing, Button::Pause) => Some(Transport::Paused),
                (Transport::Playing | Transport::Paused, Button::Stop) => Some(Transport::Stopped),
                _ => None,
            }
        }

        async fn act(
            &mut self,
            _: Button,
            step: Step<Transport>,
            _: &mut Context<StateMachine<Deck>>,
        ) -> Outcome {
            if self.jams && step.to == Transport::Paused {
                return Err(Fault::new(FaultKind::FAILED, "the tape jams"));
            }
            Ok(())
        }
    }

    fn deck(kit: &Kit, jams: bool) -> super::super::Address<Drive<Deck>> {
        let build = move || StateMachine::new(Deck { jams });
        kit.system.spawn("deck", Options::new(), build).expect("a name of its own")
    }

    #[test]
    fn an_illegal_transition_is_a_typed_error_and_changes_nothing() {
        Kit::run(1, async |kit| {
            let deck = deck(kit, false);
            let press = async |button| deck.ask(|reply| Drive::Try(button, reply)).await.expect("it answers");
            assert_eq!(press(Button::Play).await, Ok(Transport::Playing));
            let illegal = press(Button::Play).await.expect_err("it plays already");
            assert_eq!(illegal.state, Transport::Playing);
            assert_eq!(illegal.to_string(), "Play may not happen in Playing");
            assert_eq!(press(Button::Pause).await, Ok(Transport::Paused));
            assert_eq!(press(Button::Stop).await, Ok(Transport::Stopped));
        });
    }

    #[test]
    fn illegal_events_nobody_asks_about_are_counted() {
        Kit::run(2, async |kit| {
            let deck = deck(kit, false);
            for button in [Button::Pause, Button::Stop, Button::Play, Button::Pause] {
                deck.tell(Drive::Event(button)).await.expect("it takes it");
            }
            assert_eq!(deck.ask(Drive::State).await, Ok((Transport::Paused, 2)));
        });
    }

    #[test]
    fn a_failed_action_is_a_fault_and_the_next_incarnation_begins_anew() {
        Kit::run(3, async |kit| {
            let deck = deck(kit, true);
            deck.tell(Drive::Event(Button::Play)).await.expect("it takes it");
            let failed = deck.ask(|reply| Drive::Try(Button::Pause, reply)).await;
            assert_eq!(failed, Err(AskError::NoAnswer));
            assert_eq!(deck.ask(Drive::State).await, Ok((Transport::Stopped, 0)));
        });
    }
}
