use super::patch::{Patch, UNISON_MOST, Wave};
use crate::dsp::envelope::{Envelope, Shape};
use crate::dsp::filter::{Filter, Tuning, damping, warp};
use crate::dsp::lfo::Lfo;
use crate::dsp::noise::Noise;
use crate::dsp::oscillator::{HALF_CYCLE, Oscillator, increment};
use crate::dsp::smooth::{Smooth, per_tick};
use crate::dsp::wavetable::Tables;
use crate::instrument::channel::{CONTROL_SECONDS, Channel, pan_gains};
use crate::instrument::voice_pool::Voice;
use crate::unit::{Decibels, QUANTUM_FRAMES, SampleRate, maths};

/// Seconds in which a stolen voice fades out.
const CUT_SECONDS: f64 = 0.005;
/// What the modulation wheel, and full pressure, add to the vibrato, in cents.
const WHEEL_CENTS: f32 = 50.0;
const PRESSURE_CENTS: f32 = 25.0;
/// How far controller 74 moves the cutoff either way, and 71 the resonance.
const BRIGHTNESS_OCTAVES: f32 = 3.0;
const RESONANCE_SPAN: f32 = 0.5;
/// What the soft pedal does to a note that begins under it.
const SOFT_GAIN: f32 = 0.7;
const SOFT_OCTAVES: f32 = -0.5;

/// What a filter holds when a note begins, of a wave of ±1: so little that
/// nobody hears it, but a low cutoff does not hide the onset, and the frame of
/// the key is exact in a mix.
const FILTER_ONSET: f32 = 1.0 / 64.0;

/// What is the same for all voices of a synth.
#[derive(Clone, Copy, Debug)]
pub struct Common {
    pub rate: SampleRate,
    pub tables: &'static Tables,
    pub per_tick: f32,
    pub cut_frames: f32,
}

impl Common {
    /// Builds the tables at the first call. Real-time: no.
    pub fn new(rate: SampleRate) -> Common {
        Common {
            rate,
            tables: Tables::shared(),
            per_tick: per_tick(CONTROL_SECONDS, rate.as_f64()),
            cut_frames: rate.frames(CUT_SECONDS).max(1) as f32,
        }
    }
}

/// A value that moves in a straight line from tick to tick.
#[derive(Clone, Copy, Default, Debug)]
struct Line {
    now: f32,
    step: f32,
    target: f32,
}

impl Line {
    fn go(&mut self, target: f32) {
        self.target = target;
        self.step = (target - self.now) / QUANTUM_FRAMES as f32;
    }

    fn arrive(&mut self) {
        self.now = self.target;
        self.step = 0.0;
    }

    #[inline]
    fn multiply(&mut self, samples: &mut [f32]) {
        if self.step == 0.0 {
            samples.iter_mut().for_each(|sample| *sample *= self.now);
            return;
        }
        for sample in samples {
            *sample *= self.now;
            self.now += self.step;
        }
    }
}

/// A note that begins.
#[derive(Clone, Copy, Debug)]
pub struct Strike {
    pub key: u8,
    pub velocity: u8,
    /// The pitch to glide from.
    pub from_key: Option<f32>,
    /// Where its randomness begins.
    pub seed: u64,
    /// The place of its patch.
    pub patch: u8,
}

/// One note of the synth. Real-time: yes.
#[derive(Clone, Debug)]
pub struct SynthVoice {
    common: Common,
    /// The place of its patch among the synth's.
    pub patch: u8,
    key: f32,
    /// How far it is still from its key, in semitones, and what a frame takes off.
    glide: f32,
    glide_step: f32,
    /// Its own part of the cutoff: velocity and soft pedal, in octaves.
    touch_octaves: f32,
    touch_gain: f32,
    attack_factor: f32,
    release_factor: f32,
    unison: usize,
    oscillators: [[Oscillator; 2]; UNISON_MOST],
    ratios: [f64; UNISON_MOST],
    pans: [[f32; 2]; UNISON_MOST],
    sub: Oscillator,
    noise: Noise,
    filters: [Filter; 2],
    tuning: Tuning,
    amplitude: Envelope,
    contour: Envelope,
    lfo: Lfo,
    /// Frames since the last control update.
    age_frames: u32,
    gain: Line,
    depth: Line,
    width: u32,
    width_step: u32,
    fade: f32,
    fade_step: f32,
    pressure: Smooth,
    cutoff_octaves: Smooth,
    resonance: Smooth,
    pitch: f32,
}

impl SynthVoice {
    /// What an empty pool is filled with.
    pub fn idle(common: Common) -> SynthVoice {
        let oscillator = Oscillator::new(&common.tables.sine, 0);
        SynthVoice {
            common,
            patch: 0,
            key: 60.0,
            glide: 0.0,
            glide_step: 0.0,
            touch_octaves: 0.0,
            touch_gain: 1.0,
            attack_factor: 1.0,
            release_factor: 1.0,
            unison: 1,
            oscillators: [[oscillator; 2]; UNISON_MOST],
            ratios: [1.0; UNISON_MOST],
            pans: [[1.0; 2]; UNISON_MOST],
            sub: oscillator,
            noise: Noise::new(0),
            filters: [Filter::default(); 2],
            tuning: Tuning::default(),
            amplitude: Envelope::idle(),
            contour: Envelope::idle(),
            lfo: Lfo::default(),
            age_frames: 0,
            gain: Line::default(),
            depth: Line::default(),
            width: HALF_CYCLE,
            width_step: 0,
            fade: 1.0,
            fade_step: 0.0,
            pressure: Smooth::at(0.0),
            cutoff_octaves: Smooth::at(0.0),
            resonance: Smooth::at(0.0),
            pitch: f32::NEG_INFINITY,
        }
    }

    /// Begins a note of a patch on a channel.
    pub fn start(common: Common, strike: &Strike, patch: &Patch, channel: &Channel) -> SynthVoice {
        let mut voice = SynthVoice::idle(common);
        voice.patch = strike.patch;
        voice.key = f32::from(strike.key);
        voice.begin_glide(strike, patch);
        let soft = channel.soft();
        let velocity = f32::from(strike.velocity) / 127.0;
        voice.touch_gain = patch.velocity_gain(strike.velocity) * if soft { SOFT_GAIN } else { 1.0 };
        voice.touch_octaves =
            patch.velocity_octaves * (velocity - 100.0 / 127.0) + if soft { SOFT_OCTAVES } else { 0.0 };
        voice.attack_factor = channel.attack_factor();
        voice.release_factor = channel.release_factor();
        voice.noise.seed(strike.seed);
        voice.begin_oscillators(patch);
        voice.filters = [Filter::holding(FILTER_ONSET); 2];
        voice.amplitude = Envelope::start(&voice.scaled(&patch.amplitude), common.rate);
        voice.contour = Envelope::start(&voice.scaled(&patch.contour), common.rate);
        voice.aim(patch);
        voice.cutoff_octaves.snap();
        voice.resonance.snap();
        voice.control(patch, channel);
        voice.arrive();
        voice
    }

    fn begin_glide(&mut self, strike: &Strike, patch: &Patch) {
        let frames = self.common.rate.frames(f64::from(patch.glide_seconds));
        if let (Some(from), true) = (strike.from_key, frames > 0) {
            self.glide = from - self.key;
            self.glide_step = self.glide / frames as f32;
        }
    }

    fn begin_oscillators(&mut self, patch: &Patch) {
        let tables = self.common.tables;
        self.unison = usize::from(patch.unison).clamp(1, UNISON_MOST);
        for place in 0..self.unison {
            // From −1 to 1; the sides alternate, so that neither is the flat one.
            let off =
                if self.unison == 1 { 0.0 } else { 2.0 * place as f32 / (self.unison - 1) as f32 - 1.0 };
            let side = if place % 2 == 0 { off } else { -off };
            self.ratios[place] = maths::exp2(f64::from(off * patch.detune_cents) / 1_200.0);
            self.pans[place] = pan_gains(side * patch.spread);
            for (oscillator, own) in self.oscillators[place].iter_mut().zip(&patch.oscillators) {
                let phase = if self.unison == 1 { own.wave.start() } else { self.noise.bits() };
                *oscillator = Oscillator::new(own.wave.tables(tables), phase);
            }
        }
        self.sub = Oscillator::new(&tables.sine, 0);
    }

    fn scaled(&self, shape: &Shape) -> Shape {
        Shape {
            attack_seconds: shape.attack_seconds * self.attack_factor,
            release_seconds: shape.release_seconds * self.release_factor,
            ..*shape
        }
    }

    fn aim(&mut self, patch: &Patch) {
        self.cutoff_octaves.go(maths::log2(f64::from(patch.cutoff_hertz)) as f32);
        self.resonance.go(patch.resonance);
    }

    /// Its patch has changed while it sounds.
    pub fn change(&mut self, patch: &Patch) {
        self.aim(patch);
        self.amplitude.shape(&self.scaled(&patch.amplitude), self.common.rate);
    }

    /// Pressure on its own key, 0 to 127.
    pub fn press(&mut self, pressure: u8) {
        self.pressure.go(f32::from(pressure) / 127.0);
    }

    /// One control tick.
    pub fn tick(&mut self, patch: &Patch, channel: &Channel) {
        let coefficient = self.common.per_tick;
        self.pressure.tick(coefficient);
        self.cutoff_octaves.tick(coefficient);
        self.resonance.tick(coefficient);
        self.control(patch, channel);
    }

    /// Aims everything that moves at control rate.
    fn control(&mut self, patch: &Patch, channel: &Channel) {
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
        let level = Decibels(patch.level_decibels).to_gain() * self.touch_gain * tremolo;
        self.gain.go(level * headroom(patch, self.resonance_now(channel)));
        self.depth.go(patch.modulation_cycles * self.contour.level());
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
        self.tuning.go(g, damping(self.resonance_now(channel)), QUANTUM_FRAMES);
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
        self.sub.tune(&tables.sine, increment(0.5 * hertz, rate));
    }

    /// Is at once where a tick would have it go: for the start of a note.
    fn arrive(&mut self) {
        self.gain.arrive();
        self.depth.arrive();
        self.tuning.arrive();
        self.width = self.width.wrapping_add(self.width_step.wrapping_mul(QUANTUM_FRAMES as u32));
        self.width_step = 0;
    }

    /// Adds its next frames (at most a quantum), times the channel's gains.
    pub fn render(&mut self, patch: &Patch, gains: [&[f32]; 2], left: &mut [f32], right: &mut [f32]) {
        let frames = left.len().min(QUANTUM_FRAMES);
        self.age_frames += frames as u32;
        let mut level = [0.0; QUANTUM_FRAMES];
        let level = &mut level[..frames];
        if patch.uses_contour() {
            self.contour.render(level);
        }
        self.amplitude.render(level);
        self.gain.multiply(level);
        self.fade_out(level);

        let mut middle = [0.0; QUANTUM_FRAMES];
        let middle = &mut middle[..frames];
        if patch.sub > 0.0 {
            self.sub.add(patch.sub, middle);
        }
        if patch.noise > 0.0 {
            self.noise.add(patch.noise, middle);
        }
        if self.unison == 1 {
            self.play(0, 1.0, patch, middle);
            self.filter(patch, [middle]);
            mix(level, gains[0], middle, left);
            mix(level, gains[1], middle, right);
        } else {
            let mut sides = [[0.0; QUANTUM_FRAMES]; 2];
            let [first, second] = &mut sides;
            let (first, second) = (&mut first[..frames], &mut second[..frames]);
            first.copy_from_slice(middle);
            second.copy_from_slice(middle);
            self.play_unison(patch, first, second);
            self.filter(patch, [&mut *first, &mut *second]);
            mix(level, gains[0], first, left);
            mix(level, gains[1], second, right);
        }
        self.step_lines(frames);
    }

    fn fade_out(&mut self, level: &mut [f32]) {
        if self.fade_step == 0.0 {
            return;
        }
        for sample in level {
            *sample *= self.fade;
            self.fade = (self.fade - self.fade_step).max(0.0);
        }
    }

    fn play_unison(&mut self, patch: &Patch, left: &mut [f32], right: &mut [f32]) {
        let gain = (1.0 / libm::sqrt(self.unison as f64)) as f32;
        for place in 0..self.unison {
            let mut one = [0.0; QUANTUM_FRAMES];
            let one = &mut one[..left.len()];
            self.play(place, gain, patch, one);
            let [to_left, to_right] = self.pans[place];
            for ((sample, left), right) in one.iter().zip(&mut *left).zip(&mut *right) {
                *left += to_left * sample;
                *right += to_right * sample;
            }
        }
    }

    /// Adds both oscillators of one place in the unison.
    fn play(&mut self, place: usize, gain: f32, patch: &Patch, output: &mut [f32]) {
        let [first, second] = &mut self.oscillators[place];
        let [first_patch, second_patch] = &patch.oscillators;
        if patch.modulation_cycles != 0.0 {
            let mut modulator = [0.0; QUANTUM_FRAMES];
            let modulator = &mut modulator[..output.len()];
            second.add(1.0, modulator);
            for (sample, wave) in output.iter_mut().zip(&*modulator) {
                *sample += second_patch.level * gain * wave;
            }
            let mut depth = self.depth;
            depth.multiply(modulator);
            first.add_modulated(first_patch.level * gain, modulator, output);
            return;
        }
        for (oscillator, own) in [(first, first_patch), (second, second_patch)] {
            let level = own.level * gain;
            if level == 0.0 {
                continue;
            }
            if own.wave == Wave::Square {
                oscillator.add_pulse(level, self.width, self.width_step, output);
            } else {
                oscillator.add(level, output);
            }
        }
    }

    fn filter<const CHANNELS: usize>(&mut self, patch: &Patch, channels: [&mut [f32]; CHANNELS]) {
        let Some(response) = patch.filter else { return };
        let start = self.tuning;
        for (filter, samples) in self.filters.iter_mut().zip(channels) {
            self.tuning = start;
            filter.process(response, &mut self.tuning, samples);
        }
    }

    /// Moves on what the oscillators read but do not move themselves.
    fn step_lines(&mut self, frames: usize) {
        for _ in 0..frames {
            self.depth.now += self.depth.step;
        }
        self.width = self.width.wrapping_add(self.width_step.wrapping_mul(frames as u32));
    }
}

impl Voice for SynthVoice {
    fn release(&mut self) {
        self.amplitude.release();
        self.contour.release();
    }

    fn cut(&mut self) {
        if self.fade_step == 0.0 {
            self.fade_step = 1.0 / self.common.cut_frames;
        }
    }

    fn level(&self) -> f32 {
        self.amplitude.level() * self.gain.now * self.fade
    }

    fn is_done(&self) -> bool {
        self.amplitude.is_done() || self.fade <= 0.0
    }
}

/// A resonant filter is played softer: by 12 dB at full resonance, which leaves
/// its peak 21 dB above a flat one's.
fn headroom(patch: &Patch, resonance: f32) -> f32 {
    if patch.filter.is_none() { 1.0 } else { maths::exp2(-2.0 * f64::from(resonance)) as f32 }
}

fn mix(level: &[f32], gain: &[f32], dry: &[f32], output: &mut [f32]) {
    for (((output, dry), level), gain) in output.iter_mut().zip(dry).zip(level).zip(gain) {
        *output += dry * level * gain;
    }
}
