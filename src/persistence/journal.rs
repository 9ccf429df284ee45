use std::ops::Deref;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::canonical::{canonical_json, hash_of};
use super::database::{self, Gate, Trouble};
use super::error::{CommitError, JournalError};
use super::replica::{Replica, Seen, View};
use super::retention::Retention;
use super::snapshot;
use super::sourced::EventSourced;
use super::stream;

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
    retention: Retention,
    /// The version of the file's data up to which others' events are known.
    seen: i64,
    set_aside: Option<SetAside>,
    access: Access,
}

/// What may be done with a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Write,
    Look,
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
        Journal::open_unless(path, stream, || None)
    }

    /// As [`open`](Self::open); where `damage` says what is wrong with a file that looks fine it is set aside too.
    /// Asked where no other process opens the file.
    ///
    /// # Errors
    /// As there.
    pub fn open_unless(
        path: &Path,
        stream: &str,
        damage: impl FnOnce() -> Option<String>,
    ) -> Result<Journal<S>, JournalError> {
        let stream = format!("{}/{stream}", S::KIND);
        let gate = Gate::pass(path)?;
        let mut replica = Replica::new();
        let mut set_aside = None;
        let opened = match damage() {
            Some(reason) => Err(Trouble::Damaged(reason)),
            None => connect_and_load(path, &stream, &mut replica, Access::Write),
        };
        let connection = match opened {
            Ok(connection) => connection,
            Err(Trouble::Journal(error)) => return Err(error),
            Err(Trouble::Damaged(reason)) => {
                set_aside = Some(put_aside(path, reason)?);
                let opened = connect_and_load(path, &stream, &mut replica, Access::Write);
                opened.map_err(|trouble| flat(path, trouble))?
            }
        };
        drop(gate);
        let identity = database::identity(path);
        let path = path.to_owned();
        let retention = Retention::default();
        let access = Access::Write;
        Ok(Journal { path, stream, connection, identity, replica, retention, seen: -1, set_aside, access })
    }

    /// Opens a stream that is there to look at it: also where nothing can be written. A damaged file stays as it
    /// is, and each commit is refused with [`JournalError::ReadOnly`].
    ///
    /// # Errors
    /// [`JournalError`]: the file cannot be read, is [damaged](JournalError::Unsound), or was written by another
    /// version of this program.
    pub fn look(path: &Path, stream: &str) -> Result<Journal<S>, JournalError> {
        let (stream, access) = (format!("{}/{stream}", S::KIND), Access::Look);
        let mut replica = Replica::new();
        let opened = connect_and_load(path, &stream, &mut replica, access);
        let connection = opened.map_err(|trouble| unsound(path, trouble))?;
        let identity = database::identity(path);
        let path = path.to_owned();
        let retention = Retention::default();
        let set_aside = None;
        Ok(Journal { path, stream, connection, identity, replica, retention, seen: -1, set_aside, access })
    }

    /// Removes a file with all its streams, after `first`; no process opens it meanwhile. It takes no room: this
    /// is for a disk that has none. Who has it open goes to the new one, once there is one.
    ///
    /// # Errors
    /// [`JournalError`] where it cannot be removed, or is being opened.
    pub fn remove(path: &Path, first: impl FnOnce()) -> Result<(), JournalError> {
        let _gate = Gate::pass(path)?;
        first();
        database::remove(path)
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

    /// How large the file is, with what has not gone into it yet.
    pub fn size_bytes(&self) -> u64 {
        database::size_bytes(&self.path)
    }

    /// SHA-256 over the canonical JSON of the state: the same wherever the same events were applied.
    ///
    /// # Errors
    /// [`JournalError::Event`] where the state is nothing that JSON can say.
    pub fn state_hash(&self) -> Result<[u8; 32], JournalError> {
        hash_of(&*self.replica.state()).map_err(|error| JournalError::Event(error.to_string()))
    }

    /// Calls this for each event from now on, ours or others', right after it was applied; and where the state
    /// was read anew instead, because others are so far ahead that the events are not kept. It must not block.
    pub fn observe(&mut self, observer: impl FnMut(Seen<'_, S>) + Send + 'static) {
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
        let transaction = stream::look(path, connection)?;
        let events = stream::catch_up(path, &transaction, stream, replica)?;
        *seen = version;
        Ok(events)
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
        self.may_write()?;
        self.follow_file()?;
        let before = self.replica.number;
        let committed = match self.try_commit(decide) {
            Ok(Ok(())) => Ok(self.replica.number),
            Ok(Err(refusal)) => Err(CommitError::Refused(refusal)),
            Err(trouble) => Err(CommitError::Journal(self.settle(trouble))),
        };
        self.tidy(before);
        committed
    }

    fn try_commit<E>(
        &mut self,
        decide: impl FnOnce(&S) -> Result<Vec<S::Event>, E>,
    ) -> Result<Result<(), E>, Trouble> {
        let Journal { path, stream, connection, replica, .. } = self;
        let transaction = stream::begin(path, connection, stream, replica)?;
        let decided = decide(&replica.state());
        let events = match decided {
            Ok(events) => events,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if events.is_empty() {
            return Ok(Ok(()));
        }
        stream::append::<S>(path, &transaction, stream, replica.number, &events)?;
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
        self.may_write()?;
        self.follow_file()?;
        let before = self.replica.number;
        let committed = self.try_commit_group(decisions).map_err(|trouble| self.settle(trouble));
        self.tidy(before);
        committed.map(|()| self.replica.number)
    }

    fn try_commit_group(&mut self, decisions: &mut [impl FnMut(&S) -> Vec<S::Event>]) -> Result<(), Trouble> {
        let Journal { path, stream, connection, replica, .. } = self;
        let transaction = stream::begin(path, connection, stream, replica)?;
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
        stream::append::<S>(path, &transaction, stream, replica.number, &all)?;
        transaction.commit().map_err(|error| Trouble::of(path, &error))?;
        replica.advance(state, &all);
        Ok(())
    }

    /// The state made anew from the first event that is kept and the snapshot before it, after catching up with
    /// others: equal to [`state`](Self::state), or something is wrong. Snapshots on the way are looked at too.
    ///
    /// # Errors
    /// [`JournalError`] where they cannot be read, or do not agree.
    pub fn rebuild(&mut self) -> Result<S, JournalError> {
        let Journal { path, stream, connection, replica, .. } = self;
        let rebuilt = stream::look(path, connection).and_then(|transaction| {
            stream::catch_up(path, &transaction, stream, replica)?;
            stream::rebuild(path, &transaction, stream, replica.number)
        });
        rebuilt.map_err(|trouble| unsound(path, trouble))
    }

    fn may_write(&self) -> Result<(), JournalError> {
        match self.access {
            Access::Write => Ok(()),
            Access::Look => {
                let reason = "it is open only to be looked at".to_owned();
                Err(JournalError::ReadOnly { path: self.path.clone(), reason })
            }
        }
    }

    /// Sets the file aside, as one that is damaged, and begins a new one: all its streams are empty then.
    ///
    /// # Errors
    /// [`JournalError`] where the file cannot be given another name, or a new one not be made.
    pub fn begin_anew(&mut self, reason: &str) -> Result<(), JournalError> {
        self.may_write()?;
        let gate = Gate::pass(&self.path)?;
        self.set_aside = Some(put_aside(&self.path, reason.to_owned())?);
        drop(gate);
        self.reopen()
    }

    /// Reads the state from the file again, after a fault in the middle of something.
    pub(super) fn recover(&mut self) -> Result<(), JournalError> {
        let Journal { path, stream, connection, replica, .. } = self;
        let loaded = stream::look(path, connection).and_then(|transaction| {
            replica.forget();
            stream::load(path, &transaction, stream, replica)
        });
        loaded.map_err(|trouble| self.settle(trouble))
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
        let gate = match self.access {
            Access::Write => Some(Gate::pass(&self.path)?),
            Access::Look => None,
        };
        let closed = Connection::open_in_memory();
        self.connection = closed.map_err(|error| flat(&self.path, Trouble::of(&self.path, &error)))?;
        self.identity = None;
        self.seen = -1;
        self.retention = Retention::default();
        let opened = connect_and_load(&self.path, &self.stream, &mut self.replica, self.access);
        self.connection = match opened {
            Ok(connection) => connection,
            Err(Trouble::Journal(error)) => return Err(error),
            Err(trouble) if self.access == Access::Look => return Err(unsound(&self.path, trouble)),
            Err(Trouble::Damaged(reason)) => {
                self.set_aside = Some(put_aside(&self.path, reason)?);
                let opened = connect_and_load(&self.path, &self.stream, &mut self.replica, Access::Write);
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
            Trouble::Damaged(_) if self.access == Access::Look => return unsound(&self.path, trouble),
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

    /// After a commit: writes down the state where enough events came since the last time, and removes events
    /// that no snapshot needs. Nothing is lost without it.
    fn tidy(&mut self, before: u64) {
        let every = S::SNAPSHOT_EVERY.max(1);
        let Journal { path, stream, connection, replica, retention, .. } = self;
        let number = replica.number;
        if number / every != replica.snapshot / every {
            let body = || canonical_json(&*replica.state()).map_err(|error| error.to_string());
            let kept = snapshot::add(connection, stream, every, (number, S::VERSION), body);
            // However it ends: the next one is tried after as many events again.
            replica.snapshot = number;
            match kept {
                Ok(kept) => replica.may_go = kept.before.unwrap_or(0),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a snapshot could not be written");
                }
            }
        }
        retention.work(connection, stream, replica.may_go, number.saturating_sub(before));
    }
}

fn flat(path: &Path, trouble: Trouble) -> JournalError {
    match trouble {
        Trouble::Journal(error) => error,
        Trouble::Damaged(reason) => JournalError::Storage { path: path.to_owned(), reason },
    }
}

/// As [`flat`], of a file that stays as it is.
fn unsound(path: &Path, trouble: Trouble) -> JournalError {
    match trouble {
        Trouble::Journal(error) => error,
        Trouble::Damaged(reason) => JournalError::Unsound { path: path.to_owned(), reason },
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
    name: &str,
    replica: &mut Replica<S>,
    access: Access,
) -> Result<Connection, Trouble> {
    replica.forget();
    let connection = match access {
        Access::Write => database::connect(path)?,
        Access::Look => database::connect_to_look(path)?,
    };
    let transaction = stream::look(path, &connection)?;
    stream::load(path, &transaction, name, replica)?;
    drop(transaction);
    Ok(connection)
}
