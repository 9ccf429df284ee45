//! Level and pan.

use super::pan::Pan;
use super::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, RAMP_SECONDS, Role, Settings, Shape,
    Status, StreamFormat, Unit, Value, change, segments,
};
use crate::unit::SampleRate;

const PAN: usize = 0;

/// The `pan` key of stages that have one.
pub(super) const PAN_PARAMETER: Parameter = Parameter {
    name: "pan",
    summary: "left (-1) to right (1), constant power, -3 dB each at 0; \
              absent: both channels pass at unity",
    unit: Unit::None,
    shape: Shape::Number { min: -1.0, max: 1.0 },
    default: None,
    example: Value::Number(-0.3),
    live: true,
};

const PARAMETERS: &[Parameter] = &[PAN_PARAMETER];

/// `kind = "gain"`: the actor's own `gain` in dB, and a pan. Real-time: yes.
pub struct GainKind;

impl Kind for GainKind {
    fn name(&self) -> &'static str {
        "gain"
    }

    fn role(&self) -> Role {
        Role::Stage
    }

    fn summary(&self) -> &'static str {
        "sets level (the actor's own gain) and pan; with neither given it changes nothing"
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        let pan = settings.value(PARAMETERS, "pan").map(Value::as_f32);
        Ok(Box::new(Gain::new(format.rate, pan)))
    }
}

/// The pan as a stage; the level is the Renderer's. Real-time: yes.
struct Gain {
    pan: Pan,
    prepared: Pan,
    ramp_frames: u32,
}

impl Gain {
    fn new(rate: SampleRate, pan: Option<f32>) -> Gain {
        let pan = Pan::at(pan);
        Gain { pan, prepared: pan, ramp_frames: rate.frames(RAMP_SECONDS) as u32 }
    }
}

impl Processor for Gain {
    fn reset(&mut self) {
        self.pan = self.prepared;
    }

    fn process(&mut self, context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status {
        output.left.copy_from_slice(input.main[0]);
        output.right.copy_from_slice(input.main[1]);
        for segment in segments(context, output.frames()) {
            for event in segment.events {
                if let Some((PAN, pan)) = change(PARAMETERS, event) {
                    self.pan.go(pan, self.ramp_frames);
                }
            }
            let range = segment.range;
            self.pan.apply(&mut output.left[range.clone()], &mut output.right[range]);
        }
        Status::Silent
    }
}
