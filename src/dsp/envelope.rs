//! Attack, decay, sustain, release.

use crate::unit::{QUANTUM_FRAMES, SampleRate, maths};

/// The shape of an envelope.
///
/// The attack rises from 0 to the peak in a straight line in `attack_seconds`.
/// The decay and the release are exponential: in `decay_seconds` the level
/// covers all but a thousandth (−60 dB) of its way to `sustain`; in
/// `release_seconds` it falls to a thousandth of what it was, and is gone
/// (exactly 0) a fortieth of that time later. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Shape {
    /// From 0 to the peak, in seconds; 0 starts at the peak.
    pub attack_seconds: f32,
    /// By 60 dB towards `sustain`, in seconds.
    pub decay_seconds: f32,
    /// The level while held, 0 to 1.
    pub sustain: f32,
    /// By 60 dB from the release on, in seconds; at least 1 ms.
    pub release_seconds: f32,
}

/// Where an attack starts: at −48 dB, which skips a 256th of it, so that a slow
/// attack too is in the mix at the very frame of its key.
const ATTACK_FLOOR: f64 = 1.0 / 256.0;
/// A decay that is this near to its sustain is there.
const NEAR: f64 = 1.0e-5;
const SHORTEST_RELEASE_SECONDS: f32 = 0.001;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Attack,
    Decay,
    Sustain,
    Release,
    Tail,
    Done,
}

/// Attack, decay, sustain, release. Real-time: yes.
///
/// Its state is `f64`, so that a release of a minute at 192 kHz still moves.
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    stage: Stage,
    level: f64,
    attack_step: f64,
    decay: f64,
    sustain: f64,
    /// What is left of the decay: the state of its recurrence.
    distance: f64,
    release_frames: u32,
    release: f64,
    left_frames: u32,
    tail_step: f64,
}

impl Envelope {
    /// Over, and silent. Real-time: yes.
    pub fn idle() -> Envelope {
        Envelope {
            stage: Stage::Done,
            level: 0.0,
            attack_step: 1.0,
            decay: 0.0,
            sustain: 1.0,
            distance: 0.0,
            release_frames: 1,
            release: 0.0,
            left_frames: 0,
            tail_step: 0.0,
        }
    }

    /// Begins. Real-time: yes.
    pub fn start(shape: &Shape, rate: SampleRate) -> Envelope {
        let mut envelope = Envelope::idle();
        envelope.shape(shape, rate);
        if envelope.attack_step >= 1.0 {
            envelope.begin_decay(1.0);
        } else {
            envelope.stage = Stage::Attack;
            envelope.level = envelope.attack_step.max(ATTACK_FLOOR);
        }
        envelope
    }

    /// Changes its shape on the way. A release that has begun keeps its time. Real-time: yes.
    pub fn shape(&mut self, shape: &Shape, rate: SampleRate) {
        let frames = |seconds: f32| rate.frames(f64::from(seconds));
        self.attack_step = 1.0 / frames(shape.attack_seconds).max(1) as f64;
        self.decay = per_frame(frames(shape.decay_seconds));
        self.release_frames = frames(shape.release_seconds.max(SHORTEST_RELEASE_SECONDS)) as u32;
        self.release = per_frame(u64::from(self.release_frames));
        let sustain = f64::from(shape.sustain);
        if sustain != self.sustain {
            self.sustain = sustain;
            if matches!(self.stage, Stage::Decay | Stage::Sustain) {
                self.begin_decay(self.level);
            }
        }
    }

    fn begin_decay(&mut self, level: f64) {
        self.stage = Stage::Decay;
        self.level = level;
        self.distance = level - self.sustain;
    }

    /// The key is up. Real-time: yes.
    pub fn release(&mut self) {
        if matches!(self.stage, Stage::Attack | Stage::Decay | Stage::Sustain) {
            self.stage = Stage::Release;
            self.left_frames = self.release_frames;
        }
    }

    /// The level of the next frame. Real-time: yes.
    pub fn level(&self) -> f32 {
        self.level as f32
    }

    /// Whether it has come to its end. Real-time: yes.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Writes its levels and moves on. Real-time: yes.
    pub fn render(&mut self, output: &mut [f32]) {
        let mut rest = output;
        while !rest.is_empty() {
            let written = match self.stage {
                Stage::Attack => self.attack(rest),
                Stage::Decay => self.decay(rest),
                Stage::Sustain => fill(rest, self.sustain as f32),
                Stage::Release => self.fall(rest),
                Stage::Tail => self.tail(rest),
                Stage::Done => fill(rest, 0.0),
            };
            rest = &mut rest[written..];
        }
    }

    /// Moves on without being heard. Real-time: yes.
    pub fn skip(&mut self, frames: usize) {
        match self.stage {
            Stage::Sustain | Stage::Done => return,
            Stage::Decay => {
                let distance = (0..frames).fold(self.distance, |distance, _| distance * self.decay);
                if distance.abs() > NEAR {
                    (self.distance, self.level) = (distance, self.sustain + distance);
                    return;
                }
            }
            Stage::Attack | Stage::Release | Stage::Tail => {}
        }
        let mut unheard = [0.0; QUANTUM_FRAMES];
        let mut left = frames;
        while left > 0 {
            let count = left.min(QUANTUM_FRAMES);
            self.render(&mut unheard[..count]);
            left -= count;
        }
    }

    fn attack(&mut self, output: &mut [f32]) -> usize {
        for (i, sample) in output.iter_mut().enumerate() {
            *sample = self.level as f32;
            self.level += self.attack_step;
            if self.level >= 1.0 {
                self.begin_decay(1.0);
                return i + 1;
            }
        }
        output.len()
    }

    fn decay(&mut self, output: &mut [f32]) -> usize {
        let begin = self.distance;
        for sample in output.iter_mut() {
            *sample = (self.sustain + self.distance) as f32;
            self.distance *= self.decay;
        }
        if self.distance.abs() > NEAR {
            // It only falls, so it was not near before either.
            self.level = self.sustain + self.distance;
            return output.len();
        }
        self.distance = begin;
        self.decay_to_its_end(output)
    }

    /// The same, looking at each frame whether it is there.
    fn decay_to_its_end(&mut self, output: &mut [f32]) -> usize {
        for (i, sample) in output.iter_mut().enumerate() {
            if self.distance.abs() <= NEAR {
                self.level = self.sustain;
                self.stage = if self.sustain > 0.0 { Stage::Sustain } else { Stage::Done };
                return i;
            }
            *sample = (self.sustain + self.distance) as f32;
            self.distance *= self.decay;
        }
        self.level = self.sustain + self.distance;
        output.len()
    }

    fn fall(&mut self, output: &mut [f32]) -> usize {
        let count = output.len().min(self.left_frames as usize);
        for sample in &mut output[..count] {
            *sample = self.level as f32;
            self.level *= self.release;
        }
        self.left_frames -= count as u32;
        if self.left_frames == 0 {
            self.stage = Stage::Tail;
            self.left_frames = (self.release_frames / 40).max(1);
            self.tail_step = self.level / f64::from(self.left_frames);
        }
        count
    }

    fn tail(&mut self, output: &mut [f32]) -> usize {
        let count = output.len().min(self.left_frames as usize);
        for sample in &mut output[..count] {
            *sample = self.level as f32;
            self.level -= self.tail_step;
        }
        self.left_frames -= count as u32;
        if self.left_frames == 0 {
            self.level = 0.0;
            self.stage = Stage::Done;
        }
        count
    }
}

fn fill(output: &mut [f32], level: f32) -> usize {
    output.fill(level);
    output.len()
}

/// The factor that makes a thousandth in so many frames; 0 for none.
fn per_frame(frames: u64) -> f64 {
    if frames == 0 { 0.0 } else { maths::exp(-6.907_755_278_982_137 / frames as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::DEFAULT;

    fn render(envelope: &mut Envelope, frames: usize) -> Vec<f32> {
        let mut levels = vec![0.0; frames];
        envelope.render(&mut levels);
        levels
    }

    #[test]
    fn the_times_are_as_set() {
        for (attack_seconds, decay_seconds, sustain, release_seconds) in
            [(0.1, 0.2, 0.5, 0.3), (0.01, 1.0, 0.0, 0.05), (0.5, 0.05, 0.8, 2.0)]
        {
            let shape = Shape { attack_seconds, decay_seconds, sustain, release_seconds };
            let mut envelope = Envelope::start(&shape, RATE);
            let levels = render(&mut envelope, 96_000);
            let peak = levels.iter().position(|&l| l == 1.0).expect("a peak");
            assert!((peak as f32 / (attack_seconds * 48_000.0) - 1.0).abs() < 0.01, "{peak}");
            let near = sustain + 0.001 * (1.0 - sustain);
            let fallen = levels[peak..].iter().position(|&l| l <= near).expect("a decay");
            assert!((fallen as f32 / (decay_seconds * 48_000.0) - 1.0).abs() < 0.01, "{fallen}");

            let held = Shape { sustain: sustain.max(0.1), ..shape };
            let mut envelope = Envelope::start(&held, RATE);
            let level = *render(&mut envelope, 96_000).last().expect("levels");
            envelope.release();
            let levels = render(&mut envelope, 200_000);
            let fallen = levels.iter().position(|&l| l <= 0.001 * level).expect("a release");
            assert!((fallen as f32 / (release_seconds * 48_000.0) - 1.0).abs() < 0.01, "{fallen}");
            let gone = levels.iter().position(|&l| l == 0.0).expect("an end");
            assert!((gone as f32 / (release_seconds * 48_000.0) - 1.0).abs() < 0.05, "{gone}");
            assert!(envelope.is_done());
        }
    }

    #[test]
    fn it_begins_at_once_and_does_not_depend_on_the_pieces() {
        let shape =
            Shape { attack_seconds: 0.003, decay_seconds: 0.004, sustain: 0.3, release_seconds: 0.002 };
        let whole = {
            let mut envelope = Envelope::start(&shape, RATE);
            let mut levels = render(&mut envelope, 700);
            envelope.release();
            levels.extend(render(&mut envelope, 300));
            levels
        };
        assert!(whole[0] > 0.0);
        let mut envelope = Envelope::start(&shape, RATE);
        let mut pieces = Vec::new();
        for frame in 0..1_000 {
            if frame == 700 {
                envelope.release();
            }
            pieces.extend(render(&mut envelope, 1));
        }
        assert_eq!(whole, pieces);
    }

    #[test]
    fn what_is_skipped_is_as_far_as_what_is_heard() {
        let shape = Shape { attack_seconds: 0.001, decay_seconds: 0.01, sustain: 0.2, release_seconds: 0.01 };
        let (mut heard, mut skipped) = (Envelope::start(&shape, RATE), Envelope::start(&shape, RATE));
        for piece in [1, 7, 40, 90, 600, 3, 1_000, 5] {
            render(&mut heard, piece);
            skipped.skip(piece);
            assert_eq!(heard.level.to_bits(), skipped.level.to_bits());
            assert_eq!(heard.stage, skipped.stage);
            if piece == 1_000 {
                heard.release();
                skipped.release();
            }
        }
    }

    #[test]
    fn a_sound_that_sustains_at_nothing_ends_by_itself() {
        let shape = Shape { attack_seconds: 0.0, decay_seconds: 0.1, sustain: 0.0, release_seconds: 1.0 };
        let mut envelope = Envelope::start(&shape, RATE);
        assert_eq!(render(&mut envelope, 10_000)[0], 1.0);
        assert!(envelope.is_done());
    }
}
