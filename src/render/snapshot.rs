use std::sync::atomic::{AtomicU64, Ordering};

use super::TransportView;
use crate::unit::Frame;

/// How many buses a snapshot has meters for: the first ones of the rig.
pub const METERS: usize = 16;

/// The loudest samples of an output, falling back slowly; linear. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct BusMeter {
    /// Left.
    pub left: f32,
    /// Right.
    pub right: f32,
}

impl BusMeter {
    /// The meter to show, after which it has fallen by a factor.
    pub(super) fn fall(&mut self, factor: f32) -> BusMeter {
        let shown = *self;
        self.left *= factor;
        self.right *= factor;
        shown
    }
}

/// What happened on one MIDI cable so far; shared with the control world. Real-time: yes.
#[derive(Debug, Default)]
pub struct CableCount {
    late: AtomicU64,
    dropped: AtomicU64,
}

impl CableCount {
    /// Events that came after their frame. Real-time: yes.
    pub fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    /// Events that a full queue or a transposed key lost. Real-time: yes.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn count_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the Renderer shows, replaced after every callback. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// Frames rendered so far.
    pub frame: Frame,
    /// Voices that sound now.
    pub voices: u32,
    /// The most voices that sounded at once.
    pub peak_voices: u32,
    /// Events that came after their frame.
    pub late_events: u64,
    /// Events lost inside the Renderer.
    pub dropped_events: u64,
    /// Events moved to the next quantum because this one had its fill.
    pub deferred_events: u64,
    /// Frames in which the limiter of any output lowered the gain.
    pub limited_frames: u64,
    /// Notices that found no room.
    pub lost_notices: u64,
    /// Frames that the recording lost.
    pub record_lost_frames: u64,
    /// Note-ons that came from live sources so far.
    pub live_strikes: u64,
    /// How the transport stands.
    pub transport: TransportView,
    /// Meters of the first outputs.
    pub meters: [BusMeter; METERS],
}

impl Default for Snapshot {
    fn default() -> Snapshot {
        Snapshot {
            frame: 0,
            voices: 0,
            peak_voices: 0,
            late_events: 0,
            dropped_events: 0,
            deferred_events: 0,
            limited_frames: 0,
            lost_notices: 0,
            record_lost_frames: 0,
            live_strikes: 0,
            transport: TransportView::default(),
            meters: [BusMeter::default(); METERS],
        }
    }
}
