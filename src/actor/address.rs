use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::cell::{AnyCell, Cell, Phase, Signal};
use super::edge::{Edge, Policy};
use super::error::{AskError, PingError, StopError, TellError};
use super::fault::{Fault, FaultKind, StopReason};
use super::identity::{self, ActorId, Stamp};
use super::mailbox::{Envelope, Full, Refused, Taken, Wait};
use super::reply::Reply;
use super::system::DeadReason;

/// How long an answer may take where nothing else is said.
pub const ASK_DEADLINE: Duration = Duration::from_secs(5);

/// Where an actor that takes messages `M` is reached, in all its incarnations.
///
/// Cheap to clone. It keeps the mailbox in memory, not the actor alive: an actor
/// ends when it or its parent says so.
pub struct Address<M> {
    cell: Arc<Cell<M>>,
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Address<M> {
        Address { cell: Arc::clone(&self.cell) }
    }
}

impl<M: Send + 'static> fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.path())
    }
}

impl<M: Send + 'static> Address<M> {
    pub(super) fn new(cell: Arc<Cell<M>>) -> Address<M> {
        Address { cell }
    }

    pub(super) fn cell(&self) -> &Arc<Cell<M>> {
        &self.cell
    }

    /// The actor's number.
    pub fn id(&self) -> ActorId {
        self.cell.core.id
    }

    /// Where it stands in the tree, as `/engine/instrument/bass`.
    pub fn path(&self) -> &str {
        &self.cell.core.path
    }

    /// Whether it has ended for good. It may end right after.
    pub fn is_stopped(&self) -> bool {
        self.cell.core.phase() == Phase::Stopped
    }

    /// Hands a message over; waits where the mailbox is full.
    ///
    /// # Errors
    /// [`TellError::Stopped`], with the message, where the actor has ended.
    pub fn tell(&self, message: M) -> Tell<'_, M> {
        self.tell_by(message, 0)
    }

    pub(super) fn tell_by(&self, message: M, edge: u32) -> Tell<'_, M> {
        let envelope = Envelope { stamp: Stamp::NONE, edge, message };
        Tell { address: self, envelope: Some(envelope), wait: Wait::default() }
    }

    /// Hands a message over, if there is room now.
    ///
    /// # Errors
    /// [`TellError`], with the message: `Full`, where trying later helps, or `Stopped`.
    pub fn try_tell(&self, message: M) -> Result<(), TellError<M>> {
        self.push(message, 0, Full::Refuse).map(drop)
    }

    pub(super) fn push(&self, message: M, edge: u32, full: Full) -> Result<Taken, TellError<M>> {
        let envelope = Envelope { stamp: identity::stamp(), edge, message };
        let pushed = self.cell.mailbox.push(envelope, full);
        self.settle(pushed)
    }

    pub(super) fn replace(&self, message: M, edge: u32) -> Result<Taken, TellError<M>> {
        let envelope = Envelope { stamp: identity::stamp(), edge, message };
        let pushed = self.cell.mailbox.replace(envelope);
        self.settle(pushed)
    }

    /// Hands over a message that is handled before all ordinary ones, in order with
    /// others of its sort. Its lane is as long as the mailbox.
    ///
    /// # Errors
    /// As [`try_tell`](Self::try_tell).
    pub fn tell_urgent(&self, message: M) -> Result<(), TellError<M>> {
        let envelope = Envelope { stamp: identity::stamp(), edge: 0, message };
        let pushed = self.cell.mailbox.push_urgent(envelope);
        self.settle(pushed)?;
        self.cell.core.attend();
        Ok(())
    }

    /// Passes a message on with the stamp it came with: its sender, sequence and
    /// correlation stay.
    pub(super) fn forward(&self, message: M, stamp: Stamp) -> Result<(), TellError<M>> {
        let pushed = self.cell.mailbox.push(Envelope { stamp, edge: 0, message }, Full::Refuse);
        self.settle(pushed).map(drop)
    }

    fn settle(&self, pushed: Result<Taken, Refused<M>>) -> Result<Taken, TellError<M>> {
        match pushed {
            Ok(taken) => Ok(self.arrived(taken)),
            Err(Refused::Full(envelope)) => {
                self.cell.core.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Err(TellError::Full(envelope.message))
            }
            Err(Refused::Closed(envelope)) => Err(self.dead(envelope)),
        }
    }

    #[inline]
    fn arrived(&self, taken: Taken) -> Taken {
        if taken.wake {
            self.cell.core.wake();
        }
        taken
    }

    fn dead(&self, envelope: Envelope<M>) -> TellError<M> {
        let core = &self.cell.core;
        core.system.bury(&core.path, envelope.stamp, std::any::type_name::<M>(), DeadReason::Stopped);
        TellError::Stopped(envelope.message)
    }

    /// Asks, and waits up to [`ASK_DEADLINE`] for the answer:
    /// `address.ask(|reply| Message::Get { reply })`.
    ///
    /// # Errors
    /// [`AskError`]: no answer in time, the actor has ended, or it let the question fall.
    pub async fn ask<R>(&self, question: impl FnOnce(Reply<R>) -> M) -> Result<R, AskError> {
        self.ask_within(ASK_DEADLINE, question).await
    }

    /// As [`ask`](Self::ask), with another deadline: for room in the mailbox and the
    /// answer together.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn ask_within<R>(
        &self,
        within: Duration,
        question: impl FnOnce(Reply<R>) -> M,
    ) -> Result<R, AskError> {
        let (reply, answer) = oneshot::channel();
        let message = question(Reply::new(reply));
        let span = tracing::debug_span!("ask", to = self.path());
        let asked = async {
            if self.tell(message).await.is_err() {
                return Err(AskError::Stopped);
            }
            answer.await.map_err(|_| if self.is_stopped() { AskError::Stopped } else { AskError::NoAnswer })
        };
        let mut asked = std::pin::pin!(asked);
        let mut deadline = self.cell.core.system.deadline(within);
        poll_fn(|context| {
            let _entered = span.enter();
            if let Poll::Ready(answer) = asked.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            deadline.poll(context).map(|()| Err(AskError::Deadline { within }))
        })
        .await
    }

    /// The same address with a declared policy for when there is no room, and counts
    /// of its own. `from` names this end in reports.
    pub fn edge(&self, from: &str, policy: Policy) -> Edge<M> {
        Edge::new(self.clone(), from, policy)
    }

    /// An address that does not keep the mailbox in memory.
    pub fn downgrade(&self) -> WeakAddress<M> {
        WeakAddress { cell: Arc::downgrade(&self.cell) }
    }

    /// The address without the messages' type.
    pub fn erased(&self) -> AnyAddress {
        AnyAddress { cell: Arc::clone(&self.cell) as Arc<dyn AnyCell> }
    }
}

/// A message that is handed over when this is awaited: see [`Address::tell`].
///
/// A type of its own and not an `async fn`, which would keep room for the message
/// several times over in every actor that sends.
#[must_use = "the message is handed over when this is awaited"]
pub struct Tell<'a, M: Send + 'static> {
    address: &'a Address<M>,
    /// Until it is taken; stamped when it is first polled.
    envelope: Option<Envelope<M>>,
    wait: Wait,
}

// Nothing in it is ever pinned.
impl<M: Send + 'static> Unpin for Tell<'_, M> {}

impl<M: Send + 'static> Tell<'_, M> {
    pub(super) fn poll_taken(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> Poll<Result<Taken, TellError<M>>> {
        let mailbox = &self.address.cell.mailbox;
        let unsent = self.envelope.take_if(|envelope| envelope.stamp == Stamp::NONE);
        let pushed = match unsent {
            Some(mut envelope) => {
                envelope.stamp = identity::stamp();
                match mailbox.push(envelope, Full::Refuse) {
                    Err(Refused::Full(envelope)) => {
                        self.envelope = Some(envelope);
                        mailbox.poll_push(&mut self.wait, &mut self.envelope, context.waker())
                    }
                    pushed => Some(pushed),
                }
            }
            None => mailbox.poll_push(&mut self.wait, &mut self.envelope, context.waker()),
        };
        match pushed {
            None => Poll::Pending,
            Some(Ok(taken)) => Poll::Ready(Ok(self.address.arrived(taken))),
            Some(Err(Refused::Closed(envelope) | Refused::Full(envelope))) => {
                Poll::Ready(Err(self.address.dead(envelope)))
            }
        }
    }
}

impl<M: Send + 'static> Future for Tell<'_, M> {
    type Output = Result<(), TellError<M>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        self.poll_taken(context).map(|taken| taken.map(drop))
    }
}

impl<M: Send + 'static> Drop for Tell<'_, M> {
    fn drop(&mut self) {
        self.address.cell.mailbox.give_up(&mut self.wait);
    }
}

/// An [`Address`] that does not keep the mailbox in memory.
pub struct WeakAddress<M> {
    cell: Weak<Cell<M>>,
}

impl<M> Clone for WeakAddress<M> {
    fn clone(&self) -> WeakAddress<M> {
        WeakAddress { cell: Weak::clone(&self.cell) }
    }
}

impl<M: Send + 'static> WeakAddress<M> {
    /// The address, while somebody else holds it or the actor lives.
    pub fn upgrade(&self) -> Option<Address<M>> {
        self.cell.upgrade().map(Address::new)
    }
}

/// An actor's address, whatever messages it takes: for everything that is common to
/// all actors.
#[derive(Clone)]
pub struct AnyAddress {
    cell: Arc<dyn AnyCell>,
}

impl fmt::Debug for AnyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyAddress({})", self.path())
    }
}

impl AnyAddress {
    pub(super) fn new(cell: Arc<dyn AnyCell>) -> AnyAddress {
        AnyAddress { cell }
    }

    pub(super) fn cell(&self) -> &Arc<dyn AnyCell> {
        &self.cell
    }

    /// The actor's number.
    pub fn id(&self) -> ActorId {
        self.cell.core().id
    }

    /// Where it stands in the tree.
    pub fn path(&self) -> &str {
        &self.cell.core().path
    }

    /// Where it is in its life.
    pub fn phase(&self) -> Phase {
        self.cell.core().phase()
    }

    /// The typed address, if it takes messages `M`.
    pub fn typed<M: Send + 'static>(&self) -> Option<Address<M>> {
        Arc::clone(&self.cell).into_any().downcast().ok().map(Address::new)
    }

    /// Asks it to stop after the message it is handling; what waits becomes dead
    /// letters.
    pub fn stop(&self) {
        self.cell.core().signal(Signal::Stop(StopReason::Normal));
    }

    /// Makes it end when `owner` does, wherever in the tree the two stand; at once
    /// where the owner has ended already. Nothing is left running for nobody.
    pub fn belongs_to(&self, owner: &AnyAddress) {
        let orphan = Arc::downgrade(&self.cell);
        let ended = owner.cell.core().unless_ended(|rare| {
            rare.owned.retain(|owned| owned.strong_count() > 0);
            rare.owned.push(orphan);
        });
        if ended.is_some() {
            self.cell.core().signal(Signal::Stop(StopReason::Shutdown));
        }
    }

    /// Asks it to handle what waits, refuse what comes, and stop.
    pub fn drain(&self) {
        self.cell.core().signal(Signal::Drain);
    }

    /// Makes it fail, as a fault of kind [`FaultKind::KILLED`]: what it awaits is cut off.
    pub fn kill(&self, why: &'static str) {
        self.cell.core().interrupt(Fault::new(FaultKind::KILLED, why));
    }

    /// As [`stop`](Self::stop), and waits until it has ended.
    ///
    /// # Errors
    /// [`StopError`] where that took longer than `within`; it is stopping still.
    pub async fn stop_and_wait(&self, within: Duration) -> Result<(), StopError> {
        let ended = self.ended_receiver();
        self.stop();
        match ended {
            None => Ok(()),
            Some(ended) => match tokio::time::timeout(within, ended).await {
                Ok(_) => Ok(()),
                Err(_) => Err(StopError { path: self.path().into(), within }),
            },
        }
    }

    /// Waits until it has ended for good, at most `within`.
    ///
    /// # Errors
    /// [`StopError`] where it has not ended in that time.
    pub async fn ended(&self, within: Duration) -> Result<(), StopError> {
        match self.ended_receiver() {
            None => Ok(()),
            Some(ended) => match tokio::time::timeout(within, ended).await {
                Ok(_) => Ok(()),
                Err(_) => Err(StopError { path: self.path().into(), within }),
            },
        }
    }

    fn ended_receiver(&self) -> Option<oneshot::Receiver<()>> {
        let (sender, receiver) = oneshot::channel();
        let ended = self.cell.core().unless_ended(|rare| rare.awaiting_end.push(sender));
        ended.is_none().then_some(receiver)
    }

    /// Asks for a sign of life, given between two messages; gives how long it took.
    ///
    /// # Errors
    /// [`PingError`]: none in time, or the actor has ended.
    pub async fn ping(&self, within: Duration) -> Result<Duration, PingError> {
        let core = self.cell.core();
        if core.phase() == Phase::Stopped {
            return Err(PingError::Stopped);
        }
        let begun = Instant::now();
        let (sender, answer) = oneshot::channel();
        core.signal(Signal::Ping(sender));
        match tokio::time::timeout(within, answer).await {
            Ok(Ok(())) => Ok(begun.elapsed()),
            Ok(Err(_)) => Err(PingError::Stopped),
            Err(_) => Err(PingError::Deadline { within }),
        }
    }
}
