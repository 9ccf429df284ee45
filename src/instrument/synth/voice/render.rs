use super::super::patch::{Patch, Wave};
use super::SynthVoice;
use crate::instrument::mix;
use crate::unit::QUANTUM_FRAMES;

impl SynthVoice {
    /// Adds its next frames (at most a quantum), times the channel's gains. Real-time: yes.
    pub fn render(&mut self, patch: &Patch, gains: [&[f32]; 2], left: &mut [f32], right: &mut [f32]) {
        let frames = left.len().min(QUANTUM_FRAMES);
        self.age_frames += frames as u32;
        let mut level = [0.0; QUANTUM_FRAMES];
        let level = &mut level[..frames];
        if patch.uses_contour() {
            self.contour.skip(frames);
        }
        self.amplitude.render(level);
        self.gain.multiply(level);
        self.fade.apply(level);

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
        self.depth.skip(frames);
        self.width = self.width.wrapping_add(self.width_step.wrapping_mul(frames as u32));
    }
}
