mod control;
mod render;

use control::Known;

use super::patch::{Patch, UNISON_MOST};
use crate::dsp::envelope::{Envelope, Shape};
use crate::dsp::filter::{Filter, Tuning};
use crate::dsp::lfo::Lfo;
use crate::dsp::line::Line;
use crate::dsp::noise::Noise;
use crate::dsp::oscillator::{HALF_CYCLE, Oscillator};
use crate::dsp::smooth::{Smooth, per_tick};
use crate::dsp::wavetable::Tables;
use crate::instrument::channel::{CONTROL_SECONDS, Channel, pan_gains};
use crate::instrument::fade::Fade;
use crate::instrument::voice_pool::Voice;
use crate::unit::{QUANTUM_FRAMES, SampleRate, maths};

/// What the soft pedal does to a note that begins under it.
const SOFT_GAIN: f32 = 0.7;
const SOFT_OCTAVES: f32 = -0.5;

/// What a filter holds when a note begins, of a wave of ±1: so little that
/// nobody hears it, but a low cutoff does not hide the onset, and the frame of
/// the key is exact in a mix.
const FILTER_ONSET: f32 = 1.0 / 64.0;

/// What is the same for all voices of a synth. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct Common {
    pub rate: SampleRate,
    pub tables: &'static Tables,
    pub per_tick: f32,
}

impl Common {
    /// Builds the tables at the first call. Real-time: no.
    pub fn new(rate: SampleRate) -> Common {
        Common { rate, tables: Tables::shared(), per_tick: per_tick(CONTROL_SECONDS, rate.as_f64()) }
    }
}

/// A note that begins. Real-time: yes.
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
    /// What its pitch leaves of the depth, 0 to 1.
    depth_room: f32,
    width: u32,
    width_step: u32,
    fade: Fade,
    pressure: Smooth,
    cutoff_octaves: Smooth,
    resonance: Smooth,
    pitch: f32,
    level_gain: Known,
    headroom: Known,
    damping: Known,
}

impl SynthVoice {
    /// What an empty pool is filled with. Real-time: yes.
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
            depth_room: 1.0,
            width: HALF_CYCLE,
            width_step: 0,
            fade: Fade::new(),
            pressure: Smooth::at(0.0),
            cutoff_octaves: Smooth::at(0.0),
            resonance: Smooth::at(0.0),
            pitch: f32::NEG_INFINITY,
            level_gain: Known::NOTHING,
            headroom: Known::NOTHING,
            damping: Known::NOTHING,
        }
    }

    /// Begins a note of a patch on a channel. Real-time: yes.
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
        voice.amplitude = Envelope::start(&voice.scaled(patch, &patch.amplitude), common.rate);
        voice.contour = Envelope::start(&voice.scaled(patch, &patch.contour), common.rate);
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

    /// An envelope of its patch as its key and its channel's controllers make it.
    fn scaled(&self, patch: &Patch, shape: &Shape) -> Shape {
        Shape {
            attack_seconds: shape.attack_seconds * self.attack_factor,
            decay_seconds: shape.decay_seconds * self.decay_factor(patch),
            release_seconds: shape.release_seconds * self.release_factor,
            sustain: shape.sustain,
        }
    }

    fn decay_factor(&self, patch: &Patch) -> f32 {
        if patch.decay_tracking == 0.0 {
            return 1.0;
        }
        maths::exp2(f64::from(patch.decay_tracking * (60.0 - self.key) / 12.0)) as f32
    }

    fn aim(&mut self, patch: &Patch) {
        self.cutoff_octaves.go(maths::log2(f64::from(patch.cutoff_hertz)) as f32);
        self.resonance.go(patch.resonance);
    }

    /// Its patch has changed while it sounds. Real-time: yes.
    pub fn change(&mut self, patch: &Patch) {
        self.aim(patch);
        self.amplitude.shape(&self.scaled(patch, &patch.amplitude), self.common.rate);
    }

    /// Pressure on its own key, 0 to 127. Real-time: yes.
    pub fn press(&mut self, pressure: u8) {
        self.pressure.go(f32::from(pressure) / 127.0);
    }

    /// Is at once where a tick would have it go: for the start of a note.
    fn arrive(&mut self) {
        self.gain.arrive();
        self.depth.arrive();
        self.tuning.arrive();
        self.width = self.width.wrapping_add(self.width_step.wrapping_mul(QUANTUM_FRAMES as u32));
        self.width_step = 0;
    }
}

impl Voice for SynthVoice {
    fn release(&mut self) {
        self.amplitude.release();
        self.contour.release();
    }

    fn cut(&mut self) {
        self.fade.begin(self.common.rate);
    }

    fn level(&self) -> f32 {
        self.amplitude.level() * self.gain.value() * self.fade.level()
    }

    fn is_done(&self) -> bool {
        self.amplitude.is_done() || self.fade.is_over()
    }
}
