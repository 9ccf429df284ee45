use super::patch::{LfoPatch, OscillatorPatch, Patch, Wave};
use crate::dsp::envelope::Shape;
use crate::dsp::filter::Response;

const fn shape(attack_seconds: f32, decay_seconds: f32, sustain: f32, release_seconds: f32) -> Shape {
    Shape { attack_seconds, decay_seconds, sustain, release_seconds }
}

const fn oscillator(wave: Wave, level: f32, semitones: f32) -> OscillatorPatch {
    OscillatorPatch { wave, level, semitones }
}

const NO_LFO: LfoPatch = LfoPatch {
    hertz: 5.5,
    delay_seconds: 0.0,
    vibrato_cents: 0.0,
    tremolo: 0.0,
    cutoff_octaves: 0.0,
    width: 0.0,
};

/// Exactly one saw: no filter, no envelope but a short release, no movement.
/// At velocity 100 it swings by ±0.25 (−12 dBFS, and what Gibbs adds at the edge).
const INIT: Patch = Patch {
    name: "init",
    oscillators: [oscillator(Wave::Saw, 1.0, 0.0), oscillator(Wave::Saw, 0.0, 0.0)],
    modulation_cycles: 0.0,
    sub: 0.0,
    noise: 0.0,
    width: 0.5,
    unison: 1,
    detune_cents: 12.0,
    spread: 0.7,
    filter: None,
    cutoff_hertz: 20_000.0,
    resonance: 0.0,
    tracking: 0.0,
    envelope_octaves: 0.0,
    velocity_octaves: 0.0,
    pressure_octaves: 0.0,
    amplitude: shape(0.0, 0.1, 1.0, 0.005),
    contour: shape(0.0, 0.3, 0.0, 0.3),
    decay_tracking: 0.0,
    lfo: NO_LFO,
    glide_seconds: 0.0,
    velocity: 1.0,
    level_decibels: -12.041_2,
};

/// What the sounds that are meant for playing have in common.
const PLAYED: Patch = Patch { filter: Some(Response::Low), pressure_octaves: 1.0, velocity: 0.8, ..INIT };

/// All presets; `init` first.
pub const PRESETS: [Patch; 20] = [
    INIT,
    Patch {
        name: "keys",
        oscillators: [oscillator(Wave::Saw, 0.5, 0.0), oscillator(Wave::Square, 0.35, 0.06)],
        sub: 0.3,
        cutoff_hertz: 700.0,
        resonance: 0.06,
        tracking: 0.6,
        envelope_octaves: 3.2,
        velocity_octaves: 2.0,
        amplitude: shape(0.002, 6.0, 0.0, 0.35),
        contour: shape(0.0, 1.4, 0.05, 0.4),
        decay_tracking: 0.45,
        level_decibels: -13.8,
        ..PLAYED
    },
    Patch {
        name: "electric-piano",
        oscillators: [oscillator(Wave::Sine, 1.0, 0.0), oscillator(Wave::Sine, 0.06, 24.0)],
        modulation_cycles: 0.22,
        filter: None,
        amplitude: shape(0.001, 5.0, 0.0, 0.4),
        contour: shape(0.0, 1.6, 0.08, 0.3),
        lfo: LfoPatch { hertz: 4.6, tremolo: 0.12, ..NO_LFO },
        decay_tracking: 0.5,
        level_decibels: -11.9,
        ..PLAYED
    },
    Patch {
        name: "organ",
        oscillators: [oscillator(Wave::Organ, 1.0, 0.0), oscillator(Wave::Sine, 0.25, 31.0)],
        sub: 0.35,
        cutoff_hertz: 6_000.0,
        pressure_octaves: 0.0,
        amplitude: shape(0.004, 0.1, 1.0, 0.06),
        lfo: LfoPatch { hertz: 6.4, delay_seconds: 0.0, vibrato_cents: 4.0, tremolo: 0.08, ..NO_LFO },
        velocity: 0.0,
        level_decibels: -13.4,
        ..PLAYED
    },
    Patch {
        name: "pluck-synth",
        oscillators: [oscillator(Wave::Saw, 0.6, 0.0), oscillator(Wave::Saw, 0.4, 12.05)],
        cutoff_hertz: 420.0,
        resonance: 0.15,
        tracking: 0.7,
        envelope_octaves: 4.2,
        velocity_octaves: 1.5,
        amplitude: shape(0.001, 1.6, 0.0, 0.25),
        contour: shape(0.0, 0.45, 0.0, 0.25),
        decay_tracking: 0.35,
        level_decibels: -9.1,
        ..PLAYED
    },
    Patch {
        name: "round-bass",
        oscillators: [oscillator(Wave::Triangle, 0.7, 0.0), oscillator(Wave::Saw, 0.25, 0.0)],
        sub: 0.5,
        cutoff_hertz: 260.0,
        resonance: 0.08,
        tracking: 0.5,
        envelope_octaves: 1.8,
        velocity_octaves: 1.2,
        amplitude: shape(0.002, 1.8, 0.55, 0.12),
        contour: shape(0.0, 0.5, 0.0, 0.2),
        level_decibels: -12.5,
        ..PLAYED
    },
    Patch {
        name: "acid-bass",
        oscillators: [oscillator(Wave::Saw, 1.0, 0.0), oscillator(Wave::Saw, 0.0, 0.0)],
        cutoff_hertz: 240.0,
        resonance: 0.56,
        tracking: 0.45,
        envelope_octaves: 3.6,
        velocity_octaves: 2.0,
        amplitude: shape(0.001, 2.5, 0.4, 0.05),
        contour: shape(0.0, 0.5, 0.0, 0.1),
        glide_seconds: 0.04,
        level_decibels: -13.3,
        ..PLAYED
    },
    Patch {
        name: "strings",
        unison: 5,
        detune_cents: 14.0,
        spread: 0.8,
        oscillators: [oscillator(Wave::Saw, 1.0, 0.0), oscillator(Wave::Saw, 0.0, 0.0)],
        cutoff_hertz: 2_200.0,
        tracking: 0.4,
        envelope_octaves: 0.6,
        velocity_octaves: 0.8,
        amplitude: shape(0.18, 1.0, 0.85, 0.7),
        contour: shape(0.4, 2.0, 0.6, 0.8),
        lfo: LfoPatch { hertz: 5.2, delay_seconds: 0.5, vibrato_cents: 5.0, ..NO_LFO },
        level_decibels: -15.2,
        ..PLAYED
    },
    Patch {
        name: "choir",
        unison: 4,
        detune_cents: 11.0,
        spread: 0.7,
        oscillators: [oscillator(Wave::Triangle, 0.8, 0.0), oscillator(Wave::Square, 0.25, 0.0)],
        noise: 0.02,
        width: 0.3,
        cutoff_hertz: 1_050.0,
        resonance: 0.18,
        tracking: 0.25,
        amplitude: shape(0.22, 1.0, 0.9, 0.6),
        lfo: LfoPatch { hertz: 4.8, delay_seconds: 0.4, vibrato_cents: 9.0, cutoff_octaves: 0.08, ..NO_LFO },
        level_decibels: -14.4,
        ..PLAYED
    },
    Patch {
        name: "brass",
        unison: 2,
        detune_cents: 6.0,
        spread: 0.4,
        oscillators: [oscillator(Wave::Saw, 0.7, 0.0), oscillator(Wave::Saw, 0.5, 0.08)],
        cutoff_hertz: 850.0,
        resonance: 0.08,
        tracking: 0.45,
        envelope_octaves: 2.1,
        velocity_octaves: 1.6,
        amplitude: shape(0.03, 0.6, 0.85, 0.16),
        contour: shape(0.07, 0.9, 0.65, 0.2),
        lfo: LfoPatch { hertz: 5.4, delay_seconds: 0.4, vibrato_cents: 6.0, ..NO_LFO },
        level_decibels: -16.0,
        ..PLAYED
    },
    Patch {
        name: "reed",
        oscillators: [oscillator(Wave::Square, 0.6, 0.0), oscillator(Wave::Saw, 0.25, 0.0)],
        noise: 0.015,
        width: 0.32,
        cutoff_hertz: 1_300.0,
        resonance: 0.12,
        tracking: 0.5,
        envelope_octaves: 1.0,
        velocity_octaves: 1.0,
        amplitude: shape(0.03, 0.3, 0.85, 0.1),
        contour: shape(0.05, 0.5, 0.6, 0.1),
        lfo: LfoPatch { hertz: 5.6, delay_seconds: 0.35, vibrato_cents: 12.0, ..NO_LFO },
        level_decibels: -13.5,
        ..PLAYED
    },
    Patch {
        name: "flute",
        oscillators: [oscillator(Wave::Triangle, 0.8, 0.0), oscillator(Wave::Sine, 0.15, 12.0)],
        noise: 0.05,
        cutoff_hertz: 1_800.0,
        tracking: 0.8,
        envelope_octaves: 0.7,
        velocity_octaves: 0.8,
        amplitude: shape(0.05, 0.3, 0.9, 0.14),
        contour: shape(0.03, 0.2, 0.3, 0.1),
        lfo: LfoPatch { hertz: 5.0, delay_seconds: 0.4, vibrato_cents: 10.0, tremolo: 0.08, ..NO_LFO },
        level_decibels: -9.9,
        ..PLAYED
    },
    Patch {
        name: "lead",
        unison: 3,
        detune_cents: 9.0,
        spread: 0.35,
        oscillators: [oscillator(Wave::Saw, 1.0, 0.0), oscillator(Wave::Square, 0.4, -12.0)],
        cutoff_hertz: 2_400.0,
        resonance: 0.2,
        tracking: 0.5,
        envelope_octaves: 1.6,
        velocity_octaves: 1.0,
        amplitude: shape(0.004, 0.8, 0.8, 0.15),
        contour: shape(0.0, 0.7, 0.3, 0.2),
        lfo: LfoPatch { hertz: 5.8, delay_seconds: 0.45, vibrato_cents: 10.0, ..NO_LFO },
        glide_seconds: 0.05,
        level_decibels: -16.8,
        ..PLAYED
    },
    Patch {
        name: "square-lead",
        oscillators: [oscillator(Wave::Square, 0.8, 0.0), oscillator(Wave::Square, 0.3, 12.04)],
        cutoff_hertz: 3_200.0,
        resonance: 0.1,
        tracking: 0.4,
        envelope_octaves: 0.8,
        velocity_octaves: 0.8,
        amplitude: shape(0.003, 0.5, 0.8, 0.12),
        contour: shape(0.0, 0.4, 0.2, 0.2),
        lfo: LfoPatch { hertz: 5.8, delay_seconds: 0.4, vibrato_cents: 9.0, width: 0.06, ..NO_LFO },
        glide_seconds: 0.03,
        level_decibels: -14.4,
        ..PLAYED
    },
    Patch {
        name: "warm-pad",
        unison: 4,
        detune_cents: 10.0,
        spread: 0.9,
        oscillators: [oscillator(Wave::Saw, 0.7, 0.0), oscillator(Wave::Triangle, 0.6, -12.0)],
        cutoff_hertz: 750.0,
        resonance: 0.1,
        tracking: 0.35,
        envelope_octaves: 1.0,
        velocity_octaves: 0.8,
        amplitude: shape(0.5, 2.0, 0.9, 1.6),
        contour: shape(1.2, 3.0, 0.5, 1.5),
        lfo: LfoPatch { hertz: 0.35, cutoff_octaves: 0.3, ..NO_LFO },
        level_decibels: -15.0,
        ..PLAYED
    },
    Patch {
        name: "sweep-pad",
        unison: 5,
        detune_cents: 16.0,
        spread: 1.0,
        oscillators: [oscillator(Wave::Saw, 0.8, 0.0), oscillator(Wave::Saw, 0.3, 12.0)],
        cutoff_hertz: 400.0,
        resonance: 0.35,
        tracking: 0.3,
        envelope_octaves: 3.6,
        velocity_octaves: 0.6,
        amplitude: shape(0.6, 2.0, 0.9, 2.2),
        contour: shape(3.0, 5.0, 0.3, 2.0),
        lfo: LfoPatch { hertz: 0.2, cutoff_octaves: 0.5, ..NO_LFO },
        level_decibels: -14.6,
        ..PLAYED
    },
    Patch {
        name: "bell",
        oscillators: [oscillator(Wave::Sine, 0.9, 0.0), oscillator(Wave::Sine, 0.10, 19.02)],
        modulation_cycles: 0.32,
        filter: None,
        amplitude: shape(0.0, 4.0, 0.0, 2.0),
        contour: shape(0.0, 2.6, 0.0, 2.0),
        decay_tracking: 0.4,
        level_decibels: -11.7,
        ..PLAYED
    },
    Patch {
        name: "mallet",
        oscillators: [oscillator(Wave::Sine, 0.9, 0.0), oscillator(Wave::Sine, 0.12, 36.2)],
        modulation_cycles: 0.10,
        filter: None,
        amplitude: shape(0.0, 1.3, 0.0, 0.4),
        contour: shape(0.0, 0.18, 0.0, 0.2),
        decay_tracking: 0.6,
        level_decibels: -12.1,
        ..PLAYED
    },
    Patch {
        name: "koto",
        oscillators: [oscillator(Wave::Square, 0.6, 0.0), oscillator(Wave::Saw, 0.4, 0.03)],
        width: 0.14,
        cutoff_hertz: 900.0,
        resonance: 0.22,
        tracking: 0.8,
        envelope_octaves: 3.0,
        velocity_octaves: 1.5,
        amplitude: shape(0.0, 2.2, 0.0, 0.3),
        contour: shape(0.0, 0.6, 0.05, 0.3),
        decay_tracking: 0.4,
        level_decibels: -16.0,
        ..PLAYED
    },
    Patch {
        name: "wind",
        oscillators: [oscillator(Wave::Triangle, 0.15, 0.0), oscillator(Wave::Saw, 0.0, 0.0)],
        noise: 1.0,
        filter: Some(Response::Band),
        cutoff_hertz: 700.0,
        resonance: 0.55,
        tracking: 0.6,
        envelope_octaves: 0.8,
        amplitude: shape(0.4, 1.0, 0.9, 1.5),
        contour: shape(0.8, 2.0, 0.4, 1.0),
        lfo: LfoPatch { hertz: 0.3, cutoff_octaves: 0.5, tremolo: 0.3, ..NO_LFO },
        level_decibels: 9.2,
        ..PLAYED
    },
];

/// The place of a preset of this name. Real-time: no.
pub const fn preset(name: &str) -> Option<usize> {
    let mut i = 0;
    while i < PRESETS.len() {
        if same(PRESETS[i].name.as_bytes(), name.as_bytes()) {
            return Some(i);
        }
        i += 1;
    }
    None
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
