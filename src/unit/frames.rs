use std::fmt;
use std::sync::OnceLock;
use std::time::Instant;

/// A position on the engine's own timeline: frames since it started.
///
/// Continuous over a loss of the device. Real-time: yes.
pub type Frame = u64;

/// Frames per second, 8,000 to 192,000. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SampleRate(u32);

/// A rate outside what the engine can run at. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a sample rate of {0} Hz is outside 8000 to 192000 Hz")]
pub struct RateError(pub u32);

impl SampleRate {
    /// 48 kHz: what most interfaces run at.
    pub const DEFAULT: SampleRate = SampleRate(48_000);
    /// The slowest rate the engine accepts, in Hz.
    pub const MIN_HERTZ: u32 = 8_000;
    /// The fastest rate the engine accepts, in Hz.
    pub const MAX_HERTZ: u32 = 192_000;

    /// A rate in Hz. Real-time: no.
    ///
    /// # Errors
    /// [`RateError`] outside 8,000 to 192,000.
    pub const fn new(hertz: u32) -> Result<SampleRate, RateError> {
        if hertz < Self::MIN_HERTZ || hertz > Self::MAX_HERTZ {
            return Err(RateError(hertz));
        }
        Ok(SampleRate(hertz))
    }

    /// The rate in Hz. Real-time: yes.
    pub const fn hertz(self) -> u32 {
        self.0
    }

    /// The rate in Hz as a float. Real-time: yes.
    pub const fn as_f32(self) -> f32 {
        self.0 as f32
    }

    /// The rate in Hz as a double. Real-time: yes.
    pub const fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// The whole number of frames nearest to a duration. Real-time: yes.
    pub fn frames(self, seconds: f64) -> u64 {
        libm::round(seconds.max(0.0) * f64::from(self.0)) as u64
    }

    /// How long so many frames last, in seconds. Real-time: yes.
    pub fn seconds(self, frames: u64) -> f64 {
        frames as f64 / f64::from(self.0)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

/// Monotonic nanoseconds since the process first asked.
///
/// Every stamp in the engine (MIDI threads, callback entry) is read from this
/// one clock, so that they can be compared. Never a wall clock. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct HostTime(pub u64);

impl HostTime {
    /// Now. Real-time: yes on Linux and macOS (a vDSO read), but only at the
    /// driver's edge: processors never read a clock.
    #[allow(clippy::disallowed_methods)] // This is the one clock.
    pub fn now() -> HostTime {
        static EPOCH: OnceLock<Instant> = OnceLock::new();
        let epoch = EPOCH.get_or_init(Instant::now);
        HostTime(epoch.elapsed().as_nanos() as u64)
    }

    /// Nanoseconds since the epoch of the process. Real-time: yes.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Nanoseconds from `earlier` to `self`, 0 if it is later. Real-time: yes.
    pub const fn since(self, earlier: HostTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_outside_the_range_are_refused() {
        assert_eq!(SampleRate::new(7_999), Err(RateError(7_999)));
        assert_eq!(SampleRate::new(192_001), Err(RateError(192_001)));
        assert_eq!(SampleRate::new(44_100).map(SampleRate::hertz), Ok(44_100));
    }

    #[test]
    fn seconds_become_the_nearest_frame() {
        let rate = SampleRate::DEFAULT;
        assert_eq!(rate.frames(0.5), 24_000);
        assert_eq!(rate.frames(1.0 / 96_000.0), 1);
        assert_eq!(rate.frames(-1.0), 0);
    }
}
