use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::kitchen::{Kitchen, Span};
use super::{Backend, Failure, FailureKind, Product, Request, Watch};
use crate::actor::{Actor, Context, Fault, FaultKind, Outcome};

/// A request in hand.
pub struct Job {
    pub(super) request: Arc<Request>,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) span: Span,
    pub(super) watch: Watch,
    pub(super) reply: oneshot::Sender<Result<Product, Failure>>,
}

/// A member of the pool: takes one request at a time through the kitchen.
pub struct Generator {
    kitchen: Arc<Kitchen>,
}

impl Generator {
    /// The line to a server broke, or it was never reached.
    pub const NETWORK: FaultKind = FaultKind("network");
    /// A backend took longer than it may.
    pub const TIMEOUT: FaultKind = FaultKind("timeout");

    pub(super) fn new(kitchen: Arc<Kitchen>) -> Generator {
        Generator { kitchen }
    }
}

impl Actor for Generator {
    type Message = Job;
    const LABELS: &'static [&'static str] = &["generate"];

    async fn handle(&mut self, mut job: Job, _: &mut Context<Generator>) -> Outcome {
        let work = self.kitchen.make(&job.request, &*job.backend, job.span, &job.watch);
        let work = timeout_at(job.span.deadline, work);
        let made = tokio::select! {
            biased;
            // Nobody wants it any more: what was under way is dropped here.
            () = job.reply.closed() => return Ok(()),
            made = work => made,
        };
        let made = made.unwrap_or_else(|_| {
            Err(Failure::new(
                FailureKind::Timeout,
                format!("`{}` was not done in time; allow it more, or ask for less", job.request.backend),
            ))
        });
        let fault = match &made {
            Err(failure) if failure.kind == FailureKind::Network => Some(Generator::NETWORK),
            Err(failure) if failure.kind == FailureKind::Timeout => Some(Generator::TIMEOUT),
            _ => None,
        };
        let said = made.as_ref().err().map(ToString::to_string);
        // Where nobody listens any more nothing is lost.
        let _ = job.reply.send(made);
        match fault {
            Some(kind) => Err(Fault::new(kind, said.unwrap_or_default())),
            None => Ok(()),
        }
    }
}
