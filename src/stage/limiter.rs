//! A ceiling that nothing exceeds.

mod peak;

pub use peak::{PeakLimiter, peak};

use super::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, RAMP_SECONDS, Ramp, Role, Settings,
    Shape, Status, StreamFormat, Unit, Value, change, segments,
};
use crate::unit::{Decibels, SampleRate};

const CEILING: usize = 0;
const RELEASE: usize = 1;

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "ceiling_decibels",
        summary: "the highest level that comes out, in dBFS; quieter sound passes bit-exactly",
        unit: Unit::Decibels,
        shape: Shape::Number { min: -60.0, max: 0.0 },
        default: Some(Value::Number(-0.1)),
        example: Value::Number(-3.0),
        live: true,
    },
    Parameter {
        name: "release_seconds",
        summary: "the time in which a gain reduction falls to 37 % (1/e)",
        unit: Unit::Seconds,
        shape: Shape::Number { min: 0.001, max: 5.0 },
        default: Some(Value::Number(0.1)),
        example: Value::Number(0.25),
        live: true,
    },
];

/// `kind = "limiter"`: peaks above a ceiling are turned down, without look-ahead. Real-time: yes.
pub struct LimiterKind;

impl Kind for LimiterKind {
    fn name(&self) -> &'static str {
        "limiter"
    }

    fn role(&self) -> Role {
        Role::Stage
    }

    fn summary(&self) -> &'static str {
        "turns peaks down so that nothing exceeds a ceiling; adds no delay"
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        let ceiling_decibels = settings.number(PARAMETERS, "ceiling_decibels") as f32;
        let release_seconds = settings.number(PARAMETERS, "release_seconds");
        Ok(Box::new(Limiter::new(format.rate, ceiling_decibels, release_seconds)))
    }
}

/// The limiter as a stage. Real-time: yes.
struct Limiter {
    peak: PeakLimiter,
    ceiling_gain: Ramp,
    prepared: (f32, f64),
    ramp_frames: u32,
}

impl Limiter {
    fn new(rate: SampleRate, ceiling_decibels: f32, release_seconds: f64) -> Limiter {
        let ceiling_gain = Decibels(ceiling_decibels).to_gain();
        Limiter {
            peak: PeakLimiter::new(rate, ceiling_gain, release_seconds),
            ceiling_gain: Ramp::at(ceiling_gain),
            prepared: (ceiling_gain, release_seconds),
            ramp_frames: rate.frames(RAMP_SECONDS) as u32,
        }
    }

    fn limit(&mut self, left: &mut [f32], right: &mut [f32]) {
        let mut done = 0;
        while self.ceiling_gain.steady().is_none() && done < left.len() {
            self.peak.set_ceiling_gain(self.ceiling_gain.next());
            self.peak.process(&mut left[done..done + 1], &mut right[done..done + 1]);
            done += 1;
        }
        if let Some(ceiling_gain) = self.ceiling_gain.steady() {
            self.peak.set_ceiling_gain(ceiling_gain);
        }
        self.peak.process(&mut left[done..], &mut right[done..]);
    }
}

impl Processor for Limiter {
    fn reset(&mut self) {
        let (ceiling_gain, release_seconds) = self.prepared;
        self.ceiling_gain = Ramp::at(ceiling_gain);
        self.peak.set_ceiling_gain(ceiling_gain);
        self.peak.set_release_seconds(release_seconds);
        self.peak.reset();
    }

    fn process(&mut self, context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status {
        output.left.copy_from_slice(input.main[0]);
        output.right.copy_from_slice(input.main[1]);
        for segment in segments(context, output.frames()) {
            for event in segment.events {
                match change(PARAMETERS, event) {
                    Some((CEILING, decibels)) => {
                        self.ceiling_gain.go(Decibels(decibels).to_gain(), self.ramp_frames);
                    }
                    Some((RELEASE, seconds)) => self.peak.set_release_seconds(f64::from(seconds)),
                    _ => {}
                }
            }
            let range = segment.range;
            self.limit(&mut output.left[range.clone()], &mut output.right[range]);
        }
        Status::Silent
    }
}
