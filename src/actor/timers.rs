//! An actor's own timers: all of them wait behind one sleep, which only those who
//! have any pay for.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::later::later;

/// A timer, to cancel it by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimerId(u64);

enum What<M> {
    Once(M),
    Every { period: Duration, make: Box<dyn FnMut() -> M + Send> },
}

pub(super) struct Timers<M> {
    due: BTreeMap<(Instant, TimerId), What<M>>,
    next: u64,
    /// How long without a message is idle, and since when none came.
    idle: Option<(Duration, Instant)>,
    sleep: Pin<Box<Sleep>>,
}

/// What was waited for.
pub(super) enum Due<M> {
    Message(M),
    Idle,
}

impl<M> Timers<M> {
    pub(super) fn new() -> Timers<M> {
        Timers {
            due: BTreeMap::new(),
            next: 0,
            idle: None,
            sleep: Box::pin(tokio::time::sleep_until(Instant::now())),
        }
    }

    pub(super) fn once(&mut self, after: Duration, message: M) -> TimerId {
        self.add(later(Instant::now(), after), What::Once(message))
    }

    pub(super) fn every(&mut self, period: Duration, make: Box<dyn FnMut() -> M + Send>) -> TimerId {
        let period = period.max(Duration::from_millis(1));
        self.add(later(Instant::now(), period), What::Every { period, make })
    }

    fn add(&mut self, due: Instant, what: What<M>) -> TimerId {
        self.next += 1;
        let id = TimerId(self.next);
        self.due.insert((due, id), what);
        id
    }

    pub(super) fn cancel(&mut self, id: TimerId) -> bool {
        let key = self.due.keys().find(|(_, timer)| *timer == id).copied();
        key.and_then(|key| self.due.remove(&key)).is_some()
    }

    pub(super) fn set_idle(&mut self, after: Option<Duration>) {
        self.idle = after.map(|after| (after, Instant::now()));
    }

    /// A message came: idleness is counted from now.
    pub(super) fn not_idle(&mut self) {
        if let Some((_, since)) = &mut self.idle {
            *since = Instant::now();
        }
    }

    /// What is due now; else wakes the task when the next is.
    pub(super) fn poll(&mut self, context: &mut TaskContext<'_>) -> Poll<Due<M>> {
        loop {
            let now = Instant::now();
            if let Some((&(due, id), _)) = self.due.first_key_value()
                && due <= now
                && let Some(what) = self.due.remove(&(due, id))
            {
                return Poll::Ready(Due::Message(match what {
                    What::Once(message) => message,
                    What::Every { period, mut make } => {
                        let message = make();
                        // Those that were missed are left out, and the beat is kept.
                        let missed = (now - due).as_nanos() / period.as_nanos().max(1);
                        let beats = u32::try_from(missed + 1).unwrap_or(u32::MAX);
                        let next = later(due, period.saturating_mul(beats));
                        self.due.insert((next, id), What::Every { period, make });
                        message
                    }
                }));
            }
            if let Some((after, since)) = &mut self.idle
                && later(*since, *after) <= now
            {
                *since = now;
                return Poll::Ready(Due::Idle);
            }
            let first = self.due.first_key_value().map(|(&(due, _), _)| due);
            let idle = self.idle.map(|(after, since)| later(since, after));
            let Some(next) = first.into_iter().chain(idle).min() else { return Poll::Pending };
            if self.sleep.deadline() != next {
                self.sleep.as_mut().reset(next);
            }
            if self.sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
