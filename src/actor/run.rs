//! What an actor's task does: one incarnation after the other over the same cell.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::behave::{Actor, Event};
use super::cell::{AnyCell, Cell, Core, Interrupt, Phase, Signal};
use super::context::Context;
use super::family::Family;
use super::fault::{Fault, FaultKind, StopReason};
use super::identity::{self, Speaker};
use super::inbox::Inbox;
use super::panic::catch;
use super::supervision::{HealthCheck, Lifetime};
use super::timers::Due;

/// Builds an incarnation.
pub(super) type Build<A> = Box<dyn FnMut() -> A + Send>;
/// Who waits to hear that an incarnation has started.
pub(super) type Done = oneshot::Sender<Result<(), Fault>>;

/// Why an incarnation takes no more messages.
enum Exit {
    Stop(StopReason),
    Halt(StopReason, Option<oneshot::Sender<()>>),
    Fault(Fault),
    Aborted,
}

/// How an incarnation ends.
enum Ending {
    Restart(Fault, Option<Done>, Option<Box<dyn Any + Send>>),
    Halt(Option<Fault>, StopReason, Option<oneshot::Sender<()>>),
    Stop(StopReason),
    /// At once, without last words.
    Abort,
}

/// What comes after an incarnation.
enum Next<A> {
    /// The end.
    Nothing(StopReason),
    /// Whatever is ordered; whether it was cut off.
    Wait(bool),
    /// The next.
    Start(Option<Done>, Option<Build<A>>),
}

/// Lives as long as the logical actor does. No `async fn`, which would keep its arguments twice.
#[allow(clippy::manual_async_fn)]
pub(super) fn run<A: Actor>(
    cell: Arc<Cell<A::Message>>,
    mut build: Build<A>,
    parent: Arc<Family>,
    mut done: Option<Done>,
) -> impl Future<Output = ()> + Send {
    async move {
        let core = &cell.core;
        poll_fn(|context| {
            core.first_poll(context.waker());
            Poll::Ready(())
        })
        .await;
        let _health = core.options.health.map(|check| watch_health(&cell, check));
        let mut inbox = Inbox::new(Arc::clone(&cell), A::label);
        let mut speaker = Speaker::new(core.id);
        let reason = loop {
            let mut life = Life { cell: &cell, parent: &parent, inbox: &mut inbox, speaker: &mut speaker };
            let mut next = life.live(&mut build, done.take()).await;
            if core.has_ended() {
                // It was given up, and came to itself after all.
                break StopReason::Hung;
            }
            if let Next::Wait(aborted) = next {
                core.set_phase(Phase::Halted);
                next = match wait_for_order(&cell).await {
                    Next::Nothing(_) if aborted => Next::Nothing(StopReason::Aborted),
                    next => next,
                };
            }
            match next {
                Next::Nothing(reason) => break reason,
                Next::Start(told, other) => {
                    done = told;
                    if let Some(other) = other {
                        build = other;
                    }
                    core.restarts.fetch_add(1, Ordering::Relaxed);
                }
                Next::Wait(_) => {}
            }
        };
        if let Some(family) = core.family.get() {
            // Those that were to be taken over by an incarnation that never came.
            Box::pin(family.stop_all(false)).await;
        }
        end(&cell, inbox, reason, &parent);
    }
}

/// Between two incarnations.
async fn wait_for_order<A: Actor>(cell: &Cell<A::Message>) -> Next<A> {
    let core = &cell.core;
    loop {
        core.attention.store(false, Ordering::SeqCst);
        while let Some(signal) = core.next_signal() {
            match signal {
                Signal::Stop(reason) => return Next::Nothing(reason),
                // What waits is for the next incarnation, its last.
                Signal::Drain => cell.mailbox.close(),
                Signal::Start { done, build } => return Next::Start(done, to_build(build)),
                Signal::Halt { done, .. } => {
                    core.set_phase(Phase::Halted);
                    tell(done);
                }
                Signal::Ping(answer) => drop(answer.send(())),
                Signal::Resume | Signal::Fail(_) | Signal::Down { .. } => {}
            }
        }
        match core.interrupted() {
            Interrupt::None => {}
            seen => drop(core.clear_interrupt(seen)),
        }
        if core.has_ended() {
            return Next::Nothing(StopReason::Hung);
        }
        poll_fn(|_| if core.attention.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending })
            .await;
    }
}

fn to_build<A: Actor>(build: Option<Box<dyn Any + Send>>) -> Option<Build<A>> {
    build.and_then(|build| build.downcast::<Build<A>>().ok()).map(|build| *build)
}

fn tell(done: Option<oneshot::Sender<()>>) {
    if let Some(done) = done {
        let _ = done.send(());
    }
}

/// The logical actor ends: what waits becomes dead letters, who watched is told.
fn end<M: Send + 'static>(cell: &Arc<Cell<M>>, inbox: Inbox<M>, reason: StopReason, parent: &Family) {
    let core = &cell.core;
    cell.mailbox.close();
    core.busy.store(false, Ordering::Relaxed);
    core.set_phase(Phase::Stopped);
    cell.bury(inbox.into_rest());
    cell.bury(cell.mailbox.rest());
    // Whoever hears of its end may give its name to another.
    parent.remove(&core.path, core.id);
    core.conclude(reason);
}

/// What one incarnation needs.
struct Life<'a, M: Send + 'static> {
    cell: &'a Arc<Cell<M>>,
    parent: &'a Arc<Family>,
    inbox: &'a mut Inbox<M>,
    speaker: &'a mut Speaker,
}

/// Why a future of the actor's was given up.
enum Caught {
    Fault(Fault),
    Aborted,
}

pin_project! {
    /// Polls a future of the actor's: panics and interrupts end it, and what it sends
    /// bears the actor's stamp. A type and not an `async fn`, which would keep room
    /// for the future twice.
    struct Guarded<'a, F> {
        core: &'a Core,
        speaker: &'a mut Speaker,
        #[pin]
        work: Option<F>,
    }
}

fn guarded<'a, F: Future>(core: &'a Core, speaker: &'a mut Speaker, work: F) -> Guarded<'a, F> {
    Guarded { core, speaker, work: Some(work) }
}

impl<F: Future> Future for Guarded<'_, F> {
    type Output = Result<F::Output, Caught>;

    fn poll(self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        match this.core.interrupted() {
            Interrupt::None => {}
            Interrupt::Fault => {
                let fault = this.core.clear_interrupt(Interrupt::Fault);
                cut_off(this.core, this.work);
                let fault = fault.unwrap_or_else(|| Fault::new(FaultKind::KILLED, "it was interrupted"));
                return Poll::Ready(Err(Caught::Fault(fault)));
            }
            Interrupt::Abort => {
                this.core.clear_interrupt(Interrupt::Abort);
                cut_off(this.core, this.work);
                return Poll::Ready(Err(Caught::Aborted));
            }
        }
        let Some(work) = this.work.as_mut().as_pin_mut() else { return Poll::Pending };
        let before = identity::speak_as(**this.speaker);
        let polled = catch(|| work.poll(context));
        **this.speaker = identity::speak_as(before);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
            Err(fault) => Poll::Ready(Err(Caught::Fault(fault))),
        }
    }
}

/// What it holds as it is cut off may panic when it is dropped.
fn cut_off<F>(core: &Core, mut work: Pin<&mut Option<F>>) {
    if let Err(fault) = catch(|| work.set(None)) {
        core.note_fault(&fault);
    }
}

impl<M: Send + 'static> Life<'_, M> {
    async fn live<A: Actor<Message = M>>(&mut self, build: &mut Build<A>, done: Option<Done>) -> Next<A> {
        let core = &self.cell.core;
        core.set_phase(Phase::Starting);
        if let Some(family) = core.family.get() {
            family.open();
        }
        let mut actor = match catch(build) {
            Ok(actor) => actor,
            Err(fault) => return self.failed_to_build(as_start(fault), done).await,
        };
        let mut context = Context::<A>::new(Arc::clone(self.cell));
        let mut why = self.begin(&mut actor, &mut context, done).await;
        let mut has_started = why.is_none();
        let ending = loop {
            if why.is_none() {
                let served = {
                    let work = serve(self.cell, &mut actor, self.inbox, &mut context);
                    guarded(core, self.speaker, work).await
                };
                why = Some(self.settle(served, context.stop));
            }
            let why = why.take().unwrap_or(Exit::Aborted);
            let (why, fault) = match why {
                Exit::Fault(fault) => {
                    core.note_fault(&fault);
                    core.set_phase(Phase::Failed);
                    core.busy.store(false, Ordering::Relaxed);
                    self.parent.failed(core, fault.clone(), has_started);
                    match self.wait_for_verdict().await {
                        Verdict::Resume => {
                            context.stop = false;
                            has_started = true;
                            core.set_phase(Phase::Running);
                            if let Some(family) = core.family.get() {
                                family.resume();
                            }
                            continue;
                        }
                        Verdict::Start(done, build) => break Ending::Restart(fault, done, build),
                        Verdict::Exit(why) => (why, Some(fault)),
                    }
                }
                why => (why, None),
            };
            break match why {
                Exit::Halt(reason, done) => Ending::Halt(fault, reason, done),
                Exit::Stop(reason) => Ending::Stop(reason),
                Exit::Fault(_) | Exit::Aborted => Ending::Abort,
            };
        };
        self.leave(actor, context, ending).await
    }

    /// The end of an incarnation, and what comes after it.
    async fn leave<A: Actor<Message = M>>(
        &mut self,
        mut actor: A,
        mut context: Context<A>,
        mut ending: Ending,
    ) -> Next<A> {
        let is_restart = matches!(ending, Ending::Restart(..));
        if is_restart {
            self.cell.core.with_rare(|rare| rare.ending = Some(Instant::now()));
        }
        self.finish(&mut actor, &mut context, &mut ending).await;
        for dropped in [catch(|| drop(actor)), catch(|| drop(context))] {
            if let Err(fault) = dropped {
                self.cell.core.note_fault(&fault);
            }
        }
        if is_restart {
            self.cell.core.with_rare(|rare| rare.ending = None);
        }
        match ending {
            Ending::Restart(_, done, build) => Next::Start(done, to_build(build)),
            Ending::Halt(_, _, done) => {
                tell(done);
                Next::Wait(false)
            }
            Ending::Stop(reason) => Next::Nothing(reason),
            // What it was ordered before it was cut off is with the signals yet.
            Ending::Abort => Next::Wait(true),
        }
    }

    /// Runs `started`; why there is no more to come, where that is so.
    async fn begin<A: Actor<Message = M>>(
        &mut self,
        actor: &mut A,
        context: &mut Context<A>,
        done: Option<Done>,
    ) -> Option<Exit> {
        let core = &self.cell.core;
        let started = guarded(core, self.speaker, actor.started(context)).await;
        if let Some(family) = core.family.get() {
            family.retire_dormant();
        }
        match started {
            Ok(Ok(())) => {
                if let Some(done) = done {
                    self.parent.has_started(&core.path);
                    let _ = done.send(Ok(()));
                }
                core.set_phase(Phase::Running);
                None
            }
            Ok(Err(fault)) | Err(Caught::Fault(fault)) => {
                let fault = as_start(fault);
                if let Some(done) = done {
                    let _ = done.send(Err(fault.clone()));
                }
                Some(Exit::Fault(fault))
            }
            Err(Caught::Aborted) => Some(Exit::Aborted),
        }
    }

    async fn failed_to_build<A: Actor<Message = M>>(&mut self, fault: Fault, done: Option<Done>) -> Next<A> {
        let core = &self.cell.core;
        if let Some(done) = done {
            let _ = done.send(Err(fault.clone()));
        }
        core.note_fault(&fault);
        core.set_phase(Phase::Failed);
        self.parent.failed(core, fault, false);
        wait_for_order(self.cell).await
    }

    /// The last hooks, bounded by whoever ordered the end.
    async fn finish<A: Actor<Message = M>>(
        &mut self,
        actor: &mut A,
        context: &mut Context<A>,
        ending: &mut Ending,
    ) {
        let core = &self.cell.core;
        core.set_phase(Phase::Stopping);
        let last_words = match ending {
            Ending::Restart(fault, ..) | Ending::Halt(Some(fault), ..) => {
                guarded(core, self.speaker, actor.restarting(fault, context)).await
            }
            Ending::Stop(reason) | Ending::Halt(None, reason, _) => {
                guarded(core, self.speaker, actor.stopping(reason, context)).await
            }
            Ending::Abort => Err(Caught::Aborted),
        };
        self.note_hook(&last_words);
        if let Some(family) = core.family.get() {
            Box::pin(family.stop_all(!matches!(ending, Ending::Stop(_)))).await;
        }
        if !matches!(last_words, Err(Caught::Aborted)) {
            let last = guarded(core, self.speaker, actor.stopped(context)).await;
            self.note_hook(&last);
        }
    }

    /// A fault in a last hook is told, and changes nothing.
    fn note_hook(&self, hook: &Result<(), Caught>) {
        if let Err(Caught::Fault(fault)) = hook {
            self.cell.core.note_fault(fault);
        }
    }

    async fn wait_for_verdict(&mut self) -> Verdict {
        let core = &self.cell.core;
        let mut downs = Vec::new();
        loop {
            core.attention.store(false, Ordering::SeqCst);
            while let Some(signal) = core.next_signal() {
                match signal {
                    Signal::Resume => {
                        downs.into_iter().for_each(|down| core.signal(down));
                        return Verdict::Resume;
                    }
                    Signal::Start { done, build } => return Verdict::Start(done, build),
                    Signal::Stop(reason) => return Verdict::Exit(Exit::Stop(reason)),
                    Signal::Drain => self.cell.mailbox.close(),
                    Signal::Halt { reason, done } => return Verdict::Exit(Exit::Halt(reason, done)),
                    Signal::Ping(answer) => drop(answer.send(())),
                    down @ Signal::Down { .. } => downs.push(down),
                    Signal::Fail(_) => {}
                }
            }
            match core.interrupted() {
                Interrupt::None => {}
                Interrupt::Fault => drop(core.clear_interrupt(Interrupt::Fault)),
                Interrupt::Abort => {
                    core.clear_interrupt(Interrupt::Abort);
                    return Verdict::Exit(Exit::Aborted);
                }
            }
            if core.has_ended() {
                return Verdict::Exit(Exit::Aborted);
            }
            poll_fn(|_| if core.attention.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending })
                .await;
        }
    }

    /// What it means that serving ended so.
    fn settle(&mut self, served: Result<Exit, Caught>, stopped_itself: bool) -> Exit {
        self.inbox.end_timing();
        match served {
            Ok(Exit::Stop(StopReason::Normal))
                if stopped_itself && self.cell.core.options.lifetime == Lifetime::Permanent =>
            {
                Exit::Fault(Fault::new(FaultKind::DONE, "it ended by itself and is to be there always"))
            }
            Ok(exit) => exit,
            Err(Caught::Fault(fault)) => Exit::Fault(fault),
            Err(Caught::Aborted) => Exit::Aborted,
        }
    }
}

enum Verdict {
    Resume,
    Start(Option<Done>, Option<Box<dyn Any + Send>>),
    Exit(Exit),
}

fn as_start(fault: Fault) -> Fault {
    if fault.kind == FaultKind::KILLED || fault.kind == FaultKind::START {
        return fault;
    }
    Fault::new(FaultKind::START, format!("{}: {}", fault.kind, fault.message)).at(fault.place.clone())
}

enum Woken<M> {
    Attention,
    Messages,
    Due(Due<M>),
    Drained,
}

/// Takes messages until something ends that.
async fn serve<A: Actor>(
    cell: &Arc<Cell<A::Message>>,
    actor: &mut A,
    inbox: &mut Inbox<A::Message>,
    context: &mut Context<A>,
) -> Exit {
    let core = &cell.core;
    // By an order that came before this.
    let mut draining = cell.mailbox.is_closed();
    loop {
        if core.attention.load(Ordering::SeqCst) {
            core.attention.store(false, Ordering::SeqCst);
            while let Some(signal) = core.next_signal() {
                match signal {
                    Signal::Stop(reason) => return Exit::Stop(reason),
                    Signal::Halt { reason, done } => return Exit::Halt(reason, done),
                    Signal::Fail(fault) => return Exit::Fault(fault),
                    Signal::Drain => {
                        draining = true;
                        cell.mailbox.close();
                    }
                    Signal::Ping(answer) => drop(answer.send(())),
                    Signal::Start { done, .. } => {
                        if let Some(done) = done {
                            let _ = done.send(Ok(()));
                        }
                    }
                    Signal::Resume => {}
                    Signal::Down { id, path, reason } => {
                        if let Err(fault) = actor.event(Event::Down { id, path, reason }, context).await {
                            return Exit::Fault(fault);
                        }
                    }
                }
            }
            inbox.fill_urgent();
        }
        let woken = poll_fn(|task| {
            if core.attention.load(Ordering::SeqCst) {
                return Poll::Ready(Woken::Attention);
            }
            if context.timers.is_some()
                && let Poll::Ready(due) = context.timers().poll(task)
            {
                return Poll::Ready(Woken::Due(due));
            }
            if inbox.fill() {
                core.busy.store(true, Ordering::Relaxed);
                return Poll::Ready(Woken::Messages);
            }
            core.busy.store(false, Ordering::Relaxed);
            if draining { Poll::Ready(Woken::Drained) } else { Poll::Pending }
        })
        .await;
        match woken {
            Woken::Attention => continue,
            Woken::Drained => return Exit::Stop(StopReason::Normal),
            Woken::Due(Due::Idle) => {
                if let Err(fault) = actor.event(Event::Idle, context).await {
                    return Exit::Fault(fault);
                }
            }
            Woken::Due(Due::Message(message)) => inbox.put_first(message),
            Woken::Messages => {
                if context.timers.is_some() {
                    context.timers().not_idle();
                }
                core.system.permute().await;
                let outcome = actor.receive(inbox, context).await;
                if let Err(fault) = outcome {
                    return Exit::Fault(fault);
                }
                tokio::task::coop::consume_budget().await;
            }
        }
        if context.stop {
            return Exit::Stop(StopReason::Normal);
        }
    }
}

/// Ends the task that checks an actor's health with the actor.
struct Checking(tokio::task::JoinHandle<()>);

impl Drop for Checking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn watch_health<M: Send + 'static>(cell: &Arc<Cell<M>>, check: HealthCheck) -> Checking {
    let watched = super::AnyAddress::new(Arc::clone(cell) as Arc<dyn AnyCell>);
    let every = check.every.max(Duration::from_millis(1));
    Checking(cell.core.system.handle().spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            if watched.phase() != Phase::Running {
                continue;
            }
            if watched.ping(check.within).await.is_err() && watched.phase() == Phase::Running {
                watched.cell().core().interrupt(Fault::new(
                    FaultKind::UNRESPONSIVE,
                    format!("no sign of life within {:?}", check.within),
                ));
            }
        }
    }))
}
