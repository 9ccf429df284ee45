//! A room.

mod network;
mod tuning;

use network::Network;
use tuning::{Knobs, Tuner, Tuning};

use super::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, RAMP_SECONDS, Ramp, Role, Settings,
    Shape, Status, StreamFormat, Unit, Value, change, segments,
};
use crate::dsp::Allpass;
use crate::unit::{QUANTUM_FRAMES, SampleRate};

const T60: usize = 0;
const MIX: usize = 1;
const SIZE: usize = 2;
const DAMPING: usize = 3;

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "t60_seconds",
        summary: "time in which the room falls by 60 dB (below the reach of `damping`)",
        unit: Unit::Seconds,
        shape: Shape::Number { min: 0.1, max: 30.0 },
        default: Some(Value::Number(1.8)),
        example: Value::Number(2.5),
        live: true,
    },
    Parameter {
        name: "mix",
        summary: "dry (0) to room only (1), linear: dry * (1 - mix) + room * mix",
        unit: Unit::Ratio,
        shape: Shape::Number { min: 0.0, max: 1.0 },
        default: Some(Value::Number(0.25)),
        example: Value::Number(0.4),
        live: true,
    },
    Parameter {
        name: "size",
        summary: "from a closet (0: reflections 6 to 16 ms apart) over a room (0.5) to a cathedral (1: 52 to \
                  141 ms); a short t60_seconds makes it smaller",
        unit: Unit::Ratio,
        shape: Shape::Number { min: 0.0, max: 1.0 },
        default: Some(Value::Number(0.5)),
        example: Value::Number(0.8),
        live: true,
    },
    Parameter {
        name: "damping",
        summary: "how much sooner the treble dies: t60_seconds at 6 kHz is shortened by this times 90 %",
        unit: Unit::Ratio,
        shape: Shape::Number { min: 0.0, max: 1.0 },
        default: Some(Value::Number(0.4)),
        example: Value::Number(0.7),
        live: true,
    },
];

/// Delays of the allpasses before the network, left and right, in seconds: short
/// enough to be over long before the shortest T60 is.
const DIFFUSION_SECONDS: [[f64; 4]; 2] =
    [[0.000_83, 0.001_63, 0.002_71, 0.003_89], [0.000_97, 0.001_49, 0.002_57, 0.004_07]];
const DIFFUSION_GAIN: f32 = 0.6;
/// How long a change of the room's shape takes.
const FADE_SECONDS: f64 = 0.020;
/// Below this (−140 dBFS) in every line nothing is heard any more.
const INAUDIBLE: f32 = 1.0e-7;

/// `kind = "reverb"`: a stereo room by a feedback delay network. Real-time: yes.
pub struct ReverbKind;

impl Kind for ReverbKind {
    fn name(&self) -> &'static str {
        "reverb"
    }

    fn role(&self) -> Role {
        Role::Stage
    }

    fn summary(&self) -> &'static str {
        "a room, stereo, with an exact decay time"
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        let number = |name| settings.number(PARAMETERS, name);
        let knobs =
            Knobs { t60_seconds: number("t60_seconds"), size: number("size"), damping: number("damping") };
        Ok(Box::new(Reverb::new(format.rate, knobs, number("mix") as f32)))
    }
}

/// Diffusion, network and mix. Real-time: yes.
struct Reverb {
    diffusers: [[Allpass; 4]; 2],
    network: Network,
    tuner: Tuner,
    knobs: Knobs,
    /// Whether the knobs have moved since `tuning` was made.
    turned: bool,
    /// What the network ran on before `tuning`, while `fade_left_frames` lasts.
    old: Tuning,
    tuning: Tuning,
    fade_left_frames: usize,
    fade_frames: usize,
    mix: Ramp,
    /// Frames since anything audible was in the network.
    quiet_frames: usize,
    prepared: (Knobs, Tuning, Ramp),
    ramp_frames: u32,
}

impl Reverb {
    fn new(rate: SampleRate, knobs: Knobs, mix: f32) -> Reverb {
        let tuner = Tuner::new(rate);
        let tuning = tuner.tune(knobs);
        let mix = Ramp::at(mix);
        Reverb {
            diffusers: DIFFUSION_SECONDS
                .map(|channel| channel.map(|s| Allpass::new(rate.frames(s) as usize, DIFFUSION_GAIN))),
            network: Network::new(tuner.longest_frames()),
            tuner,
            knobs,
            turned: false,
            old: tuning,
            tuning,
            fade_left_frames: 0,
            fade_frames: rate.frames(FADE_SECONDS) as usize,
            mix,
            quiet_frames: usize::MAX,
            prepared: (knobs, tuning, mix),
            ramp_frames: rate.frames(RAMP_SECONDS) as u32,
        }
    }

    /// One chunk of at most a quantum that no fade begins or ends inside of; the
    /// slices hold the dry sound.
    fn chunk(&mut self, left: &mut [f32], right: &mut [f32]) {
        let frames = left.len();
        let (mut wet_left, mut wet_right) = ([0.0; QUANTUM_FRAMES], [0.0; QUANTUM_FRAMES]);
        let (wet_left, wet_right) = (&mut wet_left[..frames], &mut wet_right[..frames]);
        wet_left.copy_from_slice(left);
        wet_right.copy_from_slice(right);
        self.diffusers[0].iter_mut().for_each(|allpass| allpass.process(wet_left));
        self.diffusers[1].iter_mut().for_each(|allpass| allpass.process(wet_right));

        let mut newer = [0.0; QUANTUM_FRAMES];
        let mut loudest = [0.0; QUANTUM_FRAMES];
        let fade = (self.fade_left_frames > 0).then(|| {
            let done = self.fade_frames - self.fade_left_frames;
            for (k, newer) in newer[..frames].iter_mut().enumerate() {
                *newer = (done + k) as f32 / self.fade_frames as f32;
            }
            (&self.old, &newer[..frames])
        });
        self.network.process(&self.tuning, fade, [wet_left, wet_right], &mut loudest[..frames]);
        self.fade_left_frames = self.fade_left_frames.saturating_sub(frames);

        for k in 0..frames {
            let heard = loudest[k].max(left[k].abs()).max(right[k].abs()) > INAUDIBLE;
            self.quiet_frames = if heard { 0 } else { self.quiet_frames.saturating_add(1) };
            let mix = self.mix.next();
            left[k] = left[k] * (1.0 - mix) + wet_left[k] * mix;
            right[k] = right[k] * (1.0 - mix) + wet_right[k] * mix;
        }
    }

    /// A stretch without events, in place.
    fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        let mut done = 0;
        while done < left.len() {
            if self.fade_left_frames == 0 && self.turned {
                self.old = self.tuning;
                self.tuning = self.tuner.tune(self.knobs);
                self.turned = false;
                self.fade_left_frames = self.fade_frames;
            }
            let mut length = (left.len() - done).min(QUANTUM_FRAMES);
            if self.fade_left_frames > 0 {
                length = length.min(self.fade_left_frames);
            }
            self.chunk(&mut left[done..done + length], &mut right[done..done + length]);
            done += length;
        }
    }
}

impl Processor for Reverb {
    fn reset(&mut self) {
        self.diffusers.iter_mut().flatten().for_each(Allpass::reset);
        self.network.reset();
        (self.knobs, self.tuning, self.mix) = self.prepared;
        self.turned = false;
        self.fade_left_frames = 0;
        self.quiet_frames = usize::MAX;
    }

    fn process(&mut self, context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status {
        output.left.copy_from_slice(input.main[0]);
        output.right.copy_from_slice(input.main[1]);
        for segment in segments(context, output.frames()) {
            for event in segment.events {
                let Some((index, value)) = change(PARAMETERS, event) else { continue };
                match index {
                    T60 => self.knobs.t60_seconds = f64::from(value),
                    SIZE => self.knobs.size = f64::from(value),
                    DAMPING => self.knobs.damping = f64::from(value),
                    MIX => self.mix.go(value, self.ramp_frames),
                    _ => {}
                }
                self.turned |= index != MIX;
            }
            let range = segment.range;
            self.render(&mut output.left[range.clone()], &mut output.right[range]);
        }
        if self.quiet_frames > self.tuner.longest_frames() { Status::Silent } else { Status::Active }
    }
}
