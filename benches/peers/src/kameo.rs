//! kameo: bounded mailboxes, its own supervision, its own topic.

use std::time::Duration;

use kameo::actor::{Actor, ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox;
use kameo::message::{Context, Message};
use kameo::supervision::RestartPolicy;
use kameo_actors::DeliveryStrategy;
use kameo_actors::pubsub::{PubSub, Publish, Subscribe};

use crate::subject::{Item, MAILBOX, Make, Subject, Worker};

pub struct Kameo;

pub struct Player(Worker<Kameo>);

impl Actor for Player {
    type Args = Player;
    type Error = Infallible;

    async fn on_start(player: Player, _: ActorRef<Player>) -> Result<Player, Infallible> {
        Ok(player)
    }
}

impl Message<Item> for Player {
    type Reply = ();

    async fn handle(&mut self, item: Item, _: &mut Context<Self, ()>) {
        self.0.handle(item).await;
    }
}

pub struct Ask(u64);

impl Message<Ask> for Player {
    type Reply = u64;

    async fn handle(&mut self, Ask(number): Ask, _: &mut Context<Self, u64>) -> u64 {
        number
    }
}

pub struct Parent;

impl Actor for Parent {
    type Args = Parent;
    type Error = Infallible;

    async fn on_start(parent: Parent, _: ActorRef<Parent>) -> Result<Parent, Infallible> {
        Ok(parent)
    }
}

impl Subject for Kameo {
    const NAME: &'static str = "kameo";
    type Address = ActorRef<Player>;
    type Keeper = (ActorRef<Parent>, ActorRef<Player>);
    type Topic = ActorRef<PubSub<Item>>;

    async fn spawn(worker: Worker<Kameo>) -> Self::Address {
        Player::spawn_with_mailbox(Player(worker), mailbox::bounded(MAILBOX))
    }

    async fn tell(to: &Self::Address, item: Item) {
        let _ = to.tell(item).await;
    }

    async fn ask(to: &Self::Address, number: u64) -> Option<u64> {
        to.ask(Ask(number)).await.ok()
    }

    async fn supervise(make: Make<Kameo>) -> Result<Self::Keeper, &'static str> {
        let parent = Parent::spawn(Parent);
        let player = Player::supervise_with(&parent, move || Player(make()))
            .restart_policy(RestartPolicy::Permanent)
            .restart_limit(u32::MAX, Duration::from_secs(1))
            .spawn_with_mailbox(mailbox::bounded(MAILBOX))
            .await;
        Ok((parent, player))
    }

    fn current(keeper: &Self::Keeper) -> Self::Address {
        keeper.1.clone()
    }

    async fn topic(subscribers: Vec<Self::Address>) -> Self::Topic {
        let topic =
            PubSub::spawn_with_mailbox(PubSub::new(DeliveryStrategy::Guaranteed), mailbox::bounded(MAILBOX));
        for subscriber in subscribers {
            let _ = topic.tell(Subscribe(subscriber)).await;
        }
        topic
    }

    async fn publish(topic: &Self::Topic, item: Item) {
        let _ = topic.tell(Publish(item)).await;
    }
}
