use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A process that does tasks, told from all others by a file whose lock it holds while it lives: the
/// system takes the lock away however it ends.
pub(super) struct Owner {
    folder: PathBuf,
    name: String,
    lock: File,
}

static OWNERS: AtomicU64 = AtomicU64::new(0);

impl Owner {
    pub(super) fn of_this_process(folder: &Path) -> io::Result<Owner> {
        // Numbers of processes come again: one of before may have left its file.
        for _ in 0..1_000 {
            let number = OWNERS.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{number}", std::process::id());
            let path = path_of(folder, &name);
            let lock = match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened?,
            };
            if !hold(&lock)? {
                // Somebody who looks whether it lives was quicker; another number is as good.
                let _ = std::fs::remove_file(&path);
                continue;
            }
            return Ok(Owner { folder: folder.to_owned(), name, lock });
        }
        Err(io::Error::other("a thousand programs of this number left their marks; delete owner-*.lock"))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a process has ended. Where that cannot be found out it is taken to live.
    pub(super) fn is_gone(&self, owner: &str) -> bool {
        if owner == self.name {
            return false;
        }
        match OpenOptions::new().write(true).open(path_of(&self.folder, owner)) {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(file) => match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
            },
        }
    }

    /// Takes away the mark of one that has ended.
    pub(super) fn forget(&self, owner: &str) {
        // What stays is found again, and is harmless.
        let _ = std::fs::remove_file(path_of(&self.folder, owner));
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(path_of(&self.folder, &self.name));
        // The system does it too.
        let _ = self.lock.unlock();
    }
}

/// Takes a file's lock, where nobody has it. It is not waited for: who has it may never let it go.
fn hold(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn path_of(folder: &Path, owner: &str) -> PathBuf {
    // Names come from the journal: nothing but what this file writes is a name.
    let plain: String = owner.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    folder.join(format!("owner-{plain}.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_somebody_has_is_not_waited_for() {
        let path = std::env::temp_dir().join(format!("antiphon-owner-{}.lock", std::process::id()));
        let theirs = File::create(&path).expect("a file");
        let ours = File::open(&path).expect("the same");
        assert!(hold(&theirs).expect("free"));
        assert!(!hold(&ours).expect("an answer"));
        theirs.unlock().expect("unlocked");
        assert!(hold(&ours).expect("free again"));
        let _ = std::fs::remove_file(&path);
    }

    #[test]
    fn one_that_lives_holds_its_lock() {
        let folder = std::env::temp_dir().join(format!("antiphon-owner-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let me = Owner::of_this_process(&folder).expect("an owner");
        let other = Owner::of_this_process(&folder).expect("another");
        assert!(!me.is_gone(other.name()) && !other.is_gone(me.name()) && !me.is_gone(me.name()));
        let name = other.name().to_owned();
        // As if it had been killed: the file stays, the lock does not.
        other.lock.unlock().expect("unlocked");
        assert!(me.is_gone(&name));
        drop(other);
        assert!(me.is_gone(&name));
        assert!(me.is_gone("../../etc/passwd"));
        let _ = std::fs::remove_dir_all(&folder);
    }
}
