use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use crossbeam::channel::{self, RecvTimeoutError};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// How long a file must have been left alone before it counts as saved.
pub const QUIET: Duration = Duration::from_millis(100);
/// How often the file is looked at where the system does not tell of changes.
const POLL: Duration = Duration::from_secs(1);

/// Tells when a rig file was saved, however the editor does it: written in
/// place, renamed over, or deleted and made anew. Its folders are watched, not
/// the file. Ends when dropped. Real-time: no.
pub struct Watch {
    /// Dropping it ends the thread that waits for what it sends.
    _watcher: Option<RecommendedWatcher>,
    fallback: Option<String>,
}

impl Watch {
    /// Watches a file. The receiver gets one `()` [`QUIET`] after the last change,
    /// if the file is there then; changes that nobody has received yet are one.
    ///
    /// # Errors
    /// The system's, where the path has no folder or no thread can be started.
    /// A system that cannot watch is no error: see [`fallback`](Watch::fallback).
    pub fn new(path: &Path) -> io::Result<(Watch, mpsc::Receiver<()>)> {
        let path = std::path::absolute(path)?;
        let (sender, receiver) = mpsc::channel(1);
        let (changed, changes) = channel::bounded(1);
        let (watcher, fallback) = match watcher(&path, changed) {
            Ok(watcher) => {
                spawn(move || settle(&path, &changes, &sender))?;
                (Some(watcher), None)
            }
            Err(error) => {
                spawn(move || poll(&path, POLL, &sender))?;
                (
                    None,
                    Some(format!(
                        "the rig is looked at once a second, because it cannot be watched: {error}"
                    )),
                )
            }
        };
        Ok((Watch { _watcher: watcher, fallback }, receiver))
    }

    /// Why the file is looked at every second instead, where it is.
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("rig-watch".into()).spawn(work).map(drop)
}

/// Watches the folder of a file, and of what it links to.
fn watcher(path: &Path, changed: channel::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut places = vec![place(path)?];
    if let Ok(target) = path.canonicalize() {
        let target = place(&target)?;
        if !places.contains(&target) {
            places.push(target);
        }
    }
    let watched = places.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let ours = match &event {
            // Something was missed: it may have been ours.
            Err(_) => true,
            Ok(event) => {
                event.need_rescan() || changes_content(event.kind) && concerns(&watched, &event.paths)
            }
        };
        if ours {
            // Full: one that waits is as good as two.
            let _ = changed.try_send(());
        }
    })?;
    for (folder, _) in &places {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn place(path: &Path) -> notify::Result<(PathBuf, OsString)> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Ok((folder.to_owned(), name.to_owned())),
        _ => Err(notify::Error::path_not_found()),
    }
}

fn concerns(places: &[(PathBuf, OsString)], paths: &[PathBuf]) -> bool {
    let names = |path: &PathBuf, name: &OsString| path.file_name() == Some(name.as_os_str());
    paths.iter().any(|path| places.iter().any(|(_, name)| names(path, name)))
}

/// Not merely read, which reloading does itself, nor given other rights.
fn changes_content(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Modify(ModifyKind::Metadata(_)) => false,
        _ => true,
    }
}

/// Passes changes on when they have settled.
fn settle(path: &Path, changes: &channel::Receiver<()>, saved: &mpsc::Sender<()>) {
    while changes.recv().is_ok() {
        loop {
            match changes.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        // Deleted, and not back yet: its return will be a change.
        if path.exists() {
            // Full: the one that waits will find this change too.
            let _ = saved.try_send(());
        }
    }
}

/// What tells one saved state of a file from another.
fn stamp(path: &Path) -> Option<(u64, Option<SystemTime>)> {
    std::fs::metadata(path).ok().map(|data| (data.len(), data.modified().ok()))
}

/// Looks at the file again and again, until nobody receives.
fn poll(path: &Path, period: Duration, saved: &mpsc::Sender<()>) {
    let mut known = stamp(path);
    while !saved.is_closed() {
        thread::sleep(period);
        let mut now = stamp(path);
        if now == known {
            continue;
        }
        loop {
            thread::sleep(QUIET.min(period));
            let later = stamp(path);
            if later == now {
                break;
            }
            now = later;
        }
        known = now;
        if known.is_some() {
            let _ = saved.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Far more than any machine needs.
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn told(saved: &mut mpsc::Receiver<()>) {
        let told = tokio::time::timeout(PATIENCE, saved.recv()).await;
        assert_eq!(told, Ok(Some(())));
    }

    async fn not_told(saved: &mut mpsc::Receiver<()>) {
        let told = tokio::time::timeout(3 * QUIET, saved.recv()).await;
        assert!(told.is_err(), "{told:?}");
    }

    #[tokio::test]
    async fn however_an_editor_saves_it_is_told_once_settled() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rig.toml");
        fs::write(&path, "1").expect("written");
        let (watch, mut saved) = Watch::new(&path).expect("watched");
        assert_eq!(watch.fallback(), None);

        fs::write(&path, "22").expect("written in place");
        told(&mut saved).await;
        let other = folder.path().join("rig.toml~");
        fs::write(&other, "333").expect("written beside");
        fs::rename(&other, &path).expect("renamed over");
        told(&mut saved).await;
        fs::remove_file(&path).expect("deleted");
        fs::write(&path, "4444").expect("made anew");
        told(&mut saved).await;
        assert_eq!(fs::read_to_string(&path).expect("read"), "4444");
        fs::write(&other, "beside").expect("written beside");
        not_told(&mut saved).await;
        fs::remove_file(&path).expect("deleted");
        not_told(&mut saved).await;
        drop(watch);
        assert_eq!(tokio::time::timeout(PATIENCE, saved.recv()).await, Ok(None));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_tells_of_what_it_links_to() {
        let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (link, target) = (here.path().join("rig.toml"), there.path().join("real.toml"));
        fs::write(&target, "1").expect("written");
        std::os::unix::fs::symlink(&target, &link).expect("linked");
        let (_watch, mut saved) = Watch::new(&link).expect("watched");
        fs::write(&target, "22").expect("written");
        told(&mut saved).await;
    }

    #[tokio::test]
    async fn polling_sees_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rig.toml");
        fs::write(&path, "1").expect("written");
        let (sender, mut saved) = mpsc::channel(1);
        let file = path.clone();
        let poller = thread::spawn(move || poll(&file, Duration::from_millis(1), &sender));
        // The poller may look first only now: each change has a length of its own.
        for length in 2..100 {
            fs::write(&path, "x".repeat(length)).expect("written");
            if tokio::time::timeout(Duration::from_millis(200), saved.recv()).await == Ok(Some(())) {
                drop(saved);
                poller.join().expect("it ends when nobody receives");
                return;
            }
        }
        panic!("never told");
    }

    #[test]
    fn a_folder_that_is_not_there_is_polled_for() {
        let (watch, _saved) = Watch::new(Path::new("/no/such/folder/rig.toml")).expect("polled");
        assert!(watch.fallback().is_some_and(|why| why.contains("once a second")));
    }
}
