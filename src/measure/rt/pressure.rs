use std::hint::black_box;
use std::thread::JoinHandle;

use crate::measure::Stop;

/// What each thread reads and writes over and over: more than a core's own caches.
const CHURN_BYTES: usize = 4 << 20;
/// A line of the cache.
const LINE_BYTES: usize = 64;

/// Threads of normal priority that keep the processors and their caches busy, and ask
/// the system for memory and give it back. They end with this.
pub(super) struct Pressure {
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
}

impl Pressure {
    /// Starts so many, or as many as the system allows.
    pub(super) fn start(threads: u32) -> Pressure {
        let stop = Stop::default();
        let start = |_| {
            let stop = stop.clone();
            let busy = std::thread::Builder::new().name("antiphon-busy".to_owned());
            busy.spawn(move || be_busy(&stop)).ok()
        };
        let threads = (0..threads).filter_map(start).collect();
        Pressure { stop, threads }
    }

    /// How many there are.
    pub(super) fn threads(&self) -> u32 {
        self.threads.len() as u32
    }
}

impl Drop for Pressure {
    fn drop(&mut self) {
        self.stop.stop();
        for thread in self.threads.drain(..) {
            // It looks at the flag after each walk through its memory.
            let _ = thread.join();
        }
    }
}

fn be_busy(stop: &Stop) {
    while !stop.is_stopped() {
        let mut memory = vec![0_u8; CHURN_BYTES];
        for turn in 0..4_u8 {
            memory.iter_mut().step_by(LINE_BYTES).for_each(|byte| *byte = byte.wrapping_mul(31) ^ turn);
        }
        black_box(memory);
    }
}
