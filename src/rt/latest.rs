//! Only the newest value matters: a triple buffer from one writer to one reader.
//!
//! Neither side ever waits. The writer fills a buffer of its own and exchanges
//! it for the one in the middle; the reader exchanges its own for the middle one
//! when that is newer. (The classic three-slot scheme; each slot has exactly one
//! owner at any time, and the exchange of the middle's index is the handover.)

#[cfg(not(loom))]
use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

#[cfg(loom)]
use loom::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use std::cell::UnsafeCell;

const INDEX: u8 = 0b011;
const FRESH: u8 = 0b100;

struct Shared<T> {
    slots: [UnsafeCell<T>; 3],
    middle: AtomicU8,
}

// SAFETY: a slot is only touched by the side that holds its index, and an index
// passes from side to side only by the AcqRel exchange of `middle`.
unsafe impl<T: Send> Sync for Shared<T> {}

/// Makes the pair; the reader sees `initial` until the first write.
/// Real-time: no (allocates).
pub fn latest<T: Copy + Send + 'static>(initial: T) -> (Publisher<T>, Latest<T>) {
    let shared = Arc::new(Shared { slots: [initial; 3].map(UnsafeCell::new), middle: AtomicU8::new(1) });
    (Publisher { shared: Arc::clone(&shared), own: 0 }, Latest { shared, own: 2 })
}

/// The end that writes. Real-time: yes.
pub struct Publisher<T> {
    shared: Arc<Shared<T>>,
    own: u8,
}

impl<T: Copy + Send + 'static> Publisher<T> {
    /// Replaces what the reader will see next. Real-time: yes.
    pub fn publish(&mut self, value: T) {
        // SAFETY: `own` is this side's slot until the exchange below.
        unsafe { *self.shared.slots[usize::from(self.own)].get() = value };
        self.own = self.shared.middle.swap(self.own | FRESH, Ordering::AcqRel) & INDEX;
    }
}

/// The end that reads. Real-time: yes.
pub struct Latest<T> {
    shared: Arc<Shared<T>>,
    own: u8,
}

impl<T: Copy + Send + 'static> Latest<T> {
    /// The newest value; the same as before where nothing was written since. Real-time: yes.
    pub fn read(&mut self) -> T {
        if self.shared.middle.load(Ordering::Relaxed) & FRESH != 0 {
            self.own = self.shared.middle.swap(self.own, Ordering::AcqRel) & INDEX;
        }
        // SAFETY: `own` is this side's slot until its next exchange.
        unsafe { *self.shared.slots[usize::from(self.own)].get() }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_reader_sees_the_newest_whole_value() {
        let (mut publisher, mut latest) = latest((0_u64, 0_u64));
        assert_eq!(latest.read(), (0, 0));
        publisher.publish((1, 1));
        publisher.publish((2, 2));
        assert_eq!((latest.read(), latest.read()), ((2, 2), (2, 2)));
        let count = if cfg!(miri) { 100 } else { 100_000 };
        let writer = std::thread::spawn(move || {
            for i in 3..count {
                publisher.publish((i, i));
            }
        });
        let mut last = 0;
        while last + 1 < count {
            let (a, b) = latest.read();
            assert!(a == b && a >= last);
            last = a;
            std::thread::yield_now();
        }
        writer.join().expect("the writer ends");
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;

    /// Every interleaving: no torn value, none that goes back in time.
    #[test]
    fn no_interleaving_tears_or_goes_back() {
        loom::model(|| {
            let (mut publisher, mut latest) = latest((0_u8, 0_u8));
            let writer = loom::thread::spawn(move || {
                publisher.publish((1, 1));
                publisher.publish((2, 2));
            });
            let first = latest.read();
            let second = latest.read();
            assert!(first.0 == first.1 && second.0 == second.1 && first.0 <= second.0);
            writer.join().unwrap();
            assert_eq!(latest.read(), (2, 2));
        });
    }
}
