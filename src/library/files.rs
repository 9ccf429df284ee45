use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::index::{Index, Part};
use super::key::Key;

/// What the name of a file that is being written begins with.
const ASIDE: &str = ".tmp-";
/// Read at a time: it is hashed while it is still in the processor's cache.
const READ_BYTES: usize = 256 << 10;
/// Several caches of one process are told apart by this.
static SESSIONS: AtomicU64 = AtomicU64::new(0);

fn changed() -> ReadError {
    ReadError::Damaged("it is not what was written".to_owned())
}

fn unread(error: io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => changed(),
        _ => ReadError::Io(error),
    }
}

/// What a part of an entry will be, from its content.
pub(super) fn describe(bytes: &[u8]) -> Part {
    Part {
        sha256: Key::from_bytes(Sha256::digest(bytes).into()),
        crc32: crc32fast::hash(bytes),
        bytes: bytes.len() as u64,
    }
}

/// Why a file is not what was written.
#[derive(Debug)]
pub(super) enum ReadError {
    /// It is not there, shorter or longer, or says something else.
    Damaged(String),
    /// The system could not read it now.
    Io(io::Error),
}

/// The folder of files that have their content's SHA-256 as their name. Its calls that move or remove
/// files are made in a transaction of the index, which no two processes are in at once.
pub(super) struct Files {
    folder: PathBuf,
    /// None where nothing is written.
    session: Option<Session>,
    written: AtomicU64,
}

/// A process that may write.
struct Session {
    name: String,
    /// Locked as long as this process lives: so others know whose files aside are still written.
    _alive: File,
}

/// A file that was written aside, and is deleted unless it is put in its place.
pub(super) struct Aside {
    path: PathBuf,
    part: Part,
    is_placed: bool,
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.is_placed {
            // What is left is swept when a cache is opened.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Files {
    /// Makes the folder, and says to the others that this process is alive. In a transaction of the index.
    pub(super) fn open(folder: &Path) -> io::Result<Files> {
        fs::create_dir_all(folder.join("files"))?;
        let sessions = folder.join("sessions");
        fs::create_dir_all(&sessions)?;
        // A name that another process has, as one in another container may, is passed over.
        let (session, alive) = loop {
            let number = SESSIONS.fetch_add(1, Ordering::Relaxed);
            let session = format!("{}-{number}", std::process::id());
            let path = sessions.join(&session);
            let alive = File::options().create(true).truncate(false).write(true).open(path)?;
            match alive.try_lock() {
                Ok(()) => break (session, alive),
                Err(fs::TryLockError::WouldBlock) => {}
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
        };
        let session = Some(Session { name: session, _alive: alive });
        Ok(Files { folder: folder.to_owned(), session, written: AtomicU64::new(0) })
    }

    /// The files that are there, for who writes none.
    pub(super) fn look(folder: &Path) -> Files {
        Files { folder: folder.to_owned(), session: None, written: AtomicU64::new(0) }
    }

    fn session(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.name)
    }

    fn shelf(&self, name: &Key) -> PathBuf {
        self.folder.join("files").join(format!("{:02x}", name.bytes()[0]))
    }

    pub(super) fn path(&self, name: &Key) -> PathBuf {
        self.shelf(name).join(name.to_string())
    }

    /// Writes a content beside its place, and waits until it is on the disk.
    pub(super) fn write_aside(&self, part: Part, bytes: &[u8]) -> Result<Aside, (PathBuf, io::Error)> {
        let shelf = self.shelf(&part.sha256);
        fs::create_dir_all(&shelf).map_err(|error| (shelf.clone(), error))?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let path = shelf.join(format!("{ASIDE}{}-{number}", self.session()));
        // Made first, so that it is deleted where the writing fails.
        let aside = Aside { path, part, is_placed: false };
        let written = File::create(&aside.path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.map_err(|error| (aside.path.clone(), error))?;
        Ok(aside)
    }

    /// Gives files that were written aside their names, and waits until the folders are on the disk.
    pub(super) fn place(&self, aside: &mut [Aside]) -> Result<(), (PathBuf, io::Error)> {
        let mut shelves = BTreeSet::new();
        for file in aside.iter_mut() {
            let path = self.path(&file.part.sha256);
            // Also where it is there: whatever happened to it, it is whole again.
            fs::rename(&file.path, &path)
                .or_else(|error| {
                    // A folder in its place gives way to nothing by itself.
                    if !path.is_dir() {
                        return Err(error);
                    }
                    remove_any(&path)?;
                    fs::rename(&file.path, &path)
                })
                .map_err(|error| (path, error))?;
            file.is_placed = true;
            shelves.insert(self.shelf(&file.part.sha256));
        }
        if !shelves.is_empty() {
            shelves.insert(self.folder.join("files"));
        }
        for shelf in shelves {
            sync_folder(&shelf).map_err(|error| (shelf, error))?;
        }
        Ok(())
    }

    /// A file that is as long as what was written.
    fn begin(&self, part: &Part) -> Result<File, ReadError> {
        let path = self.path(&part.sha256);
        let missing = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => ReadError::Damaged("it is not there".to_owned()),
            _ => ReadError::Io(error),
        };
        // Looked at first: to open a pipe is to wait for whoever writes into it.
        if !fs::metadata(&path).map_err(missing)?.is_file() {
            return Err(ReadError::Damaged("it is no file: a folder, a pipe or the like".to_owned()));
        }
        let file = File::open(&path).map_err(missing)?;
        let length = file.metadata().map_err(ReadError::Io)?.len();
        if length != part.bytes {
            return Err(ReadError::Damaged(format!(
                "it has {length} bytes, and {} were written",
                part.bytes
            )));
        }
        Ok(file)
    }

    /// A file's content, if it is what was written: its length and CRC-32 are looked at.
    pub(super) fn read(&self, part: &Part) -> Result<Arc<[u8]>, ReadError> {
        let mut file = self.begin(part)?;
        let room =
            usize::try_from(part.bytes).map_err(|_| ReadError::Io(io::ErrorKind::OutOfMemory.into()))?;
        // One allocation and no copy: fresh pages cost more than all that is done with them.
        let mut bytes = Arc::<[u8]>::new_uninit_slice(room);
        Arc::get_mut(&mut bytes).unwrap_or_default().fill(MaybeUninit::new(0));
        // SAFETY: nobody else has it yet, so all of it was filled just now.
        let mut bytes = unsafe { bytes.assume_init() };
        let mut hasher = crc32fast::Hasher::new();
        for chunk in Arc::get_mut(&mut bytes).unwrap_or_default().chunks_mut(READ_BYTES) {
            file.read_exact(chunk).map_err(unread)?;
            hasher.update(chunk);
        }
        if hasher.finalize() == part.crc32 { Ok(bytes) } else { Err(changed()) }
    }

    /// As [`read`](Self::read), through a little memory, for who needs none of it.
    pub(super) fn check(&self, part: &Part) -> Result<(), ReadError> {
        let mut file = self.begin(part)?;
        let mut chunk = vec![0; READ_BYTES];
        let (mut hasher, mut left) = (crc32fast::Hasher::new(), part.bytes);
        while left > 0 {
            let chunk = &mut chunk[..left.min(READ_BYTES as u64) as usize];
            file.read_exact(chunk).map_err(unread)?;
            hasher.update(chunk);
            left -= chunk.len() as u64;
        }
        if hasher.finalize() == part.crc32 { Ok(()) } else { Err(changed()) }
    }

    /// As [`read`](Self::read), and its whole content is held against its name.
    pub(super) fn verify(&self, part: &Part) -> Result<(), ReadError> {
        let bytes = self.read(part)?;
        if Sha256::digest(&bytes)[..] != part.sha256.bytes()[..] {
            return Err(changed());
        }
        Ok(())
    }

    /// Removes a file that no entry needs.
    pub(super) fn remove(&self, name: &Key) {
        // What is left is swept when a cache is opened.
        let _ = remove_any(&self.path(name));
    }

    /// Removes what processes that have ended left behind: files that were being written, and files that
    /// no entry came to need. In a transaction of the index. Gives how many those were.
    pub(super) fn sweep(&self, index: &Index) -> io::Result<u64> {
        let mut alive = BTreeSet::from([self.session().to_owned()]);
        for session in fs::read_dir(self.folder.join("sessions"))? {
            let session = session?;
            let name = session.file_name().to_string_lossy().into_owned();
            if name == self.session() {
                continue;
            }
            let is_alive = File::options()
                .write(true)
                .open(session.path())
                .is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)));
            if is_alive {
                alive.insert(name);
            } else {
                let _ = fs::remove_file(session.path());
            }
        }
        let mut swept = 0;
        for shelf in fs::read_dir(self.folder.join("files"))? {
            let Ok(files) = fs::read_dir(shelf?.path()) else { continue };
            for file in files.flatten() {
                let name = file.file_name().to_string_lossy().into_owned();
                let is_needed = match name.strip_prefix(ASIDE) {
                    Some(aside) => aside.rsplit_once('-').is_some_and(|(session, _)| alive.contains(session)),
                    None => name.parse().is_ok_and(|name| index.needs(&name)),
                };
                if !is_needed && remove_any(&file.path()).is_ok() {
                    swept += 1;
                }
            }
        }
        Ok(swept)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            let _ = fs::remove_file(self.folder.join("sessions").join(&session.name));
        }
    }
}

/// Removes what stands in a file's place, whatever it is.
fn remove_any(path: &Path) -> io::Result<()> {
    // A link to a folder is no folder: what it leads to stays.
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// What is on the shelves of a cache's folder.
fn contents(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    let shelves = fs::read_dir(folder.join("files")).into_iter().flatten().flatten();
    shelves.flat_map(|shelf| fs::read_dir(shelf.path()).into_iter().flatten().flatten())
}

/// Whether there is any file that an entry had, or has.
pub(super) fn has_any(folder: &Path) -> bool {
    contents(folder).any(|file| file.file_name().to_string_lossy().parse::<Key>().is_ok())
}

/// Removes all files; gives how many went, and their size.
pub(super) fn remove_all(folder: &Path) -> (u64, u64) {
    let mut gone = (0, 0);
    for file in contents(folder) {
        let bytes = file.metadata().map_or(0, |file| file.len());
        match remove_any(&file.path()) {
            Ok(()) => gone = (gone.0 + 1, gone.1 + bytes),
            // It is swept when a cache is opened.
            Err(error) => {
                tracing::warn!(path = %file.path().display(), %error, "a file could not be removed")
            }
        }
    }
    gone
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // A folder cannot be opened as a file elsewhere; there a name is on the disk with its file.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
