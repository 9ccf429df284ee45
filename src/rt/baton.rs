//! One object that whoever holds it may use: how the Renderer passes from a
//! dead driver to the next without a lock.

#[cfg(not(loom))]
use std::sync::atomic::{AtomicPtr, Ordering};

#[cfg(loom)]
use loom::sync::atomic::{AtomicPtr, Ordering};

use std::ptr;

/// A place for one boxed object. Taking it leaves the place empty, so that two
/// sides can never hold it at once. Real-time: yes.
pub struct Baton<T> {
    place: AtomicPtr<T>,
}

// SAFETY: the pointer is a Box that exactly one side owns after the exchange.
unsafe impl<T: Send> Send for Baton<T> {}
// SAFETY: as above; `&Baton` gives no access to the object but by taking it.
unsafe impl<T: Send> Sync for Baton<T> {}

impl<T> Baton<T> {
    /// A place with the object in it. Real-time: no.
    pub fn new(object: Box<T>) -> Baton<T> {
        Baton { place: AtomicPtr::new(Box::into_raw(object)) }
    }

    /// A place that nothing was put in yet. Real-time: no.
    pub fn empty() -> Baton<T> {
        Baton { place: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Takes the object, if it is there. Real-time: yes.
    pub fn take(&self) -> Option<Box<T>> {
        let taken = self.place.swap(ptr::null_mut(), Ordering::AcqRel);
        if taken.is_null() {
            return None;
        }
        // SAFETY: a pointer in the place came from `Box::into_raw`, and the
        // exchange gave it to this side alone.
        Some(unsafe { Box::from_raw(taken) })
    }

    /// Puts the object back. Real-time: yes, where the place is empty, as it is
    /// for whoever took it; else the object that was there is dropped.
    pub fn put(&self, object: Box<T>) {
        let there = self.place.swap(Box::into_raw(object), Ordering::AcqRel);
        if !there.is_null() {
            // SAFETY: as in `take`.
            drop(unsafe { Box::from_raw(there) });
        }
    }
}

impl<T> Drop for Baton<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_one_side_holds_it() {
        let baton = Baton::new(Box::new(7));
        let held = baton.take().expect("there");
        assert!(baton.take().is_none());
        baton.put(held);
        assert_eq!(baton.take().as_deref(), Some(&7));
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;

    #[test]
    fn no_interleaving_lets_two_hold_it() {
        loom::model(|| {
            let baton = Arc::new(Baton::new(Box::new(0_u32)));
            let other = Arc::clone(&baton);
            let side = loom::thread::spawn(move || {
                other.take().map(|mut object| {
                    *object += 1;
                    other.put(object);
                })
            });
            let mine = baton.take().map(|mut object| {
                *object += 1;
                baton.put(object);
            });
            let theirs = side.join().unwrap();
            let count = u32::from(mine.is_some()) + u32::from(theirs.is_some());
            assert_eq!(*baton.take().unwrap(), count);
        });
    }
}
