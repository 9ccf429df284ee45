use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::sourced::EventSourced;

/// What befalls a state, as [`Journal::observe`](super::Journal::observe) tells it.
pub enum Seen<'a, S: EventSourced> {
    /// An event was applied.
    Event(&'a S::Event),
    /// The state was read from a snapshot: of the events between the one before and this one there is no word.
    Anew(&'a S),
}

pub(super) type Observer<S> = Box<dyn FnMut(Seen<'_, S>) + Send>;

/// A state that others may look at while its journal goes on. Cheap to clone.
pub struct View<S>(Arc<RwLock<S>>);

impl<S> Clone for View<S> {
    fn clone(&self) -> View<S> {
        View(Arc::clone(&self.0))
    }
}

impl<S> View<S> {
    /// Looks at it. Never waits for the disk: only for an event to be applied.
    pub fn read<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(&self.guard())
    }

    fn guard(&self) -> RwLockReadGuard<'_, S> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a process knows of a stream.
pub(super) struct Replica<S: EventSourced> {
    state: View<S>,
    /// The number of the last event applied; the first is 1.
    pub(super) number: u64,
    /// The event after which the last snapshot that is known of was taken.
    pub(super) snapshot: u64,
    /// Events up to this one are in an older snapshot that can be read, and may go.
    pub(super) may_go: u64,
    observer: Option<Observer<S>>,
}

impl<S: EventSourced> Replica<S> {
    pub(super) fn new() -> Replica<S> {
        let state = View(Arc::new(RwLock::new(S::default())));
        Replica { state, number: 0, snapshot: 0, may_go: 0, observer: None }
    }

    pub(super) fn view(&self) -> &View<S> {
        &self.state
    }

    pub(super) fn observe(&mut self, observer: Observer<S>) {
        self.observer = Some(observer);
    }

    pub(super) fn state(&self) -> RwLockReadGuard<'_, S> {
        self.state.guard()
    }

    /// Another state in its place; whoever looks sees only the one or the other.
    pub(super) fn set(&mut self, state: S, number: u64) {
        *self.state.0.write().unwrap_or_else(PoisonError::into_inner) = state;
        self.number = number;
    }

    /// As [`set`](Self::set), by a snapshot.
    pub(super) fn begin_at(&mut self, state: S, number: u64) {
        self.set(state, number);
        if let Some(observer) = &mut self.observer {
            observer(Seen::Anew(&*self.state.guard()));
        }
    }

    /// Knows nothing any more.
    pub(super) fn forget(&mut self) {
        self.set(S::default(), 0);
        (self.snapshot, self.may_go) = (0, 0);
    }

    /// What has become durable.
    pub(super) fn apply(&mut self, events: &[S::Event]) {
        if events.is_empty() {
            return;
        }
        {
            let mut state = self.state.0.write().unwrap_or_else(PoisonError::into_inner);
            for event in events {
                state.apply(event);
            }
        }
        self.number += events.len() as u64;
        self.tell(events);
    }

    /// As [`apply`](Self::apply), where the state that they come to is at hand.
    pub(super) fn advance(&mut self, state: S, events: &[S::Event]) {
        self.set(state, self.number + events.len() as u64);
        self.tell(events);
    }

    fn tell(&mut self, events: &[S::Event]) {
        if let Some(observer) = &mut self.observer {
            events.iter().for_each(|event| observer(Seen::Event(event)));
        }
    }
}
