use super::super::patch::Patch;
use super::SynthVoice;
use crate::dsp::filter::{damping, warp};
use crate::dsp::oscillator::increment;
use crate::instrument::channel::Channel;
use crate::unit::{Decibels, QUANTUM_FRAMES, maths};

/// What the modulation wheel, and full pressure, add to the vibrato, in cents.
const WHEEL_CENTS: f32 = 50.0;
const PRESSURE_CENTS: f32 = 25.0;
/// How far controller 74 moves the cutoff either way, and 71 the resonance.
const BRIGHTNESS_OCTAVES: f32 = 3.0;
const RESONANCE_SPAN: f32 = 0.5;

impl SynthVoice {
    /// One control tick. Real-time: yes.
    pub fn tick(&mut self, patch: &Patch, channel: &Channel) {
        let coefficient = self.common.per_tick;
        self.pressure.tick(coefficient);
        self.cutoff_octaves.tick(coefficient);
        self.resonance.tick(coefficient);
        self.control(patch, channel);
    }

    /// Aims everything that moves at control rate.
    pub(super) fn control(&mut self, patch: &Patch, channel: &Channel) {
        let frames = std::mem::take(&mut self.age_frames);
        self.lfo.advance(self.common.rate.seconds(u64::from(frames)), patch.lfo.hertz);
        let travelled = self.glide_step * frames as f32;
        self.glide = if travelled.abs() >= self.glide.abs() { 0.0 } else { self.glide - travelled };

        let swing = self.lfo.value();
        let depth = self.lfo.depth(patch.lfo.delay_seconds);
        let pressure = (self.pressure.value() + channel.pressure()).min(1.0);
        let vibrato_cents =
            patch.lfo.vibrato_cents * depth + WHEEL_CENTS * channel.modulation() + PRESSURE_CENTS * pressure;
        let pitch = self.key + self.glide + channel.pitch_semitones() + swing * vibrato_cents / 100.0;
        if pitch != self.pitch {
            self.pitch = pitch;
            self.tune(patch);
        }
        self.control_filter(patch, channel, swing * depth, pressure);

        let width = (patch.width + patch.lfo.width * swing * depth).clamp(0.03, 0.97);
        let width = (f64::from(width) * 4_294_967_296.0) as u32;
        self.width_step = (width.wrapping_sub(self.width) as i32 / QUANTUM_FRAMES as i32) as u32;
        let tremolo = 1.0 - patch.lfo.tremolo * depth * (0.5 + 0.5 * swing);
        let level = self.level_gain.of(patch.level_decibels, |decibels| Decibels(decibels).to_gain());
        let resonance = self.resonance_now(channel);
        let headroom = if patch.filter.is_none() { 1.0 } else { self.headroom.of(resonance, headroom) };
        self.gain.go(level * self.touch_gain * tremolo * headroom);
        self.depth.go(patch.modulation_cycles * self.depth_room * self.contour.level());
    }

    fn resonance_now(&self, channel: &Channel) -> f32 {
        (self.resonance.value() + RESONANCE_SPAN * channel.resonance()).clamp(0.0, 1.0)
    }

    fn control_filter(&mut self, patch: &Patch, channel: &Channel, swing: f32, pressure: f32) {
        if patch.filter.is_none() {
            return;
        }
        let octaves = self.cutoff_octaves.value()
            + self.touch_octaves
            + patch.tracking * (self.pitch - 60.0) / 12.0
            + patch.envelope_octaves * self.contour.level()
            + patch.lfo.cutoff_octaves * swing
            + patch.pressure_octaves * pressure
            + BRIGHTNESS_OCTAVES * channel.brightness();
        let g = warp(maths::exp2(f64::from(octaves)), self.common.rate.as_f64());
        let k = self.damping.of(self.resonance_now(channel), damping);
        self.tuning.go(g, k, QUANTUM_FRAMES);
    }

    fn tune(&mut self, patch: &Patch) {
        let rate = self.common.rate.as_f64();
        let tables = self.common.tables;
        let hertz = 440.0 * maths::exp2((f64::from(self.pitch) - 69.0) / 12.0);
        for (place, own) in patch.oscillators.iter().enumerate() {
            let hertz = match own.semitones {
                0.0 => hertz,
                semitones => hertz * maths::exp2(f64::from(semitones) / 12.0),
            };
            let set = own.wave.tables(tables);
            for (pair, ratio) in self.oscillators.iter_mut().zip(&self.ratios).take(self.unison) {
                pair[place].tune(set, increment(hertz * ratio, rate));
            }
        }
        // Second-order side bands stay below half the rate.
        let ratio = maths::exp2(f64::from(patch.oscillators[1].semitones) / 12.0);
        let room = (0.5 * rate / (hertz * (1.0 + 2.0 * ratio))).min(1.0);
        self.depth_room = (room * room) as f32;
        self.sub.tune(&tables.sine, increment(0.5 * hertz, rate));
    }
}

/// A resonant filter is played softer: by 12 dB at full resonance, which leaves
/// its peak 21 dB above a flat one's.
fn headroom(resonance: f32) -> f32 {
    maths::exp2(-2.0 * f64::from(resonance)) as f32
}

/// The last result of a function, for ticks that ask for the same again. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    given: f32,
    result: f32,
}

impl Known {
    /// Nothing is known yet.
    pub(super) const NOTHING: Known = Known { given: f32::NAN, result: 0.0 };

    fn of(&mut self, given: f32, function: impl Fn(f32) -> f32) -> f32 {
        if given != self.given {
            *self = Known { given, result: function(given) };
        }
        self.result
    }
}
