//! `NAME.KEY`: a parameter of an actor that changes while it plays.

use std::ops::Range;

use super::super::keys;
use super::super::model::{Port, Rig};
use super::super::problem::{nearest, quoted};
use super::fields::{Fields, Problems};
use super::names::{Names, Sort};
use super::{actors, gain_of};
use crate::midi::Event;
use crate::stage::{Parameter, Shape, Unit};

/// What `NAME.KEY` means.
pub(super) struct Meant<'r> {
    pub actor: Port,
    pub index: u16,
    /// `None` for an actor's gain, which is not its kind's.
    pub parameter: Option<&'r Parameter>,
}

impl Meant<'_> {
    /// The value that a key gives it.
    pub fn value(&self, fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<f32> {
        match self.parameter {
            Some(parameter) => actors::value(fields, key, parameter, problems).map(|value| value.as_f32()),
            None => gain_of(fields, key, problems),
        }
    }

    /// The least and the most that it may be, as events carry it.
    pub fn limits(&self) -> (f64, f64) {
        match self.parameter.map(|parameter| parameter.shape) {
            None => keys::GAIN_DECIBELS,
            Some(Shape::Number { min, max }) => (min, max),
            Some(Shape::Integer { min, max }) => (min as f64, max as f64),
            Some(Shape::Choice(words)) => (0.0, words.len().saturating_sub(1) as f64),
            Some(Shape::Switch) => (0.0, 1.0),
        }
    }

    pub fn unit(&self) -> Unit {
        self.parameter.map_or(Unit::Decibels, |parameter| parameter.unit)
    }

    /// Whether nothing lies between its values.
    pub fn is_whole(&self) -> bool {
        self.parameter.is_some_and(|parameter| !matches!(parameter.shape, Shape::Number { .. }))
    }
}

/// The parameter that a name in two parts stands for; what is wrong with it becomes
/// a problem at `at`.
pub(super) fn find<'r>(
    (actor, key): (&str, &str),
    at: &Range<usize>,
    names: &Names<'_>,
    rig: &'r Rig,
    problems: &mut Problems<'_>,
) -> Option<Meant<'r>> {
    let Some(named) = names.get(actor) else {
        let hint = names.nearest(actor).map(|near| format!("did you mean `{near}`?"));
        let hint = hint.or_else(|| Some("write \"NAME.KEY\", such as \"bass.cutoff_hertz\"".to_owned()));
        problems.add(at, format!("the rig has nobody called {}", quoted(actor)), hint);
        return None;
    };
    let port = match (named.sort, named.port) {
        (Sort::Instrument | Sort::Stage | Sort::Clip | Sort::Input, port) => port?,
        (sort, _) => {
            let hint = "parameters are those of instruments, stages and clips, and the gain of an input";
            let message = format!("`{actor}` is [{}.{actor}]: it has no parameters", sort.section());
            problems.add(at, message, Some(hint.to_owned()));
            return None;
        }
    };
    let parameters: &'r [Parameter] = match port {
        Port::Actor(index) => rig.actors[index].kind.parameters(),
        _ => &[],
    };
    if let Some(index) = parameters.iter().position(|parameter| parameter.name == key) {
        let parameter = &parameters[index];
        if !parameter.live {
            let live: Vec<&str> = live(parameters).collect();
            let message = format!("`{key}` of `{actor}` cannot be changed while it plays");
            problems.add(at, message, Some(format!("these can be: {}", live.join(", "))));
            return None;
        }
        return Some(Meant { actor: port, index: index as u16, parameter: Some(parameter) });
    }
    if key == keys::GAIN.name {
        return Some(Meant { actor: port, index: Event::GAIN, parameter: None });
    }
    let known: Vec<&str> = live(parameters).collect();
    let hint = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{actor}.{near}`?"),
        None => format!("`{actor}` has: {}", known.join(", ")),
    };
    problems.add(at, format!("`{actor}` has no parameter {}", quoted(key)), Some(hint));
    None
}

/// What can be changed while it plays.
fn live(parameters: &[Parameter]) -> impl Iterator<Item = &'static str> {
    let names: Vec<&'static str> =
        parameters.iter().filter(|parameter| parameter.live).map(|parameter| parameter.name).collect();
    let gain = (!names.contains(&keys::GAIN.name)).then_some(keys::GAIN.name);
    names.into_iter().chain(gain)
}
