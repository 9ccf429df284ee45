use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turn, MutexGuard};

use super::entry::Entry;
use super::key::Key;

/// An error of a generation: all who wait for the same are told it.
pub trait FlightError: Clone + Send + Sync + 'static {
    /// Whether it is the affair of the one who generated alone (it was cancelled, its own time was up):
    /// then one of those who wait generates in its place.
    fn is_own(&self) -> bool {
        false
    }
}

/// How a generation ended.
pub(super) enum Landed {
    /// With this.
    Entry(Arc<Entry>),
    /// With an error, of a type that its waiters know.
    Error(Box<dyn Any + Send + Sync>),
}

type Outcome = Option<Landed>;

/// Generations under way, by key: each is asked for in turn, and only the first who asks does it.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Key, Arc<Turn<Outcome>>>>);

impl Flights {
    /// A seat in the flight of a key.
    pub(super) fn board(&self, key: Key) -> Seat<'_> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = Arc::clone(flights.entry(key).or_default());
        Seat { flights: self, key, turn }
    }

    /// How many generations are under way or waited for.
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Who waits for a generation, or is at it. Leaving it at any moment harms no other: whoever waits the
/// longest has the next turn.
pub(super) struct Seat<'a> {
    flights: &'a Flights,
    key: Key,
    turn: Arc<Turn<Outcome>>,
}

impl Seat<'_> {
    /// Waits for the turn. What is in it then is how the generation ended; nothing means that it is now
    /// one's own.
    pub(super) async fn turn(&self) -> MutexGuard<'_, Outcome> {
        self.turn.lock().await
    }

    /// Lets nobody board any more: whoever comes now asks anew.
    pub(super) fn close(&self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(&self.key).is_some_and(|turn| Arc::ptr_eq(turn, &self.turn)) {
            flights.remove(&self.key);
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and this one: nobody else can take one while the map is locked.
        let is_last = Arc::strong_count(&self.turn) == 2;
        if is_last && flights.get(&self.key).is_some_and(|turn| Arc::ptr_eq(turn, &self.turn)) {
            flights.remove(&self.key);
        }
    }
}
