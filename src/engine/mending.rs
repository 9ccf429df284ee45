use std::time::Duration;

use crate::actor::{Backoff, Failures, Window};
use crate::unit::{Frame, SampleRate};

/// When a stage that failed comes back, and how often.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mending {
    /// How long the rebuilt one is held back. The first time exactly
    /// [`Backoff::first`]; the jitter comes from the run's seed and the node.
    pub backoff: Backoff,
    /// At a fault beyond it the stage is quarantined.
    pub window: Window,
    /// How long a quarantine is, before the stage is tried again.
    pub quarantine: Backoff,
}

impl Default for Mending {
    /// 50 ms, doubled; after 3 restarts in 60 s a quarantine of 30 s, doubled up
    /// to 10 min.
    fn default() -> Mending {
        let first = Duration::from_secs(30);
        Mending {
            backoff: Backoff::default(),
            window: Window::default(),
            quarantine: Backoff { first, longest: Duration::from_secs(600), ..Backoff::default() },
        }
    }
}

/// What is to be done for a stage that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cure {
    /// A fresh one is heard from the first quantum on that is not before this frame.
    pub(super) back_at: Frame,
    /// It failed too often: silent for long, and shown so.
    pub(super) is_quarantine: bool,
}

/// What one stage has been through. Counts frames, so that a render repeats itself.
#[derive(Clone, Default, Debug)]
pub(super) struct History {
    failures: Failures,
    /// Quarantines since it was last well for a whole window.
    quarantines: u32,
    back_at: Frame,
}

impl History {
    /// It failed at a frame.
    pub(super) fn fault(&mut self, frame: Frame, mending: &Mending, seed: u64, rate: SampleRate) -> Cure {
        let frames = |time: Duration| rate.frames(time.as_secs_f64());
        let window = frames(mending.window.within);
        if frame > self.back_at + window {
            self.quarantines = 0;
        }
        let is_allowed = self.failures.note(frame, window, mending.window.restarts);
        let is_quarantine = !is_allowed || self.quarantines > 0;
        let wait = if is_quarantine {
            self.quarantines += 1;
            self.failures.forget();
            delay(&mending.quarantine, self.quarantines - 1, seed)
        } else {
            delay(&mending.backoff, self.failures.len() as u32 - 1, seed)
        };
        self.back_at = frame + frames(wait);
        Cure { back_at: self.back_at, is_quarantine }
    }
}

fn delay(backoff: &Backoff, attempt: u32, seed: u64) -> Duration {
    if attempt == 0 { backoff.first } else { backoff.delay(attempt, seed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::DEFAULT;

    /// How long each fault of a stage keeps it silent, in ms; it fails again at once.
    fn silences(mending: &Mending, faults: usize) -> Vec<(u64, bool)> {
        let mut history = History::default();
        let mut frame = 1_000;
        (0..faults)
            .map(|_| {
                let cure = history.fault(frame, mending, 7, RATE);
                let millis = (cure.back_at - frame) / 48;
                frame = cure.back_at;
                (millis, cure.is_quarantine)
            })
            .collect()
    }

    #[test]
    fn three_restarts_in_a_minute_then_quarantines_that_grow() {
        let mut mending = Mending::default();
        mending.backoff.jitter = 0.0;
        mending.quarantine.jitter = 0.0;
        let grow = [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000].map(|ms| (ms, true));
        let all = silences(&mending, 10);
        assert_eq!(all[..3], [(50, false), (100, false), (200, false)]);
        assert_eq!(all[3..], grow, "never given up");
        let jittered = silences(&Mending::default(), 10);
        assert_eq!((jittered[0], jittered[3]), (all[0], all[3]), "the first of each is exact");
        assert_ne!(jittered[1], all[1]);
        assert_eq!(jittered, silences(&Mending::default(), 10));
    }

    #[test]
    fn what_is_well_for_a_minute_starts_anew() {
        let mending = Mending::default();
        let mut history = History::default();
        for n in 0..10 {
            assert!(!history.fault(n * 61 * 48_000, &mending, 1, RATE).is_quarantine);
        }
        let mut frame = 700 * 48_000;
        while !history.fault(frame, &mending, 1, RATE).is_quarantine {
            frame += 48_000;
        }
        let again = history.back_at + 48_000;
        assert!(history.fault(again, &mending, 1, RATE).is_quarantine, "it was not well for long");
        let later = history.back_at + 61 * 48_000;
        assert_eq!(history.fault(later, &mending, 1, RATE).back_at, later + 2_400);
    }
}
