//! Many cables into one.

use super::gain::PAN_PARAMETER;
use super::pan::Pan;
use super::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, RAMP_SECONDS, Ramp, Role, Settings,
    Shape, Status, StreamFormat, Unit, Value, change, segments,
};
use crate::unit::SampleRate;

const PAN: usize = 0;
const WIDTH: usize = 1;

const PARAMETERS: &[Parameter] = &[
    PAN_PARAMETER,
    Parameter {
        name: "width",
        summary: "stereo width: 0 is mono, 1 changes nothing, 2 doubles the difference of the channels",
        unit: Unit::None,
        shape: Shape::Number { min: 0.0, max: 2.0 },
        default: Some(Value::Number(1.0)),
        example: Value::Number(0.6),
        live: true,
    },
];

/// `kind = "mixer"`: sums what is cabled to it; each cable's `gain` is its fader. Real-time: yes.
pub struct MixerKind;

impl Kind for MixerKind {
    fn name(&self) -> &'static str {
        "mixer"
    }

    fn role(&self) -> Role {
        Role::Stage
    }

    fn summary(&self) -> &'static str {
        "sums what is cabled to it (each cable's gain is its fader), with width and pan of the sum"
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        let pan = settings.value(PARAMETERS, "pan").map(Value::as_f32);
        let width = settings.number(PARAMETERS, "width") as f32;
        Ok(Box::new(Mixer::new(format.rate, pan, width)))
    }
}

/// Width and pan of the sum that the Renderer hands in. Real-time: yes.
struct Mixer {
    pan: Pan,
    width: Ramp,
    prepared: (Pan, Ramp),
    ramp_frames: u32,
}

impl Mixer {
    fn new(rate: SampleRate, pan: Option<f32>, width: f32) -> Mixer {
        let (pan, width) = (Pan::at(pan), Ramp::at(width));
        Mixer { pan, width, prepared: (pan, width), ramp_frames: rate.frames(RAMP_SECONDS) as u32 }
    }

    fn widen(&mut self, left: &mut [f32], right: &mut [f32]) {
        for (left, right) in left.iter_mut().zip(right) {
            let width = self.width.next();
            // Bit-exact at 1, negative zeros included.
            if width != 1.0 {
                let middle = 0.5 * (*left + *right);
                let side = 0.5 * (*left - *right) * width;
                *left = middle + side;
                *right = middle - side;
            }
        }
    }
}

impl Processor for Mixer {
    fn reset(&mut self) {
        (self.pan, self.width) = self.prepared;
    }

    fn process(&mut self, context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status {
        output.left.copy_from_slice(input.main[0]);
        output.right.copy_from_slice(input.main[1]);
        for segment in segments(context, output.frames()) {
            for event in segment.events {
                match change(PARAMETERS, event) {
                    Some((PAN, pan)) => self.pan.go(pan, self.ramp_frames),
                    Some((WIDTH, width)) => self.width.go(width, self.ramp_frames),
                    _ => {}
                }
            }
            let range = segment.range;
            let (left, right) = (&mut output.left[range.clone()], &mut output.right[range]);
            self.widen(left, right);
            self.pan.apply(left, right);
        }
        Status::Silent
    }
}
