//! What a careful user of tokio writes without any actor crate.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::subject::{Item, MAILBOX, Make, Subject, Worker};

pub enum Message {
    Tell(Item),
    Ask(u64, oneshot::Sender<u64>),
}

pub struct Raw;

async fn handle(worker: &mut Worker<Raw>, message: Message) {
    match message {
        Message::Tell(item) => worker.handle(item).await,
        Message::Ask(number, answer) => drop(answer.send(number)),
    }
}

impl Subject for Raw {
    const NAME: &'static str = "tokio mpsc";
    type Address = mpsc::Sender<Message>;
    type Keeper = mpsc::Sender<Message>;
    type Topic = Vec<mpsc::Sender<Message>>;

    async fn spawn(mut worker: Worker<Raw>) -> Self::Address {
        let (sender, mut receiver) = mpsc::channel(MAILBOX);
        tokio::spawn(async move {
            while let Some(message) = receiver.recv().await {
                handle(&mut worker, message).await;
            }
        });
        sender
    }

    async fn spawn_batched(mut worker: Worker<Raw>) -> Option<Self::Address> {
        let (sender, mut receiver) = mpsc::channel(MAILBOX);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(64);
            while receiver.recv_many(&mut batch, 64).await > 0 {
                for message in batch.drain(..) {
                    handle(&mut worker, message).await;
                }
            }
        });
        Some(sender)
    }

    async fn tell(to: &Self::Address, item: Item) {
        let _ = to.send(Message::Tell(item)).await;
    }

    async fn ask(to: &Self::Address, number: u64) -> Option<u64> {
        let (answer, answered) = oneshot::channel();
        to.send(Message::Ask(number, answer)).await.ok()?;
        answered.await.ok()
    }

    async fn supervise(make: Make<Raw>) -> Result<Self::Keeper, &'static str> {
        let (sender, receiver) = mpsc::channel::<Message>(MAILBOX);
        // The receiver outlives its task: what is queued survives a panic.
        let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
        tokio::spawn(async move {
            loop {
                let (receiver, mut worker) = (Arc::clone(&receiver), make());
                let task = tokio::spawn(async move {
                    let mut receiver = receiver.lock().await;
                    while let Some(message) = receiver.recv().await {
                        handle(&mut worker, message).await;
                    }
                });
                if !task.await.is_err_and(|error| error.is_panic()) {
                    break;
                }
            }
        });
        Ok(sender)
    }

    fn current(keeper: &Self::Keeper) -> Self::Address {
        keeper.clone()
    }

    async fn topic(subscribers: Vec<Self::Address>) -> Self::Topic {
        subscribers
    }

    async fn publish(topic: &Self::Topic, item: Item) {
        for subscriber in topic {
            let _ = subscriber.send(Message::Tell(item.clone())).await;
        }
    }
}
