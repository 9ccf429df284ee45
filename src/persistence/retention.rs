//! Old events go in small steps after commits, each in a transaction of its own, and the file becomes smaller.
//! None of them waits for another process: what could not be done is done after a later commit.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use super::database::BUSY;

/// A step takes no more than so many events, and stops after so many bytes.
const STEP_EVENTS: i64 = 500;
const STEP_BYTES: i64 = 4 << 20;
/// Steps after a commit, and one more for so many events that were in it: so nothing piles up.
const STEPS: u64 = 2;
const EVENTS_A_STEP: u64 = 4;
/// Fewer free pages are kept for what comes.
const FREE_PAGES: i64 = 256;
/// Pages that a step gives back.
const STEP_PAGES: i64 = 1_024;
/// A file that cannot give back is written anew where what it holds is no more than this: in a tenth of a second.
const REWRITTEN_PAGES: i64 = 4_096;

/// How far a file has been shortened for a stream.
#[derive(Default)]
pub(super) struct Retention {
    gone: u64,
    /// Whether there may be pages to give back.
    is_loose: bool,
}

impl Retention {
    /// Does what there is to do after a commit of so many events, of which those up to one may go.
    pub(super) fn work(&mut self, connection: &Connection, stream: &str, may_go: u64, appended: u64) {
        if self.gone >= may_go && !self.is_loose {
            return;
        }
        let worked = connection.busy_timeout(Duration::ZERO).and_then(|()| {
            let worked = self.steps(connection, stream, may_go, STEPS + appended / EVENTS_A_STEP);
            connection.busy_timeout(BUSY).and(worked)
        });
        match worked {
            Ok(()) => {}
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if matches!(failure.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {}
            Err(error) => {
                tracing::warn!(stream, %error, "old events could not be removed; it is tried again")
            }
        }
    }

    fn steps(
        &mut self,
        connection: &Connection,
        stream: &str,
        may_go: u64,
        mut steps: u64,
    ) -> rusqlite::Result<()> {
        while self.gone < may_go && steps > 0 {
            steps -= 1;
            if !remove(connection, stream, may_go)? {
                self.gone = may_go;
                self.is_loose = true;
            }
        }
        if self.gone >= may_go && self.is_loose {
            self.is_loose = give_back(connection)?;
        }
        Ok(())
    }
}

/// Removes the first events up to one; gives whether there may be more.
fn remove(connection: &Connection, stream: &str, may_go: u64) -> rusqlite::Result<bool> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let (mut last, mut count, mut bytes) = (None, 0, 0);
    {
        let sql = "SELECT number, length(body) FROM events WHERE stream = ?1 AND number <= ?2
            ORDER BY number LIMIT ?3";
        let mut statement = transaction.prepare_cached(sql)?;
        let mut rows = statement.query(params![stream, may_go as i64, STEP_EVENTS])?;
        while bytes < STEP_BYTES
            && let Some(row) = rows.next()?
        {
            last = Some(row.get::<_, i64>(0)?);
            count += 1;
            bytes += row.get::<_, i64>(1)?;
        }
    }
    let Some(last) = last else { return Ok(false) };
    let sql = "DELETE FROM events WHERE stream = ?1 AND number <= ?2";
    transaction.prepare_cached(sql)?.execute(params![stream, last])?;
    transaction.commit()?;
    Ok(count == STEP_EVENTS || bytes >= STEP_BYTES)
}

/// Gives free pages back to the system where they are more than what is in use; gives whether there are more.
fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let free = number("freelist_count")?;
    let used = number("page_count")? - free;
    if free < FREE_PAGES || free < used {
        return Ok(false);
    }
    // 2: incremental.
    if number("auto_vacuum")? == 2 {
        let spare = free - used / 2;
        let mut statement =
            connection.prepare(&format!("PRAGMA incremental_vacuum({})", spare.min(STEP_PAGES)))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        return Ok(spare > STEP_PAGES);
    }
    if used <= REWRITTEN_PAGES {
        connection.execute_batch("PRAGMA auto_vacuum = incremental")?;
        connection.execute_batch("VACUUM")?;
    }
    Ok(false)
}
