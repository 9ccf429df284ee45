use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::{Look, Stream, Streams, lock};
use crate::engine::error::{Error, ErrorKind};
use crate::rig::ACTOR_LIMIT;

/// How soon it is looked again whether there is room …
const SOON: Duration = Duration::from_millis(20);
/// … and how late, after twice as long each time in vain: a clip that stands costs six looks a second. What
/// is in memory lasts seconds.
const LATE: Duration = Duration::from_millis(160);
/// A clip that could not be read is tried again after this.
const REST: Duration = Duration::from_secs(1);
/// How often the keeper looks by itself: for threads that could not be started.
const KEEPING: Duration = Duration::from_secs(1);
/// How long disks may keep the threads that read, all together, when the engine ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// Threads that read at once: twice what a rig can need, because a disk that hangs may hold those of the
/// processors before.
const READERS: usize = 2 * ACTOR_LIMIT;
/// A thread that reads decodes, and reports a panic; its stack may be locked in memory.
const STACK_BYTES: usize = 256 * 1_024;

/// Fetches while an engine plays, and ends with this: a thread for each stream, so that a disk that hangs
/// for one is nobody else's matter, and one that starts them as they come. They belong to no actor, so
/// killing any of those changes nothing of them.
pub(in crate::engine) struct Fetcher {
    crew: Arc<Crew>,
    keeper: Option<JoinHandle<()>>,
}

/// The threads that read.
struct Crew {
    is_over: AtomicBool,
    readers: Mutex<Vec<JoinHandle<()>>>,
    /// Readers at once.
    limit: usize,
}

impl Fetcher {
    /// Fetches for these from now on.
    ///
    /// # Errors
    /// [`Error`] where the system starts no thread.
    pub(in crate::engine) fn start(streams: &Streams) -> Result<Fetcher, Error> {
        Fetcher::start_with(streams, READERS)
    }

    pub(super) fn start_with(streams: &Streams, limit: usize) -> Result<Fetcher, Error> {
        let crew = Arc::new(Crew { is_over: AtomicBool::new(false), readers: Mutex::default(), limit });
        let (kept, fetched) = (Arc::clone(&crew), streams.clone());
        // Held meanwhile: who comes now tells the thread, or is seen by it.
        let mut told = lock(&streams.0.keeper);
        let keeper = Builder::new()
            .name("antiphon-streams".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || kept.keep(&fetched))
            .map_err(|error| {
                Error::new(ErrorKind::Device, format!("the thread that reads clips cannot start: {error}"))
            })?;
        *told = Some(keeper.thread().clone());
        Ok(Fetcher { crew, keeper: Some(keeper) })
    }

    /// Threads that read now.
    #[cfg(test)]
    pub(super) fn readers(&self) -> usize {
        lock(&self.crew.readers).iter().filter(|reader| !reader.is_finished()).count()
    }
}

impl Crew {
    fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// Starts a reader for each stream that comes. What waits for one is tried again; it never waits for a
    /// disk.
    fn keep(self: &Arc<Crew>, streams: &Streams) {
        let mut waiting = Vec::new();
        while !self.is_over() {
            lock(&self.readers).retain(|reader| !reader.is_finished());
            streams.take_arrived(&mut waiting);
            waiting = waiting.into_iter().filter_map(|stream| self.start(streams, stream)).collect();
            std::thread::park_timeout(KEEPING);
        }
    }

    /// Starts a reader; gives the stream back where none can be.
    fn start(self: &Arc<Crew>, streams: &Streams, mut stream: Stream) -> Option<Stream> {
        let readers = lock(&self.readers).len();
        // By way of a channel: a thread that does not start would take it along.
        let (give, take) = mpsc::sync_channel(1);
        let (crew, fetched) = (Arc::clone(self), streams.clone());
        let read = move || {
            if let Ok(stream) = take.recv() {
                crew.read(&fetched, stream);
            }
        };
        let started = if readers < self.limit {
            let reader = Builder::new().name("antiphon-fetch".to_owned()).stack_size(STACK_BYTES);
            reader.spawn(read).map_err(|error| error.to_string())
        } else {
            Err(format!("{readers} wait for disks"))
        };
        match started {
            Ok(reader) => {
                lock(&self.readers).push(reader);
                give.send(stream).err().map(|mpsc::SendError(stream)| stream)
            }
            Err(reason) => {
                streams.tell(&mut stream, format!("no thread can be started for it: {reason}"));
                Some(stream)
            }
        }
    }

    /// Fetches for a stream until its processor is gone, or all is over.
    fn read(&self, streams: &Streams, mut stream: Stream) {
        let mut rest = SOON;
        while !self.is_over() {
            if stream.feeding.is_abandoned() {
                return streams.close(&stream);
            }
            match streams.look(&mut stream) {
                Look::Moved => rest = SOON,
                Look::Still => {
                    std::thread::park_timeout(rest);
                    rest = (2 * rest).min(LATE);
                }
                Look::Failed => std::thread::park_timeout(REST),
            }
        }
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        let until = Instant::now() + FAREWELL;
        self.crew.is_over.store(true, Relaxed);
        // The keeper first: after it nobody starts any more.
        let mut left: Vec<JoinHandle<()>> = self.keeper.take().into_iter().collect();
        say_farewell(&mut left, until);
        left.append(&mut lock(&self.crew.readers));
        say_farewell(&mut left, until);
        if !left.is_empty() {
            let threads = left.len();
            tracing::warn!(threads, "a disk does not answer; the threads that wait for it are left behind");
        }
    }
}

/// Wakes threads that are to end, and waits for them; those that do not in time are left.
fn say_farewell(threads: &mut Vec<JoinHandle<()>>, until: Instant) {
    threads.iter().for_each(|thread| thread.thread().unpark());
    loop {
        // A panic that ended one was reported there.
        threads.extract_if(.., |thread| thread.is_finished()).for_each(|thread| drop(thread.join()));
        if threads.is_empty() || Instant::now() >= until {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
