//! What is being generated, for all who ask: also from another process.
//!
//! Tasks are events in one journal of the cache's folder, shared by all processes. Each process holds the
//! lock of a file of its own while it lives; whoever finds the lock free says that its tasks have failed.
//! Of those that have ended the last [`REMEMBERED`] are known, and none for longer than [`KNOWN`].

mod owner;
mod state;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{oneshot, watch};

use owner::Owner;
pub use state::{KNOWN, REMEMBERED, TaskBoard, TaskEvent, TaskRecord, TaskStanding};

use super::{Failure, FailureKind, Product, Request, Stage};
use crate::actor::{Options, System};
use crate::persistence::{CommitError, EventSourced, Journal, JournalError, KeeperSettings, Ledger, Seen};

/// The journal's file in the cache's folder.
pub const FILE: &str = "tasks.sqlite";
const STREAM: &str = "all";
/// What is kept of the reason of a failure, in characters.
const REASON: usize = 1_000;
/// What is kept of a description, in characters.
const DESCRIPTION: usize = 200;
/// How long what has ended may take to be written down when all is over.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Other processes' wishes are heard after this at most.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl EventSourced for TaskBoard {
    type Event = TaskEvent;
    const KIND: &'static str = "tasks";
    const VERSION: u32 = 1;

    fn apply(&mut self, event: &TaskEvent) {
        self.take(event);
    }
}

type Wishes = Arc<Mutex<HashMap<u64, watch::Sender<bool>>>>;

/// The tasks of a folder; clones are the same.
#[derive(Clone)]
pub struct Tasks(Arc<Inner>);

struct Inner {
    ledger: Ledger<TaskBoard>,
    owner: Owner,
    /// Who wants to hear of a cancel.
    wishes: Wishes,
    /// What is being written down by nobody who waits for it.
    writing: Writing,
}

/// A task of this process. Dropping it before it has [ended](Self::end) cancels it.
pub struct Ticket {
    tasks: Tasks,
    id: u64,
    cancelled: watch::Receiver<bool>,
    is_over: bool,
}

impl Tasks {
    /// The tasks of a folder, which is made where it is not there; the journal is kept by the actor
    /// `tasks` of a system. What processes left that are gone is ended.
    ///
    /// # Errors
    /// [`Failure`] where the folder or the journal cannot be used.
    pub async fn open(folder: &Path, system: &System) -> Result<Tasks, Failure> {
        let storage = |error: std::io::Error| {
            Failure::new(FailureKind::Storage, format!("{} cannot be used: {error}", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(storage)?;
        let owner = Owner::of_this_process(folder).map_err(storage)?;
        let mut journal = Journal::<TaskBoard>::open(&folder.join(FILE), STREAM)?;
        let wishes = Wishes::default();
        let heard = Arc::clone(&wishes);
        journal.observe(move |seen| match seen {
            Seen::Event(TaskEvent::CancelAsked { id }) => {
                lock(&heard).get(id).map(|wish| wish.send_replace(true));
            }
            Seen::Event(_) => {}
            Seen::Anew(board) => {
                for (id, wish) in lock(&heard).iter() {
                    if board.get(*id).is_some_and(|task| task.cancel_asked) {
                        wish.send_replace(true);
                    }
                }
            }
        });
        let settings = KeeperSettings { look_every: LOOK_EVERY };
        let ledger = Ledger::of(journal, settings, |build| system.spawn("tasks", Options::new(), build))
            .map_err(|error| Failure::new(FailureKind::Fault, error.to_string()))?;
        let tasks = Tasks(Arc::new(Inner { ledger, owner, wishes, writing: Writing::default() }));
        tasks.bury().await?;
        Ok(tasks)
    }

    /// Writes down that this process takes a request on.
    ///
    /// # Errors
    /// [`Failure`] where it cannot be written: then nobody else will see it.
    pub async fn begin(&self, request: &Request) -> Result<Ticket, Failure> {
        let (beginning, written) = self.beginning(request);
        written.await?;
        beginning.done()
    }

    /// What is begun, and what writes it down.
    fn beginning(&self, request: &Request) -> (Beginning, impl Future<Output = Result<(), Failure>>) {
        let owner = self.0.owner.name().to_owned();
        let description: String = request.description.chars().take(DESCRIPTION).collect();
        let backend = request.backend.clone();
        let wishes = Arc::clone(&self.0.wishes);
        let (wish, cancelled) = watch::channel(false);
        let (number, given) = oneshot::channel();
        let beginning = Beginning { tasks: self.clone(), given, cancelled: Some(cancelled) };
        let tasks = self.clone();
        let decide = move |board: &TaskBoard| {
            let id = board.next();
            // Before it can be asked for.
            lock(&wishes).insert(id, wish);
            if number.send(id).is_err() {
                // Who began it has gone.
                lock(&wishes).remove(&id);
                return Vec::new();
            }
            vec![TaskEvent::Begun { id, owner, description, backend, unix_ms: now_unix_ms() }]
        };
        (beginning, async move { tasks.commit(decide).await })
    }

    /// Those that run and those that have ended lately, the oldest first, as they are now in all processes.
    ///
    /// # Errors
    /// [`Failure`] where the journal cannot be read.
    pub async fn list(&self) -> Result<Vec<TaskRecord>, Failure> {
        self.0.ledger.refresh().await?;
        self.bury().await?;
        let now_ms = now_unix_ms();
        Ok(self.0.ledger.read(|board| board.all().filter(|task| task.is_known(now_ms)).cloned().collect()))
    }

    /// Asks whoever does a task to end it; they hear of it within a twentieth of a second.
    ///
    /// # Errors
    /// [`Failure`] where that cannot be written down.
    pub async fn ask_cancel(&self, id: u64) -> Result<(), Failure> {
        self.commit(move |board| match board.get(id) {
            Some(task) if task.standing == TaskStanding::Running => vec![TaskEvent::CancelAsked { id }],
            _ => Vec::new(),
        })
        .await
    }

    /// Waits until what was begun to be written is.
    pub async fn close(&self) {
        if tokio::time::timeout(LAST_WORDS, self.0.writing.done()).await.is_err() {
            tracing::warn!("not all tasks could be written down before the end");
        }
    }

    /// Ends what processes left that are gone.
    async fn bury(&self) -> Result<(), Failure> {
        let mut owners: Vec<String> =
            self.0.ledger.read(|board| board.running().map(|task| task.owner.clone()).collect());
        owners.sort_unstable();
        owners.dedup();
        for owner in owners.into_iter().filter(|owner| self.0.owner.is_gone(owner)) {
            let gone = owner.clone();
            self.commit(move |board| {
                let left = board.running().any(|task| task.owner == gone);
                let event = TaskEvent::OwnerGone { owner: gone, unix_ms: now_unix_ms() };
                if left { vec![event] } else { Vec::new() }
            })
            .await?;
            self.0.owner.forget(&owner);
        }
        Ok(())
    }

    async fn commit(
        &self,
        decide: impl FnOnce(&TaskBoard) -> Vec<TaskEvent> + Send + 'static,
    ) -> Result<(), Failure> {
        let committed =
            self.0.ledger.commit(move |board| Ok::<_, std::convert::Infallible>(decide(board))).await;
        committed.map(drop).map_err(|error| match error {
            CommitError::Refused(never) => match never {},
            CommitError::Journal(error) => error.into(),
        })
    }

    /// Writes down what nobody waits for.
    fn note(&self, event: TaskEvent) {
        self.decide(move |_| vec![event]);
    }

    /// Ends a task that was begun and whose beginner does not know, where it is there and nobody's.
    fn take_back(&self, id: u64) {
        let (owner, wishes) = (self.0.owner.name().to_owned(), Arc::clone(&self.0.wishes));
        let why = "it took too long to be written down; its music may be made all the same".to_owned();
        let error = Some((FailureKind::Storage, why));
        let standing = TaskStanding::Failed;
        self.decide(move |board| {
            let is_ours = board.get(id).is_some_and(|task| task.owner == owner);
            let ended = TaskEvent::Ended { id, standing, error, unix_ms: now_unix_ms() };
            if is_ours && !lock(&wishes).contains_key(&id) { vec![ended] } else { Vec::new() }
        });
    }

    fn decide(&self, decide: impl FnOnce(&TaskBoard) -> Vec<TaskEvent> + Send + 'static) {
        let tasks = self.clone();
        let pending = self.0.writing.one();
        tokio::spawn(async move {
            if let Err(failure) = tasks.commit(decide).await {
                tracing::warn!(%failure, "what became of a task could not be written down");
            }
            drop(pending);
        });
    }
}

/// A task that is being written down. Where nobody learns that it was, it is ended again.
struct Beginning {
    tasks: Tasks,
    given: oneshot::Receiver<u64>,
    cancelled: Option<watch::Receiver<bool>>,
}

impl Beginning {
    fn done(mut self) -> Result<Ticket, Failure> {
        match (self.given.try_recv(), self.cancelled.take()) {
            (Ok(id), Some(cancelled)) => {
                Ok(Ticket { tasks: self.tasks.clone(), id, cancelled, is_over: false })
            }
            _ => Err(Failure::new(FailureKind::Storage, "the task got no number")),
        }
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        let Ok(id) = self.given.try_recv() else { return };
        drop(self.cancelled.take());
        // Where it was not written after all the number may be another's by now, who hears of its wishes.
        lock(&self.tasks.0.wishes).retain(|_, wish| wish.receiver_count() > 0);
        if tokio::runtime::Handle::try_current().is_ok() {
            self.tasks.take_back(id);
        }
    }
}

impl Ticket {
    /// Its number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What hears of its stages, and writes them down.
    pub fn noting(&self) -> impl Fn(Stage) + Send + Sync + 'static {
        let (tasks, id) = (self.tasks.clone(), self.id);
        let last = Mutex::new(Stage::Waiting);
        move |stage| {
            let mut last = lock(&last);
            if stage > *last {
                *last = stage;
                tasks.note(TaskEvent::Moved { id, stage });
            }
        }
    }

    /// Waits until somebody wants its end.
    pub async fn cancelled(&mut self) {
        if self.cancelled.wait_for(|wanted| *wanted).await.is_err() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }

    /// Writes down how it ended.
    pub fn end(mut self, made: &Result<Product, Failure>) {
        self.is_over = true;
        let (standing, error) = match made {
            Ok(_) => (TaskStanding::Done, None),
            Err(failure) if failure.kind == FailureKind::Cancelled => (TaskStanding::Cancelled, None),
            Err(failure) => {
                (TaskStanding::Failed, Some((failure.kind, failure.message.chars().take(REASON).collect())))
            }
        };
        self.over(standing, error);
    }

    fn over(&self, standing: TaskStanding, error: Option<(FailureKind, String)>) {
        lock(&self.tasks.0.wishes).remove(&self.id);
        self.tasks.note(TaskEvent::Ended { id: self.id, standing, error, unix_ms: now_unix_ms() });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_over && tokio::runtime::Handle::try_current().is_ok() {
            self.over(TaskStanding::Cancelled, None);
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Failure {
        Failure::new(FailureKind::Storage, error.to_string())
    }
}

/// Counts what is being written.
#[derive(Default)]
struct Writing(watch::Sender<usize>);

struct Pending(watch::Sender<usize>);

impl Writing {
    fn one(&self) -> Pending {
        self.0.send_modify(|count| *count += 1);
        Pending(self.0.clone())
    }

    async fn done(&self) {
        // The sender is here: it does not go away.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Now, by the wall clock: for display.
fn now_unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::actor::kit::Kit;
    use crate::unit::SampleRate;

    static FOLDERS: AtomicU64 = AtomicU64::new(0);

    /// Others did so much meanwhile that the wish itself is not kept any more.
    #[test]
    fn a_wish_is_heard_also_where_its_event_is_gone() {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("antiphon-tasks-{}-{number}", std::process::id()));
        Kit::run(number, async |kit| {
            let here = Tasks::open(&folder, &kit.system).await.expect("tasks");
            let request = Request::new("a tune", SampleRate::DEFAULT);
            let mut ticket = here.begin(&request).await.expect("begun");
            let id = ticket.id();
            let mut others = Journal::<TaskBoard>::open(&folder.join(FILE), STREAM).expect("a journal");
            others.commit::<()>(|_| Ok(vec![TaskEvent::CancelAsked { id }])).expect("asked");
            for _ in 0..3 {
                let many = (0..500).map(|_| TaskEvent::Moved { id: 0, stage: Stage::Waiting });
                others.commit::<()>(|_| Ok(many.collect())).expect("kept");
            }
            tokio::time::timeout(Duration::from_secs(1), ticket.cancelled()).await.expect("heard");
            ticket.end(&Err(Failure::new(FailureKind::Cancelled, "not wanted")));
            here.close().await;
        });
        let _ = std::fs::remove_dir_all(&folder);
    }

    /// The commit was done, and its answer did not come in time.
    #[test]
    fn one_that_nobody_knows_to_have_begun_is_ended() {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("antiphon-tasks-{}-{number}", std::process::id()));
        Kit::run(number, async |kit| {
            let tasks = Tasks::open(&folder, &kit.system).await.expect("tasks");
            let request = Request::new("a tune", SampleRate::DEFAULT);
            let (beginning, write) = tasks.beginning(&request);
            write.await.expect("written");
            drop(beginning);
            tasks.close().await;
            let seen = tasks.list().await.expect("a list");
            assert_eq!((seen.len(), seen[0].standing), (1, TaskStanding::Failed), "{seen:?}");
            assert!(lock(&tasks.0.wishes).is_empty());
            // Nothing was written, and the number is another's by now.
            let ticket = tasks.begin(&request).await.expect("begun");
            let (number, given) = oneshot::channel();
            number.send(ticket.id()).expect("heard");
            let beginning = Beginning { tasks: tasks.clone(), given, cancelled: None };
            drop(beginning);
            tasks.close().await;
            let seen = tasks.list().await.expect("a list");
            assert_eq!((seen.len(), seen[1].standing), (2, TaskStanding::Running), "{seen:?}");
            ticket.end(&Err(Failure::new(FailureKind::Cancelled, "not wanted")));
            tasks.close().await;
        });
        let _ = std::fs::remove_dir_all(&folder);
    }

    #[test]
    fn a_task_is_seen_by_another_and_cancelled_in_a_tenth_of_a_second() {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("antiphon-tasks-{}-{number}", std::process::id()));
        Kit::run(number, async |kit| {
            let here = Tasks::open(&folder, &kit.system).await.expect("tasks");
            let elsewhere = System::new(crate::actor::Settings::default());
            let there = Tasks::open(&folder, &elsewhere).await.expect("tasks");
            let request = Request::new("a tune", SampleRate::DEFAULT);
            let mut ticket = here.begin(&request).await.expect("begun");
            let dropped = here.begin(&request).await.expect("begun");
            ticket.noting()(Stage::Performing);
            here.close().await;
            let seen = there.list().await.expect("a list");
            assert_eq!(seen.iter().map(|task| task.id).collect::<Vec<_>>(), [ticket.id(), dropped.id()]);
            assert_eq!((seen[0].standing, seen[0].stage), (TaskStanding::Running, Stage::Performing));

            there.ask_cancel(ticket.id()).await.expect("asked");
            let asked = tokio::time::Instant::now();
            ticket.cancelled().await;
            assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
            ticket.end(&Err(Failure::new(FailureKind::Cancelled, "not wanted")));
            drop(dropped);
            here.close().await;
            let seen = there.list().await.expect("a list");
            assert!(seen.iter().all(|task| task.standing == TaskStanding::Cancelled), "{seen:?}");
            elsewhere.stop().await;
        });
        let _ = std::fs::remove_dir_all(&folder);
    }
}
