//! A Renderer on a desk: driven by hand, in blocks of any length, with kinds
//! that fail on purpose.
#![allow(dead_code)] // Each test file uses its part.

use antiphon::engine::Conductor;
use antiphon::midi::Event;
use antiphon::render::{Feed, Origin, Planar, Renderer, RendererSettings, Score, Stems};
use antiphon::rig::{Rig, parse};
use antiphon::rt::guard;
use antiphon::stage::{
    Block, Context, Input, Kind, Kinds, Parameter, PrepareError, Processor, Role, Settings, Shape, Status,
    StreamFormat, Unit, Value,
};
use antiphon::unit::SampleRate;

pub const RATE: SampleRate = SampleRate::DEFAULT;

/// The built-in kinds, and `broken`: a stage that passes what it hears until
/// it panics or puts out NaN.
pub fn kinds() -> Kinds {
    let mut kinds = antiphon::engine::kinds();
    kinds.register(Broken);
    kinds
}

pub fn rig(text: &str) -> Rig {
    parse(text, &kinds()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// What each node put out, and what went to the device.
#[derive(Default)]
pub struct Heard {
    pub device: [Vec<f32>; 2],
    pub stems: std::collections::BTreeMap<u16, [Vec<f32>; 2]>,
}

impl Stems for Heard {
    fn stem(&mut self, node: u16, _start: usize, left: &[f32], right: &[f32]) {
        // The fence stands while this is called: a test may reach over it.
        let room = self.stems.get_mut(&node);
        if let Some([to_left, to_right]) = room {
            to_left.extend_from_slice(left);
            to_right.extend_from_slice(right);
        }
    }
}

pub struct Desk {
    pub renderer: Box<Renderer>,
    pub conductor: Conductor,
    pub heard: Heard,
}

impl Desk {
    /// A rig, and events for its first MIDI port.
    pub fn new(text: &str, events: Vec<Event>) -> Desk {
        let settings = RendererSettings { rate: RATE, midi_latency_frames: 0 };
        let (renderer, conductor) = Conductor::new(rig(text), settings, 5, |deployment, swap| {
            let score = Score::new(events.into(), Box::default());
            let port = deployment.rig().midi.first().and_then(|m| deployment.port_of(&m.name)).unwrap_or(0);
            swap.sources.push((64, Some(Box::new(Feed { port, origin: Origin::Score(score) }))));
        })
        .expect("the rig can be built");
        Desk { renderer, conductor, heard: Heard::default() }
    }

    /// Keeps what an actor puts out from now on.
    pub fn listen(&mut self, actor: &str) -> u16 {
        let node = self.conductor.deployment().node_of(actor).expect("an actor of the rig");
        // Room for a minute, so that keeping it allocates nothing.
        let room = || Vec::with_capacity(60 * RATE.hertz() as usize);
        self.heard.stems.insert(node, [room(), room()]);
        node
    }

    /// Plays so many frames in blocks of so many, looking after faults between.
    pub fn play(&mut self, frames: usize, block: usize) {
        let mut done = 0;
        let (mut left, mut right) = (vec![0.0; block], vec![0.0; block]);
        while done < frames {
            let length = block.min(frames - done);
            {
                let _fence = guard::enter();
                let mut outputs = [&mut left[..length], &mut right[..length]];
                let mut ports = Planar { inputs: &[], outputs: &mut outputs };
                self.renderer.render_stems(length, &mut ports, None, Some(&mut self.heard));
            }
            self.heard.device[0].extend_from_slice(&left[..length]);
            self.heard.device[1].extend_from_slice(&right[..length]);
            self.conductor.attend();
            done += length;
        }
    }
}

pub fn bits(samples: &[f32]) -> Vec<u32> {
    samples.iter().map(|x| x.to_bits()).collect()
}

struct Broken;

/// `at_frame` and `fault` (0 panics, 1 puts out NaN), counted from when it was built.
static PARAMETERS: [Parameter; 3] = [
    number("at_frame", 1.0e9),
    number("fault", 1.0),
    // Fails this often, then never again, if it is asked to live with a rebuild.
    number("again", 1.0),
];

const fn number(name: &'static str, max: f64) -> Parameter {
    Parameter {
        name,
        summary: "for tests",
        unit: Unit::None,
        shape: Shape::Number { min: 0.0, max },
        default: Some(Value::Number(0.0)),
        example: Value::Number(0.0),
        live: false,
    }
}

impl Kind for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }
    fn role(&self) -> Role {
        Role::Stage
    }
    fn summary(&self) -> &'static str {
        "a stage that fails on purpose"
    }
    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }
    fn prepare(&self, settings: &Settings, _: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        Ok(Box::new(Fails {
            at_frame: settings.number(&PARAMETERS, "at_frame") as u64,
            panics: settings.number(&PARAMETERS, "fault") == 0.0,
            again: settings.number(&PARAMETERS, "again") != 0.0,
            played: 0,
        }))
    }
}

struct Fails {
    at_frame: u64,
    panics: bool,
    again: bool,
    played: u64,
}

impl Processor for Fails {
    fn reset(&mut self) {
        self.played = 0;
    }

    fn process(&mut self, context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status {
        output.left.copy_from_slice(input.main[0]);
        output.right.copy_from_slice(input.main[1]);
        let now = if self.again { self.played } else { context.frame };
        let frames = output.frames() as u64;
        self.played += frames;
        if (now..now + frames).contains(&self.at_frame) {
            assert!(!self.panics, "broken on purpose");
            output.left[(self.at_frame - now) as usize] = f32::NAN;
        }
        Status::Active
    }
}
