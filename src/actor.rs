//! Actors: what may fail without being heard, and who starts it again.
//!
//! An [`Actor`] has a place in a tree, a state of its own, and a bounded mailbox from
//! which it takes one message at a time. Its [`Address`] holds while incarnations of it
//! come and go, and so do the messages that wait. Each actor supervises its children
//! as it declared by [`Supervision`], by the rules of Erlang's OTP.
//!
//! Built on tokio's tasks and time. The mailbox is our own: channels have one end,
//! which dies with its reader, and one lane.

pub mod kit;

mod address;
mod backoff;
mod behave;
mod bell;
mod breaker;
mod bulkhead;
mod cell;
mod context;
mod deadline;
mod edge;
mod error;
mod family;
mod fault;
mod heirloom;
mod histogram;
mod identity;
mod inbox;
mod later;
mod limiter;
mod machine;
mod mailbox;
mod panic;
mod pool;
mod reply;
mod retry;
mod run;
mod scatter;
mod snapshot;
mod supervision;
mod supervisor;
mod sync;
mod system;
mod task;
mod timers;
mod topic;
mod trace;
mod watchdog;
mod window;

pub use address::{ASK_DEADLINE, Address, AnyAddress, Tell, WeakAddress};
pub use backoff::Backoff;
pub use behave::{Actor, Behaviour, Event};
pub use breaker::{Breaker, BreakerError, BreakerOpen, BreakerSettings, BreakerState, Pass};
pub use bulkhead::{Bulkhead, BulkheadError, Place};
pub use cell::Phase;
pub use context::Context;
pub use edge::{Edge, Policy};
pub use error::{AskError, PingError, SpawnError, StopError, TellError};
pub use fault::{Fault, FaultDetail, FaultKind, Outcome, StopReason};
pub use heirloom::{Heirloom, Held};
pub use identity::{ActorId, Stamp};
pub use inbox::Inbox;
pub use limiter::{Limiter, Rate, TooSoon};
pub use machine::{Drive, IllegalTransition, Machine, StateMachine, Step, Transition};
pub use pool::{Order, POOL_LIMIT, Pool, PoolKeeper, PoolOptions, ResizeError, Routing};
pub use reply::Reply;
pub use retry::{Refusal, Retry, RetryError, Retryable, Setback, WhenOpen};
pub use scatter::scatter;
pub use snapshot::{ActorReport, CurrentMessage, EdgeReport};
pub use supervision::{Directive, Directives, HealthCheck, Lifetime, Options, Strategy, Supervision};
pub use supervisor::{Children, Supervisor};
pub use system::{DeadLetter, DeadReason, Settings, Shutdown, System};
pub use task::{Reporter, Task, TaskError, TaskOptions, TaskState};
pub use timers::TimerId;
pub use topic::{Delivery, Subscription, SubscriptionEnd, Topic};
pub use trace::{TraceEntry, TraceKind};
pub use window::{Failures, Window};
