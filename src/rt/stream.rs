//! Single producer, single consumer, of slices: bulk samples and bytes.
//!
//! Built on ringbuf. Nothing allocates after [`stream`]; a write takes as much
//! as fits and says how much that was.

use ringbuf::traits::{Consumer, Observer, Producer, Split};

/// Makes a stream that holds `capacity` items. Real-time: no (allocates).
pub fn stream<T: Copy + Send + 'static>(capacity: usize) -> (Writer<T>, Reader<T>) {
    let (producer, consumer) = ringbuf::HeapRb::new(capacity.max(1)).split();
    (Writer { producer }, Reader { consumer })
}

/// The end that writes. Real-time: yes.
pub struct Writer<T> {
    producer: ringbuf::HeapProd<T>,
}

impl<T: Copy + Send + 'static> Writer<T> {
    /// Writes as many items as fit, from the first; gives their number. Real-time: yes.
    pub fn write(&mut self, items: &[T]) -> usize {
        self.producer.push_slice(items)
    }

    /// How many items fit now, at least. Real-time: yes.
    pub fn vacant(&self) -> usize {
        self.producer.vacant_len()
    }

    /// Whether the other end is gone. Real-time: yes.
    pub fn is_abandoned(&self) -> bool {
        !self.producer.read_is_held()
    }
}

/// The end that reads. Real-time: yes.
pub struct Reader<T> {
    consumer: ringbuf::HeapCons<T>,
}

impl<T: Copy + Send + 'static> Reader<T> {
    /// Reads as many items as wait and fit; gives their number. Real-time: yes.
    pub fn read(&mut self, into: &mut [T]) -> usize {
        self.consumer.pop_slice(into)
    }

    /// Throws so many items away, or as many as wait; gives their number. Real-time: yes.
    pub fn skip(&mut self, items: usize) -> usize {
        self.consumer.skip(items)
    }

    /// How many items wait, at least. Real-time: yes.
    pub fn waiting(&self) -> usize {
        self.consumer.occupied_len()
    }

    /// Whether the other end is gone. Real-time: yes.
    pub fn is_abandoned(&self) -> bool {
        !self.consumer.write_is_held()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_write_takes_what_fits_and_keeps_the_order() {
        let (mut writer, mut reader) = stream(5);
        assert_eq!(writer.write(&[1, 2, 3]), 3);
        assert_eq!(writer.write(&[4, 5, 6, 7]), 2);
        let mut out = [0; 4];
        assert_eq!((reader.read(&mut out), out), (4, [1, 2, 3, 4]));
        assert_eq!(writer.write(&[6]), 1);
        assert_eq!((reader.skip(1), reader.read(&mut out), out[0]), (1, 1, 6));
        drop(writer);
        assert!(reader.is_abandoned());
    }
}
