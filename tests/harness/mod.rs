//! Runs one actor as the Renderer would: pieces that never cross a quantum.
#![allow(dead_code)] // Each test file uses its part.

use antiphon::midi::Event;
use antiphon::stage::{Block, Context, Input, Kinds, Processor, Settings, Status, StreamFormat, Value};
use antiphon::unit::{QUANTUM_FRAMES, SampleRate};

/// Left and right.
pub type Stereo = [Vec<f32>; 2];

pub fn rate(hertz: u32) -> SampleRate {
    SampleRate::new(hertz).expect("a rate")
}

/// Settings by name, for a registered kind.
pub fn settings(kinds: &Kinds, kind: &str, given: &[(&str, f64)]) -> Settings {
    let parameters = kinds.get(kind).expect("a kind").parameters();
    let mut settings = Settings::new();
    for (name, number) in given {
        let index = parameters.iter().position(|p| p.name == *name).expect("a parameter");
        settings.set(index, Value::Number(*number));
    }
    settings
}

/// A parameter event, by name.
pub fn turn(kinds: &Kinds, kind: &str, name: &str, frame: u64, value: f32) -> Event {
    let parameters = kinds.get(kind).expect("a kind").parameters();
    let index = parameters.iter().position(|p| p.name == name).expect("a parameter");
    Event::parameter(frame, index as u16, value)
}

pub fn build(kinds: &Kinds, kind: &str, given: &[(&str, f64)], rate: SampleRate) -> Box<dyn Processor> {
    let format = StreamFormat { rate, seed: 7 };
    kinds.get(kind).expect("a kind").prepare(&settings(kinds, kind, given), format).expect("prepares")
}

/// One processor, its clock, and how it is cut.
pub struct Rack {
    pub processor: Box<dyn Processor>,
    pub rate: SampleRate,
    pub frame: u64,
    pub piece: usize,
    pub status: Status,
}

impl Rack {
    pub fn new(processor: Box<dyn Processor>, rate: SampleRate, piece: usize) -> Rack {
        Rack { processor, rate, frame: 0, piece, status: Status::Silent }
    }

    /// Runs `input` (and what is late, if it closes a loop) with events in order of time.
    pub fn run(&mut self, input: &Stereo, late: Option<&Stereo>, events: &[Event]) -> Stereo {
        let frames = input[0].len();
        let mut out = [vec![f32::NAN; frames], vec![f32::NAN; frames]];
        let mut done = 0;
        while done < frames {
            let to_tick = QUANTUM_FRAMES - (self.frame as usize % QUANTUM_FRAMES);
            let length = self.piece.min(to_tick).min(frames - done);
            let range = done..done + length;
            let from = events.partition_point(|event| event.time < self.frame);
            let to = events.partition_point(|event| event.time < self.frame + length as u64);
            let context = Context::at_rest(self.frame, self.rate, &events[from..to]);
            let input = Input {
                main: [&input[0][range.clone()], &input[1][range.clone()]],
                late: late.map(|late| [&late[0][range.clone()], &late[1][range.clone()]]),
            };
            let [left, right] = &mut out;
            let mut block = Block { left: &mut left[range.clone()], right: &mut right[range] };
            self.status = self.processor.process(&context, input, &mut block);
            self.frame += length as u64;
            done += length;
        }
        assert!(out.iter().flatten().all(|sample| sample.is_finite()), "every sample is written");
        out
    }

    /// Runs with nothing cabled in.
    pub fn play(&mut self, frames: usize, events: &[Event]) -> Stereo {
        self.run(&[vec![0.0; frames], vec![0.0; frames]], None, events)
    }
}

/// Noise in both channels, from −1 to 1.
pub fn noise(frames: usize, seed: u32) -> Stereo {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state as i32 as f32 / i32::MAX as f32
    };
    let left = (0..frames).map(|_| next()).collect();
    let right = (0..frames).map(|_| next()).collect();
    [left, right]
}

/// A one in the first frame of both channels.
pub fn impulse(frames: usize) -> Stereo {
    let mut channel = vec![0.0; frames];
    channel[0] = 1.0;
    [channel.clone(), channel]
}

/// Bits, so that a comparison sees even the sign of a zero.
pub fn bits(sound: &Stereo) -> Vec<u32> {
    sound.iter().flatten().map(|sample| sample.to_bits()).collect()
}
