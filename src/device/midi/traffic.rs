use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What passed a role's port so far, counted by whoever moves it. Real-time: yes.
#[derive(Default, Debug)]
pub struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
    dropped: AtomicU64,
    restored: AtomicU64,
}

/// The counts at one moment. A SysEx counts as one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TrafficCount {
    /// Messages that came in.
    pub received: u64,
    /// Messages that went out.
    pub sent: u64,
    /// Messages that were lost on the way in or out.
    pub dropped: u64,
    /// Messages said again when gear came back.
    pub restored: u64,
}

impl Traffic {
    pub(in crate::device) fn count_received(&self) {
        self.received.fetch_add(1, Relaxed);
    }

    pub(in crate::device) fn count_sent(&self) {
        self.sent.fetch_add(1, Relaxed);
    }

    pub(in crate::device) fn count_dropped(&self, messages: u64) {
        self.dropped.fetch_add(messages, Relaxed);
    }

    pub(in crate::device) fn count_restored(&self, messages: u64) {
        self.restored.fetch_add(messages, Relaxed);
    }

    /// The counts now. Real-time: yes.
    pub fn count(&self) -> TrafficCount {
        TrafficCount {
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            restored: self.restored.load(Relaxed),
        }
    }
}
