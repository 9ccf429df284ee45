//! What an event costs on its way into the audio world.

use std::thread;
use std::time::Instant;

use crate::engine::rt::ring::ring;

/// As long as a MIDI event.
type Event = [u64; 4];

/// As many as the ring of a MIDI source holds.
const CAPACITY: usize = 1_024;

/// Nanoseconds for each event through a ring: put in and taken out by one thread, and from
/// one thread to another.
pub fn measure(events: usize) -> (f64, f64) {
    let event = [0, 1, 0x90_3c_64, 3];
    let (mut sender, mut receiver) = ring::<Event>(CAPACITY);
    let start = Instant::now();
    let mut sum = 0;
    for _ in 0..events / CAPACITY {
        for _ in 0..CAPACITY {
            let _ = sender.send(std::hint::black_box(event));
        }
        while let Some(event) = receiver.receive() {
            sum += std::hint::black_box(event)[0];
        }
    }
    let alone = start.elapsed();
    std::hint::black_box(sum);
    let start = Instant::now();
    let taker = thread::spawn(move || {
        let mut taken = 0;
        while taken < events {
            match receiver.receive() {
                Some(event) => {
                    std::hint::black_box(event);
                    taken += 1;
                }
                None => thread::yield_now(),
            }
        }
    });
    for _ in 0..events {
        while sender.send(event).is_err() {
            thread::yield_now();
        }
    }
    taker.join().expect("it does not panic");
    let across = start.elapsed();
    let per = |time: std::time::Duration| time.as_nanos() as f64 / events as f64;
    (per(alone), per(across))
}
