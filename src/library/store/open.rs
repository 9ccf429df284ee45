use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Store, index_error};
use crate::library::error::LibraryError;
use crate::library::files::{self, Files};
use crate::library::index::Index;
use crate::library::tally::Tally;
use crate::persistence::{Journal, JournalError};

/// The index in a cache's folder.
const INDEX: &str = "index.sqlite";
const STREAM: &str = "main";

impl Store {
    /// Opens a folder's files and their index. What is there is read also where nothing can be written.
    pub(in crate::library) fn open(
        folder: &Path,
        limit_bytes: u64,
        ttl: Option<Duration>,
        tally: &Arc<Tally>,
    ) -> Result<Store, LibraryError> {
        match Store::open_to_write(folder, limit_bytes, ttl, tally) {
            Err(error) if error.is_read_only() || error.is_full() => {
                // Where it cannot be read either, the first reason is the better one.
                let mut store = Store::look(folder, limit_bytes, ttl, tally).map_err(|_| error.clone())?;
                tracing::warn!(%error, "the cache is only read");
                store.unwritable = Some(error);
                Ok(store)
            }
            opened => opened,
        }
    }

    fn open_to_write(
        folder: &Path,
        limit_bytes: u64,
        ttl: Option<Duration>,
        tally: &Arc<Tally>,
    ) -> Result<Store, LibraryError> {
        let mut is_lost = false;
        let mut journal = Journal::<Index>::open_unless(&folder.join(INDEX), STREAM, || {
            let lost = lost_index(folder)?;
            is_lost = true;
            // What is not there needs no other name.
            folder.join(INDEX).exists().then_some(lost)
        })?;
        let set_aside = journal.set_aside().map(|aside| {
            format!("it was damaged ({}) and was set aside as {}", aside.reason, aside.path.display())
        });
        // What the lost index knew stays until the cache is opened again: so somebody may still put it back.
        let is_swept = set_aside.is_none() && !is_lost;
        let mut opened = None;
        let made = journal.commit(|index| {
            let files = Files::open(folder).map_err(|error| LibraryError::folder(folder, &error))?;
            match if is_swept { files.sweep(index) } else { Ok(0) } {
                Ok(0) => {}
                Ok(swept) => tracing::debug!(swept, "files that no entry needs were removed"),
                Err(error) => tracing::warn!(%error, "what may be left over could not be swept"),
            }
            opened = Some(files);
            Ok(Vec::new())
        });
        made.map_err(index_error)?;
        let Some(files) = opened else { return Err(LibraryError::Fault("no files".to_owned())) };
        Ok(Store::of(folder, journal, files, (limit_bytes, ttl), tally, set_aside))
    }

    /// Opens what is there to look at it: nothing is made, swept or set aside.
    pub(in crate::library) fn look(
        folder: &Path,
        limit_bytes: u64,
        ttl: Option<Duration>,
        tally: &Arc<Tally>,
    ) -> Result<Store, LibraryError> {
        let path = folder.join(INDEX);
        if let Some(reason) = lost_index(folder) {
            return Err(JournalError::Unsound { path, reason }.into());
        }
        let journal = Journal::<Index>::look(&path, STREAM)?;
        let mut store = Store::of(folder, journal, Files::look(folder), (limit_bytes, ttl), tally, None);
        let reason = "it is open only to be looked at".to_owned();
        store.unwritable = Some(JournalError::ReadOnly { path: store.folder.clone(), reason }.into());
        Ok(store)
    }

    fn of(
        folder: &Path,
        journal: Journal<Index>,
        files: Files,
        (limit_bytes, ttl): (u64, Option<Duration>),
        tally: &Arc<Tally>,
        set_aside: Option<String>,
    ) -> Store {
        Store {
            folder: folder.to_owned(),
            view: journal.view(),
            journal: Mutex::new(journal),
            files,
            queue: Mutex::default(),
            tally: Arc::clone(tally),
            limit_bytes,
            ttl,
            set_aside,
            unwritable: None,
        }
    }
}

/// What is wrong with an index that looks like that of a new cache, and is none: there are files of entries.
fn lost_index(folder: &Path) -> Option<String> {
    let length = std::fs::metadata(folder.join(INDEX)).map(|index| index.len());
    let what = match length {
        Ok(0) => "it is empty",
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "it is gone",
        _ => return None,
    };
    files::has_any(folder).then(|| format!("{what}, and files of entries are there"))
}

/// Whether a cache was ever begun in a folder.
pub(in crate::library) fn is_begun(folder: &Path) -> std::io::Result<bool> {
    let length = match std::fs::metadata(folder.join(INDEX)) {
        Ok(index) => index.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(length > 0 || files::has_any(folder))
}

/// Empties a folder without needing any room: the files of entries first, then their index.
pub(in crate::library) fn empty(folder: &Path) -> Result<(u64, u64), LibraryError> {
    let mut gone = (0, 0);
    Journal::<Index>::remove(&folder.join(INDEX), || gone = files::remove_all(folder))?;
    Ok(gone)
}
