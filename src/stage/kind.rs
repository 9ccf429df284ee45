use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Processor, StreamFormat};
use crate::unit::SampleRate;

/// Whether a kind is played by MIDI or fed by audio. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `[instrument.NAME]`: takes MIDI, gives audio.
    Instrument,
    /// `[stage.NAME]`: takes audio, gives audio.
    Stage,
    /// `[clip.NAME]`: has audio, which MIDI launches.
    Clip,
}

/// What a parameter is counted in. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Unit {
    None,
    Hertz,
    Seconds,
    Decibels,
    Semitones,
    Cents,
    Voices,
    /// A proportion from 0 to 1.
    Ratio,
}

impl Unit {
    /// As shown to people and in JSON; empty for none. Real-time: no.
    pub const fn symbol(self) -> &'static str {
        match self {
            Unit::None => "",
            Unit::Hertz => "Hz",
            Unit::Seconds => "s",
            Unit::Decibels => "dB",
            Unit::Semitones => "semitones",
            Unit::Cents => "cents",
            Unit::Voices => "voices",
            Unit::Ratio => "0..1",
        }
    }
}

/// What values a parameter takes. Real-time: no.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum Shape {
    /// A number in an inclusive range.
    Number { min: f64, max: f64 },
    /// A whole number in an inclusive range.
    Integer { min: i64, max: i64 },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
}

impl Shape {
    /// What a parameter event's number means here, the nearest that is allowed:
    /// the way back from [`Value::as_f32`]. Real-time: no.
    pub fn value_of(self, number: f32) -> Value {
        let number = if number.is_finite() { f64::from(number) } else { 0.0 };
        match self {
            // Not `clamp`: it panics where a table has its ends the wrong way round.
            Shape::Number { min, max } => Value::Number(number.min(max).max(min)),
            Shape::Integer { min, max } => Value::Number(libm::round(number).min(max as f64).max(min as f64)),
            Shape::Choice(words) => {
                Value::Choice((libm::round(number).max(0.0) as usize).min(words.len().saturating_sub(1)))
            }
            Shape::Switch => Value::Switch(number >= 0.5),
        }
    }
}

/// A parameter's value: a number in its unit, the index of a choice, or a switch. Real-time: no.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum Value {
    Number(f64),
    Choice(usize),
    Switch(bool),
}

impl Value {
    /// As a parameter event carries it: the number, the choice's index, 0 or 1. Real-time: no.
    pub fn as_f32(self) -> f32 {
        match self {
            Value::Number(number) => number as f32,
            Value::Choice(index) => index as f32,
            Value::Switch(on) => f32::from(u8::from(on)),
        }
    }
}

/// One key that a rig may give a kind. Real-time: no.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The key, unit last (`cutoff_hertz`).
    pub name: &'static str,
    /// One line for a musician.
    pub summary: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// What it may be.
    pub shape: Shape,
    /// What it is when the rig says nothing; `None` where that depends on
    /// something else (a preset), which `summary` then says.
    pub default: Option<Value>,
    /// A value worth trying.
    pub example: Value,
    /// Whether it changes while sounding by a parameter event, or needs the
    /// actor to be built anew. An event of NaN means "as if the rig said nothing" where
    /// there is no default.
    pub live: bool,
}

/// What a rig says of one actor, checked against its kind's parameters. Real-time: no.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Settings {
    given: BTreeMap<usize, Value>,
}

impl Settings {
    /// Nothing given. Real-time: no.
    pub fn new() -> Settings {
        Settings::default()
    }

    /// Gives a parameter, by its index, a value. Real-time: no.
    pub fn set(&mut self, index: usize, value: Value) {
        self.given.insert(index, value);
    }

    /// The value the rig gave, if any. Real-time: no.
    pub fn given(&self, index: usize) -> Option<Value> {
        self.given.get(&index).copied()
    }

    /// The value given, else the parameter's default. `None` where neither is. Real-time: no.
    pub fn value(&self, parameters: &[Parameter], name: &str) -> Option<Value> {
        let index = parameters.iter().position(|p| p.name == name)?;
        self.given(index).or(parameters[index].default)
    }

    /// The number given or by default; 0 where there is none. Real-time: no.
    pub fn number(&self, parameters: &[Parameter], name: &str) -> f64 {
        match self.value(parameters, name) {
            Some(Value::Number(number)) => number,
            _ => 0.0,
        }
    }

    /// The index of the choice given or by default; 0 where there is none. Real-time: no.
    pub fn choice(&self, parameters: &[Parameter], name: &str) -> usize {
        match self.value(parameters, name) {
            Some(Value::Choice(index)) => index,
            _ => 0,
        }
    }

    /// The switch given or by default; off where there is none. Real-time: no.
    pub fn switch(&self, parameters: &[Parameter], name: &str) -> bool {
        matches!(self.value(parameters, name), Some(Value::Switch(true)))
    }
}

/// Why a kind could not build its processor. Real-time: no.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct PrepareError(pub String);

/// A kind of instrument or stage: what a rig's `kind = "…"` names.
///
/// Lives in the control world. Register one of your own with [`Kinds::register`]. Real-time: no.
pub trait Kind: Send + Sync {
    /// As rigs write it; lower case.
    fn name(&self) -> &'static str;
    /// Where it may stand.
    fn role(&self) -> Role;
    /// One line for a musician.
    fn summary(&self) -> &'static str;
    /// Its keys. The index in this slice is the parameter's number in events.
    fn parameters(&self) -> &'static [Parameter];
    /// Builds the processor. May allocate; never called on the audio thread.
    ///
    /// # Errors
    /// [`PrepareError`] where the settings cannot be met, in a musician's words.
    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError>;
    /// Whether it sounds by itself, without MIDI or audio cabled to it.
    fn sounds_alone(&self) -> bool {
        false
    }
    /// For a kind that may close a loop of cables: how many frames it delays
    /// what comes in by [`Input::late`](super::Input::late), at these settings. A loop
    /// needs one such stage of at least a quantum. `None`: may not close one.
    fn loop_delay_frames(&self, _settings: &Settings, _rate: SampleRate) -> Option<u64> {
        None
    }
}

/// The kinds that rigs may name. Real-time: no.
#[derive(Clone, Default)]
pub struct Kinds {
    kinds: BTreeMap<&'static str, Arc<dyn Kind>>,
}

impl Kinds {
    /// None at all. `antiphon::kinds()` has the built-in ones. Real-time: no.
    pub fn empty() -> Kinds {
        Kinds::default()
    }

    /// Adds a kind; one of the same name is replaced. Real-time: no.
    pub fn register(&mut self, kind: impl Kind + 'static) {
        self.kinds.insert(kind.name(), Arc::new(kind));
    }

    /// The kind of a name. Real-time: no.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Kind>> {
        self.kinds.get(name)
    }

    /// All of them, by name. Real-time: no.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Kind>> {
        self.kinds.values()
    }
}
