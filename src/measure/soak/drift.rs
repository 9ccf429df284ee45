use crate::device::audio::DriverChoice;
use crate::engine::live::Live;
use crate::measure::report::Drift;
use crate::measure::statistics::{Line, line};
use crate::unit::{Frame, HostTime, SampleRate};

/// Of fewer looks nothing is said.
const LOOKS_AT_LEAST: usize = 20;
const MILLIONTHS: f64 = 1.0e6;

/// How clocks stood against the system's, look by look, in seconds.
#[derive(Default)]
pub(super) struct Clocks {
    audio: Vec<(f64, f64)>,
    midi: Vec<(f64, f64)>,
}

impl Clocks {
    pub(super) fn look(&mut self, live: &Live, rate: SampleRate) {
        let frames = live.callbacks().frames;
        let now = HostTime::now();
        self.add(now, frames, live.time_of(frames), rate);
    }

    /// At `now` so many frames had been played; MIDI of the last one is sent at `sent`.
    fn add(&mut self, now: HostTime, frames: Frame, sent: HostTime, rate: SampleRate) {
        let seconds = |time: HostTime| time.nanos() as f64 / 1.0e9;
        self.audio.push((seconds(now), rate.seconds(frames)));
        self.midi.push((seconds(sent), rate.seconds(frames)));
    }

    /// In millionths. On JACK both count in the same frames, and the null clock is the system's own.
    pub(super) fn drift(&self, driver: &str) -> Drift {
        if driver == DriverChoice::Null.name() {
            return Drift::default();
        }
        let is_jack = driver == DriverChoice::Jack.name();
        let fit = |looks: &[(f64, f64)]| (looks.len() >= LOOKS_AT_LEAST).then(|| line(looks)).flatten();
        let (Some(audio), Some(midi)) = (fit(&self.audio), fit(&self.midi)) else { return Drift::default() };
        let ppm = |line: &Line| (line.slope - 1.0) * MILLIONTHS;
        Drift {
            audio_ppm: Some(ppm(&audio)),
            audio_ppm_error: Some(audio.slope_error * MILLIONTHS),
            // Sent faster than it is played is a clock that runs ahead.
            midi_ppm: (!is_jack).then(|| (audio.slope / midi.slope - 1.0) * MILLIONTHS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_fast_is_seen_beside_a_midi_clock_that_is_not() {
        let rate = SampleRate::DEFAULT;
        let mut clocks = Clocks::default();
        let mut state = 1_u64;
        for look in 0..600_u64 {
            // Whoever looks is late by what comes: up to 10 ms.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let elapsed_nanos = look * 100_000_000 + (state >> 33) % 10_000_000;
            let nanos = 5_000_000_000 + elapsed_nanos;
            // 50 millionths fast, in whole blocks.
            let frames = (elapsed_nanos as f64 * 48.0e-6 * 1.000_05) as u64 / 64 * 64;
            // MIDI goes by the system's clock.
            let sent = 5_000_000_000 + (rate.seconds(frames) * 1.0e9) as u64;
            clocks.add(HostTime(nanos), frames, HostTime(sent), rate);
        }
        let drift = clocks.drift("alsa");
        let (audio, error) = (drift.audio_ppm.expect("looks"), drift.audio_ppm_error.expect("looks"));
        assert!((audio - 50.0).abs() < 4.0 * error && error < 2.0, "{drift:?}");
        assert!(drift.midi_ppm.is_some_and(|ppm| (ppm - 50.0).abs() < 4.0), "{drift:?}");
        assert_eq!(clocks.drift("jack").midi_ppm, None);
        assert_eq!(clocks.drift("null"), Drift::default());
        assert_eq!(Clocks::default().drift("alsa"), Drift::default());
    }
}
