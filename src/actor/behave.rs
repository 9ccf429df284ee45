use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use super::context::Context;
use super::fault::{Fault, Outcome, StopReason};
use super::identity::ActorId;
use super::inbox::Inbox;

/// Something with a state of its own that takes one message at a time.
///
/// It is built by a closure, once for each incarnation. A panic in any of these, or
/// an `Err` from one that gives an [`Outcome`], is a fault: its parent's
/// [`Supervision`](super::Supervision) decides what becomes of it.
pub trait Actor: Sized + Send + 'static {
    /// What it takes.
    type Message: Send + 'static;

    /// Names for messages in reports, by [`label`](Self::label).
    const LABELS: &'static [&'static str] = &[];

    /// Which of [`LABELS`](Self::LABELS) a message is reported as.
    fn label(_message: &Self::Message) -> u32 {
        0
    }

    /// Before the first message of an incarnation; the one before has ended.
    fn started(&mut self, _context: &mut Context<Self>) -> impl Future<Output = Outcome> + Send {
        ready(Ok(()))
    }

    /// Takes a message.
    fn handle(
        &mut self,
        message: Self::Message,
        context: &mut Context<Self>,
    ) -> impl Future<Output = Outcome> + Send;

    /// Takes those messages that are in hand, by [`Inbox::next`] until it gives none.
    /// For an actor that does better with many at once; the others need only
    /// [`handle`](Self::handle).
    fn receive(
        &mut self,
        inbox: &mut Inbox<Self::Message>,
        context: &mut Context<Self>,
    ) -> impl Future<Output = Outcome> + Send {
        super::inbox::one_by_one(self, inbox, context)
    }

    /// Takes what the kernel tells it.
    fn event(&mut self, _event: Event, _context: &mut Context<Self>) -> impl Future<Output = Outcome> + Send {
        ready(Ok(()))
    }

    /// Failed, and is to be started anew: the last words of this incarnation but for
    /// [`stopped`](Self::stopped).
    fn restarting(
        &mut self,
        _fault: &Fault,
        _context: &mut Context<Self>,
    ) -> impl Future<Output = ()> + Send {
        ready(())
    }

    /// Is to end, while its children still run.
    fn stopping(
        &mut self,
        _reason: &StopReason,
        _context: &mut Context<Self>,
    ) -> impl Future<Output = ()> + Send {
        ready(())
    }

    /// The end of an incarnation: its children have ended.
    fn stopped(&mut self, _context: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// What the kernel tells an actor beside its messages.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// An actor that it watches has ended for good.
    Down {
        /// Its number.
        id: ActorId,
        /// Where it stood.
        path: Arc<str>,
        /// Why.
        reason: StopReason,
    },
    /// No message came for the time set by [`Context::set_receive_timeout`].
    Idle,
}

/// A behaviour in place of [`Actor::handle`]: see [`Context::become_`].
pub type Behaviour<A> = for<'a> fn(
    &'a mut A,
    <A as Actor>::Message,
    &'a mut Context<A>,
) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;
