//! What the clips of a rig play, loaded before it is played.

use std::path::Path;
use std::sync::Arc;

use super::error::{Error, ErrorKind};
use super::workshop::Workshop;
use crate::feed::wav::WavInput;
use crate::generate::{Form, Length, Request};
use crate::instrument::clip::{ClipKind, Samples};
use crate::rig::{ClipSource, ClipWords, Problem, Rig};
use crate::unit::SampleRate;

/// The longest clip: what is longer belongs into a recording.
const SECONDS_AT_MOST: f64 = 300.0;
/// Frames that are read at a time.
const READ_FRAMES: usize = 65_536;

/// Loads the sound of every clip that has none; what is in words comes from `generate`, or not at all.
/// Gives what is wrong, each at its place in the rig.
fn load(
    rig: &mut Rig,
    rate: SampleRate,
    generate: impl Fn(&ClipWords, &Rig) -> Option<Result<Arc<Samples>, String>>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for index in 0..rig.actors.len() {
        let Some(clip) = rig.actors[index].clip.clone().filter(|clip| clip.loaded.is_none()) else {
            continue;
        };
        let samples = match &clip.source {
            ClipSource::File(file) => {
                let folder = rig.folder.as_deref().unwrap_or_else(|| Path::new(""));
                read(&folder.join(file), rate)
            }
            ClipSource::Words(words) => match generate(words, rig) {
                Some(samples) => samples,
                None => continue,
            },
        };
        match samples {
            Ok(samples) => {
                let actor = &mut rig.actors[index];
                if let Some(clip) = &mut actor.clip {
                    clip.loaded = Some(samples.digest());
                }
                actor.kind = Arc::new(ClipKind::new(samples));
            }
            Err(reason) => {
                let message = format!("the clip `{}` has no sound: {reason}", rig.actors[index].name);
                problems.push(rig.problem_at_actor(index, message, None));
            }
        }
    }
    problems
}

/// The same, of clips that play files: nothing is generated.
pub(crate) fn load_files(rig: &mut Rig, rate: SampleRate) -> Vec<Problem> {
    load(rig, rate, |_, _| None)
}

/// Loads the sound of every clip.
///
/// # Errors
/// [`Error`] with all that is wrong.
pub(super) fn load_all(rig: &mut Rig, rate: SampleRate, workshop: &Workshop) -> Result<(), Error> {
    let problems = load(rig, rate, |words, rig| Some(generate(words, rig, rate, workshop)));
    if problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
    Err(Error::new(ErrorKind::Input, lines.join("\n")))
}

fn read(path: &Path, rate: SampleRate) -> Result<Arc<Samples>, String> {
    let mut wav = WavInput::open(path, rate).map_err(|error| error.to_string())?;
    let seconds = rate.seconds(wav.frames());
    if seconds > SECONDS_AT_MOST {
        return Err(format!(
            "{} lasts {seconds:.0} s, and a clip at most {SECONDS_AT_MOST} s; cut it",
            path.display()
        ));
    }
    let mut channels = vec![Vec::new(); wav.channels().clamp(1, 2)];
    let mut part = vec![Vec::new(); channels.len()];
    loop {
        let frames = wav.read(READ_FRAMES, &mut part).map_err(|error| error.to_string())?;
        if frames == 0 {
            break;
        }
        for (channel, part) in channels.iter_mut().zip(&part) {
            channel.extend_from_slice(&part[..frames]);
        }
    }
    Samples::new(channels).ok_or_else(|| format!("{} holds no sound", path.display()))
}

fn generate(
    words: &ClipWords,
    rig: &Rig,
    rate: SampleRate,
    workshop: &Workshop,
) -> Result<Arc<Samples>, String> {
    let request = Request {
        backend: words.backend.clone(),
        model: words.model.clone(),
        length: words.seconds.map_or(Length::Bars(words.bars), Length::Seconds),
        seed: words.seed,
        key: words.key.clone(),
        tempo: Some(words.tempo.unwrap_or_else(|| rig.transport.tempo.beats_per_minute())),
        style: words.style.clone(),
        form: Form::Audio,
        ..Request::new(words.description.clone(), rate)
    };
    let product = workshop.product(&request).map_err(|failure| failure.to_string())?;
    let audio = product.audio.ok_or("it was generated without sound")?;
    let channels = audio.channels.iter().take(2).cloned().collect();
    Samples::new(channels).ok_or_else(|| "what was generated holds no sound".to_owned())
}
