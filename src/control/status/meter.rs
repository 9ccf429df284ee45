//! How a peak meter moves: up at once, down at a readable speed, its highest
//! point held for a while.

use crate::unit::{Decibels, SILENCE_DECIBELS};

/// IEC 60268-10 type I falls 20 dB in 1.7 s; a little faster reads better in text.
const FALL_DECIBELS_PER_SECOND: f32 = 20.0;
const HOLD_SECONDS: f64 = 1.5;

/// One channel's meter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter {
    /// What the bar shows, in dBFS.
    pub(super) level_decibels: f32,
    /// What the mark shows, in dBFS.
    pub(super) hold_decibels: f32,
    held_at_seconds: f64,
    /// Whether it has ever been at or over full scale.
    pub(super) clipped: bool,
}

impl Meter {
    pub(super) const REST: Meter = Meter {
        level_decibels: SILENCE_DECIBELS,
        hold_decibels: SILENCE_DECIBELS,
        held_at_seconds: 0.0,
        clipped: false,
    };

    /// Shows a new peak (linear), `elapsed_seconds` after the last, at `now_seconds`.
    pub(super) fn update(&mut self, peak: f32, elapsed_seconds: f64, now_seconds: f64) {
        let fall = FALL_DECIBELS_PER_SECOND * elapsed_seconds.clamp(0.0, 60.0) as f32;
        let peak_decibels = Decibels::from_gain(peak).0;
        self.level_decibels = peak_decibels.max(self.level_decibels - fall).max(SILENCE_DECIBELS);
        if peak_decibels >= self.hold_decibels {
            self.hold_decibels = peak_decibels;
            self.held_at_seconds = now_seconds;
        } else if now_seconds - self.held_at_seconds > HOLD_SECONDS {
            self.hold_decibels = self.level_decibels.max(self.hold_decibels - fall);
        }
        self.clipped |= peak >= 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_jumps_up_falls_slowly_and_holds_the_peak() {
        let mut meter = Meter::REST;
        meter.update(1.0, 0.04, 10.0);
        assert_eq!((meter.level_decibels, meter.hold_decibels, meter.clipped), (0.0, 0.0, true));
        meter.update(0.0, 0.5, 10.5);
        assert!((meter.level_decibels + 10.0).abs() < 1e-3);
        assert_eq!(meter.hold_decibels, 0.0);
        meter.update(0.5, 1.0, 11.5);
        assert!((meter.level_decibels + 6.02).abs() < 0.01);
        meter.update(0.0, 0.1, 11.6);
        assert!((meter.hold_decibels + 2.0).abs() < 1e-3, "the mark falls after its time");
        meter.update(0.0, 60.0, 71.6);
        assert_eq!(meter.level_decibels, SILENCE_DECIBELS);
    }
}
