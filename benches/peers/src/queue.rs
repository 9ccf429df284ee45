//! What an event costs on its way into the audio world: by our ring, and by the queues
//! that others have for it.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use crossbeam_queue::ArrayQueue;
use ringbuf::HeapRb;
use ringbuf::traits::{Consumer as _, Producer as _, Split};

use crate::engine::rt::ring;

/// As long as a MIDI event.
pub type Event = [u64; 4];

/// As many as a ring of the engine holds.
const CAPACITY: usize = 1_024;

/// A bounded queue from one thread to another, without waiting.
pub trait Queue {
    const NAME: &'static str;
    type Sender: Send + 'static;
    type Receiver: Send + 'static;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver);
    /// Whether there was room.
    fn send(to: &mut Self::Sender, event: Event) -> bool;
    fn receive(from: &mut Self::Receiver) -> Option<Event>;
}

pub struct Antiphon;

impl Queue for Antiphon {
    const NAME: &'static str = "antiphon ring";
    type Sender = ring::Sender<Event>;
    type Receiver = ring::Receiver<Event>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        ring::ring(capacity)
    }

    fn send(to: &mut Self::Sender, event: Event) -> bool {
        to.send(event).is_ok()
    }

    fn receive(from: &mut Self::Receiver) -> Option<Event> {
        from.receive()
    }
}

pub struct Rtrb;

impl Queue for Rtrb {
    const NAME: &'static str = "rtrb";
    type Sender = rtrb::Producer<Event>;
    type Receiver = rtrb::Consumer<Event>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        rtrb::RingBuffer::new(capacity)
    }

    fn send(to: &mut Self::Sender, event: Event) -> bool {
        to.push(event).is_ok()
    }

    fn receive(from: &mut Self::Receiver) -> Option<Event> {
        from.pop().ok()
    }
}

pub struct Ringbuf;

impl Queue for Ringbuf {
    const NAME: &'static str = "ringbuf";
    type Sender = ringbuf::HeapProd<Event>;
    type Receiver = ringbuf::HeapCons<Event>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        HeapRb::new(capacity).split()
    }

    fn send(to: &mut Self::Sender, event: Event) -> bool {
        to.try_push(event).is_ok()
    }

    fn receive(from: &mut Self::Receiver) -> Option<Event> {
        from.try_pop()
    }
}

pub struct Crossbeam;

impl Queue for Crossbeam {
    const NAME: &'static str = "crossbeam ArrayQueue";
    type Sender = Arc<ArrayQueue<Event>>;
    type Receiver = Arc<ArrayQueue<Event>>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        let queue = Arc::new(ArrayQueue::new(capacity));
        (Arc::clone(&queue), queue)
    }

    fn send(to: &mut Self::Sender, event: Event) -> bool {
        to.push(event).is_ok()
    }

    fn receive(from: &mut Self::Receiver) -> Option<Event> {
        from.pop()
    }
}

pub struct Std;

impl Queue for Std {
    const NAME: &'static str = "std sync_channel";
    type Sender = mpsc::SyncSender<Event>;
    type Receiver = mpsc::Receiver<Event>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        mpsc::sync_channel(capacity)
    }

    fn send(to: &mut Self::Sender, event: Event) -> bool {
        to.try_send(event).is_ok()
    }

    fn receive(from: &mut Self::Receiver) -> Option<Event> {
        from.try_recv().ok()
    }
}

/// A queue, and what an event costs in it.
pub struct Measured {
    pub name: &'static str,
    /// Nanoseconds put in and taken out by one thread, round by round …
    pub alone: Vec<f64>,
    /// … and from one thread to another.
    pub across: Vec<f64>,
}

/// All queues in turn, round by round.
pub fn measure(events: usize, rounds: usize) -> Vec<Measured> {
    type Timed = fn(usize) -> (f64, f64);
    let queues: [(&str, Timed); 5] = [
        (Antiphon::NAME, once::<Antiphon>),
        (Rtrb::NAME, once::<Rtrb>),
        (Ringbuf::NAME, once::<Ringbuf>),
        (Crossbeam::NAME, once::<Crossbeam>),
        (Std::NAME, once::<Std>),
    ];
    let mut all = queues.map(|(name, _)| Measured { name, alone: Vec::new(), across: Vec::new() });
    for _ in 0..rounds {
        for ((_, timed), measured) in queues.iter().zip(&mut all) {
            let (alone, across) = timed(events);
            measured.alone.push(alone);
            measured.across.push(across);
        }
    }
    all.into()
}

fn once<Q: Queue>(events: usize) -> (f64, f64) {
    let event = [0, 1, 0x90_3c_64, 3];
    let (mut sender, mut receiver) = Q::make(CAPACITY);
    let start = Instant::now();
    for _ in 0..events / CAPACITY {
        for _ in 0..CAPACITY {
            Q::send(&mut sender, black_box(event));
        }
        while let Some(event) = Q::receive(&mut receiver) {
            black_box(event);
        }
    }
    let alone = start.elapsed();
    let start = Instant::now();
    let taker = thread::spawn(move || {
        let mut taken = 0;
        while taken < events {
            match Q::receive(&mut receiver) {
                Some(event) => {
                    black_box(event);
                    taken += 1;
                }
                None => thread::yield_now(),
            }
        }
    });
    for _ in 0..events {
        while !Q::send(&mut sender, event) {
            thread::yield_now();
        }
    }
    taker.join().expect("it does not panic");
    let across = start.elapsed();
    let per = |time: std::time::Duration| time.as_nanos() as f64 / events as f64;
    (per(alone), per(across))
}
