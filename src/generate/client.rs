//! The client of model servers: keeps to its limits whatever the server does.
//!
//! One client is one server. Each try of a call takes a place among those in flight, then a token, then
//! the breaker's leave; what may succeed is tried again, later each time. All of it by tokio's clock.

mod actor;
mod date;
mod http;
pub(super) mod judge;
mod secret;
mod server;
#[cfg(test)]
mod tests;
mod tls;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Failure, FailureKind, Progress, Stage};
use crate::actor::{
    Address, AskError, Backoff, Breaker, BreakerSettings, BreakerState, Bulkhead, Limiter, Rate, Refusal,
    Retry, RetryError, Setback, WhenOpen, scatter,
};
use crate::unit::InSeconds;
use http::{Http, Sent, Wire};

pub(super) use actor::Roster;
pub use actor::{Arrived, ModelClient, ModelClients, Posted};
pub use secret::{Secret, Secrets};
pub use server::Server;

/// An actor that died with a call may be back by then.
const GRACE: Duration = Duration::from_secs(1);
/// A call ends by so much before whoever waits for it goes away, so that a server that hangs is told apart
/// from one that nobody waits for.
const BEFORE: Duration = Duration::from_millis(50);
/// A try takes no more of the time that is left, so that one that hangs is tried again.
const SHARE: f64 = 0.75;

/// What a client keeps to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limits {
    /// So many tries under way at a time.
    pub in_flight: usize,
    /// So many more wait; the next is refused.
    pub waiting: usize,
    /// How often there may be a try.
    pub rate: Rate,
    /// So many failed tries in a row, and the server is left alone for so long.
    pub breaker: BreakerSettings,
    /// Tries of one call, the first included. One that is not the last is cut off after three quarters of the time
    /// that is left, where another is worth it then.
    pub tries: u32,
    /// Between them.
    pub backoff: Backoff,
    /// A call takes no longer, waiting included.
    pub deadline: Duration,
    /// A connection takes no longer.
    pub connect: Duration,
    /// An answer is no longer.
    pub body_bytes: u64,
}

impl Default for Limits {
    /// 10 in flight and 1,024 waiting; 10 a second after a burst of 20; 5 failures, then 30 s; 3 tries, 0.5 s
    /// after the first and twice that after the second; 120 s, of them 10 s for a connection; 64 MiB.
    fn default() -> Limits {
        // PANIC: 20 is not 0.
        let burst = NonZeroU32::new(20).expect("not 0");
        Limits {
            in_flight: 10,
            waiting: 1_024,
            rate: Rate { every: Duration::from_millis(100), burst },
            breaker: BreakerSettings { failures: 5, pause: Duration::from_secs(30) },
            tries: 3,
            backoff: Backoff { first: Duration::from_millis(500), ..Backoff::default() },
            deadline: Duration::from_secs(120),
            connect: Duration::from_secs(10),
            body_bytes: 64 << 20,
        }
    }
}

/// A successful answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// All of it.
    pub body: Vec<u8>,
}

/// An answer, and after how many tries.
pub type Answered = (Answer, u32);

/// JSON to be posted.
pub struct Post<'a> {
    /// To where.
    pub url: Url,
    /// What may come back.
    pub accept: &'static str,
    /// The JSON.
    pub body: &'a serde_json::Value,
    /// When the request came that it is for.
    pub begun: Instant,
    /// It ends by then, or at the client's own deadline.
    pub deadline: Instant,
    /// Hears of each further try.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// A call as the actor takes it.
pub(in crate::generate) struct Call {
    sent: Sent,
    /// When the request came that it is for.
    begun: Instant,
    deadline: Instant,
    /// Says how far it is; closed where nobody waits for the answer any more.
    words: watch::Sender<String>,
}

/// How a call went.
struct Asked {
    tries: u32,
    /// How long the request had waited when the first try began.
    before: Duration,
    /// How long ago that was.
    since: Duration,
}

/// A client of one server; clones share its limits.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

pub(in crate::generate) struct Shared {
    server: Server,
    limits: Limits,
    wire: Box<dyn Wire>,
    bulkhead: Bulkhead,
    limiter: Limiter,
    breaker: Breaker,
    calls: AtomicU64,
    actor: Mutex<Option<Address<Posted>>>,
}

impl Client {
    /// A client that speaks HTTP. To be made within a runtime of tokio's.
    ///
    /// # Errors
    /// [`FailureKind::Config`]: a key that cannot be sent, or no TLS.
    pub fn new(server: Server, limits: Limits) -> Result<Client, Failure> {
        let http = Http::new(&server, limits.connect, limits.body_bytes)?;
        Ok(Client::over(server, limits, Box::new(http)))
    }

    fn over(server: Server, limits: Limits, wire: Box<dyn Wire>) -> Client {
        Client(Arc::new(Shared {
            bulkhead: Bulkhead::new(limits.in_flight, limits.waiting),
            limiter: Limiter::new(limits.rate),
            breaker: Breaker::new(limits.breaker),
            calls: AtomicU64::new(0),
            actor: Mutex::new(None),
            server,
            limits,
            wire,
        }))
    }

    /// Its server.
    pub fn server(&self) -> &Server {
        &self.0.server
    }

    /// How many calls it takes at a time.
    pub fn in_flight(&self) -> usize {
        self.0.limits.in_flight
    }

    /// How its breaker stands.
    pub fn breaker(&self) -> BreakerState {
        self.0.breaker.state()
    }

    /// Builds the incarnations of its actor. While that stands in a tree, calls go through it; else they
    /// are made by whoever waits for them.
    pub fn actor(&self) -> impl FnMut() -> ModelClient + Send + 'static {
        let shared = Arc::clone(&self.0);
        move || ModelClient::new(Arc::clone(&shared))
    }

    /// Posts JSON. Dropped, it leaves nothing behind.
    ///
    /// # Errors
    /// [`Failure`], with its tries.
    pub async fn post(&self, post: Post<'_>) -> Result<Answered, Failure> {
        let now = Instant::now();
        let left = post.deadline.saturating_duration_since(now);
        let deadline = now + (left - BEFORE.min(left / 2)).min(self.0.limits.deadline);
        let (words, mut heard) = watch::channel(String::new());
        let sent =
            Sent { url: post.url, accept: post.accept, body: post.body.to_string().into_bytes().into() };
        let answered = self.call(Call { sent, begun: post.begun, deadline, words });
        tokio::pin!(answered);
        loop {
            tokio::select! {
                biased;
                answered = &mut answered => return answered,
                Ok(()) = heard.changed() => {
                    let words = heard.borrow_and_update().clone();
                    (post.progress)(Progress { stage: Stage::Drafting, done: None, words });
                }
            }
        }
    }

    async fn call(&self, call: Call) -> Result<Answered, Failure> {
        let actor = self.0.actor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(actor) = actor.filter(|actor| !actor.is_stopped()) else {
            return self.0.serve(&call).await;
        };
        let within = call.deadline.saturating_duration_since(Instant::now()) + GRACE;
        match actor.ask_within(within, |reply| Posted { call, reply }).await {
            Ok(answered) => answered,
            Err(AskError::Deadline { .. }) => {
                Err(Failure::new(FailureKind::Timeout, format!("{} was not asked in time", self.0.named())))
            }
            Err(AskError::NoAnswer | AskError::Stopped) => {
                let message =
                    format!("the client of {} failed and was started anew: try again", self.0.named());
                Err(Failure::new(FailureKind::Fault, message))
            }
        }
    }
}

impl Shared {
    fn named(&self) -> String {
        self.server.named()
    }

    fn attend(&self, actor: Address<Posted>) {
        *self.actor.lock().unwrap_or_else(PoisonError::into_inner) = Some(actor);
    }

    /// Calls under way at a time, those that wait for their next try included.
    fn calls_at_most(&self) -> usize {
        self.limits.in_flight + self.limits.waiting
    }

    async fn serve(&self, call: &Call) -> Result<Answered, Failure> {
        let limits = &self.limits;
        let whole = call.deadline.saturating_duration_since(call.begun).min(limits.deadline);
        let retry = Retry {
            tries: limits.tries,
            backoff: limits.backoff,
            limit: call.deadline.saturating_duration_since(Instant::now()),
            share: SHARE,
            patience: whole / 2,
            seed: scatter(u64::from(std::process::id()), self.calls.fetch_add(1, Ordering::Relaxed)),
            bulkhead: Some(self.bulkhead.clone()),
            limiter: Some(self.limiter.clone()),
            breaker: Some(self.breaker.clone()),
            when_open: WhenOpen::GiveUp,
        };
        let (tries, first) = (AtomicU32::new(0), OnceLock::new());
        let result = retry.run(|attempt| self.attempt(call, attempt, &tries, &first)).await;
        let tries = tries.into_inner();
        let first = first.into_inner().unwrap_or_else(Instant::now);
        let asked =
            Asked { tries, before: first.saturating_duration_since(call.begun), since: first.elapsed() };
        result.map(|answer| (answer, tries)).map_err(|error| self.failure(error, &asked).after(tries))
    }

    async fn attempt(
        &self,
        call: &Call,
        attempt: u32,
        tries: &AtomicU32,
        first: &OnceLock<Instant>,
    ) -> Result<Answer, Failure> {
        tries.fetch_add(1, Ordering::Relaxed);
        first.get_or_init(Instant::now);
        if attempt > 0 {
            let _ = call.words.send(format!("try {} of {}", attempt + 1, self.limits.tries));
        }
        match self.wire.post(&call.sent).await {
            Ok(raw) => judge::answer(&self.server, raw),
            Err(trouble) => Err(judge::trouble(&self.server, trouble)),
        }
    }

    fn failure(&self, error: RetryError<Failure>, asked: &Asked) -> Failure {
        match error {
            RetryError::Final(failure) => failure,
            RetryError::Exhausted { tries, last: Setback::Failed(failure) } if tries > 1 => {
                Failure { message: format!("{} (tried {tries} times)", failure.message), ..failure }
            }
            RetryError::Exhausted { last, .. } => self.set_back(last, asked),
            RetryError::Late { last: Some(Setback::Failed(failure)), limit, .. } => Failure {
                message: format!(
                    "{} (and another try does not fit into the {} there were)",
                    failure.message,
                    InSeconds(limit)
                ),
                ..failure
            },
            RetryError::Late { last: Some(last), .. } => self.set_back(last, asked),
            RetryError::Late { last: None, .. } => self.silent(asked),
            RetryError::Refused { why, last, .. } => self.refused(why, last, asked),
        }
    }

    /// It was asked and has not answered.
    fn silent(&self, asked: &Asked) -> Failure {
        let turn = match asked.before > asked.since {
            true => format!(" since its turn came, {} after the request", InSeconds(asked.before)),
            false => String::new(),
        };
        let tried = if asked.tries > 1 { format!(" (tried {} times)", asked.tries) } else { String::new() };
        let message = format!(
            "{} has not answered within {}{turn}: ask for less, or allow more time{tried}",
            self.named(),
            InSeconds(asked.since)
        );
        Failure::new(FailureKind::Timeout, message)
    }

    fn refused(&self, why: Refusal, last: Option<Setback<Failure>>, asked: &Asked) -> Failure {
        let named = self.named();
        match why {
            Refusal::Open(open) => {
                // Its trial is under way where there is nothing to wait for: that takes a moment too.
                let wait = open.wait.max(Duration::from_secs(1));
                let because = match last {
                    Some(Setback::Failed(failure)) => format!(" (the last time: {})", failure.message),
                    Some(Setback::Late(_)) => {
                        format!(" (the last time: no answer within {})", InSeconds(asked.since))
                    }
                    _ => String::new(),
                };
                let seconds = wait.as_secs_f64().ceil();
                let message =
                    format!("{named} failed too often{because}; it is asked again in {seconds} s: try then");
                Failure::new(FailureKind::Busy, message).waiting(wait)
            }
            Refusal::NoPlace(_) => {
                let message =
                    format!("{} requests wait for {named} already: try again later", self.limits.waiting);
                Failure::new(FailureKind::Busy, message)
            }
        }
    }

    /// What is said where a try was not even made.
    fn set_back(&self, setback: Setback<Failure>, asked: &Asked) -> Failure {
        let busy = |wait| {
            let message = format!("too many requests wait for {}: try again later", self.named());
            Failure::new(FailureKind::Busy, message).waiting(wait)
        };
        match setback {
            Setback::Failed(failure) => failure,
            Setback::Late(_) => self.silent(asked),
            Setback::Open(open) => self.refused(Refusal::Open(open), None, asked),
            Setback::TooSoon(too_soon) => busy(too_soon.wait),
            Setback::NoPlace(_) => busy(Duration::ZERO),
        }
    }
}
