/// The past of one channel, up to a longest delay. Real-time: yes, but for `new`.
///
/// What was never written reads as silence, so that forgetting the past costs
/// nothing, whatever its length.
#[derive(Clone, Debug)]
pub struct DelayLine {
    samples: Box<[f32]>,
    mask: usize,
    next: usize,
    written_frames: usize,
}

impl DelayLine {
    /// A silent line that can look back so many frames. Allocates, and touches
    /// every page so that none is mapped first on the audio thread. Real-time: no.
    pub fn new(longest_frames: usize) -> DelayLine {
        let length = longest_frames.max(1).next_power_of_two();
        let mut samples = vec![0.0; length].into_boxed_slice();
        // Zeroed memory comes unmapped from the system; the fill must stay.
        std::hint::black_box(&mut samples).fill(0.0);
        DelayLine { samples, mask: length - 1, next: 0, written_frames: 0 }
    }

    /// The longest delay that can be read, in frames. Real-time: yes.
    pub fn longest_frames(&self) -> usize {
        self.samples.len()
    }

    /// Forgets the past, in constant time. Real-time: yes.
    pub fn reset(&mut self) {
        self.written_frames = 0;
    }

    /// Appends the sample of this frame. Real-time: yes.
    #[inline]
    pub fn write(&mut self, sample: f32) {
        self.samples[self.next & self.mask] = sample;
        self.next = (self.next + 1) & self.mask;
        self.written_frames = (self.written_frames + 1).min(self.samples.len());
    }

    /// The sample of `frames` writes ago, from 1 (the newest) to
    /// [`longest_frames`](DelayLine::longest_frames); silence beyond what was written.
    /// Real-time: yes.
    #[inline]
    pub fn read(&self, frames: usize) -> f32 {
        if frames == 0 || frames > self.written_frames {
            return 0.0;
        }
        self.samples[self.next.wrapping_sub(frames) & self.mask]
    }

    /// The samples of `frames` writes ago and after, as many as `block` holds: at
    /// most `frames`, since the future is not written yet. Real-time: yes.
    pub fn read_block(&self, frames: usize, block: &mut [f32]) {
        debug_assert!(block.len() <= frames && frames <= self.samples.len());
        let length = block.len();
        let unwritten = frames.saturating_sub(self.written_frames).min(length);
        let start = self.next.wrapping_sub(frames) & self.mask;
        let first = length.min(self.samples.len() - start);
        block[..first].copy_from_slice(&self.samples[start..start + first]);
        block[first..].copy_from_slice(&self.samples[..length - first]);
        block[..unwritten].fill(0.0);
    }

    /// Appends the samples of some frames, at most as many as the line holds. Real-time: yes.
    pub fn write_block(&mut self, block: &[f32]) {
        let length = block.len();
        let first = length.min(self.samples.len() - self.next);
        self.samples[self.next..self.next + first].copy_from_slice(&block[..first]);
        self.samples[..length - first].copy_from_slice(&block[first..]);
        self.next = (self.next + length) & self.mask;
        self.written_frames = (self.written_frames + length).min(self.samples.len());
    }

    /// Adds to the sample of `frames` writes ago; nothing where none was written. Real-time: yes.
    #[inline]
    pub fn add(&mut self, frames: usize, sample: f32) {
        if frames == 0 || frames > self.written_frames {
            return;
        }
        self.samples[self.next.wrapping_sub(frames) & self.mask] += sample;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_many_samples() {
        let mut one = DelayLine::new(40);
        let mut many = DelayLine::new(40);
        let mut count = 0.0;
        for length in [1, 7, 32, 3, 29, 64, 11] {
            let block: Vec<f32> = (0..length)
                .map(|_| {
                    count += 1.0;
                    count
                })
                .collect();
            for frames in [13, 41, 64] {
                let mut read = vec![f32::NAN; 13.min(length)];
                many.read_block(frames, &mut read);
                let expected: Vec<f32> = (0..read.len()).map(|k| one.read(frames - k)).collect();
                assert_eq!(read, expected, "{length} {frames}");
            }
            many.write_block(&block);
            block.iter().for_each(|sample| one.write(*sample));
        }
    }

    #[test]
    fn it_remembers_exactly_what_it_can() {
        let mut line = DelayLine::new(5);
        assert_eq!(line.longest_frames(), 8);
        assert_eq!(line.read(1), 0.0);
        for n in 1..=20 {
            line.write(n as f32);
            for back in 1..=8_usize {
                let expected = if back <= n { (n + 1 - back) as f32 } else { 0.0 };
                assert_eq!(line.read(back), expected, "{n} {back}");
            }
        }
        line.add(3, 0.5);
        assert_eq!(line.read(3), 18.5);
        assert_eq!((line.read(0), line.read(9)), (0.0, 0.0));
        line.reset();
        assert_eq!((line.read(1), line.read(8)), (0.0, 0.0));
        line.write(7.0);
        assert_eq!((line.read(1), line.read(2)), (7.0, 0.0));
    }
}
