pub mod clip;
pub mod generator;
pub mod scenes;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::problem::{Problem, Source};
use crate::render::JackRole;
use crate::route::Transform;
use crate::stage::{Kind, Role, Settings};
use crate::transport::{BEATS_PER_BAR, Course, Tempo};
use crate::unit::{Decibels, SampleRate};
use clip::Clip;
use generator::Generator;
use scenes::{Control, Scene};

/// A rig, parsed and checked: everything in it refers to something that exists.
///
/// Lists are in the order of the file, which is the order in which the Renderer
/// sums and in which events of one frame are heard.
#[derive(Clone, Default, Debug)]
pub struct Rig {
    /// The rig's name, shown to the musician.
    pub name: String,
    /// `[engine]`.
    pub engine: EngineSettings,
    /// `[transport]`.
    pub transport: TransportSettings,
    /// `[midi.NAME]`.
    pub midi: Vec<MidiPort>,
    /// `[input.NAME]`: live audio.
    pub inputs: Vec<Device>,
    /// `[output.NAME]`, with `out` always the first (channels 1 and 2).
    pub outputs: Vec<Device>,
    /// `[instrument.NAME]`, `[stage.NAME]` and `[clip.NAME]`.
    pub actors: Vec<Actor>,
    /// `[generator.NAME]`.
    pub generators: Vec<Generator>,
    /// `[[cable]]`.
    pub cables: Vec<Cable>,
    /// `[[scene]]`.
    pub scenes: Vec<Scene>,
    /// `setlist`: indices into `scenes`; all of them in their order where the rig has none.
    pub setlist: Vec<usize>,
    /// `[[control]]`.
    pub controls: Vec<Control>,
    /// What can be played, but is hardly meant; in the order of the file.
    pub warnings: Vec<Problem>,
    /// The folder of its file: what it names by a path lies there.
    pub folder: Option<PathBuf>,
    /// Where it stands in its file; `Origin::default()` for a rig put together in code.
    pub origin: Origin,
}

/// The text a rig was parsed from, and where each entry of its lists is named.
#[derive(Clone, Default, Debug)]
pub struct Origin {
    pub(super) source: Source,
    pub(super) midi: Vec<Range<usize>>,
    pub(super) actors: Vec<Range<usize>>,
    pub(super) generators: Vec<Range<usize>>,
    pub(super) cables: Vec<Range<usize>>,
}

/// `[engine]`: what the command line does not say.
#[derive(Clone, PartialEq, Debug)]
pub struct EngineSettings {
    /// Frames per second.
    pub rate: Option<SampleRate>,
    /// Frames per callback.
    pub block_frames: Option<u32>,
    /// Whether outputs pass a limiter at −0.1 dBFS.
    pub limiter: bool,
    /// Whether JACK ports are connected to physical ports and gear.
    pub connect: bool,
    /// MIDI is played this much after it came, so that it is played evenly;
    /// `None`: one block, and 0 on JACK.
    pub midi_latency_frames: Option<u32>,
    /// How much the black box holds; 0: there is none.
    pub black_box_minutes: u32,
}

impl Default for EngineSettings {
    fn default() -> EngineSettings {
        EngineSettings {
            rate: None,
            block_frames: None,
            limiter: true,
            connect: true,
            midi_latency_frames: None,
            black_box_minutes: 10,
        }
    }
}

/// `[transport]`: musical time.
#[derive(Clone, PartialEq, Debug)]
pub struct TransportSettings {
    /// The tempo, until somebody changes it.
    pub tempo: Tempo,
    /// Beats of a bar.
    pub beats_per_bar: u32,
    /// What the song's tempo does.
    pub course: Course,
    /// Bars that are counted before a start.
    pub count_in_bars: u32,
    /// It rolls as soon as it plays.
    pub starts: bool,
    /// The MIDI port whose clock is followed: into [`Rig::midi`].
    pub follow: Option<usize>,
    /// What it has to do with JACK's transport.
    pub jack: JackRole,
    /// Only takes are recorded.
    pub takes_only: bool,
    /// The command line said the tempo: it wins over what the rig is changed to.
    pub is_fixed: bool,
}

impl TransportSettings {
    /// At this tempo, whatever the rig says.
    pub fn fix(&mut self, tempo: Tempo, course: Course) {
        (self.tempo, self.course, self.is_fixed) = (tempo, course, true);
    }
}

impl Default for TransportSettings {
    fn default() -> TransportSettings {
        TransportSettings {
            tempo: Tempo::DEFAULT,
            beats_per_bar: BEATS_PER_BAR,
            course: Course::default(),
            count_in_bars: 0,
            starts: false,
            follow: None,
            jack: JackRole::Off,
            takes_only: false,
            is_fixed: false,
        }
    }
}

/// `[midi.NAME]`: a role that gear fills: a source, a destination, or both.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MidiPort {
    /// Its name in the rig.
    pub name: String,
    /// Glob on the names of ports to listen to.
    pub input: Option<String>,
    /// Glob on the names of ports to send to.
    pub output: Option<String>,
    /// Makes ports of our own that other programs see, instead. With neither
    /// `in` nor `out` it goes both ways.
    pub is_virtual: bool,
    /// It is sent our clock.
    pub clock: bool,
    /// Only gear of this serial number.
    pub serial: Option<String>,
    /// Only gear that is plugged in here, such as `1-1.2`.
    pub usb: Option<String>,
    /// Only this of the gear's ports, counted from 0.
    pub port: Option<u32>,
}

impl MidiPort {
    /// Whether cables may come from it.
    pub fn is_source(&self) -> bool {
        self.input.is_some() || self.is_virtual && self.output.is_none()
    }

    /// Whether cables may go to it.
    pub fn is_destination(&self) -> bool {
        self.output.is_some() || self.is_virtual && self.input.is_none()
    }
}

/// `[input.NAME]` or `[output.NAME]`: one or two channels of the audio device.
#[derive(Clone, PartialEq, Debug)]
pub struct Device {
    /// Its name in the rig.
    pub name: String,
    /// Device channels counted from 0; one or two of them.
    pub channels: Vec<u16>,
    /// The actor's gain.
    pub gain: Decibels,
}

/// `[instrument.NAME]`, `[stage.NAME]` or `[clip.NAME]`.
#[derive(Clone)]
pub struct Actor {
    /// Its name in the rig.
    pub name: String,
    /// What it is.
    pub kind: Arc<dyn Kind>,
    /// What the rig says of it.
    pub settings: Settings,
    /// Applied to what it puts out, by the Renderer.
    pub gain: Decibels,
    /// Whether it is to run on a thread of its own, live.
    pub isolate: bool,
    /// Of a `[clip.NAME]`: where its sound comes from.
    pub clip: Option<Clip>,
}

impl Actor {
    /// Instrument, stage or clip.
    pub fn role(&self) -> Role {
        self.kind.role()
    }
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Actor")
            .field("name", &self.name)
            .field("kind", &self.kind.name())
            .field("settings", &self.settings)
            .field("gain", &self.gain)
            .field("isolate", &self.isolate)
            .field("clip", &self.clip)
            .finish()
    }
}

/// One end of a cable: an index into the rig's list of that sort.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Port {
    /// Into [`Rig::midi`].
    Midi(usize),
    /// Into [`Rig::inputs`].
    Input(usize),
    /// Into [`Rig::outputs`].
    Output(usize),
    /// Into [`Rig::actors`].
    Actor(usize),
    /// Into [`Rig::generators`].
    Generator(usize),
}

/// `[[cable]]`.
#[derive(Clone, PartialEq, Debug)]
pub struct Cable {
    /// Where it comes from.
    pub from: Port,
    /// Where it goes.
    pub to: Port,
    /// What it carries.
    pub kind: CableKind,
}

/// What a cable carries, told by its ends.
#[derive(Clone, PartialEq, Debug)]
pub enum CableKind {
    /// From a MIDI port or a generator to what takes MIDI.
    Midi(Transform),
    /// Between audio actors and the device.
    Audio {
        /// The cable's gain.
        gain: Decibels,
        /// It closes a loop: it enters a stage that delays at least a quantum,
        /// and is heard by it a quantum late (the stage makes up for that).
        closes_loop: bool,
    },
}

impl Rig {
    /// The name of a cable's end.
    pub fn port_name(&self, port: Port) -> &str {
        match port {
            Port::Midi(i) => &self.midi[i].name,
            Port::Input(i) => &self.inputs[i].name,
            Port::Output(i) => &self.outputs[i].name,
            Port::Actor(i) => &self.actors[i].name,
            Port::Generator(i) => &self.generators[i].name,
        }
    }

    /// A problem with a MIDI port, with its place in the file.
    pub fn problem_at_midi(&self, index: usize, message: impl Into<String>, hint: Option<String>) -> Problem {
        self.problem(self.origin.midi.get(index), message, hint)
    }

    /// A problem with an instrument or a stage, with its place in the file.
    pub fn problem_at_actor(
        &self,
        index: usize,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Problem {
        self.problem(self.origin.actors.get(index), message, hint)
    }

    /// A problem with a generator, with its place in the file.
    pub fn problem_at_generator(
        &self,
        index: usize,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Problem {
        self.problem(self.origin.generators.get(index), message, hint)
    }

    /// A problem with a cable, with its place in the file.
    pub fn problem_at_cable(
        &self,
        index: usize,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Problem {
        self.problem(self.origin.cables.get(index), message, hint)
    }

    fn problem(
        &self,
        span: Option<&Range<usize>>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Problem {
        match span {
            Some(span) => self.origin.source.problem(span.clone(), message, hint),
            None => Problem::of_file(message, hint),
        }
    }
}
