use std::fmt::Write;

use super::PERIODS_PER_SECOND;
use crate::measure::stand::chord;
use crate::midi::{Event, Message};
use crate::unit::Frame;

/// What plays unless it is the instrument that is varied: the synth's own default.
const SOUND: &str = "kind = 'synth'\npreset = 'keys'";
/// The load that stands for a player's evening.
const LOAD_VOICES: u32 = 64;

/// What is varied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Curve {
    Instrument,
    Load,
    Voices,
    Stages,
    Tracks,
    Events,
    Block,
}

/// Something whose rendering is timed.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// Its path among the figures.
    pub(super) figure: String,
    /// What it is a point of.
    pub(super) curve: Curve,
    /// How much of that.
    pub(super) amount: f64,
    /// What plays.
    pub(super) rig: String,
    /// Keys that are held at once.
    pub(super) voices: u32,
    /// Voices that must sound for it; an instrument has no more of them, so that one
    /// that is let go makes room for one that is struck.
    pub(super) sounding: u32,
    /// Controllers a second, beside the notes.
    pub(super) events_per_second: u32,
    /// Frames of a call.
    pub(super) block_frames: usize,
}

impl Subject {
    fn of(curve: Curve, name: &str, amount: u32, rig: String, block: usize) -> Subject {
        Subject {
            figure: format!("render.{name}.{amount}"),
            curve,
            amount: f64::from(amount),
            rig,
            voices: 0,
            sounding: 0,
            events_per_second: 0,
            block_frames: block,
        }
    }

    /// What is played in a period of so many frames, in order.
    pub(super) fn events(&self, period: Frame) -> Vec<Event> {
        let mut events = if self.voices > 0 { chord(self.voices, period) } else { Vec::new() };
        let per_period = u64::from(self.events_per_second / PERIODS_PER_SECOND);
        for number in 0..per_period {
            let message = Message::ControlChange { channel: 0, controller: 1, value: (number % 128) as u8 };
            events.push(Event::midi(number * period / per_period, 0, message));
        }
        events.sort_by_key(|event| event.time);
        events
    }
}

/// An instrument alone, with a chord of so many voices.
pub(super) fn instrument(kind: &str, preset: Option<&str>, voices: u32, block: usize) -> Subject {
    let preset_key = preset.map_or_else(String::new, |preset| format!("preset = '{preset}'\n"));
    let figure = match preset {
        Some(preset) => format!("render.instruments.{kind}.{preset}"),
        None => format!("render.instruments.{kind}"),
    };
    let rig = rig(&format!("kind = '{kind}'\n{preset_key}voices = {voices}"), "");
    // How many sound of a plucked or struck one is its own affair.
    Subject { figure, voices, sounding: 1, ..Subject::of(Curve::Instrument, kind, voices, rig, block) }
}

/// 64 voices with reverb: what the engine's speed is told by.
pub(super) fn load(block: usize) -> Subject {
    let rig = rig(&format!("{SOUND}\nvoices = {LOAD_VOICES}"), "room");
    let figure = "render.realtime_factor".to_owned();
    let subject = Subject::of(Curve::Load, "load", LOAD_VOICES, rig, block);
    Subject { figure, voices: LOAD_VOICES, sounding: LOAD_VOICES, ..subject }
}

/// Everything of which there may be more or less.
pub(super) fn curves(block: usize) -> Vec<Subject> {
    let mut subjects = vec![load(block)];
    for voices in [1, 8, 16, 32, 64, 96, 128] {
        let rig = rig(&format!("{SOUND}\nvoices = {voices}"), "");
        subjects.push(Subject {
            voices,
            sounding: voices,
            ..Subject::of(Curve::Voices, "by_voices", voices, rig, block)
        });
    }
    for stages in [0, 1, 2, 4, 8, 16, 32] {
        let rig = chain(stages);
        let subject = Subject::of(Curve::Stages, "by_stages", stages, rig, block);
        subjects.push(Subject { voices: 1, sounding: 1, ..subject });
    }
    for tracks in [1, 4, 16, 64, 128] {
        let rig = side_by_side(tracks);
        let subject = Subject::of(Curve::Tracks, "by_tracks", tracks, rig, block);
        subjects.push(Subject { voices: 1, sounding: tracks, ..subject });
    }
    for events_per_second in [0, 1_000, 4_000, 16_000, 64_000] {
        let rig = rig(&format!("{SOUND}\nvoices = 8"), "");
        let subject = Subject::of(Curve::Events, "by_events", events_per_second, rig, block);
        subjects.push(Subject { voices: 8, sounding: 8, events_per_second, ..subject });
    }
    for block in [1, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048] {
        let rig = load(block).rig;
        let subject = Subject::of(Curve::Block, "by_block", block as u32, rig, block);
        subjects.push(Subject { voices: LOAD_VOICES, sounding: LOAD_VOICES, ..subject });
    }
    subjects
}

/// Keys, an instrument, and a reverb where it is named.
fn rig(instrument: &str, room: &str) -> String {
    let mut text = format!("[midi.keys]\nin = '*'\n[instrument.lead]\n{instrument}\n");
    if room.is_empty() {
        text.push_str(&cables(&["keys", "lead", "out"]));
    } else {
        let _ = writeln!(text, "[stage.{room}]\nkind = 'reverb'");
        text.push_str(&cables(&["keys", "lead", room, "out"]));
    }
    text
}

/// A voice, and so many delays one after the other.
fn chain(stages: u32) -> String {
    let mut text = format!("[midi.keys]\nin = '*'\n[instrument.lead]\n{SOUND}\nvoices = 1\n");
    let mut way = vec!["keys".to_owned(), "lead".to_owned()];
    for stage in 0..stages {
        let _ = writeln!(text, "[stage.s{stage}]\nkind = 'delay'");
        way.push(format!("s{stage}"));
    }
    way.push("out".to_owned());
    let way: Vec<&str> = way.iter().map(String::as_str).collect();
    text + &cables(&way)
}

/// So many instruments, each with its cables, that all play the same key.
fn side_by_side(tracks: u32) -> String {
    let mut text = "[midi.keys]\nin = '*'\n".to_owned();
    for track in 0..tracks {
        let name = format!("t{track}");
        let _ = writeln!(text, "[instrument.{name}]\n{SOUND}\nvoices = 1");
        text.push_str(&cables(&["keys", &name, "out"]));
    }
    text
}

fn cables(way: &[&str]) -> String {
    way.windows(2).map(|pair| format!("[[cable]]\nfrom = '{}'\nto = '{}'\n", pair[0], pair[1])).collect()
}
