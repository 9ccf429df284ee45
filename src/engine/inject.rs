use std::str::FromStr;

use super::error::{Error, ErrorKind};
use super::generation::ROOTS;
use crate::render::{self, Injected};
use crate::rig::{Deployment, Rig, nearest};
use crate::unit::SampleRate;

/// The kinds that `--inject` takes, as it says when it takes none of them.
const KINDS: &str = "panic, nan, loud, stall:MS, hang, starve:MS and kill";
/// A longer stall is a hang.
const LONGEST_MILLIS: u32 = 60_000;
/// A day, as for every length on the command line.
const LATEST_SECONDS: f64 = 86_400.0;

/// A fault to happen on purpose: `ACTOR:KIND[:MS]@SECONDS`.
#[derive(Clone, PartialEq, Debug)]
pub struct Injection {
    /// The actor's name in the rig, or its path.
    pub actor: String,
    /// What happens to it.
    pub what: Inject,
    /// When, in seconds from the first frame.
    pub seconds: f64,
}

/// What is done to an actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inject {
    /// Something that a processor does in the audio world.
    Processor(Injected),
    /// The actor in the control world dies and is started again.
    Kill,
}

impl Inject {
    /// What a kind's word means, with its milliseconds where it takes some.
    fn of(kind: &str, millis: Option<&str>) -> Result<Inject, String> {
        let what = match kind {
            "panic" => Inject::Processor(Injected::Panic),
            "nan" => Inject::Processor(Injected::NotFinite),
            "loud" => Inject::Processor(Injected::Loud),
            "hang" => Inject::Processor(Injected::Hang),
            "kill" => Inject::Kill,
            "stall" | "starve" => {
                let millis = millis.and_then(|text| text.parse().ok());
                let in_range = |ms: &u32| (1..=LONGEST_MILLIS).contains(ms);
                let millis = millis.filter(in_range).ok_or_else(|| {
                    format!("a {kind} needs its length in ms, 1 to {LONGEST_MILLIS}: {kind}:20")
                })?;
                let is_stall = kind == "stall";
                let what = if is_stall { Injected::Stall { millis } } else { Injected::Starve { millis } };
                return Ok(Inject::Processor(what));
            }
            other => {
                let words = ["panic", "nan", "loud", "stall", "hang", "starve", "kill"];
                let hint = match nearest(other, words) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {KINDS}"),
                };
                return Err(format!("`{other}` is no kind of fault; {hint}"));
            }
        };
        match millis {
            Some(_) => Err(format!("`{kind}` takes no milliseconds; only stall and starve do")),
            None => Ok(what),
        }
    }
}

impl FromStr for Injection {
    type Err = String;

    fn from_str(text: &str) -> Result<Injection, String> {
        let shape = || format!("`{text}` is not ACTOR:KIND[:MS]@SECONDS, such as bass:panic@1.5");
        let (head, seconds) = text.rsplit_once('@').ok_or_else(shape)?;
        let mut parts = head.split(':');
        let (Some(actor), Some(kind), millis, None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(shape());
        };
        if actor.is_empty() {
            return Err(shape());
        }
        let what = Inject::of(kind, millis)?;
        match seconds.parse::<f64>() {
            Ok(seconds) if (0.0..=LATEST_SECONDS).contains(&seconds) => {
                Ok(Injection { actor: actor.to_owned(), what, seconds })
            }
            _ => Err(format!("`{seconds}` is not a number of seconds from 0 to {LATEST_SECONDS}")),
        }
    }
}

impl Injection {
    /// The name in the rig: of a path, the last part.
    pub fn name(&self) -> &str {
        self.actor.rsplit('/').next().unwrap_or_default()
    }
}

/// Refuses what is injected into nobody. `others` are actors beside the rig's
/// own, which can be killed.
///
/// # Errors
/// [`Error`], which says who there is.
pub(super) fn check(injections: &[Injection], rig: &Rig, others: &[&str]) -> Result<(), Error> {
    for injection in injections {
        let name = injection.name();
        let actor = rig.actors.iter().find(|actor| actor.name == name);
        let is_processor = actor.is_some();
        let starves = matches!(injection.what, Inject::Processor(Injected::Starve { .. }));
        if starves && actor.is_some_and(|actor| actor.clip.is_none()) {
            let message = format!("`{name}` plays nothing from a disk; only a clip can starve");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let is_port = || {
            let generators = rig.generators.iter().map(|generator| &generator.name);
            rig.midi.iter().map(|port| &port.name).chain(generators).any(|known| known == name)
        };
        let may_be_killed = injection.what == Inject::Kill
            && (others.contains(&name) || is_port() || is_of_pipeline(&injection.actor));
        if is_processor || may_be_killed {
            continue;
        }
        let generators = rig.generators.iter().map(|generator| generator.name.as_str());
        let ports = rig.midi.iter().map(|port| port.name.as_str()).chain(generators);
        let others = ports.chain(others.iter().copied()).filter(|_| injection.what == Inject::Kill);
        let names: Vec<&str> = rig.actors.iter().map(|actor| actor.name.as_str()).chain(others).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "it has no instruments and stages".to_owned(),
            None => format!("there are {}", names.join(", ")),
        };
        let message = format!("no fault can be injected into `{}`; {hint}", injection.actor);
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok(())
}

/// Whether a path leads into the pipeline, whose actors have no names in a rig.
fn is_of_pipeline(path: &str) -> bool {
    let root = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    ROOTS.contains(&root)
}

/// What of it happens in the audio world, in the order in which it does.
pub(super) fn for_renderer(
    injections: &[Injection],
    deployment: &Deployment,
    rate: SampleRate,
) -> Vec<render::Injection> {
    let place = |injection: &Injection| {
        let Inject::Processor(what) = injection.what else { return None };
        let node = deployment.node_of(injection.name())?;
        Some(render::Injection { node, what, frame: rate.frames(injection.seconds) })
    };
    let mut placed: Vec<render::Injection> = injections.iter().filter_map(place).collect();
    placed.sort_by_key(|injection| injection.frame);
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Injection, String> {
        text.parse()
    }

    #[test]
    fn every_kind_is_read() {
        let processor = |what| Inject::Processor(what);
        for (text, what) in [
            ("bass:panic@1.5", processor(Injected::Panic)),
            ("bass:nan@1.5", processor(Injected::NotFinite)),
            ("bass:loud@1.5", processor(Injected::Loud)),
            ("bass:stall:20@1.5", processor(Injected::Stall { millis: 20 })),
            ("bass:hang@1.5", processor(Injected::Hang)),
            ("bass:starve:300@1.5", processor(Injected::Starve { millis: 300 })),
            ("bass:kill@1.5", Inject::Kill),
        ] {
            let expected = Injection { actor: "bass".to_owned(), what, seconds: 1.5 };
            assert_eq!(parsed(text), Ok(expected));
        }
        let path = parsed("/engine/instrument/bass:kill@0").expect("a path is a name too");
        assert_eq!(path.name(), "bass");
    }

    #[test]
    fn what_is_wrong_is_said_with_a_way_out() {
        for (text, part) in [
            ("", "ACTOR:KIND[:MS]@SECONDS"),
            ("bass", "ACTOR:KIND[:MS]@SECONDS"),
            ("bass:panic", "such as bass:panic@1.5"),
            (":panic@1", "ACTOR:KIND[:MS]@SECONDS"),
            ("bass:stall:1:2@1", "ACTOR:KIND[:MS]@SECONDS"),
            ("bass:panik@1", "did you mean `panic`?"),
            ("bass:zzz@1", "there are panic, nan, loud, stall:MS, hang, starve:MS and kill"),
            ("bass:stall@1", "stall:20"),
            ("bass:stall:0@1", "1 to 60000"),
            ("bass:stall:-3@1", "1 to 60000"),
            ("bass:starve@1", "starve:20"),
            ("bass:nan:3@1", "only stall and starve do"),
            ("bass:nan@", "from 0 to 86400"),
            ("bass:nan@-1", "from 0 to 86400"),
            ("bass:nan@inf", "from 0 to 86400"),
            ("bass:nan@NaN", "from 0 to 86400"),
        ] {
            let error = parsed(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
