use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::JournalError;
use super::record::DecodeError;

/// How long another process may hold the file before one gives up.
pub(super) const BUSY: Duration = Duration::from_secs(5);
/// How often a lock that another holds is tried again.
const LOOK: Duration = Duration::from_millis(5);
/// `ANTI` in ASCII: what a journal's file says that it is.
const APPLICATION: i64 = 0x414e_5449;
/// How the tables are laid out. In layout 1 a stream had one snapshot, and its file never became smaller.
const LAYOUT: i64 = 2;
/// Files up to this size are looked through when they are opened.
const CHECKED_BYTES: u64 = 64 << 20;

/// What has not gone into the file itself is no longer than this, once nobody reads it any more.
const LOG_BYTES: i64 = 4 << 20;

const EVENTS: &str = "
    CREATE TABLE events (
        stream TEXT NOT NULL, number INTEGER NOT NULL, version INTEGER NOT NULL,
        checksum INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (stream, number)
    ) STRICT, WITHOUT ROWID;";
const SNAPSHOTS: &str = "
    CREATE TABLE snapshots (
        stream TEXT NOT NULL, number INTEGER NOT NULL, version INTEGER NOT NULL,
        checksum INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (stream, number)
    ) STRICT, WITHOUT ROWID;";

/// What went wrong inside.
pub(super) enum Trouble {
    /// The file is no journal, or not any more.
    Damaged(String),
    /// Anything else.
    Journal(JournalError),
}

impl Trouble {
    /// Sorts what the database says.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Trouble {
        use rusqlite::Error as E;
        let path = path.to_owned();
        let reason = error.to_string();
        match error {
            E::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                    Trouble::Journal(JournalError::Busy { path, within: BUSY })
                }
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Trouble::Damaged(reason),
                ErrorCode::DiskFull => Trouble::Journal(JournalError::Full { path }),
                _ if failure.extended_code == rusqlite::ffi::SQLITE_ERROR => Trouble::Damaged(reason),
                _ => Trouble::Journal(JournalError::Storage { path, reason }),
            },
            E::SqlInputError { .. }
            | E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::InvalidColumnType(..)
            | E::Utf8Error(..)
            | E::QueryReturnedNoRows => Trouble::Damaged(reason),
            _ => Trouble::Journal(JournalError::Storage { path, reason }),
        }
    }

    pub(super) fn version(path: &Path, error: DecodeError) -> Trouble {
        match error {
            DecodeError::Damaged(reason) => Trouble::Damaged(reason),
            error => Trouble::Journal(JournalError::Version { path: path.to_owned(), error }),
        }
    }
}

fn storage(path: &Path, error: &std::io::Error) -> JournalError {
    JournalError::Storage { path: path.to_owned(), reason: error.to_string() }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Held by whoever opens a file or sets it aside, so that no two do so at once. It ends with its process.
pub(super) struct Gate(#[expect(dead_code, reason = "what is held is its lock")] File);

impl Gate {
    pub(super) fn pass(path: &Path) -> Result<Gate, JournalError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| storage(path, &error))?;
        }
        let lock = beside(path, ".lock");
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(|error| storage(path, &error))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Gate(file)),
                Err(TryLockError::WouldBlock) if begun.elapsed() < BUSY => thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => {
                    return Err(JournalError::Busy { path: path.to_owned(), within: BUSY });
                }
                Err(TryLockError::Error(error)) => return Err(storage(path, &error)),
            }
        }
    }
}

/// Opens a journal's file, or makes it.
pub(super) fn connect(path: &Path) -> Result<Connection, Trouble> {
    let trouble = |error| Trouble::of(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags).map_err(trouble)?;
    connection.busy_timeout(BUSY).map_err(trouble)?;
    if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        // Before anything is in it; how others come to it stands in `retention`.
        connection.pragma_update(None, "auto_vacuum", "incremental").map_err(trouble)?;
    }
    let number =
        |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(trouble);
    let application = number("application_id")?;
    if application != APPLICATION {
        let tables = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = connection.query_row(tables, [], |row| row.get(0)).map_err(trouble)?;
        if application != 0 || tables != 0 {
            return Err(Trouble::Damaged("it is no journal of Antiphon's".to_owned()));
        }
    }
    let layout = number("user_version")?;
    if layout > LAYOUT {
        let version = u32::try_from(layout).unwrap_or(u32::MAX);
        return Err(Trouble::version(path, DecodeError::Newer { version, known: LAYOUT as u32 }));
    }
    // Says `wal`, or what it is where that cannot be had (a folder on a network).
    let _: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(trouble)?;
    // Each commit is on the disk before it is acknowledged.
    connection.pragma_update(None, "synchronous", "FULL").map_err(trouble)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(trouble)?;
    connection.pragma_update(None, "cell_size_check", true).map_err(trouble)?;
    let limit = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let _ =
        connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, limit).map_err(trouble)?;
    if application != APPLICATION || layout != LAYOUT {
        let made = if application != APPLICATION {
            format!("{EVENTS} {SNAPSHOTS}")
        } else {
            format!(
                "ALTER TABLE snapshots RENAME TO snapshots_before; {SNAPSHOTS}
                INSERT INTO snapshots SELECT stream, number, version, checksum, body FROM snapshots_before;
                DROP TABLE snapshots_before;"
            )
        };
        let all = format!(
            "BEGIN IMMEDIATE; {made} PRAGMA user_version = {LAYOUT}; PRAGMA application_id = {APPLICATION}; COMMIT;"
        );
        connection.execute_batch(&all).map_err(trouble)?;
    }
    if std::fs::metadata(path).is_ok_and(|file| file.len() <= CHECKED_BYTES) {
        let check = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        let said = connection.pragma_query_value(None, "quick_check", check).map_err(trouble)?;
        if said != "ok" {
            return Err(Trouble::Damaged(said));
        }
    }
    Ok(connection)
}

/// Gives a file that cannot be read another name, and says which.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let mut aside = beside(path, &format!(".damaged-{seconds}"));
    let mut more = 1;
    while aside.exists() {
        more += 1;
        aside = beside(path, &format!(".damaged-{seconds}-{more}"));
    }
    std::fs::rename(path, &aside).map_err(|error| storage(path, &error))?;
    // What is not yet in the file itself; there may be none.
    let _ = std::fs::rename(beside(path, "-wal"), beside(&aside, "-wal"));
    let _ = std::fs::remove_file(beside(path, "-shm"));
    Ok(aside)
}

/// How large a journal's file is, with its log.
pub(super) fn size_bytes(path: &Path) -> u64 {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    length(path) + length(&beside(path, "-wal"))
}

/// Which file it is, whatever it is called; `None` where that cannot be told.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}
