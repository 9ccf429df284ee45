//! Echoes, and the one way to close a loop of cables.

use super::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, RAMP_SECONDS, Ramp, Role, Settings,
    Shape, Status, StreamFormat, Unit, Value, change, segments,
};
use crate::dsp::DelayLine;
use crate::transport::{Beats, Grid, Tempo};
use crate::unit::{QUANTUM_FRAMES, SampleRate};

const SECONDS: usize = 0;
const FEEDBACK: usize = 1;
const MIX: usize = 2;
const BEATS: usize = 3;
const LONGEST_SECONDS: f64 = 10.0;
/// A delay in beats goes with the tempo as soon as that is off by so much: a clock
/// that is followed sways by less, and each step is a fade.
const SWAY: f64 = 0.005;

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "seconds",
        summary: "time from a sound to its echo, to the nearest frame",
        unit: Unit::Seconds,
        shape: Shape::Number { min: 0.001, max: LONGEST_SECONDS },
        default: Some(Value::Number(0.35)),
        example: Value::Number(0.25),
        live: true,
    },
    Parameter {
        name: "feedback",
        summary: "how loud each echo is against the one before",
        unit: Unit::Ratio,
        shape: Shape::Number { min: 0.0, max: 0.98 },
        default: Some(Value::Number(0.4)),
        example: Value::Number(0.6),
        live: true,
    },
    Parameter {
        name: "mix",
        summary: "dry (0) to echoes only (1), linear: dry * (1 - mix) + echoes * mix",
        unit: Unit::Ratio,
        shape: Shape::Number { min: 0.0, max: 1.0 },
        default: Some(Value::Number(0.35)),
        example: Value::Number(1.0),
        live: true,
    },
    Parameter {
        name: "beats",
        summary: "the same time in beats of the transport, at most 10 s of them; above 0 it wins over seconds",
        unit: Unit::None,
        shape: Shape::Number { min: 0.0, max: 16.0 },
        default: Some(Value::Number(0.0)),
        example: Value::Number(0.75),
        live: true,
    },
];

/// `kind = "delay"`: echoes at exact frames. May close a loop of cables: what comes
/// in by [`Input::late`] sounds after exactly `seconds` too (at least
/// [`QUANTUM_FRAMES`]), while its dry part passes a quantum late. Real-time: yes.
pub struct DelayKind;

impl Kind for DelayKind {
    fn name(&self) -> &'static str {
        "delay"
    }

    fn role(&self) -> Role {
        Role::Stage
    }

    fn summary(&self) -> &'static str {
        "echoes, stereo, at exact times; may stand in a loop of cables (set mix = 1 there)"
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        let number = |name| settings.number(PARAMETERS, name);
        Ok(Box::new(Delay::new(
            format.rate,
            number("seconds"),
            number("feedback") as f32,
            number("mix") as f32,
            number("beats") as f32,
        )))
    }

    fn loop_delay_frames(&self, settings: &Settings, rate: SampleRate) -> Option<u64> {
        let beats = settings.number(PARAMETERS, "beats");
        let shortest =
            if beats > 0.0 { beats * 60.0 / Tempo::MAX } else { settings.number(PARAMETERS, "seconds") };
        Some(rate.frames(shortest))
    }
}

/// Where the echoes are read: at one delay, or between two while it changes.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Tap {
    from_frames: usize,
    to_frames: usize,
    fade: Ramp,
    /// The newest change that came while one was under way.
    pending_frames: Option<usize>,
}

impl Tap {
    fn at(frames: usize) -> Tap {
        Tap { from_frames: frames, to_frames: frames, fade: Ramp::at(1.0), pending_frames: None }
    }

    fn go(&mut self, frames: usize, fade_frames: u32) {
        if self.fade.steady().is_none() {
            self.pending_frames = Some(frames);
        } else if frames != self.to_frames {
            self.from_frames = self.to_frames;
            self.to_frames = frames;
            self.fade = Ramp::at(0.0);
            self.fade.go(1.0, fade_frames);
        }
    }

    /// The weight of the newer delay for the next frame.
    fn next(&mut self, fade_frames: u32) -> f32 {
        if self.fade.steady().is_some()
            && let Some(frames) = self.pending_frames.take()
        {
            self.go(frames, fade_frames);
        }
        self.fade.next()
    }
}

/// Two delay lines with feedback. Real-time: yes.
struct Delay {
    lines: [DelayLine; 2],
    tap: Tap,
    feedback: Ramp,
    mix: Ramp,
    /// Frames since anything but zero was written.
    quiet_frames: usize,
    prepared: (Tap, Ramp, Ramp),
    seconds: f32,
    beats: f32,
    /// Where the delay in beats was last told to go.
    synced_frames: f64,
    rate: SampleRate,
    ramp_frames: u32,
}

impl Delay {
    fn new(rate: SampleRate, seconds: f64, feedback: f32, mix: f32, beats: f32) -> Delay {
        let line = DelayLine::new(rate.frames(LONGEST_SECONDS) as usize);
        let prepared = (Tap::at(rate.frames(seconds) as usize), Ramp::at(feedback), Ramp::at(mix));
        Delay {
            lines: [line.clone(), line],
            tap: prepared.0,
            feedback: prepared.1,
            mix: prepared.2,
            quiet_frames: usize::MAX,
            prepared,
            seconds: seconds as f32,
            beats,
            synced_frames: 0.0,
            rate,
            ramp_frames: rate.frames(RAMP_SECONDS) as u32,
        }
    }

    /// Goes where the beats or the seconds say.
    fn go(&mut self, grid: &Grid) {
        let frames = if self.beats > 0.0 {
            self.synced(grid)
        } else {
            self.rate.frames(f64::from(self.seconds)) as f64
        };
        self.synced_frames = frames;
        self.tap.go((frames as usize).max(1), self.ramp_frames);
    }

    /// Whether the tempo has gone too far from where the delay is.
    fn is_off(&self, grid: &Grid) -> bool {
        libm::fabs(self.synced(grid) - self.synced_frames) > self.synced_frames * SWAY
    }

    /// Frames that its beats last.
    fn synced(&self, grid: &Grid) -> f64 {
        let beats = Beats((f64::from(self.beats) * Beats::ONE.0 as f64) as u64);
        (grid.frames_in(beats) as f64).min(LONGEST_SECONDS * self.rate.as_f64())
    }

    /// One frame: the dry sound and what came late, left and right.
    fn frame(&mut self, dry: [f32; 2], late: Option<[f32; 2]>) -> [f32; 2] {
        let newer = self.tap.next(self.ramp_frames);
        let (feedback, mix) = (self.feedback.next(), self.mix.next());
        // What is late belongs a quantum back in the line, so no tap may be nearer.
        let nearest = if late.is_some() { QUANTUM_FRAMES } else { 1 };
        let (from, to) = (self.tap.from_frames.max(nearest), self.tap.to_frames.max(nearest));
        let late = late.unwrap_or([0.0; 2]);
        let mut out = [0.0; 2];
        let mut quiet = true;
        for channel in 0..2 {
            let line = &mut self.lines[channel];
            if late[channel] != 0.0 {
                line.add(QUANTUM_FRAMES, late[channel]);
                quiet = false;
            }
            let mut wet = line.read(to);
            if newer < 1.0 {
                let old = line.read(from);
                wet = old + (wet - old) * newer;
            }
            let fed = dry[channel] + feedback * wet;
            line.write(fed);
            quiet &= fed == 0.0;
            out[channel] = (dry[channel] + late[channel]) * (1.0 - mix) + wet * mix;
        }
        self.quiet_frames = if quiet { self.quiet_frames.saturating_add(1) } else { 0 };
        out
    }
}

impl Processor for Delay {
    fn reset(&mut self) {
        self.lines.iter_mut().for_each(DelayLine::reset);
        (self.tap, self.feedback, self.mix) = self.prepared;
        self.quiet_frames = usize::MAX;
        self.synced_frames = 0.0;
    }

    fn process(&mut self, context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status {
        if self.beats > 0.0 && context.is_tick() && self.is_off(&context.time.grid) {
            self.go(&context.time.grid);
        }
        for segment in segments(context, output.frames()) {
            for event in segment.events {
                match change(PARAMETERS, event) {
                    Some((SECONDS, seconds)) => {
                        self.seconds = seconds;
                        self.go(&context.time.grid);
                    }
                    Some((BEATS, beats)) => {
                        self.beats = beats;
                        self.go(&context.time.grid);
                    }
                    Some((FEEDBACK, feedback)) => self.feedback.go(feedback, self.ramp_frames),
                    Some((MIX, mix)) => self.mix.go(mix, self.ramp_frames),
                    _ => {}
                }
            }
            for i in segment.range {
                let late = input.late.map(|[left, right]| [left[i], right[i]]);
                let dry = [input.main[0][i], input.main[1][i]];
                [output.left[i], output.right[i]] = self.frame(dry, late);
            }
        }
        let reach = self.tap.from_frames.max(self.tap.to_frames).max(QUANTUM_FRAMES);
        if self.quiet_frames > reach { Status::Silent } else { Status::Active }
    }
}
