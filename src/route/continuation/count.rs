use std::sync::atomic::{AtomicU64, Ordering};

use super::ORDER_MAX;
use crate::unit::Frame;

/// Back-offs that are listed one by one; what is more is only counted.
const LISTED: usize = 1_024;
/// What stands for "not idle".
pub(super) const BUSY: Frame = Frame::MAX;

/// A chord of an answer for which less context than the model's order was of use:
/// nothing was ever heard after more of it. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackOff {
    /// Which answer, counted from 1.
    pub answer: u32,
    /// Which of its chords, counted from 1.
    pub chord: u16,
    /// How many chords of context were used.
    pub order: u8,
}

/// What a continuation heard and played so far; shared with the control world. Real-time: yes.
#[derive(Debug)]
pub struct ContinuationCount {
    pub(super) heard: AtomicU64,
    pub(super) answers: AtomicU64,
    pub(super) played: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) forgotten: AtomicU64,
    /// The frame since which nobody is listened to or answered.
    pub(super) idle_since: AtomicU64,
    orders: [AtomicU64; ORDER_MAX + 1],
    order: usize,
    listed: Box<[AtomicU64]>,
    backed_off: AtomicU64,
}

impl ContinuationCount {
    /// Nothing yet, of a model of this order. Real-time: no (allocates).
    pub(super) fn new(order: usize) -> ContinuationCount {
        let zero = AtomicU64::default;
        ContinuationCount {
            heard: zero(),
            answers: zero(),
            played: zero(),
            dropped: zero(),
            forgotten: zero(),
            idle_since: zero(),
            orders: Default::default(),
            order,
            listed: (0..LISTED).map(|_| AtomicU64::default()).collect(),
            backed_off: zero(),
        }
    }

    /// A chord was drawn with a context of this length.
    pub(super) fn drawn(&self, answer: u32, chord: u16, order: usize) {
        self.orders[order.min(ORDER_MAX)].fetch_add(1, Ordering::Relaxed);
        if order < self.order {
            // Written here alone: what is listed is there before its number is.
            let index = self.backed_off.load(Ordering::Relaxed);
            if let Some(place) = self.listed.get(index as usize) {
                let packed = u64::from(answer) << 32 | u64::from(chord) << 8 | order as u64;
                place.store(packed, Ordering::Relaxed);
            }
            self.backed_off.store(index + 1, Ordering::Release);
        }
    }

    /// Since when there is neither a call nor an answer; `None` while there is. Real-time: yes.
    pub fn idle_since(&self) -> Option<Frame> {
        Some(self.idle_since.load(Ordering::Relaxed)).filter(|frame| *frame != BUSY)
    }

    /// Notes heard. Real-time: yes.
    pub fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Answers begun. Real-time: yes.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Notes played. Real-time: yes.
    pub fn played(&self) -> u64 {
        self.played.load(Ordering::Relaxed)
    }

    /// Notes that were heard, or were to be played, for which there was no room. Real-time: yes.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Chords that were forgotten to make room. Real-time: yes.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Chords drawn with a context of so many chords, from 0 up to the model's order. Real-time: yes.
    pub fn drawn_by_order(&self) -> impl Iterator<Item = u64> {
        self.orders[..=self.order].iter().map(|count| count.load(Ordering::Relaxed))
    }

    /// Chords drawn with less context than the model's order. Real-time: yes.
    pub fn backed_off(&self) -> u64 {
        self.backed_off.load(Ordering::Acquire)
    }

    /// The first of those, in order: 1,024 at most. Real-time: yes.
    pub fn back_offs(&self) -> impl Iterator<Item = BackOff> {
        let count = self.backed_off().min(LISTED as u64) as usize;
        self.listed[..count].iter().map(|place| {
            let packed = place.load(Ordering::Relaxed);
            BackOff { answer: (packed >> 32) as u32, chord: (packed >> 8) as u16, order: packed as u8 }
        })
    }
}
