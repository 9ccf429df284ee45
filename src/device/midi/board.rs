use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam::channel::{Receiver, Sender, bounded};

use super::{Change, Connection, Direction, Identity};

const CHANGES: usize = 64;

/// What is connected, for all to see; written only when gear comes or goes.
#[derive(Clone)]
pub(super) struct Board {
    connections: Arc<Mutex<Vec<(u64, Connection)>>>,
    changes: Sender<Change>,
}

impl Board {
    pub(super) fn new() -> (Board, Receiver<Change>) {
        let (changes, receiver) = bounded(CHANGES);
        (Board { connections: Arc::default(), changes }, receiver)
    }

    pub(super) fn connections(&self) -> Vec<Connection> {
        self.lock().iter().map(|(_, connection)| connection.clone()).collect()
    }

    /// Notes a connection; `device` tells it from others of the same name.
    pub(super) fn connected(&self, device: u64, role: &str, direction: Direction, gear: &Identity) {
        let mut connections = self.lock();
        if connections.iter().any(|(id, c)| *id == device && c.role == role && c.direction == direction) {
            return;
        }
        let connection = Connection { role: role.to_owned(), direction, device: gear.clone() };
        connections.push((device, connection.clone()));
        self.tell(Change::Connected(connection));
    }

    /// Notes that a connection ended; whether there was one.
    pub(super) fn lost(&self, device: u64, role: &str, direction: Direction) -> bool {
        let mut connections = self.lock();
        let place = connections
            .iter()
            .position(|(id, c)| *id == device && c.role == role && c.direction == direction);
        if let Some(place) = place {
            let (_, connection) = connections.remove(place);
            self.tell(Change::Lost(connection));
        }
        place.is_some()
    }

    pub(super) fn trouble(&self, what: impl Into<String>) {
        self.tell(Change::Trouble(what.into()));
    }

    fn tell(&self, change: Change) {
        // A full channel: nobody reads it.
        let _ = self.changes.try_send(change);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Connection)>> {
        // Every change of the list is one push or remove: it is whole even
        // after a panic.
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
