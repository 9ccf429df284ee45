//! When callbacks come and go, told to threads that serve them: nobody is woken,
//! so a worker must know when to be awake.

#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::unit::HostTime;

/// The beat of the callbacks. Real-time: yes.
pub struct Pulse {
    is_inside: AtomicBool,
    entry_nanos: AtomicU64,
    period_nanos: AtomicU64,
}

impl Pulse {
    /// No callback came yet. Real-time: yes.
    #[allow(clippy::new_without_default)] // loom's atomics have none.
    pub fn new() -> Pulse {
        Pulse {
            is_inside: AtomicBool::new(false),
            entry_nanos: AtomicU64::new(0),
            period_nanos: AtomicU64::new(0),
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

    /// Whether a callback is inside: work may come at any moment. Real-time: yes.
    pub fn is_inside(&self) -> bool {
        self.is_inside.load(Ordering::Acquire)
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
