use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::stats::CallbackStats;
use crate::unit::HostTime;

/// Callbacks that are kept until they are read: 2.7 s of them at 32 frames.
const KEPT: u64 = 4_096;

/// When a callback came, and how long it took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallbackTime {
    /// When the driver's clock meant it to come, where the driver goes by one.
    pub due: Option<HostTime>,
    /// When it came.
    pub entry: HostTime,
    /// How long it took.
    pub duration_nanos: u64,
    /// Frames that it was for.
    pub frames: u32,
}

impl CallbackTime {
    /// How late it came, where that can be known.
    pub fn late_nanos(&self) -> Option<u64> {
        self.due.map(|due| self.entry.since(due))
    }
}

/// The newest callbacks, one by one. One thread writes at a time and any may read;
/// a reader that is too slow counts what it lost. Real-time: yes, but for
/// [`CallbackTape::new`].
///
/// A sequence lock for each place: Boehm, "Can seqlocks get along with programming
/// language memory models?", MSPC 2012.
pub(super) struct CallbackTape {
    places: Box<[Place]>,
    begun: AtomicU64,
    ended: AtomicU64,
}

#[derive(Default)]
struct Place {
    /// One more than it is, so that 0 is none.
    due: AtomicU64,
    entry: AtomicU64,
    duration: AtomicU64,
    frames: AtomicU64,
}

impl CallbackTape {
    /// An empty one. Real-time: no (allocates).
    pub(super) fn new() -> CallbackTape {
        CallbackTape {
            places: (0..KEPT).map(|_| Place::default()).collect(),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        }
    }

    pub(super) fn write(&self, time: CallbackTime) {
        let number = self.ended.load(Ordering::Relaxed);
        self.begun.store(number + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        let place = &self.places[(number % KEPT) as usize];
        place.due.store(time.due.map_or(0, |due| due.nanos() + 1), Ordering::Relaxed);
        place.entry.store(time.entry.nanos(), Ordering::Relaxed);
        place.duration.store(time.duration_nanos, Ordering::Relaxed);
        place.frames.store(u64::from(time.frames), Ordering::Relaxed);
        self.ended.store(number + 1, Ordering::Release);
    }

    /// A callback by its number; `None` where it is overwritten.
    fn read(&self, number: u64) -> Option<CallbackTime> {
        let place = &self.places[(number % KEPT) as usize];
        let due = place.due.load(Ordering::Relaxed);
        let time = CallbackTime {
            due: due.checked_sub(1).map(HostTime),
            entry: HostTime(place.entry.load(Ordering::Relaxed)),
            duration_nanos: place.duration.load(Ordering::Relaxed),
            frames: place.frames.load(Ordering::Relaxed) as u32,
        };
        fence(Ordering::Acquire);
        (self.begun.load(Ordering::Relaxed) <= number + KEPT).then_some(time)
    }
}

/// Reads callbacks one by one, as they come. Real-time: no.
pub struct CallbackTimes {
    stats: Arc<CallbackStats>,
    next: u64,
    lost: u64,
}

impl CallbackTimes {
    /// From the next callback on.
    pub fn new(stats: Arc<CallbackStats>) -> CallbackTimes {
        let next = stats.tape().ended.load(Ordering::Acquire);
        CallbackTimes { stats, next, lost: 0 }
    }

    /// Callbacks that were overwritten before they were read.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

impl Iterator for CallbackTimes {
    type Item = CallbackTime;

    /// The next callback that has ended; there may be more later.
    fn next(&mut self) -> Option<CallbackTime> {
        let tape = self.stats.tape();
        loop {
            let ended = tape.ended.load(Ordering::Acquire);
            if self.next == ended {
                return None;
            }
            let oldest = ended.saturating_sub(KEPT);
            if self.next < oldest {
                self.lost += oldest - self.next;
                self.next = oldest;
            }
            let read = tape.read(self.next);
            self.next += 1;
            match read {
                Some(time) => return Some(time),
                None => self.lost += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::SampleRate;

    fn time(number: u64) -> CallbackTime {
        CallbackTime {
            due: (!number.is_multiple_of(3)).then_some(HostTime(number)),
            entry: HostTime(number + 5),
            duration_nanos: 7 * number,
            frames: number as u32,
        }
    }

    #[test]
    fn each_is_read_once_and_what_was_too_much_is_counted() {
        let stats = Arc::new(CallbackStats::new(SampleRate::DEFAULT));
        stats.tape().write(time(0));
        let mut times = CallbackTimes::new(Arc::clone(&stats));
        assert_eq!(times.next(), None, "only what comes from now on");
        (1..=3).for_each(|number| stats.tape().write(time(number)));
        assert_eq!(times.by_ref().collect::<Vec<_>>(), [time(1), time(2), time(3)]);
        assert_eq!((time(1).late_nanos(), time(3).late_nanos()), (Some(5), None));
        (0..KEPT + 10).for_each(|number| stats.tape().write(time(number)));
        assert_eq!(times.next(), Some(time(10)));
        assert_eq!((times.by_ref().count() as u64, times.lost()), (KEPT - 1, 10));
    }

    #[test]
    fn none_is_read_half_written() {
        let stats = Arc::new(CallbackStats::new(SampleRate::DEFAULT));
        let count = if cfg!(miri) { 3 * KEPT } else { 100 * KEPT };
        let mut times = CallbackTimes::new(Arc::clone(&stats));
        let writer =
            std::thread::spawn(move || (0..count).for_each(|number| stats.tape().write(time(number))));
        let mut read = 0;
        while read + times.lost() < count {
            let Some(found) = times.next() else { continue };
            read += 1;
            assert_eq!(found, time(u64::from(found.frames)));
        }
        writer.join().expect("it ends");
        assert_eq!(times.next(), None);
    }
}
