use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::error::{CommitError, JournalError};
use super::journal::Journal;
use super::replica::View;
use super::sourced::EventSourced;
use crate::actor::{Actor, Address, AskError, Context, Fault, FaultKind, Inbox, Outcome, Reply};

/// How many who wait are committed together.
const TOGETHER: usize = 64;
/// How long a commit may take, from the question to the answer: twice what another process may hold the
/// file for.
const ANSWER: Duration = Duration::from_secs(10);

/// How a keeper keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeeperSettings {
    /// How often it looks whether other processes wrote.
    pub look_every: Duration,
}

impl Default for KeeperSettings {
    fn default() -> KeeperSettings {
        KeeperSettings { look_every: Duration::from_millis(100) }
    }
}

/// What a [`Keeper`] takes; made by a [`Ledger`].
pub struct KeeperMessage<S: EventSourced>(Task<S>);

enum Task<S: EventSourced> {
    Commit(Box<dyn Decision<S>>),
    Refresh(Reply<Result<u64, JournalError>>),
    Look,
}

/// A decision whose types only its asker knows.
trait Decision<S: EventSourced>: Send {
    fn decide(&mut self, state: &S) -> Vec<S::Event>;
    fn conclude(self: Box<Self>, committed: Result<u64, JournalError>);
}

struct Question<D, E> {
    decide: Option<D>,
    refusal: Option<E>,
    reply: Reply<Result<u64, CommitError<E>>>,
}

impl<S, D, E> Decision<S> for Question<D, E>
where
    S: EventSourced,
    D: FnOnce(&S) -> Result<Vec<S::Event>, E> + Send,
    E: Send,
{
    fn decide(&mut self, state: &S) -> Vec<S::Event> {
        // Who asked has gone: nothing is decided for nobody.
        let Some(decide) = self.decide.take().filter(|_| self.reply.is_awaited()) else { return Vec::new() };
        decide(state).unwrap_or_else(|refusal| {
            self.refusal = Some(refusal);
            Vec::new()
        })
    }

    fn conclude(self: Box<Self>, committed: Result<u64, JournalError>) {
        let answer = match self.refusal {
            Some(refusal) => Err(CommitError::Refused(refusal)),
            None => committed.map_err(CommitError::Journal),
        };
        // Whoever does not wait any more has been told so by its own deadline.
        let _ = self.reply.send(answer);
    }
}

/// An actor that commits to a journal for all who ask: those that wait together go into one transaction,
/// and cost one wait for the disk. It blocks on a thread that is for blocking. The journal outlives
/// its incarnations: what was handed over to the disk when one is killed is done and answered.
pub struct Keeper<S: EventSourced> {
    journal: Arc<Mutex<Journal<S>>>,
    settings: KeeperSettings,
}

impl<S: EventSourced> Keeper<S> {
    /// What builds its incarnations, for `spawn`.
    pub fn builder(
        journal: Journal<S>,
        settings: KeeperSettings,
    ) -> impl FnMut() -> Keeper<S> + Send + 'static {
        let journal = Arc::new(Mutex::new(journal));
        move || Keeper { journal: Arc::clone(&journal), settings: settings.clone() }
    }

    async fn work(&self, tasks: Vec<Task<S>>) -> Outcome {
        let journal = Arc::clone(&self.journal);
        let worked = tokio::task::spawn_blocking(move || work(&mut hold(&journal), tasks));
        worked.await.map_err(|error| Fault::new(FaultKind::PANIC, error.to_string()))
    }
}

/// One that panicked in the middle of something leaves a state to be read again.
fn hold<S: EventSourced>(journal: &Mutex<Journal<S>>) -> MutexGuard<'_, Journal<S>> {
    journal.lock().unwrap_or_else(|poisoned| {
        journal.clear_poison();
        let mut held = poisoned.into_inner();
        if let Err(error) = held.recover() {
            tracing::warn!(%error, "the journal could not be read again");
        }
        held
    })
}

fn work<S: EventSourced>(journal: &mut Journal<S>, tasks: Vec<Task<S>>) {
    let mut decisions = Vec::new();
    let mut refreshes = Vec::new();
    let mut looks = false;
    for task in tasks {
        match task {
            Task::Commit(decision) => decisions.push(decision),
            Task::Refresh(reply) => refreshes.push(reply),
            Task::Look => looks = true,
        }
    }
    if !decisions.is_empty() {
        let mut each: Vec<_> =
            decisions.iter_mut().map(|decision| |state: &S| decision.decide(state)).collect();
        let committed = journal.commit_group(&mut each);
        drop(each);
        decisions.into_iter().for_each(|decision| decision.conclude(committed.clone()));
    }
    if looks || !refreshes.is_empty() {
        let refreshed = journal.refresh();
        if let (true, Err(error)) = (refreshes.is_empty(), &refreshed) {
            tracing::warn!(%error, "the journal could not be looked at");
        }
        for reply in refreshes {
            // As above.
            let _ = reply.send(refreshed.clone());
        }
    }
}

impl<S: EventSourced> Actor for Keeper<S> {
    type Message = KeeperMessage<S>;
    const LABELS: &'static [&'static str] = &["commit", "refresh", "look"];

    fn label(message: &KeeperMessage<S>) -> u32 {
        match message.0 {
            Task::Commit(_) => 0,
            Task::Refresh(_) => 1,
            Task::Look => 2,
        }
    }

    async fn started(&mut self, context: &mut Context<Keeper<S>>) -> Outcome {
        context.every(self.settings.look_every, || KeeperMessage(Task::Look));
        Ok(())
    }

    async fn handle(&mut self, message: KeeperMessage<S>, _: &mut Context<Keeper<S>>) -> Outcome {
        self.work(vec![message.0]).await
    }

    async fn receive(&mut self, inbox: &mut Inbox<KeeperMessage<S>>, _: &mut Context<Keeper<S>>) -> Outcome {
        loop {
            let mut tasks = Vec::new();
            while tasks.len() < TOGETHER
                && let Some(message) = inbox.next()
            {
                tasks.push(message.0);
            }
            if tasks.is_empty() {
                return Ok(());
            }
            self.work(tasks).await?;
        }
    }
}

/// Where one asks a [`Keeper`], and looks at the state meanwhile. Cheap to clone.
pub struct Ledger<S: EventSourced> {
    keeper: Address<KeeperMessage<S>>,
    view: View<S>,
    path: PathBuf,
}

impl<S: EventSourced> Clone for Ledger<S> {
    fn clone(&self) -> Ledger<S> {
        Ledger { keeper: self.keeper.clone(), view: self.view.clone(), path: self.path.clone() }
    }
}

impl<S: EventSourced> Ledger<S> {
    /// Spawns a keeper by `spawn`, and gives the way to it:
    /// `Ledger::of(journal, settings, |build| system.spawn("tasks", Options::new(), build))`.
    ///
    /// # Errors
    /// What `spawn` says.
    pub fn of<E>(
        journal: Journal<S>,
        settings: KeeperSettings,
        spawn: impl FnOnce(Box<dyn FnMut() -> Keeper<S> + Send>) -> Result<Address<KeeperMessage<S>>, E>,
    ) -> Result<Ledger<S>, E> {
        let view = journal.view();
        let path = journal.path().to_owned();
        let keeper = spawn(Box::new(Keeper::builder(journal, settings)))?;
        Ok(Ledger { keeper, view, path })
    }

    /// The file.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// The keeper.
    pub fn keeper(&self) -> &Address<KeeperMessage<S>> {
        &self.keeper
    }

    /// Looks at the state, which other processes' events reach after
    /// [`look_every`](KeeperSettings::look_every) at most.
    pub fn read<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        self.view.read(look)
    }

    /// As [`Journal::commit`], by the keeper: waits ten seconds at most. One that gives up waiting does not
    /// know whether its events were written, unless its question was still in the mailbox: then they
    /// are not.
    ///
    /// # Errors
    /// As there, and [`JournalError::NoAnswer`].
    pub async fn commit<E: Send + 'static>(
        &self,
        decide: impl FnOnce(&S) -> Result<Vec<S::Event>, E> + Send + 'static,
    ) -> Result<u64, CommitError<E>> {
        let asked = self.keeper.ask_within(ANSWER, |reply| {
            let question = Question { decide: Some(decide), refusal: None, reply };
            KeeperMessage(Task::Commit(Box::new(question)))
        });
        asked.await.map_err(|error| CommitError::Journal(no_answer(error)))?
    }

    /// Catches up with other processes now; gives how many events that were.
    ///
    /// # Errors
    /// As [`Journal::refresh`], and [`JournalError::NoAnswer`].
    pub async fn refresh(&self) -> Result<u64, JournalError> {
        let asked = self.keeper.ask_within(ANSWER, |reply| KeeperMessage(Task::Refresh(reply)));
        asked.await.map_err(no_answer)?
    }
}

fn no_answer(error: AskError) -> JournalError {
    JournalError::NoAnswer(error.to_string())
}
