/// The device's samples of one callback, in whatever layout the driver has.
/// Channels are counted from 0. Real-time: yes.
pub trait AudioPorts {
    /// How many channels the device plays.
    fn output_channels(&self) -> usize;

    /// Reads a stretch of an input channel from frame `start` of the callback;
    /// zeros where the device has no such channel.
    fn read(&mut self, channel: usize, start: usize, into: &mut [f32]);

    /// Writes a stretch of an output channel. The Renderer writes every channel
    /// of every frame exactly once; one the device lacks is ignored.
    fn write(&mut self, channel: usize, start: usize, from: &[f32]);
}

/// Channels side by side: JACK, files in memory, tests. Real-time: yes.
pub struct Planar<'a, 'b> {
    /// One slice for each input channel.
    pub inputs: &'a [&'b [f32]],
    /// One slice for each output channel.
    pub outputs: &'a mut [&'b mut [f32]],
}

impl AudioPorts for Planar<'_, '_> {
    fn output_channels(&self) -> usize {
        self.outputs.len()
    }

    fn read(&mut self, channel: usize, start: usize, into: &mut [f32]) {
        match self.inputs.get(channel).and_then(|samples| samples.get(start..start + into.len())) {
            Some(samples) => into.copy_from_slice(samples),
            None => into.fill(0.0),
        }
    }

    fn write(&mut self, channel: usize, start: usize, from: &[f32]) {
        if let Some(place) =
            self.outputs.get_mut(channel).and_then(|samples| samples.get_mut(start..start + from.len()))
        {
            place.copy_from_slice(from);
        }
    }
}

/// Channels taking turns: cpal, WAV files. Real-time: yes.
pub struct Interleaved<'a> {
    /// Input samples, `input_channels` a frame.
    pub input: &'a [f32],
    /// Channels in `input`.
    pub input_channels: usize,
    /// Output samples, `output_channels` a frame.
    pub output: &'a mut [f32],
    /// Channels in `output`.
    pub output_channels: usize,
}

impl AudioPorts for Interleaved<'_> {
    fn output_channels(&self) -> usize {
        self.output_channels
    }

    fn read(&mut self, channel: usize, start: usize, into: &mut [f32]) {
        if channel >= self.input_channels {
            into.fill(0.0);
            return;
        }
        let samples =
            self.input.iter().skip(start * self.input_channels + channel).step_by(self.input_channels);
        let mut filled = 0;
        for (place, sample) in into.iter_mut().zip(samples) {
            *place = *sample;
            filled += 1;
        }
        into[filled..].fill(0.0);
    }

    fn write(&mut self, channel: usize, start: usize, from: &[f32]) {
        if channel >= self.output_channels {
            return;
        }
        let places =
            self.output.iter_mut().skip(start * self.output_channels + channel).step_by(self.output_channels);
        for (place, sample) in places.zip(from) {
            *place = *sample;
        }
    }
}

/// No device: nothing comes in, what goes out is heard by nobody. Real-time: yes.
pub struct Silence {
    /// How many channels it pretends to play.
    pub output_channels: usize,
}

impl AudioPorts for Silence {
    fn output_channels(&self) -> usize {
        self.output_channels
    }

    fn read(&mut self, _channel: usize, _start: usize, into: &mut [f32]) {
        into.fill(0.0);
    }

    fn write(&mut self, _channel: usize, _start: usize, _from: &[f32]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_and_planar_see_the_same_samples() {
        let mut output = [0.0; 6];
        let mut ports = Interleaved {
            input: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            input_channels: 2,
            output: &mut output,
            output_channels: 2,
        };
        let mut read = [9.0; 2];
        ports.read(1, 1, &mut read);
        assert_eq!(read, [4.0, 6.0]);
        ports.read(2, 0, &mut read);
        assert_eq!(read, [0.0, 0.0]);
        ports.write(1, 1, &[7.0, 8.0]);
        ports.write(5, 0, &[7.0]);
        assert_eq!(output, [0.0, 0.0, 0.0, 7.0, 0.0, 8.0]);
    }
}
