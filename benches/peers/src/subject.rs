//! What every subject of the comparison can do, and the actor that all of them run.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Notify, Semaphore};

/// A message. It has the same size for everybody.
#[derive(Clone)]
pub enum Item {
    /// To be counted.
    Add,
    /// Goes round the ring, this many times still.
    Token(u64),
    /// Kills who handles it.
    Panic,
    /// Holds up who handles it until it is opened.
    Gate(Arc<Semaphore>),
}

/// Waits for so many events, from any thread and runtime.
pub struct Finish {
    remaining: AtomicUsize,
    done: Notify,
}

impl Finish {
    pub fn after(events: usize) -> Arc<Finish> {
        Arc::new(Finish { remaining: AtomicUsize::new(events), done: Notify::new() })
    }

    pub fn one(&self) {
        if self.remaining.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }

    pub async fn wait(&self) {
        self.done.notified().await;
    }
}

/// What a handler does after the item was looked at.
pub enum Then {
    Nothing,
    Forward(Item),
    Wait(Arc<Semaphore>),
}

/// The actor's state and behaviour, the same for everybody.
pub struct Worker<S: Subject> {
    /// Items to come until `finish` hears of it.
    pub quota: usize,
    pub finish: Option<Arc<Finish>>,
    /// Counts every item, over restarts too.
    pub tally: Option<Arc<AtomicUsize>>,
    /// The next in the ring.
    pub next: Option<Arc<OnceLock<S::Address>>>,
    /// Hears when the state is dropped: the actor has stopped.
    pub _ended: Option<Ended>,
}

impl<S: Subject> Worker<S> {
    pub fn idle() -> Worker<S> {
        Worker { quota: 0, finish: None, tally: None, next: None, _ended: None }
    }

    pub fn counting(quota: usize, finish: &Arc<Finish>) -> Worker<S> {
        Worker { quota, finish: Some(Arc::clone(finish)), ..Worker::idle() }
    }

    pub fn tallying(tally: &Arc<AtomicUsize>) -> Worker<S> {
        Worker { tally: Some(Arc::clone(tally)), ..Worker::idle() }
    }

    #[inline]
    pub fn take(&mut self, item: Item) -> Then {
        match item {
            Item::Add => {
                if let Some(tally) = &self.tally {
                    tally.fetch_add(1, Ordering::Relaxed);
                }
                self.quota = self.quota.wrapping_sub(1);
                if self.quota == 0
                    && let Some(finish) = &self.finish
                {
                    finish.one();
                }
                Then::Nothing
            }
            Item::Token(0) => {
                if let Some(finish) = &self.finish {
                    finish.one();
                }
                Then::Nothing
            }
            Item::Token(left) => Then::Forward(Item::Token(left - 1)),
            Item::Panic => panic!("as told"),
            Item::Gate(gate) => Then::Wait(gate),
        }
    }

    /// As [`take`](Worker::take), for whoever handles with a future.
    #[inline]
    pub async fn handle(&mut self, item: Item) {
        match self.take(item) {
            Then::Nothing => {}
            Then::Forward(item) => {
                if let Some(next) = self.next.as_ref().and_then(|next| next.get()) {
                    S::tell(next, item).await;
                }
            }
            Then::Wait(gate) => drop(gate.acquire().await),
        }
    }
}

/// Says so when it is dropped.
pub struct Ended(pub Arc<Finish>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.one();
    }
}

/// Makes the state of a restarted actor.
pub type Make<S> = Arc<dyn Fn() -> Worker<S> + Send + Sync>;

/// A way to run actors: raw channels, or a crate.
pub trait Subject: Send + Sync + Sized + 'static {
    const NAME: &'static str;
    type Address: Clone + Send + Sync + 'static;
    /// Who restarts; holds what is needed to find the restarted one.
    type Keeper: Send + Sync;
    type Topic: Send + Sync;

    /// Runs the driver of a job to its end, on two workers.
    fn run<T: Send + 'static>(driver: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .expect("a runtime");
        // On a worker as everything else: the thread that blocks would be a third.
        runtime.block_on(async { tokio::spawn(driver).await }).expect("the driver does not panic")
    }

    /// Starts a task beside the driver.
    fn go(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    /// Starts an actor whose mailbox holds [`MAILBOX`], where the crate has such.
    fn spawn(worker: Worker<Self>) -> impl Future<Output = Self::Address> + Send;

    /// The same, but it takes many messages at a time; `None` if there is no such thing.
    fn spawn_batched(_worker: Worker<Self>) -> impl Future<Output = Option<Self::Address>> + Send {
        async { None }
    }

    /// Waits for room.
    fn tell(to: &Self::Address, item: Item) -> impl Future<Output = ()> + Send;

    /// Waits for the answer, which is the number itself.
    fn ask(to: &Self::Address, number: u64) -> impl Future<Output = Option<u64>> + Send;

    /// Stops the actor once it has handled what is queued.
    fn dismiss(address: Self::Address) {
        drop(address);
    }

    /// Starts an actor that is restarted when it panics, at once and however often.
    fn supervise(make: Make<Self>) -> impl Future<Output = Result<Self::Keeper, &'static str>> + Send;

    /// Where the restarted one is reached.
    fn current(keeper: &Self::Keeper) -> Self::Address;

    /// Subscribes all of them to a new topic.
    fn topic(subscribers: Vec<Self::Address>) -> impl Future<Output = Self::Topic> + Send;

    /// Gives the item to all subscribers.
    fn publish(topic: &Self::Topic, item: Item) -> impl Future<Output = ()> + Send;
}

/// Messages that a bounded mailbox holds.
pub const MAILBOX: usize = 1_000;
