use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

/// The least frames of a chunk, on its slower side: the longer, the steeper the
/// filter. At 1,024 the pass band reaches 0.49 of the lower rate.
const LEAST_FRAMES: usize = 1_024;

/// From one rate to another, at offline quality, in chunks of its own size, so
/// that how a caller reads does not matter. Source: rubato's overlap-add FFT
/// resampler. Its delay is taken off.
pub(super) struct Resample {
    resampler: Fft<f32>,
    /// One chunk before.
    input: Vec<Vec<f32>>,
    /// One chunk after.
    output: Vec<Vec<f32>>,
    /// What of `output` was not taken yet.
    taken: usize,
    ready: usize,
    /// Frames that come before the file's first.
    delay: usize,
}

impl Resample {
    pub(super) fn new(from_hertz: u32, to_hertz: u32, channels: usize) -> Result<Resample, String> {
        let (from, to) = (from_hertz as usize, to_hertz as usize);
        // A chunk of an even number of the ratio's units, so that half of it,
        // the delay, is a whole number of frames on both sides.
        let divisor = greatest_common_divisor(from, to);
        let unit = (from / divisor).min(to / divisor);
        let units = LEAST_FRAMES.div_ceil(unit).next_multiple_of(2);
        let chunk = units * (from / divisor);
        let window = WindowFunction::BlackmanHarris2;
        let resampler = Fft::new_custom(from, to, chunk, 1, channels, window, FixedSync::Both)
            .map_err(|error| error.to_string())?;
        Ok(Resample {
            input: vec![Vec::with_capacity(resampler.input_frames_max()); channels],
            output: vec![vec![0.0; resampler.output_frames_max()]; channels],
            taken: 0,
            ready: 0,
            delay: resampler.output_delay(),
            resampler,
        })
    }

    /// Frames that can be taken.
    pub(super) fn ready(&self) -> usize {
        self.ready - self.taken
    }

    /// Converts one more chunk, which `read` appends to the vectors that it is
    /// given; where it has no more, silence follows.
    pub(super) fn advance<E>(
        &mut self,
        read: impl FnOnce(usize, &mut [Vec<f32>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let frames = self.resampler.input_frames_next();
        for channel in &mut self.input {
            channel.clear();
        }
        read(frames, &mut self.input)?;
        for channel in &mut self.input {
            channel.resize(frames, 0.0);
        }
        let unread = self.ready();
        let room = self.resampler.output_frames_max();
        for channel in &mut self.output {
            channel.drain(..self.taken);
            channel.truncate(unread);
            channel.resize(unread + room, 0.0);
        }
        self.taken = 0;
        let produced = self.convert(frames, unread);
        let dropped = self.delay.min(produced);
        self.delay -= dropped;
        for channel in &mut self.output {
            channel.truncate(unread + produced);
            channel.drain(unread..unread + dropped);
        }
        self.ready = unread + produced - dropped;
        Ok(())
    }

    /// Converts `input` to behind the `unread` frames; gives how many came.
    fn convert(&mut self, frames: usize, unread: usize) -> usize {
        let channels = self.input.len();
        let room = self.resampler.output_frames_next();
        let input = SequentialSliceOfVecs::new(&self.input[..], channels, frames);
        let output = SequentialSliceOfVecs::new_mut(&mut self.output[..], channels, unread + room);
        let indexing = rubato::Indexing { output_offset: unread, ..rubato::Indexing::new() };
        match (input, output) {
            (Ok(input), Ok(mut output)) => self
                .resampler
                .process_into_buffer(&input, &mut output, Some(&indexing))
                .map_or(room, |(_, produced)| produced),
            // The buffers have the resampler's own sizes, so it does not refuse;
            // were it to, there is silence.
            _ => room,
        }
    }

    /// Appends frames that are ready to the channels of `into`.
    pub(super) fn take(&mut self, frames: usize, into: &mut [Vec<f32>]) {
        for (to, from) in into.iter_mut().zip(&self.output) {
            to.extend_from_slice(&from[self.taken..self.taken + frames]);
        }
        self.taken += frames;
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
