//! Single producer, single consumer, of `Copy` values: every item matters.
//!
//! Built on rtrb. Nothing allocates after [`ring`]; when full, the value comes
//! back to the sender, who follows the edge's policy, and the refusal is counted
//! where both ends can read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes a ring that holds `capacity` items. Real-time: no (allocates).
pub fn ring<T: Copy + Send + 'static>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (producer, consumer) = rtrb::RingBuffer::new(capacity);
    let refused = Arc::new(AtomicU64::new(0));
    (Sender { producer, refused: Arc::clone(&refused) }, Receiver { consumer, refused })
}

/// The end that puts in. Real-time: yes.
pub struct Sender<T> {
    producer: rtrb::Producer<T>,
    refused: Arc<AtomicU64>,
}

impl<T: Copy + Send + 'static> Sender<T> {
    /// Puts a value in. Real-time: yes.
    ///
    /// # Errors
    /// The value, when the ring is full; counted.
    pub fn send(&mut self, value: T) -> Result<(), T> {
        self.producer.push(value).map_err(|rtrb::PushError::Full(value)| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            value
        })
    }

    /// How many values fit now, at least. Real-time: yes.
    pub fn vacant(&self) -> usize {
        self.producer.slots()
    }

    /// Counts a refusal that the sender decided on itself. Real-time: yes.
    pub fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many values were refused so far. Real-time: yes.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether the other end is gone. Real-time: yes.
    pub fn is_abandoned(&self) -> bool {
        self.producer.is_abandoned()
    }
}

/// The end that takes out. Real-time: yes.
pub struct Receiver<T> {
    consumer: rtrb::Consumer<T>,
    refused: Arc<AtomicU64>,
}

impl<T: Copy + Send + 'static> Receiver<T> {
    /// The oldest value. Real-time: yes.
    pub fn receive(&mut self) -> Option<T> {
        self.consumer.pop().ok()
    }

    /// A look at the oldest value, which stays. Real-time: yes.
    pub fn peek(&self) -> Option<&T> {
        self.consumer.peek().ok()
    }

    /// How many values wait, at least. Real-time: yes.
    pub fn waiting(&self) -> usize {
        self.consumer.slots()
    }

    /// How many values were refused so far. Real-time: yes.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether the other end is gone. Real-time: yes.
    pub fn is_abandoned(&self) -> bool {
        self.consumer.is_abandoned()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_gives_the_value_back_and_counts() {
        let (mut sender, mut receiver) = ring(2);
        assert_eq!([sender.send(1), sender.send(2), sender.send(3)], [Ok(()), Ok(()), Err(3)]);
        assert_eq!((sender.refused(), receiver.refused()), (1, 1));
        assert_eq!(
            (receiver.peek().copied(), receiver.receive(), receiver.receive()),
            (Some(1), Some(1), Some(2))
        );
        assert_eq!(receiver.receive(), None);
    }

    #[test]
    fn everything_arrives_in_order_across_threads() {
        let count = if cfg!(miri) { 200 } else { 100_000_u64 };
        let (mut sender, mut receiver) = ring(64);
        let writer = std::thread::spawn(move || {
            for i in 0..count {
                while sender.send(i).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        let mut next = 0;
        while next < count {
            match receiver.receive() {
                Some(value) => {
                    assert_eq!(value, next);
                    next += 1;
                }
                None => std::thread::yield_now(),
            }
        }
        writer.join().expect("the writer ends");
    }
}
