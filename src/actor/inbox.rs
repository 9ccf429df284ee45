use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;
use tracing::Instrument;

use super::behave::Actor;
use super::cell::{Cell, TIMED_EVERY};
use super::context::Context;
use super::fault::Outcome;
use super::identity::{self, Stamp};
use super::mailbox::Envelope;

/// The messages an actor has in hand. They outlive an incarnation: what was not
/// taken out is taken by the next.
pub struct Inbox<M> {
    cell: Arc<Cell<M>>,
    hand: VecDeque<Envelope<M>>,
    /// How many of those in hand come before all ordinary ones.
    front: usize,
    stamp: Option<Stamp>,
    label: fn(&M) -> u32,
    has_labels: bool,
    handled: u64,
    timing: Option<Instant>,
}

impl<M: Send + 'static> Inbox<M> {
    pub(super) fn new(cell: Arc<Cell<M>>, label: fn(&M) -> u32) -> Inbox<M> {
        let has_labels = !cell.core.labels.is_empty();
        Inbox {
            cell,
            hand: VecDeque::new(),
            front: 0,
            stamp: None,
            label,
            has_labels,
            handled: 0,
            timing: None,
        }
    }

    /// The next message, which counts as handled then; `None` when there is nothing in
    /// hand, or something more urgent is to be seen to first.
    #[allow(clippy::should_implement_trait)] // An iterator would promise more than a hand holds.
    pub fn next(&mut self) -> Option<M> {
        if self.timing.is_some() {
            self.end_timing();
        }
        let core = &self.cell.core;
        if core.attention.load(Ordering::Relaxed) {
            return None;
        }
        let envelope = self.hand.pop_front()?;
        self.front = self.front.saturating_sub(1);
        self.handled += 1;
        core.in_hand.store(self.hand.len(), Ordering::Relaxed);
        core.handled.store(self.handled, Ordering::Relaxed);
        self.stamp = Some(envelope.stamp);
        identity::follow(envelope.stamp.correlation);
        if self.has_labels {
            core.label.store((self.label)(&envelope.message), Ordering::Relaxed);
        }
        if self.handled % TIMED_EVERY == TIMED_EVERY / 4 {
            self.timing = Some(Instant::now());
        }
        if core.system.traces() {
            core.system.trace_delivery(&core.path, envelope.stamp);
        }
        Some(envelope.message)
    }

    /// How many messages are in hand.
    pub fn len(&self) -> usize {
        self.hand.len()
    }

    /// Whether no message is in hand.
    pub fn is_empty(&self) -> bool {
        self.hand.is_empty()
    }

    /// The stamp of the message taken last.
    pub fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    pub(super) fn end_timing(&mut self) {
        if let Some(begun) = self.timing.take() {
            self.cell.core.note_handling(begun.elapsed());
        }
    }

    /// Takes what waits in hand; `false` where nothing does.
    pub(super) fn fill(&mut self) -> bool {
        if !self.hand.is_empty() {
            return true;
        }
        let has_some = self.cell.mailbox.take(&mut self.hand, &mut self.front);
        self.cell.core.in_hand.store(self.hand.len(), Ordering::Relaxed);
        has_some
    }

    pub(super) fn fill_urgent(&mut self) {
        self.cell.mailbox.take_urgent(&mut self.hand, &mut self.front);
    }

    /// A message of the actor's own, before all ordinary ones: a timer's.
    pub(super) fn put_first(&mut self, message: M) {
        self.hand.insert(self.front, Envelope { stamp: identity::stamp(), edge: 0, message });
        self.front += 1;
    }

    pub(super) fn into_rest(self) -> VecDeque<Envelope<M>> {
        self.hand
    }

    fn span(&self) -> tracing::Span {
        let core = &self.cell.core;
        match self.stamp {
            Some(stamp) => tracing::debug_span!(
                "message",
                actor = &*core.path,
                sender = stamp.sender.0,
                sequence = stamp.sequence,
                correlation = stamp.correlation
            ),
            None => tracing::Span::none(),
        }
    }
}

/// How messages are taken where an actor says nothing else.
pub(super) async fn one_by_one<A: Actor>(
    actor: &mut A,
    inbox: &mut Inbox<A::Message>,
    context: &mut Context<A>,
) -> Outcome {
    while let Some(message) = inbox.next() {
        context.stamp = inbox.stamp;
        let span = inbox.span();
        let behaviour = context.behaviours.last().copied();
        match (behaviour, span.is_disabled()) {
            (None, true) => actor.handle(message, context).await?,
            // Boxed, or every actor would keep room for both.
            (None, false) => Box::pin(actor.handle(message, context)).instrument(span).await?,
            (Some(behaviour), _) => behaviour(actor, message, context).instrument(span).await?,
        }
        if context.stop {
            break;
        }
    }
    Ok(())
}
