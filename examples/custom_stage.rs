//! A stage of your own: a kind registered by the public interface, named in a
//! rig like any other, rendered to a file, and played with `--play`.
//!
//! ```text
//! cargo run --release --example custom_stage [OUT.wav]
//! cargo run --release --example custom_stage -- --play
//! ```

mod support;

use std::error::Error;

use antiphon::rig::parse;
use antiphon::stage::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, RAMP_SECONDS, Ramp, Role, Settings,
    Shape, Status, StreamFormat, Unit, Value, change, segments,
};

const RIG: &str = r#"
name = "Through an old sampler"

[midi.keys]
in = "*"

[instrument.lead]
kind = "synth"
preset = "electric-piano"

[stage.old]
kind = "crush"          # not one of Antiphon's: it is below
bits = 6
hold_hertz = 9000

[[cable]]
from = "keys"
to = "lead"

[[cable]]
from = "lead"
to = "old"

[[cable]]
from = "old"
to = "out"
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let mut kinds = antiphon::engine::kinds();
    kinds.register(CrushKind);
    let rig = parse(RIG, &kinds).map_err(|problems| format!("{problems:?}"))?;
    let melody = support::melody()?;
    match std::env::args().nth(1).as_deref() {
        Some("--play") => support::play(rig, melody),
        path => support::render(rig, melody, path, "custom_stage.wav"),
    }
}

/// The keys of the kind, in the order of their numbers in events.
const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "bits",
        summary: "how fine the steps are that the level is rounded to",
        unit: Unit::None,
        shape: Shape::Integer { min: 1, max: 16 },
        default: Some(Value::Number(8.0)),
        example: Value::Number(6.0),
        live: true,
    },
    Parameter {
        name: "hold_hertz",
        summary: "how often a sample is taken; it is held in between",
        unit: Unit::Hertz,
        shape: Shape::Number { min: 100.0, max: 192_000.0 },
        default: Some(Value::Number(12_000.0)),
        example: Value::Number(9_000.0),
        live: true,
    },
    Parameter {
        name: "mix",
        summary: "from the clean sound (0) to the crushed one (1)",
        unit: Unit::Ratio,
        shape: Shape::Number { min: 0.0, max: 1.0 },
        default: Some(Value::Number(1.0)),
        example: Value::Number(0.5),
        live: true,
    },
];
const BITS: usize = 0;
const HOLD_HERTZ: usize = 1;
const MIX: usize = 2;

/// `kind = "crush"`. Lives in the control world: it may allocate, and may refuse.
struct CrushKind;

impl Kind for CrushKind {
    fn name(&self) -> &'static str {
        "crush"
    }

    fn role(&self) -> Role {
        Role::Stage
    }

    fn summary(&self) -> &'static str {
        "the few bits and the slow converter of an early sampler"
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        let number = |name| settings.number(PARAMETERS, name) as f32;
        let knobs = Knobs {
            scale: steps(number("bits")),
            step: hold_step(number("hold_hertz"), format),
            mix: Ramp::at(number("mix")),
        };
        Ok(Box::new(Crush { format, prepared: knobs, knobs, phase: 1.0, held: [0.0; 2] }))
    }
}

/// How many steps there are from silence to full scale.
fn steps(bits: f32) -> f32 {
    (1_u32 << (bits as u32 - 1)) as f32
}

/// How much of a holding time passes in a frame; at 1 every sample is new.
fn hold_step(hertz: f32, format: StreamFormat) -> f32 {
    (hertz / format.rate.as_f32()).min(1.0)
}

#[derive(Clone, Copy)]
struct Knobs {
    scale: f32,
    step: f32,
    mix: Ramp,
}

/// Lives in the audio world: no allocation, lock, clock or I/O in here. What it
/// puts out is a recurrence over samples, so it does not matter how the timeline
/// is cut into pieces.
struct Crush {
    format: StreamFormat,
    prepared: Knobs,
    knobs: Knobs,
    phase: f32,
    held: [f32; 2],
}

impl Crush {
    /// A parameter changed: with a ramp where a jump would click.
    fn turn(&mut self, index: usize, value: f32) {
        match index {
            BITS => self.knobs.scale = steps(value),
            HOLD_HERTZ => self.knobs.step = hold_step(value, self.format),
            MIX => self.knobs.mix.go(value, self.format.rate.frames(RAMP_SECONDS) as u32),
            _ => {}
        }
    }

    fn frame(&mut self, clean: [f32; 2]) -> [f32; 2] {
        let Knobs { scale, step, mix } = &mut self.knobs;
        if self.phase >= 1.0 {
            self.phase -= 1.0;
            self.held = clean.map(|sample| (sample * *scale).round() / *scale);
        }
        self.phase += *step;
        let mix = mix.next();
        [0, 1].map(|side| clean[side] + mix * (self.held[side] - clean[side]))
    }
}

impl Processor for Crush {
    fn reset(&mut self) {
        self.knobs = self.prepared;
        self.phase = 1.0;
        self.held = [0.0; 2];
    }

    fn process(&mut self, context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status {
        for segment in segments(context, output.frames()) {
            for event in segment.events {
                if let Some((index, value)) = change(PARAMETERS, event) {
                    self.turn(index, value);
                }
            }
            for index in segment.range {
                let clean = [input.main[0][index], input.main[1][index]];
                [output.left[index], output.right[index]] = self.frame(clean);
            }
        }
        if self.held == [0.0; 2] { Status::Silent } else { Status::Active }
    }
}
