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
    /// every page so that none is mapped first on the audio thread.
    pub fn new(longest_frames: usize) -> DelayLine {
        let length = longest_frames.max(1).next_power_of_two();
        let mut samples = vec![0.0; length].into_boxed_slice();
        // Zeroed memory comes unmapped from the system; the fill must stay.
        std::hint::black_box(&mut samples).fill(0.0);
        DelayLine { samples, mask: length - 1, next: 0, written_frames: 0 }
    }

    /// The longest delay that can be read, in frames.
    pub fn longest_frames(&self) -> usize {
        self.samples.len()
    }

    /// Forgets the past, in constant time.
    pub fn reset(&mut self) {
        self.written_frames = 0;
    }

    /// Appends the sample of this frame.
    #[inline]
    pub fn write(&mut self, sample: f32) {
        self.samples[self.next & self.mask] = sample;
        self.next = (self.next + 1) & self.mask;
        self.written_frames = (self.written_frames + 1).min(self.samples.len());
    }

    /// The sample of `frames` writes ago, from 1 (the newest) to
    /// [`longest_frames`](DelayLine::longest_frames); silence beyond what was written.
    #[inline]
    pub fn read(&self, frames: usize) -> f32 {
        if frames == 0 || frames > self.written_frames {
            return 0.0;
        }
        self.samples[self.next.wrapping_sub(frames) & self.mask]
    }

    /// Adds to the sample of `frames` writes ago; nothing where none was written.
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
