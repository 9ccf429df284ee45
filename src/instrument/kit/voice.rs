use super::drums::Drum;
use crate::dsp::envelope::{Envelope, Shape};
use crate::dsp::filter::{Filter, Response, Tuning, damping, warp};
use crate::dsp::noise::Noise;
use crate::dsp::oscillator::{HALF_CYCLE, Oscillator, increment};
use crate::dsp::wavetable::{Table, Tables};
use crate::instrument::channel::pan_gains;
use crate::instrument::fade::Fade;
use crate::instrument::mix;
use crate::instrument::voice_pool::Voice;
use crate::unit::{Decibels, QUANTUM_FRAMES, SampleRate, maths};

/// The pitches of a cluster of squares, relative to the lowest: far from any
/// harmonic series, as a cymbal's are.
const CLUSTER: [f64; 6] = [1.0, 1.342, 1.5, 1.947, 2.546, 2.63];
/// Seconds between the bursts of a clap.
const BURST_SECONDS: f64 = 0.011;

/// A sine whose pitch moves in a straight line from tick to tick.
#[derive(Clone, Copy, Debug)]
struct Sweep {
    table: &'static Table,
    phase: u32,
    increment: u32,
    step: i32,
}

impl Sweep {
    fn go(&mut self, increment: u32) {
        self.step = (increment.wrapping_sub(self.increment) as i32) / QUANTUM_FRAMES as i32;
    }

    fn add(&mut self, gain: f32, output: &mut [f32]) {
        for sample in output {
            *sample += gain * self.table.at(self.phase);
            self.phase = self.phase.wrapping_add(self.increment);
            self.increment = self.increment.wrapping_add_signed(self.step);
        }
    }
}

/// One hit. Real-time: yes.
#[derive(Clone, Debug)]
pub struct DrumVoice {
    rate: SampleRate,
    drum: Drum,
    /// Hits of the same number (but 0) end one another.
    pub choke: u8,
    gain: f32,
    pans: [f32; 2],
    age_frames: u64,
    tones: [Sweep; 2],
    tone: Envelope,
    noise: Noise,
    hiss: Envelope,
    hiss_filter: Filter,
    hiss_tuning: Tuning,
    bursts_left: u32,
    burst_frames: u64,
    to_burst: u64,
    metals: [Oscillator; 6],
    metal: Envelope,
    metal_filter: Filter,
    metal_tuning: Tuning,
    fade: Fade,
}

impl DrumVoice {
    /// What an empty pool is filled with. Real-time: yes.
    pub fn idle(rate: SampleRate, tables: &'static Tables) -> DrumVoice {
        let sweep = Sweep { table: tables.sine.for_increment(1), phase: 0, increment: 0, step: 0 };
        DrumVoice {
            rate,
            drum: Drum::SILENT,
            choke: 0,
            gain: 0.0,
            pans: [1.0; 2],
            age_frames: 0,
            tones: [sweep; 2],
            tone: Envelope::idle(),
            noise: Noise::new(0),
            hiss: Envelope::idle(),
            hiss_filter: Filter::default(),
            hiss_tuning: Tuning::default(),
            bursts_left: 0,
            burst_frames: rate.frames(BURST_SECONDS).max(1),
            to_burst: 0,
            metals: [Oscillator::new(&tables.saw, HALF_CYCLE); 6],
            metal: Envelope::idle(),
            metal_filter: Filter::default(),
            metal_tuning: Tuning::default(),
            fade: Fade::new(),
        }
    }

    /// Hits a drum. Real-time: yes.
    pub fn start(
        rate: SampleRate,
        tables: &'static Tables,
        drum: &Drum,
        velocity: u8,
        seed: u64,
    ) -> DrumVoice {
        let mut voice = DrumVoice::idle(rate, tables);
        let loudness = |velocity: f32| 0.1 + 0.9 * (velocity / 127.0) * (velocity / 127.0);
        voice.drum = *drum;
        voice.choke = drum.choke;
        voice.gain =
            Decibels(drum.level_decibels).to_gain() * loudness(f32::from(velocity)) / loudness(100.0);
        voice.pans = pan_gains(drum.pan);
        voice.noise.seed(seed);
        let hit = |level: f32, seconds: f32| {
            let shape =
                Shape { attack_seconds: 0.0, decay_seconds: seconds, sustain: 0.0, release_seconds: 0.1 };
            if level > 0.0 { Envelope::start(&shape, rate) } else { Envelope::idle() }
        };
        voice.tone = hit(drum.tone.level, drum.tone.seconds);
        voice.hiss = hit(drum.hiss.level, drum.hiss.seconds);
        voice.metal = hit(drum.metal.level, drum.metal.seconds);
        voice.bursts_left = drum.hiss.bursts;
        voice.to_burst = voice.burst_frames;
        let hertz = rate.as_f64();
        voice.hiss_tuning.set(warp(drum.hiss.cutoff_hertz, hertz), damping(drum.hiss.resonance));
        voice.metal_tuning.set(warp(drum.metal.cutoff_hertz, hertz), damping(0.1));
        for (metal, ratio) in voice.metals.iter_mut().zip(CLUSTER) {
            *metal = Oscillator::new(&tables.saw, voice.noise.bits());
            metal.tune(&tables.saw, increment(drum.metal.hertz * ratio, hertz));
        }
        let increments = voice.tone_increments(0);
        for (tone, increment) in voice.tones.iter_mut().zip(increments) {
            tone.increment = increment;
        }
        voice.tick();
        voice
    }

    /// One control tick: where the tone's pitch is a quantum from now. Real-time: yes.
    pub fn tick(&mut self) {
        let increments = self.tone_increments(self.age_frames + QUANTUM_FRAMES as u64);
        for (tone, increment) in self.tones.iter_mut().zip(increments) {
            tone.go(increment);
        }
    }

    fn tone_increments(&self, age_frames: u64) -> [u32; 2] {
        let tone = &self.drum.tone;
        let fallen = -6.9 * self.rate.seconds(age_frames) / tone.drop_seconds;
        let hertz = tone.hertz * maths::exp2(tone.drop_octaves * maths::exp(fallen));
        [1.0, tone.ratio].map(|ratio| increment(hertz * ratio, self.rate.as_f64()))
    }

    /// Adds its next frames (at most a quantum), times its channel's gains. Real-time: yes.
    pub fn render(&mut self, gains: &[[f32; QUANTUM_FRAMES]; 2], left: &mut [f32], right: &mut [f32]) {
        let frames = left.len().min(QUANTUM_FRAMES);
        self.age_frames += frames as u64;
        let mut sum = [0.0; QUANTUM_FRAMES];
        let sum = &mut sum[..frames];
        self.play_tone(sum);
        self.play_hiss(sum);
        self.play_metal(sum);
        let mut level = [self.gain; QUANTUM_FRAMES];
        let level = &mut level[..frames];
        self.fade.apply(level);
        for (side, output) in [left, right].into_iter().enumerate() {
            let mut gain = gains[side];
            gain[..frames].iter_mut().for_each(|gain| *gain *= self.pans[side]);
            mix(level, &gain[..frames], sum, output);
        }
    }

    fn play_tone(&mut self, sum: &mut [f32]) {
        if self.tone.is_done() {
            return;
        }
        let (mut wave, mut level) = ([0.0; QUANTUM_FRAMES], [0.0; QUANTUM_FRAMES]);
        let (wave, level) = (&mut wave[..sum.len()], &mut level[..sum.len()]);
        let [first, second] = &mut self.tones;
        first.add(self.drum.tone.level, wave);
        second.add(self.drum.tone.level * self.drum.tone.ratio_level, wave);
        self.tone.render(level);
        add_product(wave, level, sum);
    }

    fn play_hiss(&mut self, sum: &mut [f32]) {
        if self.hiss.is_done() {
            return;
        }
        let (mut wave, mut level) = ([0.0; QUANTUM_FRAMES], [0.0; QUANTUM_FRAMES]);
        let (wave, level) = (&mut wave[..sum.len()], &mut level[..sum.len()]);
        self.noise.add(self.drum.hiss.level, wave);
        self.hiss_filter.process(self.drum.hiss.response, &mut self.hiss_tuning, wave);
        self.hiss.render(level);
        self.burst(level);
        add_product(wave, level, sum);
    }

    /// While bursts are left, a saw-tooth of short decays, as of several hands.
    fn burst(&mut self, level: &mut [f32]) {
        for level in level {
            if self.bursts_left == 0 {
                return;
            }
            *level *= self.to_burst as f32 / self.burst_frames as f32;
            self.to_burst -= 1;
            if self.to_burst == 0 {
                self.bursts_left -= 1;
                self.to_burst = self.burst_frames;
            }
        }
    }

    fn play_metal(&mut self, sum: &mut [f32]) {
        if self.metal.is_done() {
            return;
        }
        let (mut wave, mut level) = ([0.0; QUANTUM_FRAMES], [0.0; QUANTUM_FRAMES]);
        let (wave, level) = (&mut wave[..sum.len()], &mut level[..sum.len()]);
        for metal in &mut self.metals {
            metal.add_pulse(self.drum.metal.level, HALF_CYCLE, 0, wave);
        }
        self.metal_filter.process(Response::High, &mut self.metal_tuning, wave);
        self.metal.render(level);
        add_product(wave, level, sum);
    }
}

fn add_product(a: &[f32], b: &[f32], sum: &mut [f32]) {
    for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
        *sum += a * b;
    }
}

impl Voice for DrumVoice {
    /// A drum rings on when its key is let go.
    fn release(&mut self) {}

    fn cut(&mut self) {
        self.fade.begin(self.rate);
    }

    fn level(&self) -> f32 {
        self.gain * self.fade.level() * self.tone.level().max(self.hiss.level()).max(self.metal.level())
    }

    fn is_done(&self) -> bool {
        let over = [&self.tone, &self.hiss, &self.metal].into_iter().all(Envelope::is_done);
        over || self.fade.is_over()
    }
}
