use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::unit::SampleRate;

/// From one rate to another in fixed chunks, with everything allocated before.
///
/// The conversion is rubato's overlap-add FFT resampler: exact ratio, pass band
/// flat to 0.45 of the lower rate, one chunk of delay.
pub(super) struct Resampling {
    resampler: Fft<f32>,
    channels: usize,
    /// One chunk at the rate that comes in, interleaved.
    before: Box<[f32]>,
    filled: usize,
    /// One chunk at the rate that goes out, interleaved.
    after: Box<[f32]>,
    taken: usize,
    ready: usize,
}

impl Resampling {
    /// Frames of a chunk, about: the ratio of the rates wants certain multiples.
    pub(super) const CHUNK_FRAMES: usize = 256;

    /// Real-time: no (allocates).
    ///
    /// # Errors
    /// Why these rates cannot be converted.
    pub(super) fn new(from: SampleRate, to: SampleRate, channels: usize) -> Result<Resampling, String> {
        let (from, to) = (from.hertz() as usize, to.hertz() as usize);
        let resampler = Fft::new(from, to, Self::CHUNK_FRAMES, channels, FixedSync::Both)
            .map_err(|error| error.to_string())?;
        let before = vec![0.0; resampler.input_frames_max() * channels].into_boxed_slice();
        let after = vec![0.0; resampler.output_frames_max() * channels].into_boxed_slice();
        Ok(Resampling { resampler, channels, before, filled: 0, after, taken: 0, ready: 0 })
    }

    /// Fills `output`, asking `render` for a chunk whenever one is needed.
    /// Real-time: yes.
    pub(super) fn pull(&mut self, output: &mut [f32], mut render: impl FnMut(&mut [f32])) {
        let mut done = 0;
        while done < output.len() {
            if self.taken == self.ready {
                render(&mut self.before);
                self.convert();
            }
            let count = (self.ready - self.taken).min(output.len() - done);
            output[done..done + count].copy_from_slice(&self.after[self.taken..self.taken + count]);
            self.taken += count;
            done += count;
        }
    }

    /// Takes `input` in; gives each whole chunk that comes of it to `deliver`.
    /// Real-time: yes.
    pub(super) fn push(&mut self, mut input: &[f32], mut deliver: impl FnMut(&[f32])) {
        while !input.is_empty() {
            let count = (self.before.len() - self.filled).min(input.len());
            self.before[self.filled..self.filled + count].copy_from_slice(&input[..count]);
            self.filled += count;
            input = &input[count..];
            if self.filled == self.before.len() {
                self.filled = 0;
                self.convert();
                deliver(&self.after[..self.ready]);
            }
        }
    }

    /// One chunk. The buffers have the resampler's own sizes, so that it cannot
    /// refuse; were it to, silence is better than noise.
    fn convert(&mut self) {
        let frames_before = self.before.len() / self.channels;
        let frames_after = self.after.len() / self.channels;
        let input = InterleavedSlice::new(&self.before[..], self.channels, frames_before);
        let output = InterleavedSlice::new_mut(&mut self.after[..], self.channels, frames_after);
        let converted = match (input, output) {
            (Ok(input), Ok(mut output)) => self.resampler.process_into_buffer(&input, &mut output, None).ok(),
            _ => None,
        };
        match converted {
            Some((_read, written)) => self.ready = written * self.channels,
            None => {
                self.after.fill(0.0);
                self.ready = self.after.len();
            }
        }
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::guard;

    /// A sine at 1 kHz, engine at 48 kHz, device at 44.1 kHz: still 1 kHz, still
    /// the same level, and nothing allocated on the way.
    #[test]
    fn pitch_and_level_survive_and_nothing_is_allocated() {
        let rate = |hertz| SampleRate::new(hertz).expect("in range");
        let mut resampling = Resampling::new(rate(48_000), rate(44_100), 2).expect("a usual ratio");
        let mut frame = 0_u64;
        let mut output = vec![0.0; 2 * 44_100];
        let guard = guard::enter();
        let before = guard::violations();
        for part in output.chunks_mut(2 * 100) {
            resampling.pull(part, |chunk| {
                for pair in chunk.chunks_exact_mut(2) {
                    let phase = frame as f64 * 1_000.0 / 48_000.0 * std::f64::consts::TAU;
                    pair.fill((libm::sin(phase) * 0.5) as f32);
                    frame += 1;
                }
            });
        }
        assert_eq!(guard::violations(), before);
        drop(guard);
        let left: Vec<f32> = output.chunks_exact(2).skip(2_000).map(|pair| pair[0]).collect();
        let power = left.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / left.len() as f64;
        assert!((power - 0.125).abs() < 0.000_5, "{power}");
        let crossings = left.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        let seconds = left.len() as f64 / 44_100.0;
        assert!((crossings as f64 / seconds - 1_000.0).abs() < 1.5, "{crossings}");
    }

    #[test]
    fn what_is_pushed_comes_out_in_whole_chunks_at_the_other_rate() {
        let rate = |hertz| SampleRate::new(hertz).expect("in range");
        let mut resampling = Resampling::new(rate(44_100), rate(48_000), 1).expect("a usual ratio");
        let mut got = 0;
        for _ in 0..100 {
            resampling.push(&[0.25; 441], |chunk| got += chunk.len());
        }
        assert!(got <= 48_000 && got > 47_000, "{got}");
    }
}
