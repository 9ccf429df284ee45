//! Antiphon's own kernel: the room itself, so that the package builds without drivers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::actor::{
    Actor, Address, Backoff, Context, Delivery, Inbox, Lifetime, Options, Outcome, Reply, Settings,
    Supervision, System, Topic, Window,
};
use crate::subject::{Item, Make, Subject, Worker};

pub struct Antiphon;

pub enum Message {
    Tell(Item),
    Ask(u64, Reply<u64>),
}

pub struct Player(Worker<Antiphon>);

impl Actor for Player {
    type Message = Message;

    async fn handle(&mut self, message: Message, _: &mut Context<Player>) -> Outcome {
        match message {
            Message::Tell(item) => self.0.handle(item).await,
            Message::Ask(number, reply) => drop(reply.send(number)),
        }
        Ok(())
    }
}

/// Takes all that is in hand without a future for each.
pub struct Batched(Worker<Antiphon>);

impl Actor for Batched {
    type Message = Message;

    async fn handle(&mut self, message: Message, _: &mut Context<Batched>) -> Outcome {
        if let Message::Tell(item) = message {
            self.0.handle(item).await;
        }
        Ok(())
    }

    async fn receive(&mut self, inbox: &mut Inbox<Message>, _: &mut Context<Batched>) -> Outcome {
        while let Some(Message::Tell(item)) = inbox.next() {
            let _ = self.0.take(item);
        }
        Ok(())
    }
}

/// The system of the run that goes on.
static SYSTEM: RwLock<Option<Arc<System>>> = RwLock::new(None);
static NAMES: AtomicU64 = AtomicU64::new(0);

fn system() -> Arc<System> {
    let system = SYSTEM.read().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(system.as_ref().expect("a run goes on"))
}

fn name() -> String {
    NAMES.fetch_add(1, Ordering::Relaxed).to_string()
}

impl Subject for Antiphon {
    const NAME: &'static str = "antiphon";
    type Address = Address<Message>;
    type Keeper = Address<Message>;
    type Topic = Topic<Item>;

    fn run<T: Send + 'static>(driver: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .expect("a runtime");
        let supervision = Supervision {
            window: Window { restarts: u32::MAX, within: Duration::from_secs(1) },
            backoff: Backoff::NONE,
            ..Supervision::default()
        };
        runtime.block_on(async {
            let system = System::new(Settings { supervision, ..Settings::default() });
            *SYSTEM.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(system));
            tokio::spawn(driver).await.expect("the driver does not panic")
        })
    }

    async fn spawn(worker: Worker<Antiphon>) -> Self::Address {
        let mut worker = Some(worker);
        let options = Options::new().lifetime(Lifetime::Temporary);
        system()
            .spawn(&name(), options, move || Player(worker.take().expect("built once")))
            .expect("a name of its own")
    }

    async fn spawn_batched(worker: Worker<Antiphon>) -> Option<Self::Address> {
        let mut worker = Some(worker);
        let options = Options::new().lifetime(Lifetime::Temporary);
        system().spawn(&name(), options, move || Batched(worker.take().expect("built once"))).ok()
    }

    async fn tell(to: &Self::Address, item: Item) {
        let _ = to.tell(Message::Tell(item)).await;
    }

    async fn ask(to: &Self::Address, number: u64) -> Option<u64> {
        to.ask(|reply| Message::Ask(number, reply)).await.ok()
    }

    fn dismiss(address: Self::Address) {
        address.erased().drain();
    }

    async fn supervise(make: Make<Antiphon>) -> Result<Self::Keeper, &'static str> {
        system().spawn(&name(), Options::new(), move || Player(make())).map_err(|_| "not started")
    }

    fn current(keeper: &Self::Keeper) -> Self::Address {
        keeper.clone()
    }

    async fn topic(subscribers: Vec<Self::Address>) -> Self::Topic {
        let topic = Topic::new("topic");
        for subscriber in subscribers {
            topic.subscribe(&subscriber, Delivery::LOSSLESS, |item: &Item| Some(Message::Tell(item.clone())));
        }
        topic
    }

    async fn publish(topic: &Self::Topic, item: Item) {
        topic.publish(item).await;
    }
}
