use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Answered, Call, Shared};
use crate::actor::{Actor, Context, Outcome, Reply};
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
