use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::address::Address;
use super::error::TellError;
use super::mailbox::{Full, Taken};

/// What to do where the mailbox is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Wait for room.
    Wait,
    /// Drop the message.
    DropNewest,
    /// Drop the oldest message of the same edge that waits; the message itself where
    /// there is none.
    DropOldest,
    /// At most one message of the edge waits: a later one takes its place, full or not.
    LatestWins,
    /// Give the message back.
    Fail,
}

impl Policy {
    /// The word used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Policy::Wait => "wait",
            Policy::DropNewest => "drop_newest",
            Policy::DropOldest => "drop_oldest",
            Policy::LatestWins => "latest_wins",
            Policy::Fail => "fail",
        }
    }
}

/// What an edge has carried.
#[derive(Debug)]
pub(super) struct EdgeCount {
    pub(super) from: Box<str>,
    pub(super) policy: Policy,
    pub(super) sent: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// An address with a policy, whose losses are counted. Clones are the same edge.
#[derive(Clone)]
pub struct Edge<M> {
    address: Address<M>,
    number: u32,
    count: Arc<EdgeCount>,
}

impl<M: Send + 'static> Edge<M> {
    pub(super) fn new(address: Address<M>, from: &str, policy: Policy) -> Edge<M> {
        let count = Arc::new(EdgeCount {
            from: from.into(),
            policy,
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let number = address.cell().core.with_rare(|rare| {
            rare.edges.retain(|edge| edge.strong_count() > 0);
            rare.edges.push(Arc::downgrade(&count));
            rare.next_edge += 1;
            rare.next_edge
        });
        Edge { address, number, count }
    }

    /// Where it goes.
    pub fn address(&self) -> &Address<M> {
        &self.address
    }

    /// Sends by the edge's policy; waits only where that is [`Policy::Wait`].
    ///
    /// # Errors
    /// [`TellError::Stopped`]; [`TellError::Full`] where the policy is [`Policy::Fail`].
    pub async fn send(&self, message: M) -> Result<(), TellError<M>> {
        if self.count.policy != Policy::Wait {
            return self.offer(message);
        }
        let mut telling = self.address.tell_by(message, self.number);
        let sent = poll_fn(|context| telling.poll_taken(context)).await;
        self.count(sent).map(drop)
    }

    /// Sends by the edge's policy, without waiting: one that waits gives the message back.
    ///
    /// # Errors
    /// [`TellError::Stopped`]; [`TellError::Full`] where the policy is [`Policy::Fail`]
    /// or [`Policy::Wait`].
    pub fn offer(&self, message: M) -> Result<(), TellError<M>> {
        self.try_offer(message).map(drop)
    }

    /// As [`offer`](Self::offer); tells whether the message was taken in.
    pub(super) fn try_offer(&self, message: M) -> Result<bool, TellError<M>> {
        let sent = match self.count.policy {
            Policy::LatestWins => self.address.replace(message, self.number),
            Policy::DropOldest => self.address.push(message, self.number, Full::DropOldest),
            Policy::Wait | Policy::Fail | Policy::DropNewest => {
                self.address.push(message, self.number, Full::Refuse)
            }
        };
        self.count(sent)
    }

    fn count(&self, sent: Result<Taken, TellError<M>>) -> Result<bool, TellError<M>> {
        match sent {
            Ok(taken) => {
                self.count.sent.fetch_add(1, Ordering::Relaxed);
                if taken.displaced {
                    self.count.dropped.fetch_add(1, Ordering::Relaxed);
                }
                Ok(true)
            }
            Err(TellError::Full(_)) if !matches!(self.count.policy, Policy::Wait | Policy::Fail) => {
                self.count.dropped.fetch_add(1, Ordering::Relaxed);
                Ok(false)
            }
            Err(error) => {
                self.count.refused.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Messages taken in.
    pub fn sent(&self) -> u64 {
        self.count.sent.load(Ordering::Relaxed)
    }

    /// Messages lost to the policy.
    pub fn dropped(&self) -> u64 {
        self.count.dropped.load(Ordering::Relaxed)
    }

    /// Messages given back.
    pub fn refused(&self) -> u64 {
        self.count.refused.load(Ordering::Relaxed)
    }
}
