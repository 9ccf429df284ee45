//! The jobs, each written once for all subjects.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::heap;
use crate::subject::{Ended, Finish, Item, Make, Subject, Worker};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Job {
    Tell,
    TellBatched,
    Gather,
    FanOut,
    Ring,
    Ask,
    Spawn,
    Restart,
    Kept,
    KeptTwice,
    Publish,
    Idle,
}

impl Job {
    pub const ALL: [Job; 12] = [
        Job::Tell,
        Job::TellBatched,
        Job::Gather,
        Job::FanOut,
        Job::Ring,
        Job::Ask,
        Job::Spawn,
        Job::Restart,
        Job::Kept,
        Job::KeptTwice,
        Job::Publish,
        Job::Idle,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Job::Tell => "tell 1→1",
            Job::TellBatched => "tell, batched",
            Job::Gather => "tell 4→1",
            Job::FanOut => "fan-out 1→64",
            Job::Ring => "ring",
            Job::Ask => "ask",
            Job::Spawn => "spawn, stop",
            Job::Restart => "restart",
            Job::Kept => "kept",
            Job::KeptTwice => "kept, 2 panics",
            Job::Publish => "publish",
            Job::Idle => "idle",
        }
    }

    /// What the figure counts.
    pub fn unit(self) -> &'static str {
        match self {
            Job::Kept | Job::KeptTwice => "of 5",
            Job::Idle => "bytes",
            _ => "ns",
        }
    }

    /// Batched tells are held against single ones over a plain channel.
    pub fn baseline(self) -> Job {
        if self == Job::TellBatched { Job::Tell } else { self }
    }
}

/// How much of each.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub tells: usize,
    pub ring_actors: usize,
    pub ring_rounds: usize,
    pub asks: usize,
    pub actors: usize,
    pub restarts: usize,
    pub subscribers: usize,
    pub publishes: usize,
}

impl Sizes {
    pub const FULL: Sizes = Sizes {
        tells: 1_000_000,
        ring_actors: 1_000,
        ring_rounds: 1_000,
        asks: 100_000,
        actors: 10_000,
        restarts: 2_000,
        subscribers: 1_000,
        publishes: 500,
    };
    pub const QUICK: Sizes = Sizes {
        tells: 100_000,
        ring_actors: 1_000,
        ring_rounds: 50,
        asks: 10_000,
        actors: 2_000,
        restarts: 200,
        subscribers: 1_000,
        publishes: 50,
    };
}

/// The figure in the job's unit, or why there is none.
pub type Outcome = Result<f64, &'static str>;

/// Does a job once.
pub fn measure<S: Subject>(job: Job, sizes: Sizes) -> Outcome {
    match job {
        Job::Tell => S::run(tell::<S>(sizes.tells, 1, false)),
        Job::TellBatched => S::run(tell::<S>(sizes.tells, 1, true)),
        Job::Gather => S::run(tell::<S>(sizes.tells, 4, false)),
        Job::FanOut => S::run(fan_out::<S>(sizes.tells / 64)),
        Job::Ring => S::run(ring::<S>(sizes.ring_actors, sizes.ring_rounds)),
        Job::Ask => S::run(ask::<S>(sizes.asks)),
        Job::Spawn => S::run(spawn::<S>(sizes.actors)),
        Job::Restart => S::run(restart::<S>(sizes.restarts)),
        Job::Kept => S::run(kept::<S>(false)),
        Job::KeptTwice => S::run(kept::<S>(true)),
        Job::Publish => S::run(publish::<S>(sizes.subscribers, sizes.publishes)),
        Job::Idle => S::run(idle::<S>(sizes.actors)),
    }
}

async fn per(count: usize, job: impl Future<Output = ()>) -> Outcome {
    let start = Instant::now();
    job.await;
    Ok(start.elapsed().as_nanos() as f64 / count as f64)
}

async fn tell<S: Subject>(tells: usize, senders: usize, batched: bool) -> Outcome {
    let finish = Finish::after(1);
    let worker = Worker::counting(tells, &finish);
    let address =
        if batched { S::spawn_batched(worker).await.ok_or("no batches")? } else { S::spawn(worker).await };
    per(tells, async {
        for _ in 0..senders {
            let address = address.clone();
            S::go(async move {
                for _ in 0..tells / senders {
                    S::tell(&address, Item::Add).await;
                }
            });
        }
        finish.wait().await;
    })
    .await
}

async fn fan_out<S: Subject>(rounds: usize) -> Outcome {
    let finish = Finish::after(64);
    let mut addresses = Vec::new();
    for _ in 0..64 {
        addresses.push(S::spawn(Worker::counting(rounds, &finish)).await);
    }
    per(rounds * 64, async {
        for _ in 0..rounds {
            for address in &addresses {
                S::tell(address, Item::Add).await;
            }
        }
        finish.wait().await;
    })
    .await
}

async fn ring<S: Subject>(actors: usize, rounds: usize) -> Outcome {
    let finish = Finish::after(1);
    let mut links = Vec::new();
    for _ in 0..actors {
        let next: Arc<OnceLock<S::Address>> = Arc::default();
        let worker =
            Worker { finish: Some(Arc::clone(&finish)), next: Some(Arc::clone(&next)), ..Worker::idle() };
        links.push((S::spawn(worker).await, next));
    }
    for (index, (_, next)) in links.iter().enumerate() {
        let _ = next.set(links[(index + 1) % actors].0.clone());
    }
    let hops = actors * rounds;
    per(hops, async {
        S::tell(&links[0].0, Item::Token(hops as u64)).await;
        finish.wait().await;
    })
    .await
}

async fn ask<S: Subject>(asks: usize) -> Outcome {
    let address = S::spawn(Worker::idle()).await;
    per(asks, async {
        for number in 0..asks as u64 {
            assert_eq!(S::ask(&address, number).await, Some(number));
        }
    })
    .await
}

async fn spawn<S: Subject>(actors: usize) -> Outcome {
    let (ended, tally) = (Finish::after(actors), Arc::new(AtomicUsize::new(0)));
    let outcome = per(actors, async {
        for _ in 0..actors {
            let worker = Worker { _ended: Some(Ended(Arc::clone(&ended))), ..Worker::tallying(&tally) };
            let address = S::spawn(worker).await;
            S::tell(&address, Item::Add).await;
            S::dismiss(address);
        }
        ended.wait().await;
    })
    .await;
    if tally.load(Ordering::SeqCst) == actors { outcome } else { Err("loses the first message") }
}

async fn restart<S: Subject>(restarts: usize) -> Outcome {
    let keeper = S::supervise(Arc::new(Worker::idle)).await?;
    per(restarts, async {
        for number in 0..restarts as u64 {
            S::tell(&S::current(&keeper), Item::Panic).await;
            while S::ask(&S::current(&keeper), number).await != Some(number) {
                tokio::task::yield_now().await;
            }
        }
    })
    .await
}

/// How many of five messages are handled that stand behind a panic, or around a second one.
async fn kept<S: Subject>(twice: bool) -> Outcome {
    let (gate, tally) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&tally);
    let make: Make<S> = Arc::new(move || Worker::tallying(&counted));
    let keeper = S::supervise(make).await?;
    let address = S::current(&keeper);
    S::tell(&address, Item::Gate(Arc::clone(&gate))).await;
    S::tell(&address, Item::Panic).await;
    for message in 0..5 {
        if twice && message == 2 {
            S::tell(&address, Item::Panic).await;
        }
        S::tell(&address, Item::Add).await;
    }
    gate.add_permits(1);
    let patience = Instant::now() + Duration::from_millis(500);
    while tally.load(Ordering::SeqCst) < 5 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(tally.load(Ordering::SeqCst) as f64)
}

async fn publish<S: Subject>(subscribers: usize, publishes: usize) -> Outcome {
    let finish = Finish::after(subscribers);
    let mut addresses = Vec::new();
    for _ in 0..subscribers {
        addresses.push(S::spawn(Worker::counting(publishes, &finish)).await);
    }
    let topic = S::topic(addresses).await;
    per(subscribers * publishes, async {
        for _ in 0..publishes {
            S::publish(&topic, Item::Add).await;
        }
        finish.wait().await;
    })
    .await
}

/// Bytes on the heap for each actor that has started and never got a message.
async fn idle<S: Subject>(actors: usize) -> Outcome {
    let mut addresses = Vec::with_capacity(actors);
    heap::start();
    for _ in 0..actors {
        addresses.push(S::spawn(Worker::idle()).await);
    }
    let mut live = heap::live();
    loop {
        tokio::time::sleep(Duration::from_millis(30)).await;
        let now = heap::live();
        if now == live {
            break;
        }
        live = now;
    }
    heap::stop();
    drop(addresses);
    Ok(live as f64 / actors as f64)
}
