//! When callbacks come and go, told to threads that serve them: nobody is woken,
//! so a worker must know when to be awake.

#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::unit::{Frame, HostTime};

/// No node.
const NOTHING: u64 = 0xffff;

/// The beat of the callbacks, and what they are at. Real-time: yes.
pub struct Pulse {
    /// A frame, and below it 16 bits for a node.
    at: AtomicU64,
    is_inside: AtomicBool,
    entry_nanos: AtomicU64,
    period_nanos: AtomicU64,
    workers: AtomicUsize,
}

impl Pulse {
    /// No callback came yet. Real-time: yes.
    #[allow(clippy::new_without_default)] // loom's atomics have none.
    pub fn new() -> Pulse {
        Pulse {
            at: AtomicU64::new(NOTHING),
            is_inside: AtomicBool::new(false),
            entry_nanos: AtomicU64::new(0),
            period_nanos: AtomicU64::new(0),
            workers: AtomicUsize::new(0),
        }
    }

    /// A callback begins, with so long until the next. Real-time: yes.
    pub fn begin(&self, entry: HostTime, period_nanos: u64) {
        self.entry_nanos.store(entry.nanos(), Ordering::Relaxed);
        self.period_nanos.store(period_nanos, Ordering::Relaxed);
        self.is_inside.store(true, Ordering::Release);
    }

    /// It ends. Real-time: yes.
    pub fn end(&self) {
        self.is_inside.store(false, Ordering::Release);
    }

    /// It begins with a node, in the piece that begins at a frame. Real-time: yes.
    pub fn at(&self, frame: Frame, node: u16) {
        self.at.store(frame << 16 | u64::from(node), Ordering::Relaxed);
    }

    /// It is done with all of them. Real-time: yes.
    pub fn at_nothing(&self, frame: Frame) {
        self.at.store(frame << 16 | NOTHING, Ordering::Relaxed);
    }

    /// The frame of the newest piece, and the node that the callback is at. Real-time: yes.
    pub fn place(&self) -> (Frame, Option<u16>) {
        let at = self.at.load(Ordering::Relaxed);
        (at >> 16, Some((at & NOTHING) as u16).filter(|node| u64::from(*node) != NOTHING))
    }

    /// Whether a callback is inside: work may come at any moment. Real-time: yes.
    pub fn is_inside(&self) -> bool {
        self.is_inside.load(Ordering::Acquire)
    }

    /// One more worker lives by it. Real-time: yes.
    pub fn join(&self) {
        self.workers.fetch_add(1, Ordering::Relaxed);
    }

    /// One worker fewer. Real-time: yes.
    pub fn leave(&self) {
        self.workers.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many live by it. Real-time: yes.
    pub fn workers(&self) -> usize {
        self.workers.load(Ordering::Relaxed)
    }

    /// When the newest callback began. Real-time: yes.
    pub fn entry(&self) -> HostTime {
        HostTime(self.entry_nanos.load(Ordering::Relaxed))
    }

    /// How long it is from one to the next; 0 before the first. Real-time: yes.
    pub fn period_nanos(&self) -> u64 {
        self.period_nanos.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn it_tells_what_a_callback_is_at() {
        let pulse = Pulse::new();
        assert_eq!(pulse.place(), (0, None));
        pulse.at(1 << 40, 319);
        assert_eq!(pulse.place(), (1 << 40, Some(319)));
        pulse.at_nothing(96);
        assert_eq!(pulse.place(), (96, None));
    }
}
