//! Deadlines of questions: sleeps that are used again and again, since putting a timer
//! off costs far less than making one and taking it out again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::sync::{Mutex, lock};
use super::system::Shared;

/// Sleeps that are kept for the next question.
const KEPT: usize = 64;

#[derive(Default)]
pub(super) struct Sleeps {
    idle: Mutex<Vec<Pin<Box<Sleep>>>>,
}

const YEAR: Duration = Duration::from_secs(86_400 * 365);

/// Waits for a time once, and goes back to where it came from.
pub(super) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    system: Arc<Shared>,
}

impl Deadline {
    pub(super) fn new(system: &Arc<Shared>, within: Duration) -> Deadline {
        let idle = lock(&system.sleeps().idle).pop();
        let sleep = match idle {
            Some(mut sleep) => {
                // A duration beyond what the clock holds is as good as never.
                sleep.as_mut().reset(Instant::now() + within.min(YEAR));
                sleep
            }
            None => Box::pin(tokio::time::sleep(within)),
        };
        Deadline { sleep: Some(sleep), system: Arc::clone(system) }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let mut idle = lock(&self.system.sleeps().idle);
        if idle.len() < KEPT
            && let Some(sleep) = self.sleep.take()
        {
            idle.push(sleep);
        }
    }
}
