//! Heap objects into the audio world and back, so that it never frees.
//!
//! Two rings, and credits: an object holds its credit as long as it is in the
//! audio world, and there are as many credits as the way back has room. So the
//! way back can never be full, and [`Borrower::give_back`] cannot fail.

use std::ops::{Deref, DerefMut};

/// Makes a door for at most `credits` objects at a time. Real-time: no (allocates).
pub fn loan<T: Send + 'static>(credits: usize) -> (Lender<T>, Borrower<T>) {
    let (lend, borrow) = rtrb::RingBuffer::new(credits);
    let (give_back, collect) = rtrb::RingBuffer::new(credits);
    (Lender { lend, collect, out: 0, credits }, Borrower { borrow, give_back })
}

/// An object on loan: only what was lent can be given back. Real-time: yes.
pub struct Lent<T>(Box<T>);

impl<T> Deref for Lent<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Lent<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// The control world's end. Real-time: no.
pub struct Lender<T> {
    lend: rtrb::Producer<Box<T>>,
    collect: rtrb::Consumer<Box<T>>,
    out: usize,
    credits: usize,
}

impl<T: Send + 'static> Lender<T> {
    /// Lends an object. Real-time: no.
    ///
    /// # Errors
    /// The object, when no credit is left: collect first.
    pub fn lend(&mut self, object: Box<T>) -> Result<(), Box<T>> {
        if self.out == self.credits {
            return Err(object);
        }
        match self.lend.push(object) {
            Ok(()) => {
                self.out += 1;
                Ok(())
            }
            Err(rtrb::PushError::Full(object)) => Err(object),
        }
    }

    /// An object that came back, to be used again or dropped here. Real-time: no.
    pub fn collect(&mut self) -> Option<Box<T>> {
        let object = self.collect.pop().ok()?;
        self.out -= 1;
        Some(object)
    }

    /// How many objects are in the audio world. Real-time: yes.
    pub fn out(&self) -> usize {
        self.out
    }
}

/// The audio world's end. Real-time: yes.
pub struct Borrower<T> {
    borrow: rtrb::Consumer<Box<T>>,
    give_back: rtrb::Producer<Box<T>>,
}

impl<T: Send + 'static> Borrower<T> {
    /// The next object that was lent. Real-time: yes.
    pub fn borrow(&mut self) -> Option<Lent<T>> {
        self.borrow.pop().ok().map(Lent)
    }

    /// Gives an object back. There is always room: see the module. Real-time: yes.
    pub fn give_back(&mut self, object: Lent<T>) {
        if let Err(rtrb::PushError::Full(object)) = self.give_back.push(object.0) {
            // Only a lent object has a credit, and there is a slot for each; if
            // that were ever broken, a leak is better than a free in here.
            debug_assert!(false, "more objects came back than were lent");
            std::mem::forget(object);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn credits_bound_what_is_out_and_the_way_back_has_room() {
        let (mut lender, mut borrower) = loan(2);
        assert!(lender.lend(Box::new(1)).is_ok() && lender.lend(Box::new(2)).is_ok());
        let first = borrower.borrow().expect("lent");
        assert_eq!(lender.lend(Box::new(3)), Err(Box::new(3)));
        borrower.give_back(first);
        assert_eq!(lender.lend(Box::new(3)), Err(Box::new(3)));
        assert_eq!((lender.collect(), lender.out()), (Some(Box::new(1)), 1));
        assert!(lender.lend(Box::new(3)).is_ok());
        while let Some(object) = borrower.borrow() {
            borrower.give_back(object);
        }
        assert_eq!((lender.collect(), lender.collect()), (Some(Box::new(2)), Some(Box::new(3))));
    }
}
