use std::sync::Arc;

use super::Samples;
use super::player::{Clip, Manner, Sound};
use crate::rt::reel::{Reel, Tape};
use crate::stage::{
    Kind, Parameter, PrepareError, Processor, Role, Settings, Shape, StreamFormat, Unit, Value,
};

/// What a launch waits for; from the third on it is bars.
pub const SYNCS: &[&str] = &[
    "none", "beat", "bar", "2 bars", "3 bars", "4 bars", "5 bars", "6 bars", "7 bars", "8 bars", "9 bars",
    "10 bars", "11 bars", "12 bars", "13 bars", "14 bars", "15 bars", "16 bars",
];
const MODES: &[&str] = &["trigger", "gate", "toggle"];

const fn switch(name: &'static str, summary: &'static str) -> Parameter {
    Parameter {
        name,
        summary,
        unit: Unit::None,
        shape: Shape::Switch,
        default: Some(Value::Switch(false)),
        example: Value::Switch(true),
        live: true,
    }
}

/// By index: what a clip's parameter events mean.
pub(super) const PLAY: usize = 0;
pub(super) const SYNC: usize = 1;
pub(super) const LOOP: usize = 2;
pub(super) const FADE: usize = 3;
pub(super) const MODE: usize = 4;
pub(super) const AUTOPLAY: usize = 5;

pub(super) const PARAMETERS: &[Parameter] = &[
    switch("play", "launches it, or stops it; both wait for the beat that `sync` names"),
    Parameter {
        name: "sync",
        summary: "what a launch or a stop waits for, while the transport rolls or counts in",
        unit: Unit::None,
        shape: Shape::Choice(SYNCS),
        default: Some(Value::Choice(2)),
        example: Value::Choice(1),
        live: true,
    },
    switch("loop", "begins again where it ends"),
    Parameter {
        name: "fade_seconds",
        summary: "fades it in at its beginning and out at its end, each time round, and out where it is stopped",
        unit: Unit::Seconds,
        shape: Shape::Number { min: 0.0, max: 10.0 },
        default: Some(Value::Number(0.002)),
        example: Value::Number(0.0),
        live: true,
    },
    Parameter {
        name: "mode",
        summary: "what MIDI does: a note launches it; with gate its release stops it at once; with toggle \
                  the next note stops it",
        unit: Unit::None,
        shape: Shape::Choice(MODES),
        default: Some(Value::Choice(0)),
        example: Value::Choice(1),
        live: true,
    },
    switch("autoplay", "goes with the transport: launched when it starts, stopped when it stops"),
];

/// What `[clip.NAME]` plays: its sound is given to it when it is loaded. Real-time: yes.
#[derive(Clone, Default)]
pub struct ClipKind {
    sound: Option<Loaded>,
}

#[derive(Clone)]
enum Loaded {
    Whole(Arc<Samples>),
    Tape(Arc<Tape>),
}

impl ClipKind {
    /// With a sound. Real-time: yes.
    pub fn new(samples: Arc<Samples>) -> ClipKind {
        ClipKind { sound: Some(Loaded::Whole(samples)) }
    }

    /// With a sound that is too long for memory: what it builds has a [`Reel`]. Real-time: yes.
    pub fn streaming(tape: Arc<Tape>) -> ClipKind {
        ClipKind { sound: Some(Loaded::Tape(tape)) }
    }
}

impl Kind for ClipKind {
    fn name(&self) -> &'static str {
        "clip"
    }

    fn role(&self) -> Role {
        Role::Clip
    }

    fn summary(&self) -> &'static str {
        "a sound from a file or from a generator, launched on the beat by notes, scenes and controls"
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        let sound = match &self.sound {
            None => return Err(PrepareError("its sound is not loaded".to_owned())),
            Some(Loaded::Whole(samples)) => Sound::Whole(Arc::clone(samples)),
            Some(Loaded::Tape(tape)) => Sound::Reel(Box::new(Reel::new(tape, format.rate))),
        };
        let manner = Manner {
            sync: settings.choice(PARAMETERS, "sync") as u32,
            loops: settings.switch(PARAMETERS, "loop"),
            fade_seconds: settings.number(PARAMETERS, "fade_seconds"),
            mode: settings.choice(PARAMETERS, "mode") as u32,
            autoplay: settings.switch(PARAMETERS, "autoplay"),
        };
        let plays = settings.switch(PARAMETERS, "play");
        Ok(Box::new(Clip::new(sound, manner, plays, format.rate)))
    }

    fn sounds_alone(&self) -> bool {
        true
    }
}
