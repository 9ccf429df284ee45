//! What the clips of a rig play, loaded before it is played.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::error::{Error, ErrorKind};
use super::workshop::Workshop;
use crate::feed::tape::{self, Known};
use crate::feed::wav::WavInput;
use crate::generate::{Form, Length, Request};
use crate::instrument::clip::{ClipKind, Samples};
use crate::rig::{Clip, ClipSource, ClipWords, Problem, Rig, STREAM_SECONDS};
use crate::rt::reel::Tape;
use crate::unit::SampleRate;

/// The longest clip that is kept in memory, where the rig asks for that.
const SECONDS_AT_MOST: f64 = 300.0;
/// Frames that are read at a time.
const READ_FRAMES: usize = 65_536;

/// Loads the sound of every clip that has none; what is in words comes from `generate`, or not at all.
/// Gives what is wrong, each at its place in the rig.
fn load(
    rig: &mut Rig,
    rate: SampleRate,
    known: Option<&Known>,
    generate: impl Fn(&ClipWords, bool, &Rig) -> Option<Result<Arc<Samples>, String>>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for index in 0..rig.actors.len() {
        let Some(clip) = rig.actors[index].clip.clone().filter(|clip| clip.loaded.is_none()) else {
            continue;
        };
        let loaded = match &clip.source {
            ClipSource::File(file) => {
                let folder = rig.folder.as_deref().unwrap_or_else(|| Path::new(""));
                open(&folder.join(file), rate, &clip, known)
            }
            ClipSource::Words(words) => {
                let actor = &rig.actors[index];
                let loops = actor.settings.switch(actor.kind.parameters(), "loop");
                match generate(words, loops, rig) {
                    Some(samples) => samples.map(Loaded::Whole),
                    None => continue,
                }
            }
        };
        match loaded {
            Ok(loaded) => {
                let actor = &mut rig.actors[index];
                let (kind, digest, modified) = match loaded {
                    Loaded::Whole(samples) => {
                        let digest = samples.digest();
                        (ClipKind::new(samples), digest, None)
                    }
                    Loaded::Tape(tape, modified) => {
                        let digest = tape.digest();
                        (ClipKind::streaming(tape), digest, modified)
                    }
                };
                if let Some(clip) = &mut actor.clip {
                    (clip.loaded, clip.modified) = (Some(digest), modified);
                }
                actor.kind = Arc::new(kind);
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
    load(rig, rate, None, |_, _, _| None)
}

/// Loads the sound of every clip.
///
/// # Errors
/// [`Error`] with all that is wrong.
pub(super) fn load_all(rig: &mut Rig, rate: SampleRate, workshop: &Workshop) -> Result<(), Error> {
    let generate = |words: &ClipWords, loops, rig: &Rig| Some(generate(words, loops, rig, rate, workshop));
    let problems = load(rig, rate, workshop.known(), generate);
    if problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
    Err(Error::new(ErrorKind::Input, lines.join("\n")))
}

/// What a clip plays.
enum Loaded {
    Whole(Arc<Samples>),
    /// From its file, as it was written then.
    Tape(Arc<Tape>, Option<SystemTime>),
}

/// Reads a file, or its beginning where it is long or the rig wants it so.
fn open(path: &Path, rate: SampleRate, clip: &Clip, known: Option<&Known>) -> Result<Loaded, String> {
    let wav = WavInput::open(path, rate).map_err(|error| error.to_string())?;
    let seconds = rate.seconds(wav.frames());
    if clip.stream.unwrap_or(seconds > STREAM_SECONDS) {
        let modified = std::fs::metadata(path).and_then(|data| data.modified()).ok();
        let tape = tape::open(path, rate, known).map_err(|error| error.to_string())?;
        if let Some(tape) = tape {
            return Ok(Loaded::Tape(tape, modified));
        }
    } else if seconds > SECONDS_AT_MOST {
        return Err(format!(
            "{} lasts {seconds:.0} s, and a clip in memory at most {SECONDS_AT_MOST} s; leave `stream = false` away",
            path.display()
        ));
    }
    read(path, wav).map(Loaded::Whole)
}

fn read(path: &Path, mut wav: WavInput) -> Result<Arc<Samples>, String> {
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
    loops: bool,
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
        looped: loops,
        ..Request::new(words.description.clone(), rate)
    };
    let product = workshop.product(&request).map_err(|failure| failure.to_string())?;
    let audio = product.audio.ok_or("it was generated without sound")?;
    let channels = audio.channels.iter().take(2).cloned().collect();
    Samples::new(channels).ok_or_else(|| "what was generated holds no sound".to_owned())
}
