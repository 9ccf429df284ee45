//! xtra: bounded mailboxes that may have several takers; supervision is left to the user.

use xtra::{Actor, Address, Context, Handler, Mailbox};

use crate::subject::{Item, MAILBOX, Make, Subject, Worker};

pub struct Xtra;

pub struct Player(Worker<Xtra>);

impl Actor for Player {
    type Stop = ();

    async fn stopped(self) {}
}

impl Handler<Item> for Player {
    type Return = ();

    async fn handle(&mut self, item: Item, _: &mut Context<Player>) {
        self.0.handle(item).await;
    }
}

pub struct Ask(u64);

impl Handler<Ask> for Player {
    type Return = u64;

    async fn handle(&mut self, Ask(number): Ask, _: &mut Context<Player>) -> u64 {
        number
    }
}

impl Subject for Xtra {
    const NAME: &'static str = "xtra";
    type Address = Address<Player>;
    type Keeper = Address<Player>;
    type Topic = Vec<Address<Player>>;

    async fn spawn(worker: Worker<Xtra>) -> Self::Address {
        xtra::spawn_tokio(Player(worker), Mailbox::bounded(MAILBOX))
    }

    async fn tell(to: &Self::Address, item: Item) {
        // Detached: waits for room, not for the handler.
        let _ = to.send(item).detach().await;
    }

    async fn ask(to: &Self::Address, number: u64) -> Option<u64> {
        to.send(Ask(number)).await.ok()
    }

    async fn supervise(make: Make<Xtra>) -> Result<Self::Keeper, &'static str> {
        let (address, mailbox) = Mailbox::bounded(MAILBOX);
        tokio::spawn(async move {
            while tokio::spawn(xtra::run(mailbox.clone(), Player(make())))
                .await
                .is_err_and(|error| error.is_panic())
            {}
        });
        Ok(address)
    }

    fn current(keeper: &Self::Keeper) -> Self::Address {
        keeper.clone()
    }

    async fn topic(subscribers: Vec<Self::Address>) -> Self::Topic {
        subscribers
    }

    async fn publish(topic: &Self::Topic, item: Item) {
        for subscriber in topic {
            let _ = subscriber.send(item.clone()).detach().await;
        }
    }
}
