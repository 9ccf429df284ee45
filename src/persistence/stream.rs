//! What stands in a file of one stream, read and written. All of it is called in a transaction.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::database::Trouble;
use super::error::JournalError;
use super::record::{self, DecodeError, decode_event, decode_snapshot};
use super::replica::Replica;
use super::snapshot;
use super::sourced::EventSourced;

/// A transaction that sees one state of the file, whatever others write meanwhile.
pub(super) fn look<'a>(path: &Path, connection: &'a Connection) -> Result<Transaction<'a>, Trouble> {
    Transaction::new_unchecked(connection, TransactionBehavior::Deferred)
        .map_err(|error| Trouble::of(path, &error))
}

/// A transaction in which no other can write, caught up with all that was written before it.
pub(super) fn begin<'a, S: EventSourced>(
    path: &Path,
    connection: &'a Connection,
    stream: &str,
    replica: &mut Replica<S>,
) -> Result<Transaction<'a>, Trouble> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
        .map_err(|error| Trouble::of(path, &error))?;
    catch_up(path, &transaction, stream, replica)?;
    Ok(transaction)
}

/// Applies what others appended; where that is not kept any more, goes on from a snapshot. Gives by how many
/// events the state is further.
pub(super) fn catch_up<S: EventSourced>(
    path: &Path,
    connection: &Connection,
    stream: &str,
    replica: &mut Replica<S>,
) -> Result<u64, Trouble> {
    let before = replica.number;
    match first_event(path, connection, stream, before)? {
        None => {}
        Some(first) if first == before + 1 => {
            replica.apply(&read_events::<S>(path, connection, stream, before, None)?);
        }
        Some(_) => {
            load(path, connection, stream, replica)?;
            if replica.number <= before {
                return Err(missing(before + 1));
            }
        }
    }
    Ok(replica.number - before)
}

/// The newest snapshot that can be read, and the events after it.
pub(super) fn load<S: EventSourced>(
    path: &Path,
    connection: &Connection,
    stream: &str,
    replica: &mut Replica<S>,
) -> Result<(), Trouble> {
    let snapshots = snapshot::all(connection, stream).map_err(|error| Trouble::of(path, &error))?;
    let first = first_event(path, connection, stream, 0)?;
    let mut whole = Vec::new();
    let mut begun = None;
    let mut unread = None;
    for (place, snapshot) in snapshots.iter().enumerate() {
        let number = snapshot.number;
        if !snapshot.is_whole {
            tracing::warn!(path = %path.display(), stream, number, "a snapshot is not what was written; an older one is read");
            unread.get_or_insert(Trouble::Damaged("a snapshot is not what was written".to_owned()));
            continue;
        }
        whole.push(number);
        if begun.is_some() {
            continue;
        }
        // The last event of the newest is there; of the one before it at least the next.
        let next = first_event(path, connection, stream, number.saturating_sub(1))?;
        if next != Some(number) && (place == 0 || next != Some(number + 1)) {
            return Err(missing(number));
        }
        match decode_snapshot::<S>(snapshot.version, &snapshot.body) {
            Ok(state) => begun = Some((state, number)),
            Err(error) => {
                // Perhaps the events say it again.
                tracing::debug!(%error, "a snapshot is passed over");
                unread.get_or_insert(Trouble::version(path, error));
            }
        }
    }
    let after = match begun {
        Some((state, number)) => {
            replica.begin_at(state, number);
            (replica.snapshot, replica.may_go) = (number, 0);
            number
        }
        None if first == Some(1) || snapshots.is_empty() && first.is_none() => 0,
        None => return Err(unread.unwrap_or_else(|| missing(1))),
    };
    if let [newest, before, ..] = whole[..]
        && newest == after
    {
        replica.may_go = before;
    }
    if after == 0 {
        replica.forget();
    }
    replica.apply(&read_events::<S>(path, connection, stream, after, None)?);
    is_whole_at_its_end(path, connection, stream, replica.number)
}

/// A gap is seen; that the last event is gone is not, unless it stands under a name that was damaged.
fn is_whole_at_its_end(path: &Path, connection: &Connection, stream: &str, last: u64) -> Result<(), Trouble> {
    let next = last + 1;
    let sql = "SELECT version, checksum, body FROM events WHERE number = ?1 AND stream <> ?2";
    let is_astray = connection.prepare(sql).and_then(|mut statement| {
        let mut rows = statement.query(params![next as i64, stream])?;
        while let Some(row) = rows.next()? {
            let (version, checksum, body) = (row.get::<_, u32>(0)?, row.get::<_, u32>(1)?, row.get_ref(2)?);
            if body.as_blob().is_ok_and(|body| checksum == record::checksum(stream, next, version, body)) {
                return Ok(true);
            }
        }
        Ok(false)
    });
    if is_astray.map_err(|error| Trouble::of(path, &error))? { Err(missing(next)) } else { Ok(()) }
}

/// The state made anew from the first event that is kept, and the snapshot right before it. Each snapshot
/// on the way is what the events come to.
pub(super) fn rebuild<S: EventSourced>(
    path: &Path,
    connection: &Connection,
    stream: &str,
    last: u64,
) -> Result<S, Trouble> {
    let wrong = |number: u64, what: &str| Trouble::Damaged(format!("the snapshot of event {number} {what}"));
    let snapshots = snapshot::all(connection, stream).map_err(|error| Trouble::of(path, &error))?;
    if let Some(damaged) = snapshots.iter().find(|snapshot| !snapshot.is_whole) {
        return Err(wrong(damaged.number, "is not what was written"));
    }
    let first = first_event(path, connection, stream, 0)?.unwrap_or(1);
    let (mut state, after) = if first == 1 {
        (S::default(), 0)
    } else {
        let base = snapshots.iter().rev().find(|snapshot| snapshot.number + 1 >= first);
        let base = base.ok_or_else(|| missing(first - 1))?;
        let state = decode_snapshot::<S>(base.version, &base.body);
        (state.map_err(|error| Trouble::version(path, error))?, base.number)
    };
    let events = read_events::<S>(path, connection, stream, after, Some(last))?;
    if events.len() as u64 != last.saturating_sub(after) {
        return Err(missing(after + events.len() as u64 + 1));
    }
    for (event, number) in events.iter().zip(after + 1..) {
        state.apply(event);
        let here = snapshots.iter().find(|snapshot| snapshot.number == number);
        if let Some(here) = here.filter(|snapshot| snapshot.version == S::VERSION)
            && super::canonical_json(&state).is_ok_and(|json| json != here.body)
        {
            return Err(wrong(number, "is not what its events come to"));
        }
    }
    Ok(state)
}

fn missing(number: u64) -> Trouble {
    Trouble::Damaged(format!("event {number} is missing"))
}

/// The number of the first event after one.
fn first_event(
    path: &Path,
    connection: &Connection,
    stream: &str,
    after: u64,
) -> Result<Option<u64>, Trouble> {
    let sql = "SELECT min(number) FROM events WHERE stream = ?1 AND number > ?2";
    let first = connection.prepare_cached(sql).and_then(|mut statement| {
        statement.query_row(params![stream, after as i64], |row| row.get::<_, Option<i64>>(0))
    });
    let first = first.map_err(|error| Trouble::of(path, &error))?;
    Ok(first.map(|first| u64::try_from(first).unwrap_or(0)))
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
            return Err(missing(expected));
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

/// Writes events after a number.
pub(super) fn append<S: EventSourced>(
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
