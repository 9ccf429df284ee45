use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

use super::{Answered, Call, Client, Shared};
use crate::actor::{Actor, Address, Context, Options, Outcome, Reply};
use crate::generate::{Failure, FailureKind};

/// A call, and who waits for its answer.
pub struct Posted {
    pub(super) call: Call,
    pub(super) reply: Reply<Result<Answered, Failure>>,
}

/// The actor that asks a server: what is under way ends with it.
///
/// Its limits, its breaker and its connections are the client's, and outlive an incarnation.
pub struct ModelClient {
    shared: Arc<Shared>,
    under_way: JoinSet<()>,
}

impl ModelClient {
    pub(super) fn new(shared: Arc<Shared>) -> ModelClient {
        ModelClient { shared, under_way: JoinSet::new() }
    }
}

impl Actor for ModelClient {
    type Message = Posted;

    const LABELS: &'static [&'static str] = &["post"];

    async fn started(&mut self, context: &mut Context<ModelClient>) -> Outcome {
        self.shared.attend(context.address());
        Ok(())
    }

    async fn handle(&mut self, posted: Posted, _: &mut Context<ModelClient>) -> Outcome {
        while self.under_way.try_join_next().is_some() {}
        let Posted { call, reply } = posted;
        let most = self.shared.calls_at_most();
        if self.under_way.len() >= most {
            let message =
                format!("{most} requests wait for {} already: try again later", self.shared.named());
            let _ = reply.send(Err(Failure::new(FailureKind::Busy, message)));
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        self.under_way.spawn(async move {
            tokio::select! {
                answered = shared.serve(&call) => { let _ = reply.send(answered); }
                // Nobody waits for it any more.
                () = call.words.closed() => {}
            }
        });
        Ok(())
    }
}

/// The clients that there are, and who sees to their actors.
#[derive(Default)]
pub(in crate::generate) struct Roster {
    clients: Mutex<Vec<(String, Client)>>,
    keeper: Mutex<Option<Address<Arrived>>>,
}

impl Roster {
    /// A client is there now; its actor is started where there is a tree.
    pub fn enter(&self, name: &str, client: Client) {
        lock(&self.clients).push((name.to_owned(), client));
        if let Some(keeper) = &*lock(&self.keeper) {
            // Where it has no room for this it has another that says the same.
            let _ = keeper.try_tell(Arrived);
        }
    }
}

/// There is another client.
pub struct Arrived;

/// The supervisor of the clients' actors: each is started when its backend is first asked for.
pub struct ModelClients(Arc<Roster>);

impl ModelClients {
    pub(in crate::generate) fn new(roster: Arc<Roster>) -> ModelClients {
        ModelClients(roster)
    }

    fn attend(&self, context: &mut Context<ModelClients>) {
        let clients = lock(&self.0.clients).clone();
        for (name, client) in clients {
            if context.child(&name).is_none()
                && let Err(error) = context.spawn(&name, Options::new(), client.actor())
            {
                // Its calls are made by whoever waits for them.
                tracing::warn!(%error, "a client of a model server has no actor");
            }
        }
    }
}

impl Actor for ModelClients {
    type Message = Arrived;

    const LABELS: &'static [&'static str] = &["arrived"];

    async fn started(&mut self, context: &mut Context<ModelClients>) -> Outcome {
        *lock(&self.0.keeper) = Some(context.address());
        self.attend(context);
        Ok(())
    }

    async fn handle(&mut self, Arrived: Arrived, context: &mut Context<ModelClients>) -> Outcome {
        self.attend(context);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
