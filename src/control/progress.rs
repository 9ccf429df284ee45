//! How far a render is: a bar on a terminal, nothing elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::unit::{Frame, SampleRate};

const DRAWS_HERTZ: u8 = 10;

/// A render's progress bar, on stderr. Real-time: no.
pub struct Progress {
    bar: ProgressBar,
    rate: SampleRate,
    total_frames: Option<u64>,
    started: Instant,
}

impl Progress {
    /// Starts a bar where stderr is a terminal and `shown` (not with `--json`).
    /// Without a total, as while a tail dies away, it only shows how much there is.
    pub fn start(total_frames: Option<u64>, rate: SampleRate, shown: bool) -> Progress {
        // indicatif draws nothing where stderr is not a terminal.
        let target = if shown {
            ProgressDrawTarget::stderr_with_hz(DRAWS_HERTZ)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total_frames, target);
        let template =
            if total_frames.is_some() { "{percent:>3} % {wide_bar} {msg}" } else { "{spinner} {msg}" };
        // A template that is not understood costs the looks, not the render.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Progress { bar, rate, total_frames, started: Instant::now() }
    }

    /// Shows that so many frames are done; call it as often as is convenient.
    pub fn advance_to(&self, frame: Frame) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_message(message(frame, self.total_frames, self.rate, self.started.elapsed()));
        self.bar.set_position(frame);
    }

    /// Prints a line above the bar.
    pub fn say(&self, message: &str) {
        if self.bar.is_hidden() {
            super::tell(message);
        } else {
            self.bar.println(message);
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }

    /// How many times faster than real time it went so far.
    pub fn realtime_factor(&self, frame: Frame) -> f64 {
        realtime_factor(frame, self.rate, self.started.elapsed())
    }
}

fn realtime_factor(frame: Frame, rate: SampleRate, elapsed: Duration) -> f64 {
    rate.seconds(frame) / elapsed.as_secs_f64().max(1.0e-9)
}

fn message(frame: Frame, total: Option<u64>, rate: SampleRate, elapsed: Duration) -> String {
    let factor = realtime_factor(frame, rate, elapsed);
    let speed = if factor < 10.0 { format!("{factor:.1}") } else { format!("{factor:.0}") };
    let left = total.map(|total| total.saturating_sub(frame)).filter(|_| factor > 0.0);
    let Some(left) = left else { return format!("{:.1} s, {speed} × real time", rate.seconds(frame)) };
    let seconds = (rate.seconds(left) / factor).min(359_999.0) as u64;
    format!("{speed} × real time, {}:{:02} left", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_and_time_left_follow_from_frames_and_the_clock() {
        let rate = SampleRate::DEFAULT;
        let two_seconds = Duration::from_secs(2);
        assert_eq!(message(4_800_000, Some(48_000_000), rate, two_seconds), "50 × real time, 0:18 left");
        assert_eq!(message(96_000 * 3, None, rate, two_seconds), "6.0 s, 3.0 × real time");
        assert_eq!(message(0, Some(10), rate, Duration::ZERO), "0.0 s, 0.0 × real time");
        assert_eq!(message(20, Some(10), rate, two_seconds), "0.0 × real time, 0:00 left");
    }

    #[test]
    fn a_hidden_bar_still_measures() {
        let progress = Progress::start(Some(100), SampleRate::DEFAULT, false);
        progress.advance_to(50);
        assert!(progress.realtime_factor(50) > 0.0);
        progress.finish();
    }
}
