use crate::dsp::envelope::Shape;
use crate::dsp::filter::Response;
use crate::dsp::oscillator::HALF_CYCLE;
use crate::dsp::wavetable::{TableSet, Tables};

/// The most oscillators in unison.
pub const UNISON_MOST: usize = 8;

/// The wave of an oscillator. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wave {
    Saw,
    /// A pulse; its width is the patch's.
    Square,
    Triangle,
    Sine,
    Organ,
}

impl Wave {
    /// All, in the order of the parameter's choices.
    pub const ALL: [Wave; 5] = [Wave::Saw, Wave::Square, Wave::Triangle, Wave::Sine, Wave::Organ];
    pub const NAMES: [&'static str; 5] = ["saw", "square", "triangle", "sine", "organ"];

    /// The tables of this wave. Real-time: yes.
    pub fn tables(self, tables: &'static Tables) -> &'static TableSet {
        match self {
            Wave::Saw | Wave::Square => &tables.saw,
            Wave::Triangle => &tables.triangle,
            Wave::Sine => &tables.sine,
            Wave::Organ => &tables.organ,
        }
    }

    /// The phase at which it crosses zero upwards: where a note begins, so that
    /// it begins softly. Real-time: yes.
    pub const fn start(self) -> u32 {
        match self {
            Wave::Saw | Wave::Square => HALF_CYCLE,
            Wave::Triangle | Wave::Sine | Wave::Organ => 0,
        }
    }
}

/// One of the two oscillators. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OscillatorPatch {
    pub wave: Wave,
    /// Linear; 0 is off.
    pub level: f32,
    /// Above the key.
    pub semitones: f32,
}

/// Vibrato, tremolo and slow movement. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LfoPatch {
    pub hertz: f32,
    /// Silent for so long, then fading in for as long again.
    pub delay_seconds: f32,
    pub vibrato_cents: f32,
    /// 0 to 1: how much of the level it takes away at most.
    pub tremolo: f32,
    pub cutoff_octaves: f32,
    /// How far the pulse width moves either way, in cycles.
    pub width: f32,
}

/// A sound: everything that a note of the synth needs to know. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Patch {
    pub name: &'static str,
    pub oscillators: [OscillatorPatch; 2],
    /// How far the second oscillator moves the phase of the first where the
    /// second envelope is full, in cycles.
    pub modulation_cycles: f32,
    /// A sine an octave below; linear level.
    pub sub: f32,
    /// White noise; linear level.
    pub noise: f32,
    /// Width of a pulse, in cycles.
    pub width: f32,
    pub unison: u8,
    /// The outermost unison oscillators are so far off, up and down.
    pub detune_cents: f32,
    /// 0: all in the middle; 1: from side to side.
    pub spread: f32,
    /// `None`: the filter is bypassed.
    pub filter: Option<Response>,
    pub cutoff_hertz: f32,
    pub resonance: f32,
    /// Octaves of cutoff per octave of pitch, from C4.
    pub tracking: f32,
    /// What the second envelope adds to the cutoff.
    pub envelope_octaves: f32,
    /// What velocity 127 adds over velocity 0.
    pub velocity_octaves: f32,
    /// What full pressure adds.
    pub pressure_octaves: f32,
    pub amplitude: Shape,
    /// The second envelope: filter and phase modulation.
    pub contour: Shape,
    /// Octaves by which both decays shorten per octave of pitch, from C4.
    pub decay_tracking: f32,
    pub lfo: LfoPatch,
    pub glide_seconds: f32,
    /// 0: as loud at any velocity; 1: the square of the velocity.
    pub velocity: f32,
    /// Makes a note of velocity 100 peak around −12 dBFS.
    pub level_decibels: f32,
}

impl Patch {
    /// The gain of a velocity, 1 to 127; 1 at velocity 100. Real-time: yes.
    pub fn velocity_gain(&self, velocity: u8) -> f32 {
        let curve = |velocity: f32| {
            let part = velocity / 127.0;
            1.0 - self.velocity + self.velocity * part * part
        };
        curve(f32::from(velocity)) / curve(100.0)
    }

    /// Whether the second envelope is heard at all. Real-time: yes.
    pub fn uses_contour(&self) -> bool {
        (self.filter.is_some() && self.envelope_octaves != 0.0) || self.modulation_cycles != 0.0
    }
}
