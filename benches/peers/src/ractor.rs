//! ractor: unbounded mailboxes; a supervisor hears of a death and spawns anew by hand.

use ractor::port::OutputPort;
use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use tokio::sync::watch;

use crate::subject::{Item, Make, Subject, Worker};

pub struct Ractor;

pub enum Message {
    Tell(Item),
    Ask(u64, RpcReplyPort<u64>),
}

pub struct Player;

impl Actor for Player {
    type Msg = Message;
    type State = Worker<Ractor>;
    type Arguments = Worker<Ractor>;

    async fn pre_start(
        &self,
        _: ActorRef<Message>,
        worker: Worker<Ractor>,
    ) -> Result<Worker<Ractor>, ActorProcessingErr> {
        Ok(worker)
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        worker: &mut Worker<Ractor>,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Tell(item) => worker.handle(item).await,
            Message::Ask(number, answer) => drop(answer.send(number)),
        }
        Ok(())
    }
}

/// Starts a child, and another each time it dies; says where it is.
pub struct Parent(Make<Ractor>, watch::Sender<Option<ActorRef<Message>>>);

impl Parent {
    async fn start(&self, myself: &ActorRef<()>) -> Result<(), ActorProcessingErr> {
        let (child, _) = Actor::spawn_linked(None, Player, (self.0)(), myself.get_cell()).await?;
        self.1.send_replace(Some(child));
        Ok(())
    }
}

impl Actor for Parent {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        self.start(&myself).await
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(..) => self.start(&myself).await,
            _ => Ok(()),
        }
    }
}

impl Subject for Ractor {
    const NAME: &'static str = "ractor";
    type Address = ActorRef<Message>;
    type Keeper = (ActorRef<()>, watch::Receiver<Option<ActorRef<Message>>>);
    type Topic = OutputPort<Item>;

    async fn spawn(worker: Worker<Ractor>) -> Self::Address {
        Actor::spawn(None, Player, worker).await.expect("it starts").0
    }

    async fn tell(to: &Self::Address, item: Item) {
        let _ = to.cast(Message::Tell(item));
    }

    async fn ask(to: &Self::Address, number: u64) -> Option<u64> {
        match to.call(|answer| Message::Ask(number, answer), None).await {
            Ok(CallResult::Success(number)) => Some(number),
            _ => None,
        }
    }

    fn dismiss(address: Self::Address) {
        let _ = address.drain();
    }

    async fn supervise(make: Make<Ractor>) -> Result<Self::Keeper, &'static str> {
        let (found, current) = watch::channel(None);
        let (parent, _) = Actor::spawn(None, Parent(make, found), ()).await.expect("it starts");
        Ok((parent, current))
    }

    fn current(keeper: &Self::Keeper) -> Self::Address {
        keeper.1.borrow().clone().expect("the parent starts its child before itself")
    }

    async fn topic(subscribers: Vec<Self::Address>) -> Self::Topic {
        let topic = OutputPort::default();
        for subscriber in subscribers {
            topic.subscribe(subscriber, |item| Some(Message::Tell(item)));
        }
        topic
    }

    async fn publish(topic: &Self::Topic, item: Item) {
        topic.send(item);
    }
}
