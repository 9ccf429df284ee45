use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::address::{Address, AnyAddress};
use super::behave::{Actor, Behaviour};
use super::cell::{AnyCell, Cell, Phase, Signal};
use super::error::{SpawnError, TellError};
use super::family::Family;
use super::identity::Stamp;
use super::supervision::{Options, Supervision};
use super::timers::{TimerId, Timers};

/// What an actor can do about itself and its children, in one incarnation.
pub struct Context<A: Actor> {
    pub(super) cell: Arc<Cell<A::Message>>,
    pub(super) stamp: Option<Stamp>,
    pub(super) behaviours: Vec<Behaviour<A>>,
    /// Behind a mutex that is never locked: a context may be shared, its timers not.
    pub(super) timers: Option<Box<std::sync::Mutex<Timers<A::Message>>>>,
    pub(super) stop: bool,
}

impl<A: Actor> Context<A> {
    pub(super) fn new(cell: Arc<Cell<A::Message>>) -> Context<A> {
        Context { cell, stamp: None, behaviours: Vec::new(), timers: None, stop: false }
    }

    /// Its own address.
    pub fn address(&self) -> Address<A::Message> {
        Address::new(Arc::clone(&self.cell))
    }

    /// Where it stands in the tree.
    pub fn path(&self) -> &str {
        &self.cell.core.path
    }

    /// The stamp of the message being handled: who sent it, and what it follows from.
    pub fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// How often it was started anew.
    pub fn restarts(&self) -> u32 {
        self.cell.core.restarts.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Ends it after this message; what waits becomes dead letters.
    pub fn stop(&mut self) {
        self.stop = true;
    }

    /// Passes the message being handled on as it came: its sender, sequence and
    /// correlation stay, and a [`Reply`](super::Reply) in it still reaches who asked.
    ///
    /// # Errors
    /// [`TellError`], with the message.
    pub fn forward<N: Send + 'static>(&self, to: &Address<N>, message: N) -> Result<(), TellError<N>> {
        match self.stamp {
            Some(stamp) => to.forward(message, stamp),
            None => to.try_tell(message),
        }
    }

    /// Takes messages by another function from now on, until
    /// [`unbecome`](Self::unbecome) or the next incarnation.
    pub fn become_(&mut self, behaviour: Behaviour<A>) {
        self.behaviours.push(behaviour);
    }

    /// Goes back to the behaviour before the last [`become_`](Self::become_).
    pub fn unbecome(&mut self) {
        self.behaviours.pop();
    }

    /// Starts a child and goes on; it starts by itself. A child of the same name and
    /// message type that this actor's last incarnation had is the same logical
    /// actor: its addresses hold, and its messages wait.
    ///
    /// # Errors
    /// [`SpawnError`] for a name that is taken or none, or where the actor is stopping.
    pub fn spawn<C: Actor>(
        &mut self,
        name: &str,
        options: Options,
        build: impl FnMut() -> C + Send + 'static,
    ) -> Result<Address<C::Message>, SpawnError> {
        self.family().spawn(name, options, build, None)
    }

    /// Starts a child, and waits until its `started` is done, at most its `shutdown`
    /// time.
    ///
    /// # Errors
    /// [`SpawnError`], also where it fails to start; it is gone then.
    pub fn spawn_started<C: Actor, F: FnMut() -> C + Send + 'static>(
        &mut self,
        name: &str,
        options: Options,
        build: F,
    ) -> impl Future<Output = Result<Address<C::Message>, SpawnError>> + Send + use<A, C, F> {
        let (done, started) = oneshot::channel();
        let family = Arc::clone(self.family());
        let limit = options.shutdown;
        let spawned = family.spawn(name, options, build, Some(done));
        async move { family.await_start(spawned?, started, limit).await }
    }

    /// A child by its name.
    pub fn child(&self, name: &str) -> Option<AnyAddress> {
        self.cell.core.family.get()?.child(name)
    }

    /// Its children, in the order of their start.
    pub fn children(&self) -> Vec<AnyAddress> {
        self.cell.core.family.get().map(|family| family.children()).unwrap_or_default()
    }

    /// How it supervises its children, in this incarnation; the defaults where it
    /// never says. To be said in `started`, before the first child.
    pub fn supervise(&mut self, supervision: Supervision) {
        self.family().renew(supervision);
    }

    fn family(&self) -> &Arc<Family> {
        self.cell.core.family.get_or_init(|| {
            let parent = Arc::downgrade(&self.cell) as std::sync::Weak<dyn AnyCell>;
            let core = &self.cell.core;
            Family::new(Some(parent), Arc::clone(&core.path), Arc::clone(&core.system))
        })
    }

    /// Tells it by [`Event::Down`](super::Event::Down) when another actor has ended for
    /// good; at once where it has already.
    pub fn watch(&self, other: &AnyAddress) {
        let core = other.cell().core();
        let me = Arc::downgrade(&self.cell) as std::sync::Weak<dyn AnyCell>;
        let ended = core.unless_ended(|rare| {
            if !rare.watchers.iter().any(|(id, _)| *id == self.cell.core.id) {
                rare.watchers.push((self.cell.core.id, me));
            }
        });
        if let Some(reason) = ended {
            self.cell.core.signal(Signal::Down { id: core.id, path: Arc::clone(&core.path), reason });
        }
    }

    /// Watches no more.
    pub fn unwatch(&self, other: &AnyAddress) {
        other.cell().core().with_rare(|rare| rare.watchers.retain(|(id, _)| *id != self.cell.core.id));
    }

    /// Binds its fate to another's: where one fails, the other fails too, as
    /// [`FaultKind::LINKED`](super::FaultKind::LINKED).
    pub fn link(&self, other: &AnyAddress) {
        let me = &self.cell.core;
        let them = other.cell().core();
        if them.phase() == Phase::Stopped {
            return;
        }
        let mine = Arc::downgrade(&self.cell) as std::sync::Weak<dyn AnyCell>;
        them.with_rare(|rare| {
            rare.links.retain(|(id, _)| *id != me.id);
            rare.links.push((me.id, mine));
        });
        me.with_rare(|rare| {
            rare.links.retain(|(id, _)| *id != them.id);
            rare.links.push((them.id, Arc::downgrade(other.cell())));
        });
    }

    /// Undoes [`link`](Self::link).
    pub fn unlink(&self, other: &AnyAddress) {
        let me = &self.cell.core;
        let them = other.cell().core();
        them.with_rare(|rare| rare.links.retain(|(id, _)| *id != me.id));
        me.with_rare(|rare| rare.links.retain(|(id, _)| *id != them.id));
    }

    /// Sends it a message after a time, before those that wait then.
    pub fn after(&mut self, delay: Duration, message: A::Message) -> TimerId {
        self.timers().once(delay, message)
    }

    /// Sends it a message again and again. A beat that is missed is left out.
    pub fn every(&mut self, period: Duration, make: impl FnMut() -> A::Message + Send + 'static) -> TimerId {
        self.timers().every(period, Box::new(make))
    }

    /// Cancels a timer; `false` where it is over already.
    pub fn cancel(&mut self, timer: TimerId) -> bool {
        self.timers.is_some() && self.timers().cancel(timer)
    }

    /// Tells it by [`Event::Idle`](super::Event::Idle) whenever no message came for so
    /// long; `None` ends that.
    pub fn set_receive_timeout(&mut self, after: Option<Duration>) {
        self.timers().set_idle(after);
    }

    pub(super) fn timers(&mut self) -> &mut Timers<A::Message> {
        let timers = self.timers.get_or_insert_with(|| Box::new(std::sync::Mutex::new(Timers::new())));
        timers.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
