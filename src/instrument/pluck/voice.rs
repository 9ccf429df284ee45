use super::parameters::Touch;
use super::pick::Pick;
use super::string::{Loop, PluckedString};
use crate::instrument::channel::Channel;
use crate::instrument::fade::Fade;
use crate::instrument::mix;
use crate::instrument::voice_pool::Voice;
use crate::unit::{QUANTUM_FRAMES, SampleRate, maths};

/// −100 dB of its own beginning: then a string is done.
const DONE: f32 = 1.0e-5;
/// Puts a note of velocity 100 near −12 dBFS.
const LEVEL: f32 = 0.135;
/// What each octave above C4 adds, in factors of two: high strings have less treble
/// to add to their peak.
const LEVEL_TILT: f64 = 0.12;
/// How far velocity, controller 74 and the soft pedal move the pick's low-pass.
const VELOCITY_OCTAVES: f32 = 2.5;
const BRIGHTNESS_OCTAVES: f32 = 2.5;
const SOFT_OCTAVES: f32 = -0.7;
const SOFT_GAIN: f32 = 0.7;
/// Lowest fundamental, in Hz: key 0 bent down by two semitones and more.
pub(super) const LOWEST_HERTZ: f64 = 7.0;

/// A note that begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strike {
    pub(super) key: u8,
    pub(super) velocity: u8,
    /// Where its noise begins.
    pub(super) seed: u64,
}

/// One string, and the envelope of its release. Real-time: yes, but for `idle`.
#[derive(Clone, Debug)]
pub(super) struct PluckVoice {
    rate: SampleRate,
    string: PluckedString,
    pick: Pick,
    key: f32,
    pitch: f32,
    gain: f32,
    /// How far the string has decayed by itself, as of the last tick.
    decay: f32,
    nepers: f64,
    release_seconds: f32,
    release: f32,
    /// What the release keeps each frame: 1 while the key is held.
    keep: f32,
    fade: Fade,
    done: bool,
}

impl PluckVoice {
    /// What an empty pool is filled with. Allocates.
    pub(super) fn idle(rate: SampleRate) -> PluckVoice {
        PluckVoice {
            rate,
            string: PluckedString::new(rate, LOWEST_HERTZ),
            pick: Pick::idle(),
            key: 60.0,
            pitch: 60.0,
            gain: 0.0,
            decay: 1.0,
            nepers: 0.0,
            release_seconds: 0.0,
            release: 1.0,
            keep: 1.0,
            fade: Fade::new(),
            done: true,
        }
    }

    /// Begins a note on a channel.
    pub(super) fn begin(&mut self, strike: Strike, touch: &Touch, channel: &Channel) {
        self.key = f32::from(strike.key);
        self.pitch = self.key + channel.pitch_semitones();
        let tuned = self.tuned(touch);
        self.string.begin(tuned);
        self.nepers = tuned.nepers;

        let velocity = f32::from(strike.velocity) / 127.0;
        let octaves = 4.0 * touch.brightness
            + VELOCITY_OCTAVES * (velocity - 100.0 / 127.0)
            + BRIGHTNESS_OCTAVES * channel.brightness()
            + if channel.soft() { SOFT_OCTAVES } else { 0.0 };
        let hertz = hertz(self.pitch);
        // A pick is never so soft that a high string does not sound.
        let cutoff_hertz = (700.0 * maths::exp2(f64::from(octaves))).max(1.5 * hertz);
        self.pick = Pick::new(self.rate, hertz, f64::from(touch.pick_position), cutoff_hertz, strike.seed);

        let soft_gain = if channel.soft() { SOFT_GAIN } else { 1.0 };
        let octaves_up = f64::from((self.key - 60.0).max(0.0)) / 12.0;
        let tilt = maths::exp2(LEVEL_TILT * octaves_up) as f32;
        self.gain = LEVEL * tilt * soft_gain * velocity_gain(strike.velocity);
        self.decay = 1.0;
        self.release_seconds = touch.release_seconds * channel.release_factor();
        self.release = 1.0;
        self.keep = 1.0;
        self.fade = Fade::new();
        self.done = false;
    }

    fn tuned(&self, touch: &Touch) -> Loop {
        let octaves_up = (f64::from(self.pitch) - 60.0) / 12.0;
        let t60_seconds = f64::from(touch.decay_seconds) * maths::exp2(-0.5 * octaves_up);
        let treble_seconds = 3.0 * maths::pow(0.05 / 3.0, f64::from(touch.damping));
        Loop::new(self.rate, hertz(self.pitch), t60_seconds, treble_seconds)
    }

    /// One control tick; `changed` when the touch is another since the last.
    pub(super) fn tick(&mut self, touch: &Touch, changed: bool, channel: &Channel) {
        self.decay *= maths::exp(-self.nepers * QUANTUM_FRAMES as f64) as f32;
        // Decided at ticks alone, so that it does not depend on the pieces.
        self.done |= self.decay * self.release < DONE || self.fade.is_over();
        let pitch = self.key + channel.pitch_semitones();
        if pitch != self.pitch || changed {
            self.pitch = pitch;
            let tuned = self.tuned(touch);
            self.string.go(tuned);
            self.nepers = tuned.nepers;
        }
    }

    /// Adds its next frames (at most a quantum), times the channel's gains.
    pub(super) fn render(&mut self, gains: [&[f32]; 2], left: &mut [f32], right: &mut [f32]) {
        if self.done {
            return;
        }
        let mut samples = [0.0; QUANTUM_FRAMES];
        let samples = &mut samples[..left.len()];
        self.pick.render(samples);
        self.string.process(samples);
        let mut level = [0.0; QUANTUM_FRAMES];
        let level = &mut level[..left.len()];
        self.levels(level);
        mix(level, gains[0], samples, left);
        mix(level, gains[1], samples, right);
    }

    fn levels(&mut self, level: &mut [f32]) {
        if self.keep == 1.0 {
            level.fill(self.gain);
        } else {
            for level in &mut *level {
                *level = self.gain * self.release;
                self.release *= self.keep;
            }
        }
        self.fade.apply(level);
    }
}

impl Voice for PluckVoice {
    fn release(&mut self) {
        let frames = f64::from(self.release_seconds) * self.rate.as_f64();
        self.keep = maths::exp10(-3.0 / frames.max(1.0)) as f32;
    }

    fn cut(&mut self) {
        self.fade.begin(self.rate);
    }

    fn level(&self) -> f32 {
        self.gain * self.decay * self.release * self.fade.level()
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

fn hertz(pitch: f32) -> f64 {
    440.0 * maths::exp2((f64::from(pitch) - 69.0) / 12.0)
}

/// Unity at velocity 100, and 9 dB less at half of it.
fn velocity_gain(velocity: u8) -> f32 {
    maths::pow(f64::from(velocity) / 100.0, 1.5) as f32
}
