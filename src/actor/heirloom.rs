use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// A place outside an actor for what must outlive it: an open device, a file, the
/// end of a ring. One incarnation holds it at a time; when that is dropped, also
/// by unwinding, it is back in its place for the next.
pub struct Heirloom<T>(Arc<Mutex<Place<T>>>);

struct Place<T> {
    thing: Option<T>,
    /// Whether its last holder let go of it by unwinding.
    was_dropped: bool,
}

impl<T> Heirloom<T> {
    /// A place with the thing in it.
    pub fn new(thing: T) -> Heirloom<T> {
        Heirloom(Arc::new(Mutex::new(Place { thing: Some(thing), was_dropped: false })))
    }

    /// A place with nothing in it yet.
    pub fn empty() -> Heirloom<T> {
        Heirloom(Arc::new(Mutex::new(Place { thing: None, was_dropped: false })))
    }

    /// Puts a thing in its place; gives what was there.
    pub fn put(&self, thing: T) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).thing.replace(thing)
    }

    /// Takes hold of the thing; `None` while another holds it, or for ever where
    /// it was [kept](Held::keep).
    pub fn take(&self) -> Option<Held<T>> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let thing = place.thing.take()?;
        let is_salvaged = std::mem::take(&mut place.was_dropped);
        Some(Held { thing: Some(thing), place: self.clone(), is_salvaged })
    }
}

impl<T> Clone for Heirloom<T> {
    fn clone(&self) -> Heirloom<T> {
        Heirloom(Arc::clone(&self.0))
    }
}

/// The thing, while one holds it.
pub struct Held<T> {
    /// There until it is kept or given back.
    thing: Option<T>,
    place: Heirloom<T>,
    is_salvaged: bool,
}

impl<T> Held<T> {
    /// Whether its last holder panicked: what it was in the middle of may be half
    /// done.
    pub fn is_salvaged(&self) -> bool {
        self.is_salvaged
    }

    /// Takes it out of its place for good.
    pub fn keep(mut self) -> T {
        // PANIC: it is taken out only here and in `drop`, each of them once.
        self.thing.take().expect("held")
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // PANIC: as in `keep`.
        self.thing.as_ref().expect("held")
    }
}

impl<T> DerefMut for Held<T> {
    fn deref_mut(&mut self) -> &mut T {
        // PANIC: as in `keep`.
        self.thing.as_mut().expect("held")
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(thing) = self.thing.take() {
            let mut place = self.place.0.lock().unwrap_or_else(PoisonError::into_inner);
            place.thing = Some(thing);
            place.was_dropped = std::thread::panicking();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_the_next_goes_on_with_it() {
        let heirloom = Heirloom::new(vec![1]);
        let mut held = heirloom.take().expect("there");
        held.push(2);
        assert!(heirloom.take().is_none());
        drop(held);
        let next = heirloom.take().expect("back");
        assert!(!next.is_salvaged());
        assert_eq!(next.keep(), [1, 2]);
        assert!(heirloom.take().is_none());
        assert_eq!(heirloom.put(vec![3]), None);
        assert_eq!(heirloom.take().expect("another").as_slice(), [3]);
        assert!(Heirloom::<u8>::empty().take().is_none());
    }

    #[test]
    fn it_comes_back_from_one_that_panics() {
        let heirloom = Heirloom::new(7);
        let victim = heirloom.clone();
        let ended = std::thread::spawn(move || {
            let _held = victim.take();
            std::panic::resume_unwind(Box::new("unheard"));
        });
        assert!(ended.join().is_err());
        let held = heirloom.take().expect("back");
        assert!(held.is_salvaged());
        drop(held);
        assert!(!heirloom.take().expect("there").is_salvaged());
    }
}
