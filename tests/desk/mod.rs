//! A Renderer on a desk: driven by hand, in blocks of any length, with kinds
//! that fail on purpose.
#![allow(dead_code)] // Each test file uses its part.

use antiphon::engine::Conductor;
use antiphon::midi::{Event, EventKind};
use antiphon::render::{
    Feed, Origin, Outlet, Planar, Renderer, RendererSettings, Score, Stems, Swap, outlet,
};
use antiphon::rig::{Rig, parse};
use antiphon::rt::guard;
use antiphon::stage::{
    Block, Context, Input, Kind, Kinds, Parameter, PrepareError, Processor, Role, Settings, Shape, Status,
    StreamFormat, Unit, Value, segments,
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
        self.play_cut(frames, || block);
    }

    /// The same, in blocks as long as `cut` says each time.
    pub fn play_cut(&mut self, frames: usize, mut cut: impl FnMut() -> usize) {
        let mut done = 0;
        while done < frames {
            let length = cut().min(frames - done);
            let (mut left, mut right) = (vec![0.0; length], vec![0.0; length]);
            let mut played = 0;
            while played < length {
                let mut outputs = [&mut left[played..length], &mut right[played..length]];
                {
                    let _fence = guard::enter();
                    let mut ports = Planar { inputs: &[], outputs: &mut outputs };
                    let stems = Some(&mut self.heard as &mut dyn Stems);
                    played += self.renderer.render_until_fault(length - played, &mut ports, stems);
                }
                self.conductor.attend();
            }
            self.heard.device[0].extend_from_slice(&left);
            self.heard.device[1].extend_from_slice(&right);
            done += length;
        }
    }
}

pub fn bits(samples: &[f32]) -> Vec<u32> {
    samples.iter().map(|x| x.to_bits()).collect()
}

struct Broken;

/// `at_frame` and `fault` (0 panics, 1 puts out NaN), counted from when it was built.
static PARAMETERS: [Parameter; 4] = [
    number("at_frame", 1.0e9),
    number("fault", 1.0),
    // Fails this often, then never again, if it is asked to live with a rebuild.
    number("again", 1.0),
    // What it multiplies by; changes while it sounds.
    Parameter { live: true, default: Some(Value::Number(1.0)), ..number("level", 1.0) },
];

/// The number of the parameter `level` in events.
pub const LEVEL: u16 = 3;

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
            level: settings.number(&PARAMETERS, "level") as f32,
            played: 0,
        }))
    }
}

struct Fails {
    at_frame: u64,
    panics: bool,
    again: bool,
    level: f32,
    played: u64,
}

impl Processor for Fails {
    fn reset(&mut self) {
        self.played = 0;
    }

    fn process(&mut self, context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status {
        for segment in segments(context, output.frames()) {
            for event in segment.events {
                if let Some(EventKind::Parameter { index: LEVEL, value }) = event.kind() {
                    self.level = value;
                }
            }
            for at in segment.range {
                output.left[at] = input.main[0][at] * self.level;
                output.right[at] = input.main[1][at] * self.level;
            }
        }
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

/// A desk whose port `gear` can be heard.
pub fn with_gear(text: &str, events: Vec<Event>) -> (Desk, Outlet) {
    let mut desk = Desk::new(text, events);
    let (sink, gear) = outlet();
    let port = desk.conductor.deployment().port_of("gear").expect("a port");
    desk.conductor.lend(Swap { sinks: vec![(port, Some(Box::new(sink)))], ..Swap::default() });
    (desk, gear)
}

/// What came there: frames and bytes.
pub fn received(gear: &mut Outlet) -> Vec<(u64, Vec<u8>)> {
    let mut chunk = [0; 256];
    std::iter::from_fn(|| gear.receive(&mut chunk)).map(|e| (e.time, e.wire().to_vec())).collect()
}
