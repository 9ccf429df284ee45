//! actix: two arbiters, each a thread with its own runtime, share the actors.
//!
//! `do_send` does not look at the mailbox's bound; the send that does waits for the
//! answer as well. A panic takes the actor down for good: its supervisor restarts what
//! stops, not what unwinds.

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::prelude::*;

use crate::subject::{Item, Make, Subject, Then, Worker};

pub struct Actix;

static ARBITERS: Mutex<Vec<ArbiterHandle>> = Mutex::new(Vec::new());
static TURN: AtomicUsize = AtomicUsize::new(0);

/// The arbiters in turn.
fn arbiter() -> ArbiterHandle {
    let arbiters = ARBITERS.lock().expect("nobody panics with it");
    arbiters[TURN.fetch_add(1, Ordering::Relaxed) % arbiters.len()].clone()
}

pub struct Player(Worker<Actix>);

impl actix::Actor for Player {
    type Context = actix::Context<Player>;
}

#[derive(Clone)]
pub struct Told(Item);

impl Message for Told {
    type Result = ();
}

impl Handler<Told> for Player {
    type Result = ();

    fn handle(&mut self, Told(item): Told, _: &mut actix::Context<Player>) {
        if let Then::Forward(item) = self.0.take(item)
            && let Some(next) = self.0.next.as_ref().and_then(|next| next.get())
        {
            next.do_send(Told(item));
        }
    }
}

pub struct Ask(u64);

impl Message for Ask {
    type Result = u64;
}

impl Handler<Ask> for Player {
    type Result = u64;

    fn handle(&mut self, Ask(number): Ask, _: &mut actix::Context<Player>) -> u64 {
        number
    }
}

impl Subject for Actix {
    const NAME: &'static str = "actix";
    type Address = Addr<Player>;
    type Keeper = Addr<Player>;
    type Topic = Vec<Recipient<Told>>;

    fn run<T: Send + 'static>(driver: impl Future<Output = T> + Send + 'static) -> T {
        let system = System::new();
        let second = Arbiter::new();
        let first = system.block_on(async { Arbiter::current() });
        *ARBITERS.lock().expect("nobody panics with it") = vec![first, second.handle()];
        let result = system.block_on(driver);
        second.stop();
        let _ = second.join();
        result
    }

    fn go(task: impl Future<Output = ()> + Send + 'static) {
        arbiter().spawn(task);
    }

    async fn spawn(worker: Worker<Actix>) -> Self::Address {
        Player::start_in_arbiter(&arbiter(), |_| Player(worker))
    }

    async fn tell(to: &Self::Address, item: Item) {
        to.do_send(Told(item));
    }

    async fn ask(to: &Self::Address, number: u64) -> Option<u64> {
        to.send(Ask(number)).await.ok()
    }

    async fn supervise(_: Make<Actix>) -> Result<Self::Keeper, &'static str> {
        Err("no restart")
    }

    fn current(keeper: &Self::Keeper) -> Self::Address {
        keeper.clone()
    }

    async fn topic(subscribers: Vec<Self::Address>) -> Self::Topic {
        subscribers.into_iter().map(Addr::recipient).collect()
    }

    async fn publish(topic: &Self::Topic, item: Item) {
        for subscriber in topic {
            subscriber.do_send(Told(item.clone()));
        }
    }
}
