use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::bulkhead::{Bulkhead, BulkheadError};

/// How a [`Task`] is run.
#[derive(Clone)]
pub struct TaskOptions {
    /// All of it takes no longer, waiting for a place included.
    pub limit: Duration,
    /// After a cancel it may tidy up for so long; then it is cut off where it waits.
    pub grace: Duration,
    /// Where it needs a place to run.
    pub bulkhead: Option<Bulkhead>,
}

impl Default for TaskOptions {
    /// 10 minutes, 1 s, and no bulkhead.
    fn default() -> TaskOptions {
        TaskOptions { limit: Duration::from_secs(600), grace: Duration::from_secs(1), bulkhead: None }
    }
}

/// Where a task is. The last three are for good.
#[derive(Debug)]
pub enum TaskState<P, T, E> {
    /// Not begun.
    Pending,
    /// Under way; what it last said.
    Running(Option<P>),
    /// Done.
    Completed(Arc<T>),
    /// It gave an error, or could not give any.
    Failed(TaskError<E>),
    /// It was cancelled before it was done.
    Cancelled,
}

impl<P: Clone, T, E> Clone for TaskState<P, T, E> {
    fn clone(&self) -> TaskState<P, T, E> {
        match self {
            TaskState::Pending => TaskState::Pending,
            TaskState::Running(progress) => TaskState::Running(progress.clone()),
            TaskState::Completed(value) => TaskState::Completed(Arc::clone(value)),
            TaskState::Failed(error) => TaskState::Failed(error.clone()),
            TaskState::Cancelled => TaskState::Cancelled,
        }
    }
}

impl<P, T, E> TaskState<P, T, E> {
    /// Whether it will not change any more.
    pub fn is_final(&self) -> bool {
        !matches!(self, TaskState::Pending | TaskState::Running(_))
    }
}

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError<E> {
    /// The job's own error.
    #[error("{0}")]
    Job(Arc<E>),
    /// The job panicked.
    #[error("the job panicked")]
    Panicked,
    /// It took longer than it may.
    #[error("not done within {} s", .0.as_secs_f64())]
    Late(Duration),
    /// There was no place to run it.
    #[error(transparent)]
    NoPlace(BulkheadError),
}

impl<E> Clone for TaskError<E> {
    fn clone(&self) -> TaskError<E> {
        match self {
            TaskError::Job(error) => TaskError::Job(Arc::clone(error)),
            TaskError::Panicked => TaskError::Panicked,
            TaskError::Late(limit) => TaskError::Late(*limit),
            TaskError::NoPlace(error) => TaskError::NoPlace(*error),
        }
    }
}

/// A long job that runs beside whoever started it, says how far it is, and can be cancelled.
///
/// Dropping it cancels the job.
pub struct Task<P, T, E> {
    state: watch::Receiver<TaskState<P, T, E>>,
    cancel: watch::Sender<bool>,
}

/// How a job says how far it is, and hears whether it is still wanted.
pub struct Reporter<P, T, E> {
    state: Arc<watch::Sender<TaskState<P, T, E>>>,
    cancel: watch::Receiver<bool>,
}

impl<P, T, E> Clone for Reporter<P, T, E> {
    fn clone(&self) -> Reporter<P, T, E> {
        Reporter { state: Arc::clone(&self.state), cancel: self.cancel.clone() }
    }
}

impl<P, T, E> Reporter<P, T, E> {
    /// Says how far the job is; only the last counts.
    pub fn progress(&self, progress: P) {
        self.state.send_if_modified(|state| match state {
            TaskState::Running(last) => {
                *last = Some(progress);
                true
            }
            _ => false,
        });
    }

    /// Whether the job is to end.
    pub fn is_cancelled(&self) -> bool {
        *self.cancel.borrow() || self.cancel.has_changed().is_err()
    }

    /// Waits until the job is to end; its limit ends this too.
    pub async fn cancelled(&mut self) {
        // An error means that the task itself was dropped.
        let _ = self.cancel.wait_for(|cancelled| *cancelled).await;
    }
}

impl<P, T, E> Task<P, T, E>
where
    P: Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Starts a job.
    pub fn spawn<F, J>(options: TaskOptions, job: J) -> Task<P, T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        J: FnOnce(Reporter<P, T, E>) -> F + Send + 'static,
    {
        let (writer, state) = watch::channel(TaskState::Pending);
        let (cancel, cancelled) = watch::channel(false);
        let reporter = Reporter { state: Arc::new(writer), cancel: cancelled };
        tokio::spawn(async move {
            let writer = Arc::clone(&reporter.state);
            let last = run(&options, reporter, job).await;
            writer.send_if_modified(|state| {
                let is_first = !state.is_final();
                if is_first {
                    *state = last;
                }
                is_first
            });
        });
        Task { state, cancel }
    }

    /// Asks the job to end.
    pub fn cancel(&self) {
        self.cancel.send_replace(true);
    }

    /// Where it is now.
    pub fn state(&self) -> TaskState<P, T, E> {
        self.state.borrow().clone()
    }

    /// Waits up to `within` for its end; gives where it is then.
    pub async fn wait(&mut self, within: Duration) -> TaskState<P, T, E> {
        // An error means that it is not over in time, or that its runtime ended before it.
        let _ = timeout(within, self.state.wait_for(TaskState::is_final)).await;
        self.state()
    }

    /// Waits up to `within` for something new; gives where it is then.
    pub async fn changed(&mut self, within: Duration) -> TaskState<P, T, E> {
        let _ = timeout(within, self.state.changed()).await;
        self.state.borrow_and_update().clone()
    }
}

/// Cuts the job off when nobody sees to it any more.
struct Job<T>(JoinHandle<T>);

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run<P, T, E, F, J>(options: &TaskOptions, reporter: Reporter<P, T, E>, job: J) -> TaskState<P, T, E>
where
    P: Send + Sync + 'static,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
    J: FnOnce(Reporter<P, T, E>) -> F,
{
    let deadline = Instant::now() + options.limit;
    let mut ear = reporter.clone();
    let _place = match &options.bulkhead {
        None => None,
        Some(bulkhead) => tokio::select! {
            biased;
            () = ear.cancelled() => return TaskState::Cancelled,
            place = bulkhead.enter(options.limit) => match place {
                Ok(place) => Some(place),
                Err(BulkheadError::Late(_)) => return TaskState::Failed(TaskError::Late(options.limit)),
                Err(error) => return TaskState::Failed(TaskError::NoPlace(error)),
            },
        },
    };
    if ear.is_cancelled() {
        return TaskState::Cancelled;
    }
    reporter.state.send_replace(TaskState::Running(None));
    let mut job = Job(tokio::spawn(job(reporter)));
    let result = tokio::select! {
        biased;
        result = timeout_at(deadline, &mut job.0) => result,
        () = ear.cancelled() => match timeout(options.grace, &mut job.0).await {
            // What is done is done.
            Ok(Ok(Ok(value))) => return TaskState::Completed(Arc::new(value)),
            _ => return TaskState::Cancelled,
        },
    };
    match result {
        Ok(Ok(Ok(value))) => TaskState::Completed(Arc::new(value)),
        // It heard of the cancel before this did.
        Ok(Ok(Err(_))) if ear.is_cancelled() => TaskState::Cancelled,
        Ok(Ok(Err(error))) => TaskState::Failed(TaskError::Job(Arc::new(error))),
        Ok(Err(gone)) if gone.is_panic() => TaskState::Failed(TaskError::Panicked),
        Ok(Err(_)) => TaskState::Cancelled,
        Err(_) => TaskState::Failed(TaskError::Late(options.limit)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    type Load = Task<u32, &'static str, String>;

    fn word(state: &TaskState<u32, &'static str, String>) -> String {
        match state {
            TaskState::Pending => "pending".to_owned(),
            TaskState::Running(progress) => format!("running {progress:?}"),
            TaskState::Completed(value) => format!("completed {value}"),
            TaskState::Failed(error) => format!("failed: {error}"),
            TaskState::Cancelled => "cancelled".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn says_how_far_it_is_and_completes() {
        let mut task: Load = Task::spawn(TaskOptions::default(), async |reporter: Reporter<_, _, _>| {
            for percent in [25, 50, 75] {
                reporter.progress(percent);
                sleep(SECOND).await;
            }
            Ok("loaded")
        });
        let mut states = vec![word(&task.state())];
        while !task.state().is_final() {
            states.push(word(&task.changed(10 * SECOND).await));
        }
        assert_eq!(states[0], "pending");
        assert_eq!(&states[states.len() - 3..], ["running Some(50)", "running Some(75)", "completed loaded"]);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_is_bounded() {
        let (start, mut task): (_, Load) =
            (Instant::now(), Task::spawn(TaskOptions::default(), async |_| std::future::pending().await));
        assert_eq!(word(&task.wait(2 * SECOND).await), "running None");
        assert_eq!(start.elapsed().as_secs(), 2);
        let late = TaskOptions { limit: 3 * SECOND, ..TaskOptions::default() };
        let mut late: Load = Task::spawn(late, async |_| std::future::pending().await);
        assert_eq!(word(&late.wait(60 * SECOND).await), "failed: not done within 3 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_job_may_tidy_up_and_is_then_cut_off() {
        let tidied = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&tidied);
        let mut polite: Load =
            Task::spawn(TaskOptions::default(), async move |mut reporter: Reporter<_, _, _>| {
                reporter.cancelled().await;
                told.store(reporter.is_cancelled(), Ordering::SeqCst);
                Err("stopped half way".to_owned())
            });
        let mut deaf: Load = Task::spawn(TaskOptions::default(), async |_| std::future::pending().await);
        let mut done: Load = Task::spawn(TaskOptions::default(), async |mut reporter: Reporter<_, _, _>| {
            reporter.cancelled().await;
            Ok("was done anyway")
        });
        sleep(SECOND).await;
        let start = Instant::now();
        for task in [&polite, &deaf, &done] {
            task.cancel();
        }
        assert_eq!(word(&polite.wait(SECOND).await), "cancelled");
        assert_eq!(word(&deaf.wait(5 * SECOND).await), "cancelled");
        assert_eq!(word(&done.wait(SECOND).await), "completed was done anyway");
        assert!(tidied.load(Ordering::SeqCst) && start.elapsed() <= SECOND + Duration::from_millis(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_failure_and_the_end_is_final() {
        let kept = Arc::new(std::sync::Mutex::new(None));
        let keeps = Arc::clone(&kept);
        let mut task: Load = Task::spawn(TaskOptions::default(), async move |reporter: Reporter<_, _, _>| {
            *keeps.lock().expect("no panic with it") = Some(reporter);
            std::panic::resume_unwind(Box::new("died"))
        });
        assert_eq!(word(&task.wait(SECOND).await), "failed: the job panicked");
        task.cancel();
        if let Some(reporter) = kept.lock().expect("no panic with it").take() {
            reporter.progress(99);
        }
        sleep(SECOND).await;
        assert_eq!(word(&task.state()), "failed: the job panicked");
    }

    #[tokio::test(start_paused = true)]
    async fn stays_pending_until_there_is_a_place() {
        let bulkhead = Bulkhead::new(1, 1);
        let options = TaskOptions { bulkhead: Some(bulkhead.clone()), ..TaskOptions::default() };
        let held = bulkhead.enter(SECOND).await.expect("free");
        let mut waits: Load = Task::spawn(options.clone(), async |_| Ok("had its turn"));
        assert_eq!(word(&waits.wait(SECOND).await), "pending");
        let mut refused: Load = Task::spawn(options.clone(), async |_| Ok("never runs"));
        assert!(word(&refused.wait(SECOND).await).starts_with("failed: 1 are under way"));
        drop(held);
        assert_eq!(word(&waits.wait(SECOND).await), "completed had its turn");
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_it_ends_the_job() {
        let (ended, alive) = (Arc::new(()), TaskOptions::default());
        let held = Arc::clone(&ended);
        let task: Load = Task::spawn(alive, async move |_| {
            let _held = held;
            std::future::pending().await
        });
        sleep(SECOND).await;
        assert_eq!(Arc::strong_count(&ended), 2);
        drop(task);
        sleep(2 * SECOND).await;
        assert_eq!(Arc::strong_count(&ended), 1);
    }
}
