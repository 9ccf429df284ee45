//! Fetches what clips play from a disk.
//!
//! A disk may hang for one clip, and must not for another: while an engine plays each stream has a thread of
//! its own ([`Fetcher`]). A render or a replay waits for each instead, in turn ([`fill`](Streams::fill)). A
//! Renderer has one or the other, so that a stream is always in one hand.

mod fetcher;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

pub(super) use fetcher::Fetcher;

use crate::rt::reel::{Feeding, ReelCount};

/// A clip that could not be read is tried again after so many passes of a render.
const REST_PASSES: u32 = 200;
/// What could not be read waits to be said; more of it is not.
const TROUBLES: usize = 100;

/// How a clip that plays from a disk fares.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ClipRecord {
    /// Its name in the rig.
    pub clip: String,
    /// How often the disk was late, so that it faded out.
    pub underruns: u64,
    /// Frames that were faded or silent for that.
    pub lost_frames: u64,
    /// How much memory it has, at most.
    pub memory_bytes: u64,
}

/// The clips of one Renderer that play from a disk. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Those that came since somebody looked.
    arrived: Mutex<Vec<Stream>>,
    /// Those that are fetched in turn; held for as long as a disk takes. None where each has a thread.
    in_turn: Mutex<Vec<Stream>>,
    tallies: Mutex<BTreeMap<String, Tally>>,
    troubles: Mutex<Vec<Trouble>>,
    /// Who is to know that one came, where each has a thread.
    keeper: Mutex<Option<Thread>>,
}

struct Stream {
    clip: String,
    feeding: Box<Feeding>,
    /// Passes until it is tried again.
    rest: u32,
    has_failed: bool,
}

/// What came of a look at a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Look {
    /// Something was fetched, and there may be room for more.
    Moved,
    /// There is no room.
    Still,
    /// It cannot be read.
    Failed,
}

/// A clip that cannot be read.
pub(super) struct Trouble {
    pub(super) clip: String,
    pub(super) reason: String,
}

/// What all processors of a clip came to.
#[derive(Default)]
struct Tally {
    before: [u64; 2],
    counts: Vec<Arc<ReelCount>>,
    memory_bytes: u64,
    /// Underruns that were told of.
    told: u64,
}

impl Tally {
    /// Underruns and lost frames.
    fn sum(&self) -> [u64; 2] {
        self.counts.iter().fold(self.before, |sum, count| {
            let [underruns, lost_frames] = both(count);
            [sum[0] + underruns, sum[1] + lost_frames]
        })
    }
}

impl Stream {
    /// A part for each lane that has room. What reads may be damaged by what it reads; no other clip is.
    fn fetch(&mut self) -> Result<bool, String> {
        catch_unwind(AssertUnwindSafe(|| self.feeding.pass()))
            .unwrap_or_else(|_| Err("what reads it panicked; please report this".to_owned()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn both(count: &ReelCount) -> [u64; 2] {
    [count.underruns(), count.lost_frames()]
}

impl Streams {
    /// From now on this one is fetched too, for a processor of this clip.
    pub(super) fn add(&self, clip: &str, feeding: Box<Feeding>) {
        let mut tallies = lock(&self.0.tallies);
        let tally = tallies.entry(clip.to_owned()).or_default();
        tally.memory_bytes = feeding.memory_bytes();
        tally.counts.push(Arc::clone(feeding.count()));
        drop(tallies);
        let stream = Stream { clip: clip.to_owned(), feeding, rest: 0, has_failed: false };
        lock(&self.0.arrived).push(stream);
        if let Some(keeper) = &*lock(&self.0.keeper) {
            keeper.unpark();
        }
    }

    /// Fetches until there is no room, one clip after the other. Blocks as long as the disk does. Not for a
    /// Renderer whose streams have a [`Fetcher`].
    ///
    /// # Errors
    /// The first clip that cannot be read.
    pub(super) fn fill(&self) -> Result<(), Trouble> {
        debug_assert!(lock(&self.0.keeper).is_none(), "its streams are in other hands");
        loop {
            let has_moved = self.pass();
            if let Some(trouble) = self.take_troubles().into_iter().next() {
                return Err(trouble);
            }
            if !has_moved {
                return Ok(());
            }
        }
    }

    /// Goes round once: a part for each that has room; gives whether there was one.
    fn pass(&self) -> bool {
        let mut streams = lock(&self.0.in_turn);
        self.take_arrived(&mut streams);
        let mut has_moved = false;
        for stream in streams.iter_mut() {
            if stream.rest > 0 {
                stream.rest -= 1;
                continue;
            }
            match self.look(stream) {
                Look::Moved => has_moved = true,
                Look::Still => {}
                Look::Failed => stream.rest = REST_PASSES,
            }
        }
        has_moved
    }

    /// Adds those that came, and closes those whose processor is gone.
    fn take_arrived(&self, streams: &mut Vec<Stream>) {
        streams.append(&mut lock(&self.0.arrived));
        streams.retain(|stream| {
            let is_over = stream.feeding.is_abandoned();
            if is_over {
                self.close(stream);
            }
            !is_over
        });
    }

    /// A part for each lane of a stream that has room; that it cannot be read is told once, until it can be.
    fn look(&self, stream: &mut Stream) -> Look {
        match stream.fetch() {
            Ok(true) => {
                stream.has_failed = false;
                Look::Moved
            }
            Ok(false) => Look::Still,
            Err(reason) => {
                self.tell(stream, reason);
                Look::Failed
            }
        }
    }

    fn tell(&self, stream: &mut Stream, reason: String) {
        if std::mem::replace(&mut stream.has_failed, true) {
            return;
        }
        tracing::warn!(clip = stream.clip, reason, "a clip cannot be read");
        let mut troubles = lock(&self.0.troubles);
        if troubles.len() < TROUBLES {
            troubles.push(Trouble { clip: stream.clip.clone(), reason });
        }
    }

    /// Its processor is gone: what it counted stays.
    fn close(&self, stream: &Stream) {
        let count = stream.feeding.count();
        if let Some(tally) = lock(&self.0.tallies).get_mut(&stream.clip) {
            tally.counts.retain(|other| !Arc::ptr_eq(other, count));
            let [underruns, lost_frames] = both(count);
            tally.before[0] += underruns;
            tally.before[1] += lost_frames;
        }
    }

    /// What could not be read since the last time, each clip once until it can be again.
    pub(super) fn take_troubles(&self) -> Vec<Trouble> {
        std::mem::take(&mut *lock(&self.0.troubles))
    }

    /// The clips for which the disk was late since the last time.
    pub(super) fn take_late(&self) -> Vec<String> {
        let mut tallies = lock(&self.0.tallies);
        let is_late = |tally: &mut Tally| {
            let [underruns, _] = tally.sum();
            std::mem::replace(&mut tally.told, underruns) < underruns
        };
        tallies.iter_mut().filter_map(|(clip, tally)| is_late(tally).then(|| clip.clone())).collect()
    }

    /// How each clip fares that played from a disk, by name.
    pub(super) fn records(&self) -> Vec<ClipRecord> {
        let record = |(clip, tally): (&String, &Tally)| {
            let [underruns, lost_frames] = tally.sum();
            ClipRecord { clip: clip.clone(), underruns, lost_frames, memory_bytes: tally.memory_bytes }
        };
        lock(&self.0.tallies).iter().map(record).collect()
    }
}
