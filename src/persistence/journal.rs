use std::ops::Deref;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::canonical::{canonical_json, hash_of};
use super::database::{self, Gate, Trouble};
use super::error::{CommitError, JournalError};
use super::record::{self, DecodeError, decode_event, decode_snapshot};
use super::replica::{Replica, View};
use super::sourced::EventSourced;

/// A damaged file that was given another name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetAside {
    /// What it is called now.
    pub path: PathBuf,
    /// What was wrong with it.
    pub reason: String,
}

/// A stream of events in a file, and the state that they come to.
///
/// It blocks: on the disk for milliseconds, and on other processes for five seconds at most, after
/// which [`JournalError::Busy`] is given. In async code it belongs to a [`Keeper`](super::Keeper).
pub struct Journal<S: EventSourced> {
    path: PathBuf,
    stream: String,
    connection: Connection,
    /// Which file the connection is to.
    identity: Option<(u64, u64)>,
    replica: Replica<S>,
    /// The version of the file's data up to which others' events are known.
    seen: i64,
    set_aside: Option<SetAside>,
}

impl<S: EventSourced> Journal<S> {
    /// Opens a stream in a file, which is made where it is not there; many streams may be in one file.
    /// A file that is damaged is set aside under another name (see [`set_aside`](Self::set_aside)) and a
    /// new one begun.
    ///
    /// # Errors
    /// [`JournalError`]: the file cannot be made, is held by another program, or was written by another
    /// version of this one.
    pub fn open(path: &Path, stream: &str) -> Result<Journal<S>, JournalError> {
        let stream = format!("{}/{stream}", S::KIND);
        let gate = Gate::pass(path)?;
        let mut replica = Replica::new();
        let mut set_aside = None;
        let connection = match connect_and_load(path, &stream, &mut replica) {
            Ok(connection) => connection,
            Err(Trouble::Journal(error)) => return Err(error),
            Err(Trouble::Damaged(reason)) => {
                set_aside = Some(put_aside(path, reason)?);
                replica.set(S::default(), 0);
                connect_and_load(path, &stream, &mut replica).map_err(|trouble| flat(path, trouble))?
            }
        };
        drop(gate);
        let identity = database::identity(path);
        let path = path.to_owned();
        Ok(Journal { path, stream, connection, identity, replica, seen: -1, set_aside })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The damaged file that was set aside last, for whoever tells people.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// The state, as far as it is known here: see [`refresh`](Self::refresh).
    pub fn state(&self) -> impl Deref<Target = S> + '_ {
        self.replica.state()
    }

    /// A way to look at the state from elsewhere, while the journal goes on.
    pub fn view(&self) -> View<S> {
        self.replica.view().clone()
    }

    /// How many events came to the state.
    pub fn number(&self) -> u64 {
        self.replica.number
    }

    /// SHA-256 over the canonical JSON of the state: the same wherever the same events were applied.
    ///
    /// # Errors
    /// [`JournalError::Event`] where the state is nothing that JSON can say.
    pub fn state_hash(&self) -> Result<[u8; 32], JournalError> {
        hash_of(&*self.replica.state()).map_err(|error| JournalError::Event(error.to_string()))
    }

    /// Calls this for each event from now on, ours or others', right after it was applied. It must not block.
    pub fn observe(&mut self, observer: impl FnMut(&S::Event) + Send + 'static) {
        self.replica.observe(Box::new(observer));
    }

    /// A number that changes whenever another process or connection has written to the file. Cheap.
    ///
    /// # Errors
    /// [`JournalError`] where the file cannot be read.
    pub fn version_of_data(&self) -> Result<i64, JournalError> {
        data_version(&self.connection).map_err(|error| flat(&self.path, Trouble::of(&self.path, &error)))
    }

    /// Catches up with what others appended; gives how many events that were. Costs next to nothing where
    /// nobody wrote.
    ///
    /// # Errors
    /// [`JournalError`]; after [`JournalError::Damaged`] the state is that of a new file.
    pub fn refresh(&mut self) -> Result<u64, JournalError> {
        self.follow_file()?;
        let caught_up = self.try_refresh();
        caught_up.map_err(|trouble| self.settle(trouble))
    }

    fn try_refresh(&mut self) -> Result<u64, Trouble> {
        let Journal { path, stream, connection, replica, seen, .. } = self;
        let version = data_version(connection).map_err(|error| Trouble::of(path, &error))?;
        if version == *seen {
            return Ok(0);
        }
        let events = read_events::<S>(path, connection, stream, replica.number, None)?;
        *seen = version;
        replica.apply(&events);
        Ok(events.len() as u64)
    }

    /// Appends what `decide` makes of the newest state: what other processes appended is caught up with
    /// first, in the same transaction. When this returns, the events are on the disk and in the
    /// state; where it fails, they are in neither. Gives the number of the stream's last event.
    ///
    /// `decide` runs while no other process can commit: it is short, or all wait. Where it gives no
    /// events nothing is written.
    ///
    /// # Errors
    /// [`CommitError::Refused`] with what `decide` says; [`CommitError::Journal`] where the events cannot
    /// be kept.
    pub fn commit<E>(
        &mut self,
        decide: impl FnOnce(&S) -> Result<Vec<S::Event>, E>,
    ) -> Result<u64, CommitError<E>> {
        self.follow_file()?;
        let committed = match self.try_commit(decide) {
            Ok(Ok(())) => Ok(self.replica.number),
            Ok(Err(refusal)) => Err(CommitError::Refused(refusal)),
            Err(trouble) => Err(CommitError::Journal(self.settle(trouble))),
        };
        self.take_snapshot();
        committed
    }

    fn try_commit<E>(
        &mut self,
        decide: impl FnOnce(&S) -> Result<Vec<S::Event>, E>,
    ) -> Result<Result<(), E>, Trouble> {
        let Journal { path, stream, connection, replica, .. } = self;
        let transaction = begin(path, connection, stream, replica)?;
        let decided = decide(&replica.state());
        let events = match decided {
            Ok(events) => events,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if events.is_empty() {
            return Ok(Ok(()));
        }
        append::<S>(path, &transaction, stream, replica.number, &events)?;
        transaction.commit().map_err(|error| Trouble::of(path, &error))?;
        replica.apply(&events);
        Ok(Ok(()))
    }

    /// As [`commit`](Self::commit) for several who wait, in one transaction: each decides after those
    /// before it, on a state that nobody else sees until all of it is on the disk.
    pub(super) fn commit_group(
        &mut self,
        decisions: &mut [impl FnMut(&S) -> Vec<S::Event>],
    ) -> Result<u64, JournalError> {
        self.follow_file()?;
        let committed = self.try_commit_group(decisions).map_err(|trouble| self.settle(trouble));
        self.take_snapshot();
        committed.map(|()| self.replica.number)
    }

    fn try_commit_group(&mut self, decisions: &mut [impl FnMut(&S) -> Vec<S::Event>]) -> Result<(), Trouble> {
        let Journal { path, stream, connection, replica, .. } = self;
        let transaction = begin(path, connection, stream, replica)?;
        let mut state = replica.state().clone();
        let mut all = Vec::new();
        for decide in decisions {
            let events = decide(&state);
            events.iter().for_each(|event| state.apply(event));
            all.extend(events);
        }
        if all.is_empty() {
            return Ok(());
        }
        append::<S>(path, &transaction, stream, replica.number, &all)?;
        transaction.commit().map_err(|error| Trouble::of(path, &error))?;
        replica.advance(state, &all);
        Ok(())
    }

    /// The state made anew from the first event on: equal to [`state`](Self::state), or something is wrong.
    ///
    /// # Errors
    /// [`JournalError`] where the events cannot be read.
    pub fn rebuild(&self) -> Result<S, JournalError> {
        let last = self.replica.number;
        let events = read_events::<S>(&self.path, &self.connection, &self.stream, 0, Some(last));
        let events = events.map_err(|trouble| flat(&self.path, trouble))?;
        if events.len() as u64 != last {
            let reason = format!("event {} is missing", events.len() + 1);
            return Err(JournalError::Storage { path: self.path.clone(), reason });
        }
        let mut state = S::default();
        events.iter().for_each(|event| state.apply(event));
        Ok(state)
    }

    /// Sets the file aside, as one that is damaged, and begins a new one: all its streams are empty then.
    ///
    /// # Errors
    /// [`JournalError`] where the file cannot be given another name, or a new one not be made.
    pub fn begin_anew(&mut self, reason: &str) -> Result<(), JournalError> {
        let gate = Gate::pass(&self.path)?;
        self.set_aside = Some(put_aside(&self.path, reason.to_owned())?);
        drop(gate);
        self.reopen()
    }

    /// Reads the state from the file again, after a fault in the middle of something.
    pub(super) fn recover(&mut self) -> Result<(), JournalError> {
        self.replica.set(S::default(), 0);
        let Journal { path, stream, connection, replica, .. } = self;
        load(path, connection, stream, replica).map_err(|trouble| self.settle(trouble))
    }

    /// Goes to the file that has the name now, where ours was moved or deleted.
    fn follow_file(&mut self) -> Result<(), JournalError> {
        let now = database::identity(&self.path);
        if now.is_some() && now == self.identity || cfg!(not(unix)) {
            return Ok(());
        }
        tracing::warn!(path = %self.path.display(), "the journal's file was moved or deleted; another is opened");
        self.reopen()
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        let gate = Gate::pass(&self.path)?;
        let closed = Connection::open_in_memory();
        self.connection = closed.map_err(|error| flat(&self.path, Trouble::of(&self.path, &error)))?;
        self.identity = None;
        self.seen = -1;
        self.replica.set(S::default(), 0);
        let opened = connect_and_load(&self.path, &self.stream, &mut self.replica);
        self.connection = match opened {
            Ok(connection) => connection,
            Err(Trouble::Journal(error)) => return Err(error),
            Err(Trouble::Damaged(reason)) => {
                self.set_aside = Some(put_aside(&self.path, reason)?);
                self.replica.set(S::default(), 0);
                let opened = connect_and_load(&self.path, &self.stream, &mut self.replica);
                opened.map_err(|trouble| flat(&self.path, trouble))?
            }
        };
        drop(gate);
        self.identity = database::identity(&self.path);
        Ok(())
    }

    /// What to say of trouble; a damaged file is set aside, and another begun.
    fn settle(&mut self, trouble: Trouble) -> JournalError {
        let reason = match trouble {
            Trouble::Journal(error) => return error,
            Trouble::Damaged(reason) => reason,
        };
        // Looks once more before it gives the file up: another process may have begun a new one.
        match self.reopen() {
            Err(error) => error,
            Ok(()) => match &self.set_aside {
                Some(aside) => {
                    JournalError::Damaged { path: self.path.clone(), aside: aside.path.clone(), reason }
                }
                None => JournalError::Storage { path: self.path.clone(), reason },
            },
        }
    }

    /// Writes down the state where enough events came since the last time. Nobody waits for it, and
    /// nothing is lost without it.
    fn take_snapshot(&mut self) {
        let Journal { path, stream, connection, replica, .. } = self;
        let every = S::SNAPSHOT_EVERY.max(1);
        if replica.number / every == replica.snapshot / every {
            return;
        }
        // However it ends: the next one is tried after as many events again.
        replica.snapshot = replica.number;
        let written = canonical_json(&*replica.state()).map_err(|error| error.to_string()).and_then(|body| {
            let checksum = record::checksum(stream, replica.number, S::VERSION, &body);
            let sql =
                "INSERT INTO snapshots (stream, number, version, checksum, body) VALUES (?1, ?2, ?3, ?4, ?5)
                ON CONFLICT (stream) DO UPDATE SET number = excluded.number, version = excluded.version,
                checksum = excluded.checksum, body = excluded.body WHERE excluded.number > number";
            let number = replica.number as i64;
            connection
                .execute(sql, params![&*stream, number, S::VERSION, checksum, body])
                .map_err(|error| error.to_string())
        });
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "a snapshot could not be written");
        }
    }
}

fn flat(path: &Path, trouble: Trouble) -> JournalError {
    match trouble {
        Trouble::Journal(error) => error,
        Trouble::Damaged(reason) => JournalError::Storage { path: path.to_owned(), reason },
    }
}

fn put_aside(path: &Path, reason: String) -> Result<SetAside, JournalError> {
    let aside = database::set_aside(path)?;
    tracing::warn!(path = %path.display(), aside = %aside.display(), reason, "a damaged journal was set aside");
    Ok(SetAside { path: aside, reason })
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

fn connect_and_load<S: EventSourced>(
    path: &Path,
    stream: &str,
    replica: &mut Replica<S>,
) -> Result<Connection, Trouble> {
    let connection = database::connect(path)?;
    load(path, &connection, stream, replica)?;
    Ok(connection)
}

/// The newest snapshot that can be read, and the events after it.
fn load<S: EventSourced>(
    path: &Path,
    connection: &Connection,
    stream: &str,
    replica: &mut Replica<S>,
) -> Result<(), Trouble> {
    let sql = "SELECT number, version, checksum, body FROM snapshots WHERE stream = ?1";
    let found = connection
        .query_row(sql, [stream], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, u32>(1)?,
                row.get::<_, u32>(2)?,
                row.get::<_, Vec<u8>>(3)?,
            ))
        })
        .optional()
        .map_err(|error| Trouble::of(path, &error))?;
    if let Some((number, version, checksum, body)) = found {
        let number = u64::try_from(number).unwrap_or(0);
        if checksum != record::checksum(stream, number, version, &body) {
            return Err(Trouble::Damaged("a snapshot is not what was written".to_owned()));
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM events WHERE stream = ?1 AND number = ?2)";
        let has_last = connection.query_row(sql, params![stream, number as i64], |row| row.get::<_, bool>(0));
        if !has_last.map_err(|error| Trouble::of(path, &error))? {
            return Err(Trouble::Damaged(format!("event {number} is missing")));
        }
        match decode_snapshot::<S>(version, &body) {
            Ok(state) => {
                replica.set(state, number);
                replica.snapshot = number;
            }
            // Of another version: the events say it again.
            Err(error) => tracing::debug!(%error, "a snapshot is passed over"),
        }
    }
    let events = read_events::<S>(path, connection, stream, replica.number, None)?;
    replica.apply(&events);
    Ok(())
}

/// The events after a number, and up to another where there is one; none is missing between them.
fn read_events<S: EventSourced>(
    path: &Path,
    connection: &Connection,
    stream: &str,
    after: u64,
    last: Option<u64>,
) -> Result<Vec<S::Event>, Trouble> {
    let trouble = |error| Trouble::of(path, &error);
    let sql = "SELECT number, version, checksum, body FROM events
        WHERE stream = ?1 AND number > ?2 AND number <= ?3 ORDER BY number";
    let mut statement = connection.prepare_cached(sql).map_err(trouble)?;
    let last = last.map_or(i64::MAX, |last| last as i64);
    let mut rows = statement.query(params![stream, after as i64, last]).map_err(trouble)?;
    let mut events = Vec::new();
    while let Some(row) = rows.next().map_err(trouble)? {
        let expected = after + events.len() as u64 + 1;
        let number: i64 = row.get(0).map_err(trouble)?;
        if u64::try_from(number) != Ok(expected) {
            return Err(Trouble::Damaged(format!("event {expected} is missing")));
        }
        let version: u32 = row.get(1).map_err(trouble)?;
        let checksum: u32 = row.get(2).map_err(trouble)?;
        let body = row.get_ref(3).map_err(trouble)?.as_blob();
        let body = body.map_err(|error| Trouble::Damaged(error.to_string()))?;
        if checksum != record::checksum(stream, expected, version, body) {
            return Err(Trouble::Damaged(format!("event {expected} is not what was written")));
        }
        let event = decode_event::<S>(version, body).map_err(|error| match error {
            DecodeError::Damaged(reason) => Trouble::Damaged(format!("event {expected}: {reason}")),
            error => Trouble::version(path, error),
        })?;
        events.push(event);
    }
    Ok(events)
}

/// A transaction in which no other can write, caught up with all that was written before it.
fn begin<'a, S: EventSourced>(
    path: &Path,
    connection: &'a Connection,
    stream: &str,
    replica: &mut Replica<S>,
) -> Result<Transaction<'a>, Trouble> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
        .map_err(|error| Trouble::of(path, &error))?;
    let others = read_events::<S>(path, &transaction, stream, replica.number, None)?;
    replica.apply(&others);
    Ok(transaction)
}

fn append<S: EventSourced>(
    path: &Path,
    transaction: &Transaction<'_>,
    stream: &str,
    after: u64,
    events: &[S::Event],
) -> Result<(), Trouble> {
    let trouble = |error| Trouble::of(path, &error);
    let sql = "INSERT INTO events (stream, number, version, checksum, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = transaction.prepare_cached(sql).map_err(trouble)?;
    for (event, number) in events.iter().zip(after + 1..) {
        let unfit = |reason: String| Trouble::Journal(JournalError::Event(reason));
        let body = serde_json::to_vec(event).map_err(|error| unfit(error.to_string()))?;
        if body.len() > record::EVENT_BYTES {
            return Err(unfit(format!("{} bytes are more than {}", body.len(), record::EVENT_BYTES)));
        }
        let checksum = record::checksum(stream, number, S::VERSION, &body);
        let row = params![stream, number as i64, S::VERSION, checksum, body];
        statement.execute(row).map_err(trouble)?;
    }
    Ok(())
}
