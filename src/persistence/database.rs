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

/// What a database needs beside its file before anything is in it: its log's index, and a page or two.
const ROOM_BYTES: usize = 64 << 10;

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
        let at = path;
        let path = path.to_owned();
        let reason = error.to_string();
        match error {
            E::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                    Trouble::Journal(JournalError::Busy { path, within: BUSY })
                }
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Trouble::Damaged(reason),
                ErrorCode::DiskFull => Trouble::Journal(JournalError::Full { path }),
                ErrorCode::ReadOnly => Trouble::Journal(JournalError::ReadOnly { path, reason }),
                // Of a file beside it that cannot grow it says no more than this.
                ErrorCode::SystemIoFailure | ErrorCode::CannotOpen if is_full(at) => {
                    Trouble::Journal(JournalError::Full { path })
                }
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

pub(super) fn storage(path: &Path, error: &std::io::Error) -> JournalError {
    use std::io::ErrorKind as K;
    let (path, reason) = (path.to_owned(), error.to_string());
    match error.kind() {
        K::ReadOnlyFilesystem | K::PermissionDenied => JournalError::ReadOnly { path, reason },
        K::StorageFull | K::QuotaExceeded => JournalError::Full { path },
        _ => JournalError::Storage { path, reason },
    }
}

/// Whether the disk has no room for what a database needs beside its file.
fn is_full(path: &Path) -> bool {
    let tried = beside(path, &format!(".room-{}", std::process::id()));
    let written = std::fs::write(&tried, [0; ROOM_BYTES]);
    // Where it could not be made there is nothing to remove.
    let _ = std::fs::remove_file(&tried);
    written.is_err_and(|error| {
        matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
    })
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
    check(path, &connection)?;
    Ok(connection)
}

/// Opens a journal's file to look at it: nothing of it is changed, also where it cannot be.
pub(super) fn connect_to_look(path: &Path) -> Result<Connection, Trouble> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let opened = Connection::open_with_flags(path, flags).and_then(looked_at);
    let opened = match opened {
        // Where no file can be made beside it: whatever it is, nobody writes it now. What is in its log alone
        // would be missed, so then there must be none.
        Err(rusqlite::Error::SqliteFailure(failure, _))
            if matches!(
                failure.code,
                ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure
            ) && std::fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len()) == 0 =>
        {
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(immutable(path), flags).and_then(looked_at)
        }
        opened => opened,
    };
    let Looked { connection, application, layout, tables } =
        opened.map_err(|error| Trouble::of(path, &error))?;
    if application == 0 && tables == 0 {
        // Whoever began it ended before anything was in it.
        let empty = Connection::open_in_memory().and_then(|empty| {
            empty.execute_batch(&format!("{EVENTS} {SNAPSHOTS}"))?;
            Ok(empty)
        });
        return empty.map_err(|error| Trouble::of(path, &error));
    }
    if application != APPLICATION {
        return Err(Trouble::Damaged("it is no journal of Antiphon's".to_owned()));
    }
    if layout > LAYOUT {
        let version = u32::try_from(layout).unwrap_or(u32::MAX);
        return Err(Trouble::version(path, DecodeError::Newer { version, known: LAYOUT as u32 }));
    }
    check(path, &connection)?;
    Ok(connection)
}

/// What a file says of itself.
struct Looked {
    connection: Connection,
    application: i64,
    layout: i64,
    tables: i64,
}

fn looked_at(connection: Connection) -> rusqlite::Result<Looked> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, layout) = (number("application_id")?, number("user_version")?);
    // The first look at its content, which is where a log that cannot be had is missed.
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(Looked { connection, application, layout, tables })
}

/// A file's name as SQLite takes it with more to say of it.
fn immutable(path: &Path) -> String {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_owned();
    #[cfg(not(unix))]
    let bytes = format!("/{}", path.to_string_lossy().replace('\\', "/")).into_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.:".contains(byte);
    let name: String = bytes
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") })
        .collect();
    format!("file:{name}?mode=ro&immutable=1")
}

/// Looks through a file that is not too long for it.
fn check(path: &Path, connection: &Connection) -> Result<(), Trouble> {
    if std::fs::metadata(path).is_ok_and(|file| file.len() <= CHECKED_BYTES) {
        let said = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        let said = connection.pragma_query_value(None, "quick_check", said);
        let said = said.map_err(|error| Trouble::of(path, &error))?;
        if said != "ok" {
            return Err(Trouble::Damaged(said));
        }
    }
    Ok(())
}

/// Removes a journal's file with what belongs to it, where nobody needs it any more.
pub(super) fn remove(path: &Path) -> Result<(), JournalError> {
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(storage(&file, &error)),
            _ => {}
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// What no disk of a test can be: full, or only to be read.
    #[test]
    fn a_disk_that_is_full_is_told_from_one_that_is_only_read() {
        let path = Path::new("a/index.sqlite");
        for (kind, is_full, is_read_only) in [
            (io::ErrorKind::StorageFull, true, false),
            (io::ErrorKind::QuotaExceeded, true, false),
            (io::ErrorKind::ReadOnlyFilesystem, false, true),
            (io::ErrorKind::PermissionDenied, false, true),
            (io::ErrorKind::NotADirectory, false, false),
        ] {
            let error = storage(path, &io::Error::from(kind));
            assert_eq!(matches!(error, JournalError::Full { .. }), is_full, "{error}");
            assert_eq!(matches!(error, JournalError::ReadOnly { .. }), is_read_only, "{error}");
        }
        let said = |code| {
            let failure = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            match Trouble::of(path, &failure) {
                Trouble::Journal(error) => error,
                Trouble::Damaged(reason) => panic!("{reason}"),
            }
        };
        assert!(matches!(said(rusqlite::ffi::SQLITE_FULL), JournalError::Full { .. }));
        assert!(matches!(said(rusqlite::ffi::SQLITE_READONLY), JournalError::ReadOnly { .. }));
        // There is room here: it is something else.
        assert!(matches!(said(rusqlite::ffi::SQLITE_IOERR), JournalError::Storage { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn a_name_with_signs_in_it_is_still_a_name() {
        assert_eq!(
            immutable(Path::new("/a b/?x=1#é%/i-n_d.sqlite")),
            "file:/a%20b/%3fx%3d1%23%c3%a9%25/i-n_d.sqlite?mode=ro&immutable=1"
        );
    }
}
