//! Fetches what clips play from a disk.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::error::{Error, ErrorKind};
use crate::rt::reel::{Feeding, ReelCount};

/// How often it looks whether there is room. What is in memory lasts seconds.
const LOOK: Duration = Duration::from_millis(5);
/// The same while nobody plays from a disk.
const IDLE: Duration = Duration::from_secs(1);
/// A clip that could not be read is tried again after so many looks.
const REST_LOOKS: u32 = 200;
/// How long a disk may keep the thread that reads when the engine ends.
const FAREWELL: Duration = Duration::from_secs(1);
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
    /// Those that came since the last pass.
    arrived: Mutex<Vec<Stream>>,
    /// Held for as long as a disk takes: by whoever fetches only.
    streams: Mutex<Vec<Stream>>,
    tallies: Mutex<BTreeMap<String, Tally>>,
    troubles: Mutex<Vec<Trouble>>,
    /// Who fetches, where that is a thread.
    thread: Mutex<Option<Thread>>,
}

struct Stream {
    clip: String,
    feeding: Box<Feeding>,
    /// Looks until it is tried again.
    rest: u32,
    has_failed: bool,
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
        if let Some(thread) = &*lock(&self.0.thread) {
            thread.unpark();
        }
    }

    /// Fetches until there is no room. Blocks as long as the disk does.
    ///
    /// # Errors
    /// The first clip that cannot be read.
    pub(super) fn fill(&self) -> Result<(), Trouble> {
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
        let mut streams = lock(&self.0.streams);
        streams.append(&mut lock(&self.0.arrived));
        streams.retain(|stream| {
            let is_over = stream.feeding.is_abandoned();
            if is_over {
                self.close(stream);
            }
            !is_over
        });
        let mut has_moved = false;
        for stream in streams.iter_mut() {
            if stream.rest > 0 {
                stream.rest -= 1;
                continue;
            }
            match stream.fetch() {
                Ok(moved) => {
                    has_moved |= moved;
                    stream.has_failed &= !moved;
                }
                Err(reason) => {
                    stream.rest = REST_LOOKS;
                    if !std::mem::replace(&mut stream.has_failed, true) {
                        tracing::warn!(clip = stream.clip, reason, "a clip cannot be read");
                        let mut troubles = lock(&self.0.troubles);
                        if troubles.len() < TROUBLES {
                            troubles.push(Trouble { clip: stream.clip.clone(), reason });
                        }
                    }
                }
            }
        }
        has_moved
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

    fn is_empty(&self) -> bool {
        lock(&self.0.streams).is_empty() && lock(&self.0.arrived).is_empty()
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

/// The thread that fetches while an engine plays; it ends with this. It belongs to no actor, so killing
/// any of them changes nothing of it.
pub(super) struct Fetcher {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fetcher {
    /// Fetches for these from now on.
    ///
    /// # Errors
    /// [`Error`] where the system starts no thread.
    pub(super) fn start(streams: &Streams) -> Result<Fetcher, Error> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (told, fetched) = (Arc::clone(&stopping), streams.clone());
        let thread = std::thread::Builder::new()
            .name("antiphon-streams".to_owned())
            .spawn(move || {
                while !told.load(Relaxed) {
                    if !fetched.pass() {
                        std::thread::park_timeout(if fetched.is_empty() { IDLE } else { LOOK });
                    }
                }
            })
            .map_err(|error| {
                Error::new(ErrorKind::Device, format!("the thread that reads clips cannot start: {error}"))
            })?;
        *lock(&streams.0.thread) = Some(thread.thread().clone());
        Ok(Fetcher { stopping, thread: Some(thread) })
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.stopping.store(true, Relaxed);
        let Some(thread) = self.thread.take() else { return };
        thread.thread().unpark();
        let begun = Instant::now();
        // It may be waiting for a disk that is gone.
        while !thread.is_finished() {
            if begun.elapsed() > FAREWELL {
                tracing::warn!("a disk does not answer; the thread that waits for it is left behind");
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = thread.join();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::rt::reel::{Medium, Reading, Reel, Stereo, Tape};
    use crate::unit::SampleRate;

    const FRAMES: u64 = 400_000;

    /// A disk that answers when it is let, or fails.
    struct Disk(Mutex<Option<mpsc::Receiver<()>>>, bool);

    struct Silence(Option<mpsc::Receiver<()>>);

    impl Medium for Disk {
        fn open(&self) -> Result<Box<dyn Reading>, String> {
            if self.1 { Err("it is away".to_owned()) } else { Ok(Box::new(Silence(lock(&self.0).take()))) }
        }
    }

    impl Reading for Silence {
        fn seek(&mut self, _: u64) -> Result<(), String> {
            Ok(())
        }

        fn read(&mut self, frames: usize, into: &mut Vec<Stereo>) -> Result<(), String> {
            if let Some(gate) = &self.0 {
                gate.recv().map_err(|_| "it is gone".to_owned())?;
            }
            into.extend(std::iter::repeat_n([0.0; 2], frames));
            Ok(())
        }
    }

    fn reel(disk: Disk) -> Reel {
        let opening = vec![[0.0; 2]; Tape::opening_frames(SampleRate::DEFAULT) as usize];
        let tape = Tape::new(opening, FRAMES, 0, Arc::new(disk)).expect("it is long");
        Reel::new(&tape, SampleRate::DEFAULT)
    }

    #[test]
    fn what_was_counted_outlives_who_counted_it() {
        let streams = Streams::default();
        let late = |reel: &mut Reel| {
            let lane = reel.start(0);
            reel.tick();
            // At a place for which nothing was fetched.
            reel.judge(lane, 200_000, u64::MAX, 0);
            let [mut left, mut right] = [[1.0; 32]; 2];
            reel.read(lane, 200_000, &mut left, &mut right);
        };
        for times in 1..=2 {
            let mut reel = reel(Disk(Mutex::new(None), false));
            streams.add("tape", reel.take_feeding().expect("once"));
            late(&mut reel);
            assert!(streams.fill().is_ok());
            let record = ClipRecord {
                clip: "tape".to_owned(),
                underruns: times,
                lost_frames: 32 * times,
                memory_bytes: 4_608_000,
            };
            assert_eq!(streams.records(), std::slice::from_ref(&record));
            assert_eq!((streams.take_late(), streams.take_late()), (vec!["tape".to_owned()], Vec::new()));
            drop(reel);
            assert!(streams.fill().is_ok() && streams.is_empty());
            assert_eq!(streams.records(), [record]);
        }
    }

    #[test]
    fn a_disk_that_is_away_is_told_of_once() {
        let streams = Streams::default();
        let mut reel = reel(Disk(Mutex::new(None), true));
        streams.add("tape", reel.take_feeding().expect("once"));
        let trouble = streams.fill().expect_err("it is away");
        assert_eq!((trouble.clip.as_str(), trouble.reason.as_str()), ("tape", "it is away"));
        (0..3 * REST_LOOKS).for_each(|_| assert!(!streams.pass()));
        assert!(streams.take_troubles().is_empty());
    }

    #[test]
    fn an_engine_ends_though_a_disk_does_not_answer() {
        let (open, gate) = mpsc::channel();
        let streams = Streams::default();
        let mut reel = reel(Disk(Mutex::new(Some(gate)), false));
        let fetcher = Fetcher::start(&streams).expect("a thread");
        streams.add("tape", reel.take_feeding().expect("once"));
        open.send(()).expect("it waits, or will");
        let begun = Instant::now();
        drop(fetcher);
        assert!(begun.elapsed() < 10 * FAREWELL);
        // The thread that was left behind ends with the disk.
        drop(open);
    }
}
