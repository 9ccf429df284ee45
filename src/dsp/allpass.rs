use super::DelayLine;

/// Frames worked on at once.
const CHUNK_FRAMES: usize = 32;

/// A Schroeder allpass: smears time, leaves the spectrum. Real-time: yes, but for `new`.
///
/// Source: Schroeder, "Natural Sounding Artificial Reverberation", JAES 10 (1962).
#[derive(Clone, Debug)]
pub struct Allpass {
    line: DelayLine,
    delay_frames: usize,
    gain: f32,
}

impl Allpass {
    /// An allpass over `delay_frames` (at least 1) with a gain inside −1..1. Allocates.
    /// Real-time: no.
    pub fn new(delay_frames: usize, gain: f32) -> Allpass {
        let delay_frames = delay_frames.max(1);
        Allpass { line: DelayLine::new(delay_frames), delay_frames, gain }
    }

    /// Forgets the past. Real-time: yes.
    pub fn reset(&mut self) {
        self.line.reset();
    }

    /// Filters in place. Real-time: yes.
    pub fn process(&mut self, samples: &mut [f32]) {
        let mut past = [0.0; CHUNK_FRAMES];
        for chunk in samples.chunks_mut(CHUNK_FRAMES.min(self.delay_frames)) {
            let length = chunk.len();
            let past = &mut past[..length];
            self.line.read_block(self.delay_frames, past);
            for (sample, past) in chunk.iter_mut().zip(past.iter_mut()) {
                let inner = *sample + self.gain * *past;
                *sample = *past - self.gain * inner;
                *past = inner;
            }
            self.line.write_block(past);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_impulse_response_is_schroeders_and_keeps_the_energy() {
        for delay in [1, 7, 40] {
            let mut samples = vec![0.0; 60 * delay];
            samples[0] = 1.0;
            Allpass::new(delay, 0.6).process(&mut samples);
            for (n, sample) in samples.iter().enumerate() {
                let expected = match (n % delay, n / delay) {
                    (0, 0) => -0.6,
                    (0, pass) => (1.0 - 0.36) * 0.6_f32.powi(pass as i32 - 1),
                    _ => 0.0,
                };
                assert!((sample - expected).abs() < 1e-6, "{delay} {n}");
            }
            let energy: f32 = samples.iter().map(|s| s * s).sum();
            assert!((energy - 1.0).abs() < 1e-5);
        }
    }
}
