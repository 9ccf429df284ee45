use super::error::{Error, ErrorKind};
use crate::midi::file;
use crate::render::{Feed, Origin, Score};
use crate::rig::{Deployment, Rig, nearest};
use crate::unit::{Frame, SampleRate};

/// Sources from this place on are files; the places before are ports.
pub(super) const FIRST_SCORE: u16 = 64;
/// MIDI files played at once, at most.
const SCORES: usize = 64;

/// A MIDI file, for one MIDI input of the rig or for all of them.
pub struct NamedScore {
    /// The input's name; `None` for all.
    pub port: Option<String>,
    /// What is played into it.
    pub score: file::Score,
}

/// Each file with each port it plays into, and the end of the last track.
pub(super) fn named_scores(
    rig: &Rig,
    scores: &[NamedScore],
    rate: SampleRate,
) -> Result<(Vec<(String, Score)>, Frame), Error> {
    let sources: Vec<&str> = rig.midi.iter().filter(|m| m.is_source()).map(|m| m.name.as_str()).collect();
    let mut feeds = Vec::new();
    let mut end = 0;
    for NamedScore { port, score } in scores {
        let ports = match port {
            Some(name) if sources.contains(&name.as_str()) => vec![name.as_str()],
            Some(name) => return Err(unknown("MIDI input", name, sources.iter().copied())),
            None if sources.is_empty() => {
                let message = "the rig has no MIDI input to play the file into: add one, such as [midi.keys] with in = \"*\"";
                return Err(Error::new(ErrorKind::Usage, message));
            }
            None => sources.clone(),
        };
        for port in ports {
            let performance = score.at(rate, 0);
            end = end.max(performance.end_frame);
            feeds.push((port.to_owned(), Score::new(performance.events, performance.sysex)));
        }
    }
    if feeds.len() > SCORES {
        let message =
            format!("{} MIDI files and inputs to play at once; at most {SCORES} can be", feeds.len());
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok((feeds, end))
}

/// Scores as entries of a parcel, by the ports' places.
pub(super) fn place_scores(
    deployment: &Deployment,
    scores: Vec<(String, Score)>,
) -> Vec<(u16, Option<Box<Feed>>)> {
    let placed = scores.into_iter().enumerate().filter_map(|(index, (name, score))| {
        let port = deployment.port_of(&name)?;
        Some((FIRST_SCORE + index as u16, Some(Box::new(Feed { port, origin: Origin::Score(score) }))))
    });
    placed.collect()
}

/// "There is no such name", with the nearest one that is.
pub(super) fn unknown<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> Error {
    let names: Vec<&str> = names.collect();
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if names.is_empty() => "; it has none".to_owned(),
        None => format!("; it has {}", names.join(", ")),
    };
    Error::new(ErrorKind::Usage, format!("the rig has no {what} named `{name}`{hint}"))
}
