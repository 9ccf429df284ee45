use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::record;

/// A state as it stands in a file.
pub(super) struct Snapshot {
    /// The last event that is in it.
    pub(super) number: u64,
    pub(super) version: u32,
    pub(super) body: Vec<u8>,
    /// Whether it is what was written.
    pub(super) is_whole: bool,
}

/// The snapshots of a stream, the newest first.
pub(super) fn all(connection: &Connection, stream: &str) -> rusqlite::Result<Vec<Snapshot>> {
    let sql = "SELECT number, version, checksum, body FROM snapshots WHERE stream = ?1 ORDER BY number DESC";
    let mut statement = connection.prepare_cached(sql)?;
    let snapshots = statement.query_map([stream], |row| {
        let (number, version, body) =
            (row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, row.get::<_, Vec<u8>>(3)?);
        let number = u64::try_from(number).unwrap_or(0);
        let is_whole = row.get::<_, u32>(2)? == record::checksum(stream, number, version, &body);
        Ok(Snapshot { number, version, body, is_whole })
    })?;
    snapshots.collect()
}

/// What a stream's snapshots are after one more was wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kept {
    /// The newest that can be read.
    pub(super) newest: u64,
    /// The one before it that can be read.
    pub(super) before: Option<u64>,
}

/// Writes a snapshot, unless there is one of its `every` events already; keeps it and the newest of the others
/// that can be read.
pub(super) fn add(
    connection: &Connection,
    stream: &str,
    every: u64,
    (number, version): (u64, u32),
    body: impl FnOnce() -> Result<Vec<u8>, String>,
) -> Result<Kept, String> {
    let said = |error: rusqlite::Error| error.to_string();
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(said)?;
    let whole: Vec<u64> = all(&transaction, stream)
        .map_err(said)?
        .into_iter()
        .filter(|snapshot| snapshot.is_whole)
        .map(|snapshot| snapshot.number)
        .collect();
    let kept = match whole.first() {
        Some(newest) if newest / every >= number / every => {
            Kept { newest: *newest, before: whole.get(1).copied() }
        }
        newest => {
            let body = body()?;
            if body.len() > record::SNAPSHOT_BYTES {
                return Err(format!("{} bytes are more than {}", body.len(), record::SNAPSHOT_BYTES));
            }
            let checksum = record::checksum(stream, number, version, &body);
            let sql = "INSERT OR REPLACE INTO snapshots (stream, number, version, checksum, body)
                VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction
                .execute(sql, params![stream, number as i64, version, checksum, body])
                .map_err(said)?;
            Kept { newest: number, before: newest.copied() }
        }
    };
    let sql = "DELETE FROM snapshots WHERE stream = ?1 AND number NOT IN (?2, ?3)";
    let before = kept.before.unwrap_or(kept.newest);
    transaction.execute(sql, params![stream, kept.newest as i64, before as i64]).map_err(said)?;
    transaction.commit().map_err(said)?;
    Ok(kept)
}
