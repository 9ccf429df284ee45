//! Host time to frames: when on the engine's timeline did this happen?

use crate::unit::{Frame, HostTime, SampleRate};

/// A delay-locked loop over (callback entry, first frame) pairs.
///
/// Callbacks come when the system gets round to it; the loop learns the
/// device's real rate and smooths their times, so that an event is placed by
/// when it happened and not by how late the callback was. Second order, 0.5 Hz
/// bandwidth, after F. Adriaensen, "Using a DLL to filter time" (2005).
/// Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct FrameClock {
    nominal_nanos: f64,
    /// The loop's idea of when `frame` began, in host nanoseconds.
    time_nanos: f64,
    frame: Frame,
    nanos_per_frame: f64,
    locked: bool,
}

const BANDWIDTH_HERTZ: f64 = 0.5;
/// A callback this far from where the loop expects it starts the loop anew:
/// the device stalled, or the machine slept.
const LOST_NANOS: f64 = 100.0e6;

impl FrameClock {
    /// A clock that has seen no callback. Real-time: no.
    pub fn new(rate: SampleRate) -> FrameClock {
        let nominal_nanos = 1.0e9 / rate.as_f64();
        FrameClock { nominal_nanos, time_nanos: 0.0, frame: 0, nanos_per_frame: nominal_nanos, locked: false }
    }

    /// Tells it that the callback whose first frame is `frame` began at `entry`. Real-time: yes.
    pub fn callback(&mut self, frame: Frame, entry: HostTime) {
        let entry_nanos = entry.nanos() as f64;
        let frames = frame.saturating_sub(self.frame) as f64;
        let expected = self.time_nanos + frames * self.nanos_per_frame;
        let error = entry_nanos - expected;
        if !self.locked || error.abs() > LOST_NANOS {
            *self = FrameClock {
                time_nanos: entry_nanos,
                frame,
                nanos_per_frame: self.nominal_nanos,
                locked: true,
                ..*self
            };
            return;
        }
        if frames == 0.0 {
            return;
        }
        let seconds = frames * self.nominal_nanos * 1.0e-9;
        let omega = (std::f64::consts::TAU * BANDWIDTH_HERTZ * seconds).min(0.5);
        self.time_nanos = expected + std::f64::consts::SQRT_2 * omega * error;
        self.nanos_per_frame += omega * omega * error / frames;
        let bound = self.nominal_nanos * 0.01;
        self.nanos_per_frame =
            self.nanos_per_frame.clamp(self.nominal_nanos - bound, self.nominal_nanos + bound);
        self.frame = frame;
    }

    /// The frame during which something happened, extrapolated from the last
    /// callback; 0 before the engine's start. Real-time: yes.
    pub fn frame_at(&self, time: HostTime) -> Frame {
        let since = (time.nanos() as f64 - self.time_nanos) / self.nanos_per_frame;
        let frame = self.frame as f64 + libm::floor(since);
        if frame <= 0.0 { 0 } else { frame as Frame }
    }

    /// When a frame begins, as the loop sees it: for outputs that are scheduled. Real-time: yes.
    pub fn time_of(&self, frame: Frame) -> HostTime {
        let frames = frame as f64 - self.frame as f64;
        HostTime((self.time_nanos + frames * self.nanos_per_frame).max(0.0) as u64)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Callbacks of 64 frames at a device that runs 300 ppm fast, each up to
    /// 0.3 ms late: what happens mid-block is placed within 8 frames.
    #[test]
    fn jitter_of_callbacks_does_not_reach_the_frames() {
        let rate = SampleRate::DEFAULT;
        let mut clock = FrameClock::new(rate);
        let true_nanos = 1.0e9 / (48_000.0 * 1.000_3);
        let mut seed = 1_u32;
        let mut worst = 0_i64;
        for block in 0..20_000_u64 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let late = f64::from(seed >> 8) / f64::from(1 << 24) * 300_000.0;
            let begin = 1.0e9 + block as f64 * 64.0 * true_nanos;
            clock.callback(block * 64, HostTime((begin + late) as u64));
            if block > 5_000 {
                let happened = HostTime((begin + 150_000.0 - 32.0 * true_nanos) as u64);
                let placed = clock.frame_at(happened) as i64;
                worst = worst.max((placed - (block as i64 * 64 - 32)).abs());
            }
        }
        assert!(worst <= 8, "{worst}");
    }

    /// What was stamped exactly is placed evenly, however unevenly callbacks come:
    /// between the earliest and the latest is one frame for rounding, and a share of
    /// the callbacks' own jitter that is the smaller the more often they come.
    #[test]
    fn what_is_stamped_exactly_gets_little_jitter_of_ours() {
        for (block, late_nanos, frames) in [(64_u64, 100_000.0, 2.01), (256, 300_000.0, 5.01)] {
            let mut clock = FrameClock::new(SampleRate::DEFAULT);
            let nanos_per_frame = 1.0e9 / (48_000.0 * 0.999_95);
            let mut seed = 7_u64;
            let (mut earliest, mut latest) = (f64::MAX, f64::MIN);
            let calls = 120 * 48_000 / block;
            for call in 0..calls {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let late = (seed >> 40) as f64 / f64::from(1 << 24) * late_nanos;
                let begin = 5.0e9 + (call * block) as f64 * nanos_per_frame;
                clock.callback(call * block, HostTime((begin + late) as u64));
                if call > calls / 4 {
                    let frame = (call * block) as f64 - 17.3;
                    let placed = clock.frame_at(HostTime((5.0e9 + frame * nanos_per_frame) as u64));
                    let off = placed as f64 - frame;
                    (earliest, latest) = (earliest.min(off), latest.max(off));
                }
            }
            let jitter = latest - earliest;
            println!("blocks of {block}, up to {late_nanos} ns late: {jitter} frames");
            assert!(jitter < frames, "{block}: {jitter}");
        }
    }

    #[test]
    fn a_stall_starts_the_loop_anew() {
        let mut clock = FrameClock::new(SampleRate::DEFAULT);
        clock.callback(0, HostTime(1_000_000_000));
        clock.callback(64, HostTime(3_000_000_000));
        assert_eq!(clock.frame_at(HostTime(3_000_000_000)), 64);
        assert_eq!(clock.time_of(64 + 48_000), HostTime(4_000_000_000));
    }
}
