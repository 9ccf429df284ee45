use super::motion::Motion;
use super::{Arpeggiator, Limit, Repeater, Strike};
use crate::transport::Grid;
use crate::unit::{Frame, SampleRate};

/// What a cable that moves in time remembers of the music. It lives in a numbered
/// place outside the plan, so that a change of the rig moves none of it.
/// Real-time: yes, but for `new`.
#[derive(Debug)]
pub struct CableState {
    /// Of `arpeggiator`.
    pub arpeggiator: Option<Arpeggiator>,
    /// Of `delay`.
    pub repeater: Option<Repeater>,
    /// Of `limit`.
    pub limit: Option<Limit>,
}

/// What a cable does by itself next. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Turn {
    /// A note of the arpeggiator ends.
    EndStep,
    /// A repeat ends.
    EndRepeat,
    /// The arpeggiator steps.
    Step,
    /// A note is repeated.
    Repeat,
}

impl CableState {
    /// For a cable with these settings. Real-time: no (allocates).
    pub fn new(motion: &Motion, rate: SampleRate, seed: u64) -> CableState {
        CableState {
            arpeggiator: motion.arpeggiator.map(|_| Arpeggiator::new(seed)),
            repeater: motion.delay.map(|_| Repeater::new()),
            limit: motion.limit.map(|limit| Limit::new(limit, rate)),
        }
    }

    /// Whether a state made for one of two settings serves the other. Real-time: yes.
    pub fn serves(a: &Motion, b: &Motion) -> bool {
        a.arpeggiator.is_some() == b.arpeggiator.is_some()
            && a.delay.is_some() == b.delay.is_some()
            && a.limit == b.limit
    }

    /// What is next, and when: at one frame ends before beginnings. `now` is the
    /// first frame that may be played; muted, a latch lets go. Real-time: yes.
    pub fn next(
        &mut self,
        now: Frame,
        is_muted: bool,
        motion: &Motion,
        grid: &Grid,
    ) -> Option<(Frame, Turn)> {
        let mut next: Option<(Frame, Turn)> = None;
        let mut consider = |time: Option<Frame>, turn| {
            if let Some(time) = time
                && next.is_none_or(|soonest| (time.max(now), turn) < soonest)
            {
                next = Some((time.max(now), turn));
            }
        };
        if let (Some(arpeggiator), Some(settings)) = (&mut self.arpeggiator, &motion.arpeggiator) {
            arpeggiator.follow(now, is_muted, settings, grid);
            consider(arpeggiator.next_release(), Turn::EndStep);
            consider(arpeggiator.next_step(settings, grid), Turn::Step);
        }
        if let (Some(repeater), Some(_)) = (&self.repeater, &motion.delay) {
            consider(repeater.next_release(), Turn::EndRepeat);
            consider(repeater.next_strike(), Turn::Repeat);
        }
        next
    }

    /// Any note that it made sound, to be ended now; call until `None`. Real-time: yes.
    pub fn take_any(&mut self) -> Option<(Strike, u32)> {
        let step = self.arpeggiator.as_mut().and_then(Arpeggiator::take_release);
        step.or_else(|| self.repeater.as_mut().and_then(Repeater::take_any))
    }

    /// Forgets what a source that is gone holds here. Real-time: yes.
    pub fn end_source(&mut self, source: u16) {
        if let Some(arpeggiator) = &mut self.arpeggiator {
            arpeggiator.end_source(source);
        }
        if let Some(repeater) = &mut self.repeater {
            repeater.end_source(source);
        }
    }

    /// Forgets all notes. Real-time: yes.
    pub fn clear(&mut self) {
        if let Some(arpeggiator) = &mut self.arpeggiator {
            arpeggiator.clear();
        }
        if let Some(repeater) = &mut self.repeater {
            repeater.clear();
        }
    }
}
